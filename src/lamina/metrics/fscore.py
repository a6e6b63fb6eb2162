"""F-scores: precision and recall in one number, per class or averaged."""

import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import one_of, real, setting
from lamina.metrics.arrays import EPSILON, aligned, shown, spread, weighted_sum
from lamina.metrics.base import Metric, number


class _FScore(Metric):
    average: str | None
    beta: float
    threshold: float | None

    def sums(self, y_true, y_pred, weight):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        if y_pred.ndim != 2:
            raise ShapeError(
                self.label,
                f'y_pred of shape {shown(y_pred)}',
                '(batch, classes)',
                'Reshape both to two axes; class numbers become one-hot targets.',
            )
        called = self._called(y_pred).astype(y_pred.dtype)
        weight, axis = spread(self.label, weight, y_pred), None if self.average == 'micro' else 0
        parts = {
            'true_positives': called * y_true,
            'false_positives': called * (1 - y_true),
            'false_negatives': (1 - called) * y_true,
            'support': y_true,
        }
        return {name: weighted_sum(part, weight, axis) for name, part in parts.items()}

    def _called(self, y_pred):
        if self.threshold is not None:
            return y_pred > self.threshold
        return (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)

    def result(self, sums):
        hits, extra, missed, support = (
            np.asarray(sums[k], np.float64) for k in ('true_positives', 'false_positives', 'false_negatives', 'support')
        )
        precision, recall = hits / (hits + extra + EPSILON), hits / (hits + missed + EPSILON)
        squared = self.beta**2
        scores = (1 + squared) * precision * recall / (squared * precision + recall + EPSILON)
        if self.average == 'weighted':
            return number(np.sum(scores * support / (np.sum(support) + EPSILON)))
        return number(scores if self.average is None else np.mean(scores))


@described
class FBetaScore(_FScore):
    """The weighted harmonic mean of precision and recall; beta > 1 favours recall, beta < 1 precision.

    Formula:
        (1 + β²) · precision · recall / (β² · precision + recall)

    Args:
        average: None for one score per class, 'micro' over all calls, 'macro' the mean of the classes, 'weighted' by how often
            each class is the target.
        beta: above 0.
        threshold: in (0, 1]; a greater score is positive. None: the greatest score of each row, every one of equal ones.

    Shapes:
        y_true, y_pred: (batch, classes), targets one-hot or of several ones.

    Returns:
        a float, or with `average=None` an array (classes,).

    Example:
        >>> from lamina.metrics import FBetaScore
        >>> y_true, y_pred = [[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
        >>> FBetaScore(beta=2.0, threshold=0.5)(y_true, y_pred).round(3)
        array([0.385, 0.909, 0.833])

    Source:
        C. J. van Rijsbergen, Information Retrieval, 1979, chapter 7.
    """

    default_name = 'fbeta_score'

    average: str | None = setting(one_of('micro', 'macro', 'weighted'), default=None)
    beta: float = setting(real(above=0.0), default=1.0)
    threshold: float | None = setting(real(above=0.0, at_most=1.0), default=None)


@described
class F1Score(_FScore):
    """The harmonic mean of precision and recall.

    Formula:
        2 · precision · recall / (precision + recall)

    Args:
        average: None for one score per class, 'micro' over all calls, 'macro' the mean of the classes, 'weighted' by how often
            each class is the target.
        threshold: in (0, 1]; a greater score is positive. None: the greatest score of each row, every one of equal ones.

    Shapes:
        y_true, y_pred: (batch, classes), targets one-hot or of several ones.

    Returns:
        a float, or with `average=None` an array (classes,).

    Example:
        >>> from lamina.metrics import F1Score
        >>> y_true, y_pred = [[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
        >>> F1Score(threshold=0.5)(y_true, y_pred).round(3)
        array([0.5  , 0.8  , 0.667])
    """

    aliases = ('f1',)
    beta = 1.0

    average: str | None = setting(one_of('micro', 'macro', 'weighted'), default=None)
    threshold: float | None = setting(real(above=0.0, at_most=1.0), default=None)
