"""Losses read as metrics: cross-entropies, divergences and margins between targets and predicted scores."""

import jax
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import flag, real, setting, whole
from lamina.metrics import rules
from lamina.metrics.arrays import EPSILON, aligned, class_ids, floats, shown, sparse_labels, spread, weighted_sum
from lamina.metrics.base import MeanMetric


def _log_probabilities(scores: jax.Array, from_logits: bool) -> jax.Array:
    """The logarithms of the probabilities on the last axis; those of probabilities are made to sum to 1 first."""
    scores = floats(scores)
    if from_logits:
        return jax.nn.log_softmax(scores)
    return jnp.log(jnp.clip(scores / jnp.sum(scores, axis=-1, keepdims=True), EPSILON, 1 - EPSILON))


@described
class BinaryCrossentropy(MeanMetric):
    """The mean of -y log p - (1 - y) log(1 - p).

    Args:
        from_logits: the predictions are logits, not probabilities.
        label_smoothing: in [0, 1]; moves targets this far towards 0.5.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import BinaryCrossentropy
        >>> round(BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        0.8149
    """

    aliases = ('bce',)

    from_logits: bool = setting(flag(), default=False)
    label_smoothing: float = setting(real(0.0, 1.0), default=0)

    def values(self, y_true, y_pred):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        y_true = y_true * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        if self.from_logits:
            return -y_true * jax.nn.log_sigmoid(y_pred) - (1 - y_true) * jax.nn.log_sigmoid(-y_pred)
        y_pred = jnp.clip(y_pred, EPSILON, 1 - EPSILON)
        return -y_true * jnp.log(y_pred) - (1 - y_true) * jnp.log(1 - y_pred)


@described
class CategoricalCrossentropy(MeanMetric):
    """The mean of -Σ y log p over the classes.

    Args:
        from_logits: the predictions are logits, not probabilities.
        label_smoothing: in [0, 1]; this share of the target is spread evenly over the classes.
        axis: of the classes; any but the batch.

    Shapes:
        y_true, y_pred: (batch, …, classes), equal.

    Example:
        >>> from lamina.metrics import CategoricalCrossentropy
        >>> round(CategoricalCrossentropy()([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]), 4)
        1.1769
    """

    aliases = ('cce',)

    from_logits: bool = setting(flag(), default=False)
    label_smoothing: float = setting(real(0.0, 1.0), default=0)
    axis: int = setting(rules.inner_axis(), default=-1)

    def values(self, y_true, y_pred):
        if y_true.shape != y_pred.shape or y_pred.ndim < 2:
            raise ShapeError(
                self.label,
                f'y_true of shape {shown(y_true)} and y_pred of shape {shown(y_pred)}',
                'equal shapes (batch, …, classes)',
                'Pass one-hot targets; for class numbers take SparseCategoricalCrossentropy.',
            )
        y_true, y_pred = (jnp.moveaxis(floats(x), self.axis, -1) for x in (y_true, y_pred))
        y_true = y_true * (1 - self.label_smoothing) + self.label_smoothing / y_true.shape[-1]
        return -jnp.sum(y_true * _log_probabilities(y_pred, self.from_logits), axis=-1)


@described
class SparseCategoricalCrossentropy(MeanMetric):
    """The mean of -log p of the target's class.

    Args:
        from_logits: the predictions are logits, not probabilities.
        ignore_class: targets of this class count for nothing, neither above nor below the line of the mean. (Keras leaves
            them out of the mean only where sample weights are given, and otherwise counts them as 0.)
        axis: of the classes in y_pred; any but the batch.

    Shapes:
        y_true: (batch, …) or (batch, …, 1), y_pred: (batch, …, classes). A label outside of the classes gives NaN; Keras gives 0.

    Example:
        >>> from lamina.metrics import SparseCategoricalCrossentropy
        >>> round(SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]), 4)
        1.1769
    """

    aliases = ('scce',)

    from_logits: bool = setting(flag(), default=False)
    ignore_class: int | None = setting(whole(-(2**31)), default=None)
    axis: int = setting(rules.inner_axis(), default=-1)

    def values(self, y_true, y_pred):
        y_pred = jnp.moveaxis(y_pred, self.axis, -1)
        labels = sparse_labels(self.label, y_true, y_pred)
        log_p = jnp.take_along_axis(_log_probabilities(y_pred, self.from_logits), jnp.maximum(labels, 0)[..., None], axis=-1)[..., 0]
        return jnp.where(labels >= 0, -log_p, jnp.nan)

    def sums(self, y_true, y_pred, weight):
        if self.ignore_class is None:
            return super().sums(y_true, y_pred, weight)
        values = self.values(y_true, y_pred)
        kept = class_ids(y_true).reshape(values.shape) != self.ignore_class
        weight = jnp.where(kept, spread(self.label, weight, values), 0) * (len(values) / max(values.size, 1))
        return {'total': weighted_sum(values, weight), 'count': jnp.sum(weight).astype(jnp.float32)}


@described
class KLDivergence(MeanMetric):
    """The mean of Σ y log(y / p): how far the predicted distribution is from the target's. Both are taken into [1e-7, 1].

    Shapes:
        y_true, y_pred: (batch, …, classes), equal.

    Example:
        >>> from lamina.metrics import KLDivergence
        >>> round(KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        0.4581
    """

    aliases = ('kld',)

    def values(self, y_true, y_pred):
        y_true, y_pred = (jnp.clip(x, EPSILON, 1.0) for x in aligned(self.label, y_true, y_pred))
        return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1) if y_pred.ndim > 1 else y_true * jnp.log(y_true / y_pred)


@described
class Poisson(MeanMetric):
    """The mean of y_pred - y_true · log(y_pred): the log likelihood of counts, less what does not depend on the prediction.

    Shapes:
        y_true, y_pred: (batch, …), equal; predictions above 0.

    Example:
        >>> from lamina.metrics import Poisson
        >>> round(Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 4)
        0.5
    """

    def values(self, y_true, y_pred):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        return y_pred - y_true * jnp.log(y_pred + EPSILON)


class _Margin(MeanMetric):
    def margins(self, y_true, y_pred):
        """How much each score lacks to be right by 1; a target of 0 means -1."""
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        return jnp.maximum(1 - jnp.where(y_true == 0, -1.0, y_true) * y_pred, 0)


@described
class Hinge(_Margin):
    """The mean of max(1 - y_true · y_pred, 0), with targets -1 or 1, or 0 or 1.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import Hinge
        >>> round(Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        1.3
    """

    def values(self, y_true, y_pred):
        return self.margins(y_true, y_pred)


@described
class SquaredHinge(_Margin):
    """The mean of max(1 - y_true · y_pred, 0)², with targets -1 or 1, or 0 or 1.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import SquaredHinge
        >>> round(SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        1.86
    """

    def values(self, y_true, y_pred):
        return jnp.square(self.margins(y_true, y_pred))


@described
class CategoricalHinge(MeanMetric):
    """The mean of max(0, greatest wrong score - right score + 1), with one-hot targets.

    Shapes:
        y_true, y_pred: (batch, …, classes), equal.

    Example:
        >>> from lamina.metrics import CategoricalHinge
        >>> round(CategoricalHinge()([[0, 1], [0, 1]], [[0.6, 0.4], [0.4, 0.6]]), 4)
        1.0
    """

    def values(self, y_true, y_pred):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        right, wrong = jnp.sum(y_true * y_pred, axis=-1), jnp.max((1 - y_true) * y_pred, axis=-1)
        return jnp.maximum(wrong - right + 1, 0)
