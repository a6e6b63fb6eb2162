"""Class numbers made one-hot rows."""

from typing import Any

import numpy as np

from lamina.core.errors import ConfigError, DataError
from lamina.core.fields import whole

_WHERE = "to_categorical, argument 'x'"


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as rows of zeros with a one in the column of the class.

    `SparseCategoricalCrossentropy` takes class numbers as they are, in a fraction of the memory.

    Args:
        x: whole numbers from 0, of any shape; a last axis of size 1 is dropped.
        num_classes: how many columns; by default one more than the largest number.

    Shapes:
        x: (…) or (…, 1) → (…, num_classes).

    Returns:
        A float32 NumPy array.

    Raises:
        DataError: fractions, text, numbers outside [0, num_classes), or no numbers to count the classes by.
        ConfigError: num_classes is not a whole number of at least 1.

    Example:
        >>> import lamina
        >>> lamina.utils.to_categorical([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    rule = whole()
    if num_classes is not None and not rule.accepts(num_classes):
        raise ConfigError("to_categorical, argument 'num_classes'", repr(num_classes), rule.expected, 'Pass the number of classes.')
    classes = _class_numbers(x)
    if num_classes is None and classes.size == 0:
        raise DataError(_WHERE, 'no class numbers', 'at least one', 'Pass num_classes, which cannot be counted here.')
    count = int(classes.max()) + 1 if num_classes is None else int(num_classes)
    _require_range(classes, count)
    rows = np.zeros((classes.size, count), np.float32)
    rows[np.arange(classes.size), classes.reshape(-1)] = 1.0
    return rows.reshape(*classes.shape, count)


def _require_range(classes: np.ndarray, count: int) -> None:
    if (classes < 0).any():
        raise DataError(_WHERE, f'the class {classes.min()}', 'classes of at least 0', 'Number the classes from 0.')
    if (classes >= count).any():
        remedy = f'Pass num_classes={classes.max() + 1}, or correct the labels.'
        raise DataError(_WHERE, f'the class {classes.max()}', f'classes below num_classes={count}', remedy)


def _class_numbers(x: Any) -> np.ndarray:
    """The class numbers as integers, without a last axis of size 1."""
    remedy = 'Pass class numbers; names become numbers by numpy.unique(x, return_inverse=True)[1].'
    try:
        given = np.asarray(x)
    except ValueError as error:
        raise DataError(_WHERE, 'rows of unequal length', 'whole numbers', remedy) from error
    if given.dtype.kind not in 'biuf' and given.size:
        raise DataError(_WHERE, f'values of type {given.dtype}', 'whole numbers', remedy)
    if given.dtype.kind == 'f' and not (np.isfinite(given) & (given == np.floor(given))).all():
        raise DataError(_WHERE, 'fractions, NaN or infinity', 'whole numbers', 'Pass class numbers; for a quantity use a regression loss.')
    classes = given.astype(np.int64)
    return classes[..., 0] if classes.ndim > 1 and classes.shape[-1] == 1 else classes
