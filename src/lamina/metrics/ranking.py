"""How well scores put positives above negatives: the area under a curve, and the best point of a curve under a condition."""

from typing import ClassVar

import jax
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import flag, one_of, real, setting, whole
from lamina.metrics import rules
from lamina.metrics.arrays import aligned, shown, spread
from lamina.metrics.base import Metric, number, ratio
from lamina.metrics.confusion import select_class
from lamina.metrics.thresholds import Counts, Grid, tally, tally_columns


def _upper(value):
    return value.upper() if isinstance(value, str) else value


def _lower(value):
    return value.lower() if isinstance(value, str) else value


@described
class AUC(Metric):
    """The area under the receiver operating characteristic or the precision-recall curve, by Riemann sums over thresholds.

    Args:
        num_thresholds: how finely the scores are told apart; at least 2.
        curve: 'ROC', 'PR' or 'PRGAIN'.
        summation_method: 'interpolation' (the trapezium; for PR the interpolation of true positives by Davis and Goadrich),
            'minoring' or 'majoring'.
        thresholds: your own, in [0, 1], in place of `num_thresholds` even ones; both ends are added.
        multi_label: one area per label, then averaged; otherwise all labels are one set of examples.
        num_labels: how many labels there are; only with `multi_label`, and only checked.
        label_weights: one weight per label, for the mean with `multi_label`, for the examples without.
        from_logits: the scores pass through a sigmoid first. Other scores are taken into [0, 1].

    Shapes:
        y_true, y_pred: (batch,), (batch, 1) or (batch, labels), equal; with `multi_label` (batch, labels).

    Raises:
        ConfigError: `num_labels` without `multi_label`.
        ShapeError: the arrays differ in shape, or their labels from `num_labels` or `label_weights`.

    Example:
        >>> from lamina.metrics import AUC
        >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        0.75

    Cost:
        one bin per score in the loop, whatever the number of thresholds. A NaN counts as negative at every threshold.

    Source:
        J. Davis and M. Goadrich, The relationship between Precision-Recall and ROC curves, 2006;
        P. Flach and M. Kull, Precision-Recall-Gain curves, 2015.
    """

    num_thresholds: int = setting(whole(2), default=200)
    curve: str = setting(one_of('ROC', 'PR', 'PRGAIN'), convert=_upper, default='ROC')
    summation_method: str = setting(one_of('interpolation', 'minoring', 'majoring'), convert=_lower, default='interpolation')
    thresholds: tuple[float, ...] | None = setting(rules.probabilities(), convert=rules.as_numbers, default=None)
    multi_label: bool = setting(flag(), default=False)
    num_labels: int | None = setting(whole(1), default=None)
    label_weights: tuple[float, ...] | None = setting(rules.weights(), convert=rules.as_numbers, default=None)
    from_logits: bool = setting(flag(), default=False)

    def validate(self):
        if self.num_labels is not None and not self.multi_label:
            raise ConfigError(self.label, f'num_labels={self.num_labels}', 'num_labels only with multi_label=True', 'Leave num_labels out.')

    def _grid(self) -> Grid:
        if self.thresholds is None:
            return Grid.evenly(self.num_thresholds, open_ended=True)
        own = self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)
        return Grid.of((0.0, *sorted(own), 1.0), open_ended=True)

    def sums(self, y_true, y_pred, weight):
        y_true, y_pred = aligned(self.label, y_true, y_pred)
        self._check_labels(y_pred)
        weight, grid = spread(self.label, weight, y_pred), self._grid()
        if self.label_weights is not None and not self.multi_label:
            weight = weight * np.asarray(self.label_weights, np.float32)
        levels = grid.levels(jax.nn.sigmoid(y_pred) if self.from_logits else y_pred)
        return (tally_columns if self.multi_label else tally)(levels, y_true != 0, weight, len(grid.thresholds))

    def _check_labels(self, y_pred):
        if self.multi_label and y_pred.ndim != 2:
            raise ShapeError(
                self.label, f'y_pred of shape {shown(y_pred)}', '(batch, labels) with multi_label=True', 'Reshape to two axes.'
            )
        given = {'num_labels': self.num_labels, 'label_weights': self.label_weights and len(self.label_weights)}
        for name, labels in given.items():
            if labels is not None and y_pred.shape[-1] != labels:
                raise ShapeError(
                    self.label,
                    f'y_pred of shape {shown(y_pred)}',
                    f'{labels} labels on the last axis',
                    f'Change {name} to the number of labels.',
                )

    def result(self, sums):
        counts = Counts.of(sums)
        areas = _interpolated_pr(counts) if (self.curve, self.summation_method) == ('PR', 'interpolation') else self._riemann(counts)
        if not self.multi_label:
            return number(areas)
        return number(
            np.mean(areas) if self.label_weights is None else ratio(np.dot(areas, self.label_weights), np.sum(self.label_weights))
        )

    def _riemann(self, counts):
        x, y = _CURVES[self.curve](counts)
        left, right = y[:-1], y[1:]
        heights = {'interpolation': (left + right) / 2, 'minoring': np.minimum(left, right), 'majoring': np.maximum(left, right)}
        return np.sum((x[:-1] - x[1:]) * heights[self.summation_method], axis=0)


