"""Counts of right and wrong calls, and what is made of them: precision, recall, and the confusion matrix."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from lamina.core.described import described, unregistered
from lamina.core.errors import ShapeError
from lamina.core.fields import one_of, real, setting, whole
from lamina.metrics import rules
from lamina.metrics.arrays import aligned, class_ids, first_maximum, pair_counts, shown, spread, top_k_mask
from lamina.metrics.base import Metric, number, ratio
from lamina.metrics.thresholds import Counts, Grid, tally


def select_class(metric: Metric, class_id: int | None, *arrays):
    """The column of one class of each array, or the arrays as they are.

    Raises:
        ShapeError: there is no such column.
    """
    if class_id is None:
        return arrays
    shape = arrays[0].shape
    if len(shape) < 2 or class_id >= shape[-1]:
        raise ShapeError(
            metric.label,
            f'y_pred of shape {shown(arrays[0])}',
            f'(batch, …, classes) with a class {class_id}',
            'Change class_id, or pass every class.',
        )
    return tuple(a[..., class_id] for a in arrays)


@unregistered
class _Thresholded(Metric):
    """The base of the metrics that count calls at a few thresholds, in the order in which they were given."""

    counted: ClassVar[str] = ''

    thresholds: float | tuple[float, ...] | None = setting(rules.probabilities(), convert=rules.as_numbers, default=None)

    def _default(self) -> float:
        return 0.5

    def _given(self) -> tuple[float, ...]:
        given = self._default() if self.thresholds is None else self.thresholds
        return tuple(given) if isinstance(given, tuple) else (given,)

    def _prepared(self, y_true, y_pred):
        """Targets and scores to be counted, and which scores may count as positive at all (None: each)."""
        return (*aligned(self.label, y_true, y_pred), None)

    def sums(self, y_true, y_pred, weight):
        y_true, y_pred, allowed = self._prepared(y_true, y_pred)
        grid = Grid.of(tuple(sorted(self._given())))
        levels = grid.levels(y_pred) if allowed is None else jnp.where(allowed, grid.levels(y_pred), 0)
        return tally(levels, y_true != 0, spread(self.label, weight, y_pred), len(grid.thresholds))

    def result(self, sums):
        given = self._given()
        values = self._value(Counts.of(sums))[np.argsort(np.argsort(given, kind='stable'), kind='stable')]
        return number(values[0] if len(given) == 1 else values)

    def _value(self, counts: Counts) -> np.ndarray:
        return getattr(counts, self.counted)


@described
class TruePositives(_Thresholded):
    """The weight of the positives that were called positive.

    Args:
        thresholds: one in [0, 1], or several for an array of results; a greater prediction is called positive. Default 0.5.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import TruePositives
        >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
        2.0
    """

    counted = 'true_positives'


@described
class TrueNegatives(_Thresholded):
    """The weight of the negatives that were called negative.

    Args:
        thresholds: one in [0, 1], or several for an array of results; a greater prediction is called positive. Default 0.5.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import TrueNegatives
        >>> TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
        2.0
    """

    counted = 'true_negatives'


@described
class FalsePositives(_Thresholded):
    """The weight of the negatives that were called positive.

    Args:
        thresholds: one in [0, 1], or several for an array of results; a greater prediction is called positive. Default 0.5.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import FalsePositives
        >>> FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1])
        2.0
    """

    counted = 'false_positives'


@described
class FalseNegatives(_Thresholded):
    """The weight of the positives that were called negative.

    Args:
        thresholds: one in [0, 1], or several for an array of results; a greater prediction is called positive. Default 0.5.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import FalseNegatives
        >>> FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
        2.0
    """

    counted = 'false_negatives'


@unregistered
class _PrecisionRecall(_Thresholded):
    top_k: int | None = setting(whole(1), default=None)
    class_id: int | None = setting(whole(0), default=None)

    def _default(self):
        return 0.5 if self.top_k is None else -np.inf

    def _prepared(self, y_true, y_pred):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        if self.top_k is None:
            return (*select_class(self, self.class_id, y_true, y_pred), None)
        return select_class(self, self.class_id, y_true, y_pred, top_k_mask(self.label, y_pred, self.top_k))

    def _value(self, counts):
        return getattr(counts, self.counted)()


@described
class Precision(_PrecisionRecall):
    """The share of the predicted positives that are positive.

    Formula:
        true positives / (true positives + false positives), or 0 without any predicted positive

    Args:
        thresholds: one in [0, 1], or several for an array of results; a greater prediction is positive. Default 0.5, or with
            `top_k` no threshold at all.
        top_k: only the k greatest scores of each row can be positive.
        class_id: count this class only.

    Shapes:
        y_true, y_pred: (batch, …, classes) or (batch, …), equal.

    Example:
        >>> from lamina.metrics import Precision
        >>> Precision()([0, 1, 1, 1], [1, 0, 1, 1]) == 2 / 3
        True
    """

    counted = 'precision'


@described
class Recall(_PrecisionRecall):
    """The share of the positives that are predicted positive.

    Formula:
        true positives / (true positives + false negatives), or 0 without any positive

    Args:
        thresholds: one in [0, 1], or several for an array of results; a greater prediction is positive. Default 0.5, or with
            `top_k` no threshold at all.
        top_k: only the k greatest scores of each row can be positive.
        class_id: count this class only.

    Shapes:
        y_true, y_pred: (batch, …, classes) or (batch, …), equal.

    Example:
        >>> from lamina.metrics import Recall
        >>> Recall()([0, 1, 1, 1], [1, 0, 1, 1]) == 2 / 3
        True
    """

    counted = 'recall'


@described
class ConfusionMatrix(Metric):
    """How often each class was taken for each: row the target, column the prediction. Not in Keras.

    Args:
        num_classes: the number of classes; targets outside of them are not counted.
        normalize: None for weights, 'true' for shares of each row, 'pred' of each column, 'all' of
            the whole. An empty row or column stays 0.
        threshold: with a single score per example and two classes, a greater score means class 1; 0.0 for logits.

    Shapes:
        y_true: class numbers (batch, …) or (batch, …, 1), or one-hot (batch, …, classes); y_pred: (batch, …, classes), or
        (batch, …, 1) for two classes. The result is (classes, classes).

    Raises:
        ShapeError: the last axis of y_pred is not the number of classes; change num_classes.

    Example:
        >>> from lamina.metrics import ConfusionMatrix
        >>> ConfusionMatrix(2)([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
        array([[1., 0.],
               [1., 1.]])
    """

    num_classes: int = setting(whole(2))
    normalize: str | None = setting(one_of('true', 'pred', 'all'), default=None)
    threshold: float = setting(real(), default=0.5, kw_only=True)

    def sums(self, y_true, y_pred, weight):
        columns = self._predicted(y_pred)
        rows = self._targets(y_true, y_pred).reshape(columns.shape)
        return {'matrix': pair_counts(rows, columns, spread(self.label, weight, columns), self.num_classes)}

    def _predicted(self, y_pred):
        if y_pred.ndim >= 2 and y_pred.shape[-1] == self.num_classes:
            return first_maximum(y_pred)
        if self.num_classes == 2 and (y_pred.ndim == 1 or y_pred.shape[-1] == 1):
            scores = y_pred if y_pred.ndim == 1 else y_pred[..., 0]
            return jnp.where(jnp.isnan(scores), -1, scores > self.threshold).astype(jnp.int32)
        expected = f'scores of {self.num_classes} classes on the last axis'
        raise ShapeError(self.label, f'y_pred of shape {shown(y_pred)}', expected, 'Change num_classes, or pass the scores of every class.')

    def _targets(self, y_true, y_pred):
        rows = y_pred.shape[:-1] if y_pred.ndim >= 2 else y_pred.shape
        if y_true.shape in (rows, (*rows, 1)):
            return class_ids(y_true, exact=True)
        if y_true.shape == (*rows, self.num_classes):
            return first_maximum(y_true)
        raise ShapeError(
            self.label,
            f'y_true of shape {y_true.shape} for y_pred of shape {y_pred.shape}',
            'one class number per row of y_pred, or one-hot targets of its shape',
            'Reshape the targets, batch first.',
        )

    def result(self, sums):
        matrix = np.asarray(sums['matrix'], np.float64)
        if self.normalize is None:
            return matrix
        axis = {'true': 1, 'pred': 0, 'all': None}[self.normalize]
        return ratio(matrix, matrix.sum(axis=axis, keepdims=True))
