"""The data that a layer is adapted to, read batch by batch, whatever form the user has it in."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lamina.core.errors import DataError
from lamina.data.arrays import Arrays
from lamina.data.convert import is_array_like, to_array
from lamina.data.reading import as_dataset
from lamina.data.structure import holds_arrays

_ROWS = 4096


def batches_of(data: Any, where: str, steps: int | None = None) -> Iterator[np.ndarray]:
    """The inputs of each batch as an array.

    | data | its batches |
    |---|---|
    | an array, a table, a list of numbers | its rows, some thousands at a time |
    | a list of arrays | each of them |
    | a generator, a DataLoader, any source of batches `x`, `(x, y)` or `(x, y, weights)` | the x of each |

    Args:
        data: any of these.
        where: the call, for errors.
        steps: how many batches of a source to read; None reads all.

    Raises:
        DataError: no data, values that are not finite numbers, or several inputs.
    """
    if isinstance(data, (list, tuple)) and holds_arrays(data):
        yield from (_single(to_array(item, f'{where}, batch {i + 1}'), where) for i, item in enumerate(data[:steps]))
    elif is_array_like(data) or isinstance(data, (list, tuple)):
        yield from _rows(_single(to_array(data, f'{where}, data'), where))
    else:
        source = as_dataset(data, where=where)
        batches: Iterable[Arrays] = [source] if isinstance(source, Arrays) else source
        yield from (_single(batch.inputs, where) for batch in itertools.islice(batches, steps))


def _rows(array: np.ndarray) -> Iterator[np.ndarray]:
    return (array[start : start + _ROWS] for start in range(0, len(array), _ROWS))


def _single(inputs: Any, where: str) -> np.ndarray:
    if isinstance(inputs, (tuple, dict)):
        raise DataError(where, f'{len(inputs)} inputs', 'one array', 'Adapt to the input of this layer alone.')
    array = np.asarray(inputs)
    if array.ndim == 0 or array.size == 0:
        raise DataError(where, f'data of shape {array.shape}', 'at least one example', 'Pass the training data.')
    return array
