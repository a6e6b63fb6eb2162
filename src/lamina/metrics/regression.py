"""Distances between numbers, and how much of their variance a prediction explains."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import one_of, setting, whole
from lamina.metrics import rules
from lamina.metrics.arrays import EPSILON, aligned, shown, spread, weighted_sum
from lamina.metrics.base import MeanMetric, Metric, number, ratio

# A variance below this share of the mean square is rounding: single precision keeps 24 bits.
_ROUNDING = 2.0**-22


class _Pairwise(MeanMetric):
    """The base of the means over pairs of a target and a prediction, each an array (batch, …)."""

    def values(self, y_true, y_pred):
        return self.distance(*aligned(self.label, y_true, y_pred))

    def distance(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The distance of each pair."""
        return abs(y_true - y_pred)


@described
class MeanAbsoluteError(_Pairwise):
    """The mean of |y_true - y_pred|.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import MeanAbsoluteError
        >>> MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
        0.25
    """

    aliases = ('mae',)


@described
class MeanSquaredError(_Pairwise):
    """The mean of (y_true - y_pred)².

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import MeanSquaredError
        >>> MeanSquaredError()([[0, 1], [0, 0]], [[3, 1], [0, 0]])
        2.25
    """

    aliases = ('mse',)

    def distance(self, y_true, y_pred):
        return jnp.square(y_true - y_pred)


@described
class RootMeanSquaredError(_Pairwise):
    """The square root of the mean of (y_true - y_pred)² over all examples, not the mean of the batches' roots.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import RootMeanSquaredError
        >>> RootMeanSquaredError()([[0, 1], [0, 0]], [[3, 1], [0, 0]])
        1.5
    """

    aliases = ('rmse',)

    def distance(self, y_true, y_pred):
        return jnp.square(y_true - y_pred)

    def result(self, sums):
        return number(np.sqrt(ratio(sums['total'], sums['count'])))


@described
class MeanAbsolutePercentageError(_Pairwise):
    """The mean of 100 · |y_true - y_pred| / |y_true|, in percent; a target nearer to 0 than 1e-7 is taken as 1e-7.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import MeanAbsolutePercentageError
        >>> MeanAbsolutePercentageError()([2.0, 4.0], [3.0, 4.0])
        25.0
    """

    aliases = ('mape',)

    def distance(self, y_true, y_pred):
        return 100 * abs((y_true - y_pred) / jnp.maximum(abs(y_true), EPSILON))


@described
class MeanSquaredLogarithmicError(_Pairwise):
    """The mean of (log(1 + y_true) - log(1 + y_pred))²; numbers below 1e-7 are taken as 1e-7.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import MeanSquaredLogarithmicError
        >>> round(MeanSquaredLogarithmicError()([0.0, 1.0], [1.0, 1.0]), 4)
        0.2402
    """

    aliases = ('msle',)

    def distance(self, y_true, y_pred):
        return jnp.square(jnp.log1p(jnp.maximum(y_pred, EPSILON)) - jnp.log1p(jnp.maximum(y_true, EPSILON)))


@described
class LogCoshError(_Pairwise):
    """The mean of log(cosh(y_pred - y_true)): like half the square near 0, like the absolute value far from it.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import LogCoshError
        >>> round(LogCoshError()([0.0, 0.0], [1.0, 0.0]), 4)
        0.2169
    """

    aliases = ('log_cosh',)
    default_name = 'logcosh'

    def distance(self, y_true, y_pred):
        # |x| first: cosh is even, and exp(-2|x|) cannot overflow.
        error = abs(y_pred - y_true)
        return error + jnp.log1p(jnp.exp(-2 * error)) - jnp.log(2.0)


@described
class CosineSimilarity(MeanMetric):
    """The mean cosine of the angle between target and prediction: 1 the same direction, 0 a right angle, -1 opposite.

    Args:
        axis: of the vectors; any but the batch.

    Shapes:
        y_true, y_pred: (batch, …, dim), equal. A vector of zeros has similarity 0.

    Example:
        >>> from lamina.metrics import CosineSimilarity
        >>> CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [2.0, 0.0]])
        0.5
    """

    axis: int = setting(rules.inner_axis(), default=-1)

    def values(self, y_true, y_pred):
        y_true, y_pred = (_unit(x, self.axis) for x in aligned(self.label, y_true, y_pred))
        return jnp.sum(y_true * y_pred, axis=self.axis)


def _unit(x, axis):
    return x / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(x), axis=axis, keepdims=True)), EPSILON)


@described
class R2Score(Metric):
    """The coefficient of determination: the share of the targets' variance that the prediction explains.

    Formula:
        1 - Σ w (y_true - y_pred)² / Σ w (y_true - mean(y_true))²

    Args:
        class_aggregation: over several outputs 'uniform_average', 'variance_weighted_average', or None for one score each.
        num_regressors: the number of independent inputs; above 0 it gives the adjusted score, with as many observations as
            there were targets (outputs times examples, as Keras counts them).

    Shapes:
        y_true, y_pred: (batch, outputs) or (batch,), equal.

    Returns:
        a float, or with `class_aggregation=None` an array (outputs,). Where the targets do not vary: 0, or NaN if the
        prediction is right; NaN without any example.

    Raises:
        ShapeError: more than two axes; reshape to (batch, outputs).

    Example:
        >>> from lamina.metrics import R2Score
        >>> round(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
        0.5714

    Cost:
        the variance is made of sums of squares in single precision; targets whose mean is more than a thousand times
        their spread should be standardized first.
    """

    class_aggregation: str | None = setting(one_of('uniform_average', 'variance_weighted_average', None), default='uniform_average')
    num_regressors: int = setting(whole(0), default=0)

    def sums(self, y_true, y_pred, weight):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        if y_pred.ndim > 2:
            raise ShapeError(self.label, f'y_pred of shape {shown(y_pred)}', '(batch, outputs)', 'Reshape both to two axes.')
        y_true, y_pred = (x[:, None] if x.ndim == 1 else x for x in (y_true, y_pred))
        weight = spread(self.label, weight, y_pred)
        return {
            'count': weighted_sum(jnp.ones_like(weight), weight, 0),
            'sum': weighted_sum(y_true, weight, 0),
            'squares': weighted_sum(jnp.square(y_true), weight, 0),
            'residual': weighted_sum(jnp.square(y_true - y_pred), weight, 0),
            'targets': jnp.sum(weight != 0).astype(jnp.float32),
        }

    def result(self, sums):
        count, total, squares, residual = (np.asarray(sums[k], np.float64) for k in ('count', 'sum', 'squares', 'residual'))
        with np.errstate(divide='ignore', invalid='ignore'):
            variation = squares - total * (total / count)
            variation = np.where(variation <= _ROUNDING * squares, 0.0 * variation, variation)
            scores = 1 - residual / variation
            scores = np.where(np.isinf(scores), 0.0, scores)
            return number(self._adjusted(self._aggregated(scores, variation), float(sums['targets'])))

    def _aggregated(self, scores, variation):
        if self.class_aggregation == 'variance_weighted_average':
            return np.sum(variation * scores) / np.sum(variation)
        return scores if self.class_aggregation is None else np.mean(scores)

    def _adjusted(self, score, targets):
        if self.num_regressors == 0:
            return score
        if self.num_regressors >= targets - 1:
            warnings.warn(
                f'{self.label}: num_regressors={self.num_regressors} needs more than {self.num_regressors + 1} targets, '
                f'but there were {targets:.0f}; the score is not adjusted.',
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (targets - 1) / (targets - self.num_regressors - 1)
