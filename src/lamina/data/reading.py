"""The one door through which data enters `fit`, `evaluate` and `predict`."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any, cast

from lamina.core.errors import DataError
from lamina.data.arrays import Arrays
from lamina.data.batches import Batches
from lamina.data.convert import is_array_like
from lamina.data.hub import from_hub, is_hub_dataset
from lamina.data.structure import make_arrays


def as_dataset(
    x: Any, y: Any = None, sample_weight: Any = None, *, where: str = 'fit', batch_size: int = 32, strings: bool = False
) -> Arrays | Batches:
    """What a user passes to `fit`, as arrays in memory or as a source of batches.

    | x | becomes |
    |---|---|
    | NumPy or JAX array, PyTorch tensor, pandas or Polars table, SciPy sparse matrix | `Arrays` |
    | list of numbers, nested as the axes are | `Arrays` of one array |
    | list, tuple or dict of arrays | `Arrays` of many inputs, also where the arrays are equally long, as in Keras |
    | Hugging Face dataset, with `y` the name of a column (or names, or a dict of them) | `Arrays`; streaming: `Batches` |
    | PyTorch DataLoader, or any iterable of batches | `Batches` |
    | object with `__getitem__` (and `__len__`) that gives batches, such as a Keras PyDataset | `Batches` |
    | function that returns an iterator of batches | `Batches`, a new iterator for each pass |
    | generator or other iterator of batches | `Batches` that can be read once |

    A batch is `x`, `(x, y)` or `(x, y, weights)`. A list of batches is read as a list of arrays; pass `iter(list)` or a function.
    float32, booleans and small integers pass without a copy; other floats become float32, other integers int32.

    Args:
        x: any of these.
        y: targets in the form of `x`'s first four rows; None for batches, which bring their own.
        sample_weight: one number per example, or arrays in the structure of `y`.
        where: the call, for errors.
        batch_size: used only for a streaming Hugging Face dataset.
        strings: let text through in `x`: lists and arrays of strings, columns of text.

    Returns:
        `Arrays` or `Batches`; either passes through.

    Raises:
        DataError: empty, ragged, of unequal length, not numbers, not finite, beyond int32, or of a type not in the table.

    Example:
        >>> from lamina.data import as_dataset
        >>> as_dataset([[1, 2], [3, 4], [5, 6]], [0, 1, 1])
        Arrays(inputs=int32[3, 2], targets=int32[3], weights=None)
    """
    if is_hub_dataset(x):
        return from_hub(x, y, sample_weight, where, batch_size, strings)
    if is_array_like(x) or isinstance(x, (list, tuple, dict, str, bytes, int, float, complex)):
        return make_arrays(x, y, sample_weight, where=where, strings=strings)
    source = x if isinstance(x, (Arrays, Batches)) else _batches(x, where)
    for name, value in (('y', y), ('sample_weight', sample_weight)):
        if value is not None:
            raise DataError(
                f'{where}, {name}',
                f'{name} beside x of {type(x).__name__}',
                'them within x',
                'Yield (x, y) or (x, y, weights) as each batch.',
            )
    return replace(source, strings=True) if strings and isinstance(source, Batches) else source


def _batches(x: Any, where: str) -> Batches:
    if _is_torch(x, 'DataLoader'):
        return Batches(lambda: iter(x), _length(x), True, where)
    if _is_torch(x, 'Dataset'):
        raise DataError(
            f'{where}, x', 'a PyTorch Dataset of single examples', 'batches', 'Wrap it: DataLoader(dataset, batch_size=32, shuffle=True).'
        )
    if hasattr(x, '__next__'):
        return Batches(lambda: x, None, False, where)
    if hasattr(x, '__getitem__'):
        length = _length(x)
        return Batches(_indexed(x, length), length, True, where, getattr(x, 'on_epoch_end', None))
    if hasattr(x, '__iter__'):
        return Batches(lambda: iter(x), _length(x), True, where)
    if callable(x):
        return Batches(cast('Callable[[], Iterator[Any]]', x), None, True, where)
    raise DataError(
        f'{where}, x',
        f'an object of type {type(x).__name__}',
        'arrays, tables, lists of numbers, or a source of batches',
        'Pass np.asarray(x) if it holds numbers, or a generator of (x, y) batches.',
    )


def _indexed(x: Any, length: int | None) -> Callable[[], Iterator[Any]]:
    return lambda: (x[i] for i in (count() if length is None else range(length)))


def _length(x: Any) -> int | None:
    """Its number of batches; None where it has no length, or has one only for show, as streams do."""
    try:
        return len(x)
    except TypeError:
        return None


def _is_torch(x: Any, name: str) -> bool:
    return any(cls.__name__ == name and cls.__module__.startswith('torch.utils.data') for cls in type(x).__mro__)
