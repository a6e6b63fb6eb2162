"""What no training run survives: values that are not finite, lengths that differ, nothing at all."""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import DataError

_CHUNK_ELEMENTS = 1 << 18


def check_finite(values: Any, where: str, columns: Sequence[str] | None = None) -> None:
    """Refuse NaN and infinity in an array of floats; one pass of sums, and a search only where a sum is not finite.

    Args:
        values: a NumPy or JAX array; other dtypes than float pass at once.
        where: how the error calls it.
        columns: the names of the columns of a table.

    Raises:
        DataError: how many there are and where the first is; fill or drop them.
    """
    if not np.issubdtype(values.dtype, np.floating):
        return
    if isinstance(values, jax.Array):
        if bool(jnp.isfinite(values).all()):  # where the array is, without bringing it to the host
            return
        values = np.asarray(values)
    with np.errstate(all='ignore'):
        if all(np.isfinite(np.add.reduce(chunk, axis=None)) for _, chunk in _chunks(values)):
            return
        bad = [(start, ~np.isfinite(chunk), np.isnan(chunk)) for start, chunk in _chunks(values)]
    count = sum(int(mask.sum()) for _, mask, _ in bad)
    if count == 0:  # a sum overflowed although every value is finite
        return
    nan = sum(int(mask.sum()) for _, _, mask in bad)
    start, mask, _ = next(entry for entry in bad if entry[1].any())
    row, *rest = (int(i) for i in np.argwhere(mask)[0])
    kinds = f'{nan:,} NaN, {count - nan:,} infinite or beyond float32'
    place = f'row {start + row}{_column(rest, columns)}'
    raise DataError(
        where,
        f'{count:,} of {values.size:,} values not finite ({kinds}), the first in {place}',
        'finite numbers',
        'Fill or drop them, for example x = np.nan_to_num(x), or keep the rows of np.isfinite(x).all(axis=1).',
    )


def _chunks(values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    rows = max(1, _CHUNK_ELEMENTS * len(values) // max(values.size, 1))
    for start in range(0, len(values), rows):
        yield start, values[start : start + rows]


def _column(rest: list[int], columns: Sequence[str] | None) -> str:
    if columns is not None and len(rest) == 1:
        return f', column {columns[rest[0]]!r}'
    if len(rest) == 1:
        return f', column {rest[0]}'
    return f', at {tuple(rest)} in it' if rest else ''


def check_lengths(named: Sequence[tuple[str, Any]], where: str) -> None:
    """Refuse empty data, numbers without an axis of examples, and arrays of unequal length.

    Args:
        named: what the user passed, each part with its name: `('x', array)`.
        where: the call, for the error.

    Raises:
        DataError: which two parts disagree; make them one length.
    """
    for name, leaf in named:
        if leaf.ndim == 0:
            raise DataError(
                f'{where}, {name}',
                'a single number',
                'an array whose first axis is the examples',
                f'Pass np.array([{name}]) for one example.',
            )
    if not named:
        raise DataError(f'{where}, x', 'an empty structure', 'at least one array', 'Pass the arrays to train on.')
    first, one = named[0]
    for name, leaf in named:
        if leaf.shape[0] != one.shape[0]:
            raise DataError(
                where,
                f'{one.shape[0]:,} examples in {first} and {leaf.shape[0]:,} in {name}',
                'the same number of examples in both',
                'Make them equally long. A list of arrays means one array per input: np.stack(list) makes them the rows of one.',
            )
    if one.shape[0] == 0:
        raise DataError(f'{where}, {first}', 'no examples', 'at least one', 'Check the filter or the file that the data comes from.')


def named_leaves(tree: Any, name: str) -> list[tuple[str, Any]]:
    """Each array of a structure with the name a user would give it: `x`, `x[0]`, `x['image']`."""
    return [(name + jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]]
