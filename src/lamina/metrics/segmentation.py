"""How far predicted regions cover the true ones: intersection over union, from a matrix of class pairs.

Weights may be any numbers; Keras cuts them to whole ones here.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import flag, real, setting, whole
from lamina.metrics import rules
from lamina.metrics.arrays import EPSILON, class_ids, first_maximum, pair_counts, spread
from lamina.metrics.base import Metric, number


def _regions(metric: Metric, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Class numbers of both as (batch, places).

    Raises:
        ShapeError: the places do not correspond.
    """
    places_true, places_pred = (class_ids(x).reshape(len(x), math.prod(x.shape[1:])) for x in (y_true, y_pred))
    if places_true.shape != places_pred.shape:
        raise ShapeError(
            metric.label,
            f'class numbers of shapes {y_true.shape} and {y_pred.shape}',
            'as many targets as predictions',
            'Reshape the targets; sparse_y_true and sparse_y_pred tell which of the two are class numbers.',
        )
    return places_true, places_pred


def _mean_overlap(matrix: np.ndarray, classes) -> float:
    matrix, classes = np.asarray(matrix, np.float64), list(classes)
    hits = np.diag(matrix)
    union = (matrix.sum(axis=0) + matrix.sum(axis=1) - hits)[classes]
    present = union > 1e-9
    overlap = np.where(present, hits[classes] / (union + EPSILON), 0.0)
    return float(overlap.sum() / (present.sum() + EPSILON))


class _Overlap(Metric):
    """The base: which arrays hold class numbers, and which classes are averaged."""

    num_classes: int
    ignore_class: int | None
    axis: int
    sparse_y_true: bool
    sparse_y_pred: bool

    def _targets(self) -> tuple[int, ...]:
        return tuple(range(self.num_classes))

    def _classes(self, x: jax.Array, sparse: bool) -> jax.Array:
        return x if sparse else first_maximum(jnp.moveaxis(x, self.axis, -1))

    def sums(self, y_true, y_pred, weight):
        y_true, y_pred = _regions(self, self._classes(y_true, self.sparse_y_true), self._classes(y_pred, self.sparse_y_pred))
        if self.ignore_class is not None:
            y_true = jnp.where(y_true == self.ignore_class, -1, y_true)
        return {'matrix': pair_counts(y_true, y_pred, spread(self.label, weight, y_true), self.num_classes)}

    def result(self, sums):
        return number(_mean_overlap(sums['matrix'], self._targets()))


class _SomeClasses(_Overlap):
    target_class_ids: tuple[int, ...]

    def _targets(self):
        return self.target_class_ids

    def validate(self):
        if max(self.target_class_ids) >= self.num_classes:
            raise ConfigError(
                self.label,
                f'target_class_ids={self.target_class_ids}',
                f'class numbers below num_classes={self.num_classes}',
                'Raise num_classes, or leave that class out.',
            )


@described
class IoU(_SomeClasses):
    """The mean intersection over union of chosen classes: true positives / (true positives + false positives + false negatives).

    A class that neither the targets nor the predictions contain is left out of the mean.

    Args:
        num_classes: the number of classes; numbers outside of them are not counted.
        target_class_ids: the classes to average.
        ignore_class: targets of this class are not counted.
        sparse_y_true, sparse_y_pred: True for class numbers, False for one score per class on `axis`.
        axis: of the classes where not sparse; any but the batch.

    Shapes:
        y_true, y_pred: (batch, …), or with one more axis of classes.

    Raises:
        ConfigError: a target class is not below num_classes.

    Example:
        >>> from lamina.metrics import IoU
        >>> round(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
        0.3333
    """

    num_classes: int = setting(whole(1))
    target_class_ids: tuple[int, ...] = setting(rules.classes(), convert=rules.as_numbers)
    ignore_class: int | None = setting(whole(-(2**31)), default=None)
    sparse_y_true: bool = setting(flag(), default=True)
    sparse_y_pred: bool = setting(flag(), default=True)
    axis: int = setting(rules.inner_axis(), default=-1)


