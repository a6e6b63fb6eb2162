"""One array or several: tells a list of arrays (many inputs) from a list of numbers (one array), and checks them together."""

from typing import Any

import jax
import numpy as np

from lamina.core.errors import DataError
from lamina.data.arrays import Arrays
from lamina.data.checks import check_lengths, named_leaves
from lamina.data.convert import is_array_like, to_array


def make_arrays(
    x: Any, y: Any = None, sample_weight: Any = None, *, where: str = 'fit', pack: bool = True, strings: bool = False
) -> Arrays:
    """Inputs, targets and weights as converted, checked `Arrays`.

    Args:
        x, y: one array or what can become one, or a list, tuple or dict of them.
        sample_weight: one number per example `(n,)` or `(n, 1)`, or arrays in the structure of `y`.
        where: the call, for errors.
        pack: hold large images as bytes; not in streams, whose batches must be alike.
        strings: let text through in x.

    Raises:
        DataError: see `as_dataset`.
    """
    inputs = structure(x, 'x', where, pack=pack, strings=strings)
    targets = None if y is None else structure(y, 'y', where, keep_integers=True)
    weights = None if sample_weight is None else _weights(sample_weight, targets, where)
    named = [pair for tree, name in ((inputs, 'x'), (targets, 'y'), (weights, 'sample_weight')) for pair in named_leaves(tree, name)]
    check_lengths(named, where)
    return Arrays(inputs, targets, weights)


def structure(value: Any, name: str, where: str, **options: bool) -> Any:
    """The value with every array in it converted; lists become tuples.

    As in Keras, a list or tuple of arrays is one array per input, also where the arrays are equally long; only a list of plain
    numbers or strings, however deeply nested, is one array.

    Args:
        value: what the user gave.
        name, where: how errors call it.
        options: of `to_array`.
    """
    if isinstance(value, dict):
        return {key: structure(item, f'{name}[{key!r}]', where, **options) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and holds_arrays(value):
        return tuple(structure(item, f'{name}[{i}]', where, **options) for i, item in enumerate(value))
    return to_array(value, f'{where}, {name}', **options)


def holds_arrays(values: list | tuple) -> bool:
    """Whether these are arrays rather than numbers; within nested lists only the first is looked at, for they can be long."""
    plain = (int, float, bool, str, list, tuple)
    if any(type(v) not in plain and (isinstance(v, dict) or (is_array_like(v) and np.ndim(v) > 0)) for v in values):
        return True
    return bool(values) and isinstance(values[0], (list, tuple)) and holds_arrays(values[0])


def _weights(sample_weight: Any, targets: Any, where: str) -> Any:
    name = 'sample_weight'
    weights = jax.tree.map(_per_example, structure(sample_weight, name, where))
    several = isinstance(weights, (tuple, dict))
    if several and jax.tree.structure(weights) != jax.tree.structure(targets):
        raise DataError(
            f'{where}, {name}',
            'another structure than that of y',
            'one array, or one per target',
            'Pass weights in the same tuple or dict form as y.',
        )
    return weights


def _per_example(weights: Any) -> Any:
    weights = weights.astype(np.float32) if weights.dtype != np.float32 else weights
    # (n, 1) would be spread over a loss (n,) to (n, n).
    return weights[:, 0] if weights.ndim == 2 and weights.shape[1] == 1 else weights
