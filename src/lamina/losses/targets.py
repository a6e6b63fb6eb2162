"""What a loss may be given as `y_true`, said once: the loss checks shapes by it while tracing, `fit` checks values by it on the host."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lamina.core.errors import DataError, ShapeError
from lamina.core.shapes import Shape, show

if TYPE_CHECKING:
    from lamina.losses.base import Loss

_VALUES = {
    'sparse': 'whole numbers in [0, {classes})',
    'probabilities': 'one-hot rows or probabilities in [0, 1]',
    'binary': 'values in [0, 1]',
    'signed': 'either -1 and 1, or 0 and 1',
    'non_negative': 'values of at least 0',
    'real': 'finite numbers',
    'any': 'anything the function accepts',
}


@dataclass(frozen=True)
class TargetRule:
    """What the targets of one output must be.

    Args:
        values: 'sparse', 'probabilities', 'binary', 'signed', 'non_negative', 'real' or 'any'.
        shape: the shape of `y_true`, None for an unknown axis; None as a whole where nothing is required.
        classes: the number of classes, where the values are class numbers and it is known.
        ignore: a class number outside the range that is accepted as well.
        axis: where `y_true` may have one axis of size 1 more than `shape`.
    """

    values: str
    shape: Shape | None = None
    classes: int | None = None
    ignore: int | None = None
    axis: int = -1

    @property
    def expected(self) -> str:
        """Completes the sentence 'expected …'."""
        text = _VALUES[self.values].format(classes='classes' if self.classes is None else self.classes)
        return text if self.ignore is None else f'{text}, or the ignored class {self.ignore}'

    def fits(self, shape: Shape) -> bool:
        """Whether targets of this shape can be used, if need be after adding or dropping an axis of size 1."""
        if self.shape is None or _same(shape, self.shape):
            return True
        dropped = _dropped(shape, self.axis)
        if dropped is not None and _same(dropped, self.shape):
            return True
        dropped = _dropped(self.shape, -1) if self.values != 'sparse' else None
        return dropped is not None and _same(shape, dropped)


def _same(first: Shape, second: Shape) -> bool:
    return len(first) == len(second) and all(a is None or b is None or a == b for a, b in zip(first, second, strict=True))


def _dropped(shape: Shape, axis: int) -> Shape | None:
    """The shape without its axis of size 1, or None where that axis is not of size 1."""
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis < len(shape) or shape[axis] != 1:
        return None
    return shape[:axis] + shape[axis + 1 :]


def shape_mismatch(where: str, rule: TargetRule, got: Shape, output: Shape) -> ShapeError:
    """The error for targets whose shape does not fit the output, with the remedy for the likely cause."""
    expected = f'shape {show(rule.shape or ())}, for an output of shape {show(output)}'
    return ShapeError(where, f'y_true of shape {show(got)}', expected, _shape_remedy(rule, got, output))


def _shape_remedy(rule: TargetRule, got: Shape, output: Shape) -> str:
    wanted = rule.shape or ()
    if got[:1] != wanted[:1] and None not in (*got[:1], *wanted[:1]):
        return 'Pass as many targets as there are inputs.'
    if rule.values == 'sparse':
        if _same(got, output):
            return 'Use CategoricalCrossentropy for one-hot targets, or pass y.argmax(axis=-1).'
        return 'Pass one whole number, the number of its class, for each prediction.'
    looks_sparse = len(got) == len(output) - 1 or (len(got) == len(output) and got[-1:] == (1,))
    classes = output[-1] if output else None
    if rule.values == 'probabilities' and looks_sparse:
        return f'Use SparseCategoricalCrossentropy for whole-number labels, or make them one-hot: numpy.eye({classes})[y].'
    if rule.values == 'binary' and looks_sparse and classes != 1:
        return 'Use SparseCategoricalCrossentropy for whole-number labels, or end the network in Dense(1) for a single yes or no.'
    return 'Give y_true that shape, or change the last layer so that the output has the shape of y_true.'


def check_targets(loss: 'Loss', y_true: np.ndarray, output_shape: Shape, where: str) -> None:
    """Refuse, on the host and before anything is compiled, targets that this loss cannot be computed from.

    Args:
        loss: the loss of this output.
        y_true: all its targets, as one NumPy array whose first axis is the examples.
        output_shape: the shape of the output, such as `(None, 10)`.
        where: what to call the targets in the message: 'fit, argument y'.

    Raises:
        ShapeError: the shape does not fit the output: one-hot for a sparse loss, class numbers for a dense one, another rank.
        DataError: text, NaN, infinity, fractional class numbers, or values out of range; the first bad row is named.

    >>> import numpy as np
    >>> from lamina.losses import SparseCategoricalCrossentropy
    >>> check_targets(SparseCategoricalCrossentropy(), np.array([0, 2, 1]), (None, 3), 'fit, argument y')
    """
    where = f'{where}, for {loss.label}'
    y_true = np.asarray(y_true)
    if y_true.dtype.kind not in 'biuf':
        _refuse_kind(where, y_true)
    rule = loss.target_rule(tuple(output_shape))
    if rule.values == 'any':
        return
    if not rule.fits(y_true.shape):
        raise shape_mismatch(where, rule, (None, *y_true.shape[1:]), tuple(output_shape))
    if y_true.dtype.kind == 'f':
        _refuse(where, y_true, ~np.isfinite(y_true), 'finite numbers', 'Remove those rows, or fill the missing values.')
    _CHECKS[rule.values](where, y_true, rule)


def _refuse_kind(where: str, y_true: np.ndarray) -> None:
    remedy = 'Convert them to numbers; class names become whole numbers by numpy.unique(y, return_inverse=True)[1].'
    raise DataError(where, f'targets of type {y_true.dtype}', 'an array of numbers', remedy)


def _refuse(where: str, y_true: np.ndarray, bad: np.ndarray, expected: str, remedy: str) -> None:
    """Raise for the first element where `bad` is true; do nothing where there is none."""
    if bad.any():
        index = int(np.argmax(bad))
        row = np.unravel_index(index, bad.shape)[0]
        raise DataError(where, f'{y_true.reshape(-1)[index]!s} at row {row} ({int(bad.sum())} such values)', expected, remedy)


def _check_sparse(where: str, y_true: np.ndarray, rule: TargetRule) -> None:
    if y_true.dtype.kind == 'f':
        remedy = 'Pass class numbers, y.astype(int); for a continuous quantity use a regression loss such as MeanSquaredError.'
        _refuse(where, y_true, y_true != np.floor(y_true), rule.expected, remedy)
    counted = y_true if rule.ignore is None else y_true[y_true != rule.ignore]
    if rule.classes is None or counted.size == 0:
        return
    lowest, highest = int(counted.min()), int(counted.max())
    if lowest >= 0 and highest < rule.classes:
        return
    bad = (y_true < 0) | (y_true >= rule.classes)
    bad &= True if rule.ignore is None else y_true != rule.ignore
    _refuse(where, y_true, bad, rule.expected, _range_remedy(lowest, highest, rule.classes))


def _range_remedy(lowest: int, highest: int, classes: int) -> str:
    if lowest == 1 and highest == classes:
        return 'The labels seem to count from 1: pass y - 1.'
    if lowest < 0:
        return f'Number the classes from 0 to {classes - 1}, or name a value to be skipped by ignore_class={lowest}.'
    return f'Correct the labels, or give the last layer {highest + 1} outputs.'


def _check_unit(where: str, y_true: np.ndarray, rule: TargetRule) -> None:
    remedy = 'Rescale the targets to [0, 1] (pixels: y / 255.0; labels of -1 and 1: (y + 1) / 2), or use a regression loss.'
    _refuse(where, y_true, (y_true < 0) | (y_true > 1), rule.expected, remedy)


def _check_signed(where: str, y_true: np.ndarray, rule: TargetRule) -> None:
    remedy = 'Pass -1 for one class and 1 for the other.'
    _refuse(where, y_true, (y_true != -1) & (y_true != 0) & (y_true != 1), rule.expected, remedy)
    if (y_true == -1).any():
        _refuse(where, y_true, y_true == 0, rule.expected, remedy)


def _check_non_negative(where: str, y_true: np.ndarray, rule: TargetRule) -> None:
    _refuse(where, y_true, y_true < 0, rule.expected, 'Shift the targets, or use a loss for any real number such as MeanSquaredError.')


def _check_real(where: str, y_true: np.ndarray, rule: TargetRule) -> None:
    """Finite numbers of the right shape are all that is asked, and both were checked."""


_CHECKS = {
    'sparse': _check_sparse,
    'probabilities': _check_unit,
    'binary': _check_unit,
    'signed': _check_signed,
    'non_negative': _check_non_negative,
    'real': _check_real,
}
