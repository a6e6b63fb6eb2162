"""How often the prediction is the target: for equal values, two classes, one-hot targets, class numbers, and the top k classes.

Where several scores are equal the first is the prediction, as `argmax` has it. A row of scores that holds a NaN predicts
nothing and counts as wrong; Keras takes the first NaN for the maximum, and so calls a network that returns only NaN right
about class 0.
"""

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import flag, real, setting, whole
from lamina.metrics.arrays import aligned, first_maximum, is_first_maximum, is_in_top_k, shown, sparse_labels
from lamina.metrics.base import MeanMetric


@described
class Accuracy(MeanMetric):
    """How often the prediction equals the target exactly.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import Accuracy
        >>> Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
        0.75
    """

    def values(self, y_true, y_pred):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        return y_true == y_pred


@described
class BinaryAccuracy(MeanMetric):
    """How often the prediction is on the right side of a threshold.

    Formula:
        mean((y_pred > threshold) = y_true)

    Args:
        threshold: a greater prediction means 1. For predictions that are logits it is 0.0; the string `'accuracy'` in
            `compile` takes that by itself where the loss has `from_logits=True`, while Keras compares logits with 0.5.

    Shapes:
        y_true, y_pred: (batch, …), equal; a last axis of 1 may be missing.

    Example:
        >>> from lamina.metrics import BinaryAccuracy
        >>> BinaryAccuracy()([1, 1, 0, 0], [0.98, 1.0, 0.0, 0.6])
        0.75
    """

    threshold: float = setting(real(), default=0.5)

    def values(self, y_true, y_pred):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        return ((y_pred > self.threshold) == y_true) & (y_pred == y_pred)


def _one_hot_labels(metric, y_true, y_pred):
    if y_true.shape != y_pred.shape or y_pred.ndim < 2:
        raise ShapeError(
            metric.label,
            f'y_true of shape {shown(y_true)} and y_pred of shape {shown(y_pred)}',
            'equal shapes (batch, …, classes)',
            f'Pass one-hot targets; for class numbers take Sparse{type(metric).__name__}.',
        )
    labels = first_maximum(y_true)
    return jnp.where(labels < y_true.shape[-1], labels, -1)


@described
class CategoricalAccuracy(MeanMetric):
    """How often the class of the greatest score is the class of the one-hot target.

    Formula:
        mean(argmax(y_pred) = argmax(y_true))

    Shapes:
        y_true, y_pred: (batch, …, classes); probabilities or logits.

    Example:
        >>> from lamina.metrics import CategoricalAccuracy
        >>> CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
        0.5
    """

    def values(self, y_true, y_pred):
        return is_first_maximum(y_pred, _one_hot_labels(self, y_true, y_pred))


@described
class SparseCategoricalAccuracy(MeanMetric):
    """How often the class of the greatest score is the target, a class number.

    Formula:
        mean(argmax(y_pred) = y_true)

    Shapes:
        y_true: (batch, …) or (batch, …, 1), y_pred: (batch, …, classes); probabilities or logits. A label outside of the classes is wrong.

    Example:
        >>> from lamina.metrics import SparseCategoricalAccuracy
        >>> SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0.0]])
        0.5

    Cost:
        one comparison of each score with the label's, several times cheaper than `argmax` on a CPU where there are many classes.
    """

    def values(self, y_true, y_pred):
        return is_first_maximum(y_pred, sparse_labels(self.label, y_true, y_pred))


@described
class TopKCategoricalAccuracy(MeanMetric):
    """How often the class of the one-hot target is among the k greatest scores; ties count for the target.

    Args:
        k: how many classes may be named.

    Shapes:
        y_true, y_pred: (batch, …, classes).

    Example:
        >>> from lamina.metrics import TopKCategoricalAccuracy
        >>> TopKCategoricalAccuracy(k=2)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.7, 0.1, 0.2]])
        0.5
    """

    k: int = setting(whole(1), default=5)

    def values(self, y_true, y_pred):
        return is_in_top_k(y_pred, _one_hot_labels(self, y_true, y_pred), self.k)


@described
class SparseTopKCategoricalAccuracy(MeanMetric):
    """How often the target, a class number, is among the k greatest scores; ties count for the target.

    Args:
        k: how many classes may be named.
        from_sorted_ids: the predictions are class numbers, best first, instead of scores.

    Shapes:
        y_true: (batch, …) or (batch, …, 1), y_pred: (batch, …, classes).

    Example:
        >>> from lamina.metrics import SparseTopKCategoricalAccuracy
        >>> SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.9, 0.8], [0.7, 0.1, 0.2]])
        0.5
    """

    k: int = setting(whole(1), default=5)
    from_sorted_ids: bool = setting(flag(), default=False)

    def values(self, y_true, y_pred):
        labels = sparse_labels(self.label, y_true, y_pred)
        if not self.from_sorted_ids:
            return is_in_top_k(y_pred, labels, self.k)
        wanted = y_true.reshape(*y_pred.shape[:-1], 1)
        return jnp.any(wanted == y_pred[..., : self.k], axis=-1)
