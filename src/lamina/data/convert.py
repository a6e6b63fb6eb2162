"""One value that a user passes made one array that a network can take, copied only where its dtype must change."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import DataError
from lamina.data.aligned import aligned_empty
from lamina.data.checks import check_finite
from lamina.data.frames import frame_kind, from_frame, from_series
from lamina.data.packing import packed
from lamina.data.strings import as_strings

MAX_DENSE_BYTES = 4 << 30
_INT32 = np.iinfo(np.int32)


def to_array(value: Any, where: str, *, keep_integers: bool = False, pack: bool = False, strings: bool = False) -> Any:
    """The value as a NumPy or JAX array of a dtype that networks take, checked for finite values.

    | from | to |
    |---|---|
    | float32; bool; integers of 8 and 16 bits; int32 | itself, without a copy |
    | other floats | float32 |
    | other integers | int32, where they fit |
    | pandas and Polars tables | float32 `(n, columns)`; columns `(n,)` |
    | SciPy sparse matrices | dense float32, up to 4 GiB |
    | PyTorch and TensorFlow tensors, lists of numbers | as the array of the same values |

    Args:
        value: any of these.
        where: how errors call it.
        keep_integers: leave a table of whole numbers whole (labels).
        pack: hold large images that were scaled from bytes as `PackedBytes`, which loses nothing.
        strings: let text through, as an array of strings; for networks that begin with layers which take it.

    Raises:
        DataError: text, objects, dates, complex numbers, ragged lists, integers beyond 32 bits, NaN or infinity.
    """
    if strings and (text := as_strings(value, where)) is not None:
        return text
    array, columns = _as_array(value, where, keep_integers)
    if pack and (compact := packed(array)) is not None:
        return compact
    array = _as_trainable(array, where)
    if array.ndim:
        check_finite(array, where, columns)
    return array


def is_array_like(value: Any) -> bool:
    """Whether the value is one array, table or tensor; numbers and lists are not."""
    if isinstance(value, (np.ndarray, np.generic, jax.Array)) or frame_kind(value) is not None or _is_sparse(value):
        return True
    return hasattr(value, '__array__') and hasattr(value, 'shape') and hasattr(value, 'dtype')


def _as_array(value: Any, where: str, keep_integers: bool) -> tuple[Any, Sequence[str] | None]:
    kind = frame_kind(value)
    if kind == 'lazy':
        raise DataError(where, 'a lazy query', 'a table', 'Call .collect() on it first.')
    if kind == 'frame':
        return from_frame(value, where, keep_integers=keep_integers)
    if kind == 'series':
        return from_series(value, where), None
    if _is_sparse(value):
        return _dense(value, where), None
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(where, 'a masked array with masked values', 'a value in every place', 'Fill them: x = x.filled(0).')
    if isinstance(value, jax.Array):
        return value, None
    if not isinstance(value, np.ndarray) and hasattr(value, 'detach'):  # a PyTorch tensor, perhaps on a device and part of a graph
        value = value.detach().cpu()
        value = value.float() if 'bfloat16' in str(value.dtype) else value
    if isinstance(value, np.ndarray) or hasattr(value, '__array__'):
        return np.asarray(value), None  # an exact ndarray comes back as itself; a memory map stays one
    return _from_list(value, where), None


def _from_list(value: Any, where: str) -> np.ndarray:
    try:
        return np.array(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise _ragged(where) from error


def _ragged(where: str) -> DataError:
    return DataError(
        where, 'rows of unequal length', 'rows of one length', 'Pad them to the longest, or group rows of one length into batches.'
    )


def _as_trainable(array: Any, where: str) -> Any:
    dtype = array.dtype
    if dtype.isnative and (dtype in (np.float32, np.int32, np.bool_) or (dtype.kind in 'iu' and dtype.itemsize <= 2)):
        return array
    if jnp.issubdtype(dtype, jnp.floating):
        with np.errstate(over='ignore'):  # beyond float32 becomes infinite, which the check for finite values then reports
            return _to_float32(array)
    if dtype.kind in 'iu':
        return _to_int32(array, where)
    if dtype.kind == 'O':
        _refuse_objects(array, where)
    kinds = {'U': 'text', 'S': 'bytes', 'T': 'text', 'c': 'complex numbers', 'M': 'dates', 'm': 'durations'}
    raise DataError(
        where,
        f'{kinds.get(dtype.kind, "values")} of dtype {dtype}',
        'numbers or booleans',
        'Turn them into numbers first: labels by np.unique(y, return_inverse=True)[1], anything else by .astype("float32").',
    )


def _to_float32(array: Any) -> Any:
    """The array in single precision, where a CPU device can use it in place."""
    if isinstance(array, jax.Array):
        return array.astype(np.float32)
    aligned = aligned_empty(array.shape, np.float32)
    aligned[...] = array
    return aligned


def _refuse_objects(array: np.ndarray, where: str) -> None:
    if any(hasattr(item, '__len__') and not isinstance(item, (str, bytes)) for item in array.flat):
        raise _ragged(where)


def _to_int32(array: Any, where: str) -> Any:
    if array.size and (int(array.min()) < _INT32.min or int(array.max()) > _INT32.max):
        flat = np.asarray(array)
        first = tuple(int(i) for i in np.argwhere((flat < _INT32.min) | (flat > _INT32.max))[0])
        got = f'the whole number {int(flat[first])} in row {first[0] if first else 0}'
        raise DataError(
            where, got, f'whole numbers from {_INT32.min} to {_INT32.max}', 'Subtract an offset, or convert to float: .astype("float32").'
        )
    return array.astype(np.int32)


def _is_sparse(value: Any) -> bool:
    return hasattr(value, 'toarray') and hasattr(value, 'nnz') and hasattr(value, 'shape')


def _dense(value: Any, where: str) -> np.ndarray:
    size_bytes = 4 * int(np.prod([int(n) for n in value.shape], dtype=np.float64))
    if size_bytes > MAX_DENSE_BYTES:
        raise DataError(
            where,
            f'a sparse matrix {value.shape}, which is {size_bytes / 2**30:.1f} GiB when dense',
            f'at most {MAX_DENSE_BYTES / 2**30:g} GiB',
            'Pass a generator that yields x[rows].toarray() for one batch after another, or reduce its columns.',
        )
    return (value if value.dtype.kind in 'biu' else value.astype(np.float32)).toarray()