@described
class MeanIoU(_Overlap):
    """The mean intersection over union of all classes that the targets or the predictions contain.

    Args:
        num_classes: the number of classes; numbers outside of them are not counted.
        ignore_class: targets of this class are not counted.
        sparse_y_true, sparse_y_pred: True for class numbers, False for one score per class on `axis`.
        axis: of the classes where not sparse; any but the batch.

    Shapes:
        y_true, y_pred: (batch, …), or with one more axis of classes.

    Example:
        >>> from lamina.metrics import MeanIoU
        >>> round(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
        0.3333
    """

    num_classes: int = setting(whole(1))
    ignore_class: int | None = setting(whole(-(2**31)), default=None)
    sparse_y_true: bool = setting(flag(), default=True)
    sparse_y_pred: bool = setting(flag(), default=True)
    axis: int = setting(rules.inner_axis(), default=-1)


@described
class OneHotIoU(_SomeClasses):
    """The mean intersection over union of chosen classes, for one-hot targets and scores.

    Args:
        num_classes: the number of classes.
        target_class_ids: the classes to average.
        ignore_class: targets of this class are not counted.
        sparse_y_pred: True if the predictions are class numbers.
        axis: of the classes; any but the batch.

    Shapes:
        y_true, y_pred: (batch, …, classes).

    Raises:
        ConfigError: a target class is not below num_classes.

    Example:
        >>> from lamina.metrics import OneHotIoU
        >>> OneHotIoU(num_classes=2, target_class_ids=[1]).display_name
        'one_hot_io_u'
    """

    sparse_y_true = False

    num_classes: int = setting(whole(1))
    target_class_ids: tuple[int, ...] = setting(rules.classes(), convert=rules.as_numbers)
    ignore_class: int | None = setting(whole(-(2**31)), default=None)
    sparse_y_pred: bool = setting(flag(), default=False)
    axis: int = setting(rules.inner_axis(), default=-1)


@described
class OneHotMeanIoU(_Overlap):
    """The mean intersection over union of all classes, for one-hot targets and scores.

    Args:
        num_classes: the number of classes.
        ignore_class: targets of this class are not counted.
        sparse_y_pred: True if the predictions are class numbers.
        axis: of the classes; any but the batch.

    Shapes:
        y_true, y_pred: (batch, …, classes).

    Example:
        >>> from lamina.metrics import OneHotMeanIoU
        >>> round(OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.7, 0.3]]), 4)
        0.25
    """

    sparse_y_true = False

    num_classes: int = setting(whole(1))
    ignore_class: int | None = setting(whole(-(2**31)), default=None)
    sparse_y_pred: bool = setting(flag(), default=False)
    axis: int = setting(rules.inner_axis(), default=-1)


@described
class BinaryIoU(_SomeClasses):
    """The mean intersection over union of background (class 0) and object (class 1), for one score per place.

    Args:
        target_class_ids: (0, 1), (0,) or (1,).
        threshold: a score of at least this is class 1; 0.0 for logits.

    Shapes:
        y_true, y_pred: (batch, …), equal.

    Raises:
        ConfigError: a target class above 1.

    Example:
        >>> from lamina.metrics import BinaryIoU
        >>> round(BinaryIoU(target_class_ids=(0, 1), threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 4)
        0.3333
    """

    num_classes = 2
    sparse_y_true = True
    sparse_y_pred = True
    ignore_class = None

    target_class_ids: tuple[int, ...] = setting(rules.classes(), convert=rules.as_numbers, default=(0, 1))
    threshold: float = setting(real(), default=0.5)

    def sums(self, y_true, y_pred, weight):
        return super().sums(y_true, jnp.where(jnp.isnan(y_pred), -1, y_pred >= self.threshold), weight)
