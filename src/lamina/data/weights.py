"""Weights per class made weights per example."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.core.errors import ConfigError, DataError

_WHERE = 'argument class_weight'


def class_weights(targets: Any, weights: Mapping[int, float]) -> np.ndarray:
    """The weight of each example, from the weight of its class.

    Args:
        targets: whole numbers `(n,)` or `(n, 1)`, 0 and 1 as floats, or one-hot rows `(n, classes)`.
        weights: a weight of at least 0 for every class that occurs.

    Returns:
        float32 `(n,)`.

    Raises:
        DataError: a class occurs that has no weight (Keras gives it 1), or the targets are not classes.
        ConfigError: a weight is negative or not finite, or a class is not a whole number.

    Example:
        >>> import numpy as np
        >>> from lamina.data import class_weights
        >>> class_weights(np.array([0, 1, 1]), {0: 2.0, 1: 0.5})
        array([2. , 0.5, 0.5], dtype=float32)
    """
    table = _table(weights)
    classes, index = np.unique(_classes(targets), return_inverse=True)
    if unknown := [int(label) for label in classes if int(label) not in table]:
        raise DataError(
            _WHERE,
            f'no weight for the classes {unknown[:10]}',
            'a weight for every class of the targets',
            f'Add {unknown[0]}: 1.0 to the dict.',
        )
    return np.array([table[int(label)] for label in classes], np.float32)[index.reshape(-1)]


def _table(weights: Mapping[int, float]) -> dict[int, float]:
    remedy = 'Pass a dict such as {0: 1.0, 1: 5.0}.'
    if not isinstance(weights, Mapping):
        raise ConfigError(_WHERE, type(weights).__name__, 'a dict of classes and weights', remedy)
    for label, weight in weights.items():
        if isinstance(label, bool) or not isinstance(label, (int, np.integer)):
            raise ConfigError(_WHERE, f'the class {label!r}', 'classes as whole numbers', remedy)
        if not isinstance(weight, (int, float, np.number)) or not 0 <= weight < np.inf:
            raise ConfigError(_WHERE, f'the weight {weight!r} of class {label}', 'finite weights of at least 0', remedy)
    return {int(label): float(weight) for label, weight in weights.items()}


def _classes(targets: Any) -> np.ndarray:
    if isinstance(targets, dict) or (isinstance(targets, (tuple, list)) and any(np.ndim(item) for item in targets[:1])):
        raise DataError(_WHERE, 'several targets', 'one array of targets', 'Pass sample_weight instead, one array per target.')
    labels = np.asarray(targets)
    if labels.ndim == 2:
        labels = labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
    if labels.ndim != 1 or not np.array_equal(labels, np.round(labels)):
        got = f'targets {labels.shape} of {labels.dtype}' + (' with fractions' if labels.ndim == 1 else '')
        raise DataError(
            _WHERE, got, 'classes: whole numbers (n,) or (n, 1), or one-hot rows', 'Pass sample_weight instead, one weight per example.'
        )
    return labels.astype(np.int64)