def _precision_recall_gain(counts: Counts):
    positives = counts.true_positives + counts.false_negatives
    scale = ratio(positives, counts.true_negatives + counts.false_positives)
    found = counts.true_positives > 0
    recall_gain = np.where(found, 1 - scale * ratio(counts.false_negatives, counts.true_positives), 0.0)
    precision_gain = np.where(found, 1 - scale * ratio(counts.false_positives, counts.true_positives), 1.0)
    return np.maximum(recall_gain, 0.0), precision_gain


_CURVES = {
    'ROC': lambda counts: (counts.false_positive_rate(), counts.recall()),
    'PR': lambda counts: (counts.recall(), counts.precision()),
    'PRGAIN': _precision_recall_gain,
}


def _interpolated_pr(counts: Counts):
    """Between two thresholds the true positives rise in a straight line over all that is called positive; precision does not."""
    hits, called = counts.true_positives, counts.true_positives + counts.false_positives
    slope = ratio(hits[:-1] - hits[1:], called[:-1] - called[1:])
    intercept = hits[1:] - slope * called[1:]
    both = (called[:-1] > 0) & (called[1:] > 0)
    growth = np.where(both, ratio(called[:-1], called[1:]), 1.0)
    steps = slope * (hits[:-1] - hits[1:] + intercept * np.log(growth))
    return np.sum(ratio(steps, (hits + counts.false_negatives)[1:]), axis=0)


class _AtLeast(Metric):
    """The base of the metrics that ask for the best of one rate among the thresholds at which another is high enough."""

    num_thresholds: int
    class_id: int | None
    reach: ClassVar[tuple[str, str]]  # the setting that holds the least value, and the rate it is of
    best: ClassVar[str]

    def sums(self, y_true, y_pred, weight):
        y_true, y_pred = select_class(self, self.class_id, *aligned(self.label, y_true, y_pred))
        grid = Grid.evenly(self.num_thresholds)
        return tally(grid.levels(y_pred), y_true != 0, spread(self.label, weight, y_pred), len(grid.thresholds))

    def result(self, sums):
        counts, (least, rate) = Counts.of(sums), self.reach
        reached = getattr(counts, rate)() >= getattr(self, least)
        return number(np.max(np.where(reached, getattr(counts, self.best)(), 0.0)))


@described
class SensitivityAtSpecificity(_AtLeast):
    """The greatest sensitivity (recall) among the thresholds at which the specificity is at least the given one.

    Args:
        specificity: in [0, 1].
        num_thresholds: how finely the scores are told apart.
        class_id: count this class only.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import SensitivityAtSpecificity
        >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        0.5
    """

    reach = ('specificity', 'specificity')
    best = 'recall'

    specificity: float = setting(real(0.0, 1.0))
    num_thresholds: int = setting(whole(1), default=200)
    class_id: int | None = setting(whole(0), default=None)


@described
class SpecificityAtSensitivity(_AtLeast):
    """The greatest specificity among the thresholds at which the sensitivity (recall) is at least the given one.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: how finely the scores are told apart.
        class_id: count this class only.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import SpecificityAtSensitivity
        >>> SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]) == 2 / 3
        True
    """

    reach = ('sensitivity', 'recall')
    best = 'specificity'

    sensitivity: float = setting(real(0.0, 1.0))
    num_thresholds: int = setting(whole(1), default=200)
    class_id: int | None = setting(whole(0), default=None)


@described
class PrecisionAtRecall(_AtLeast):
    """The greatest precision among the thresholds at which the recall is at least the given one.

    Args:
        recall: in [0, 1].
        num_thresholds: how finely the scores are told apart.
        class_id: count this class only.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import PrecisionAtRecall
        >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        0.5
    """

    reach = ('recall', 'recall')
    best = 'precision'

    recall: float = setting(real(0.0, 1.0))
    num_thresholds: int = setting(whole(1), default=200)
    class_id: int | None = setting(whole(0), default=None)


@described
class RecallAtPrecision(_AtLeast):
    """The greatest recall among the thresholds at which the precision is at least the given one.

    Args:
        precision: in [0, 1].
        num_thresholds: how finely the scores are told apart.
        class_id: count this class only.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Example:
        >>> from lamina.metrics import RecallAtPrecision
        >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        0.5
    """

    reach = ('precision', 'precision')
    best = 'recall'

    precision: float = setting(real(0.0, 1.0))
    num_thresholds: int = setting(whole(1), default=200)
    class_id: int | None = setting(whole(0), default=None)
