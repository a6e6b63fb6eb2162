"""Text that a user passes, made one array of strings; only networks that begin with layers for strings take it."""

from typing import Any

import numpy as np

from lamina.core.errors import DataError
from lamina.data.frames import frame_kind

_TEXT = (str, bytes)


def as_strings(value: Any, where: str) -> np.ndarray | None:
    """The value as an array of Python strings (of objects, or of NumPy's fixed-width strings), or None where it is not text.

    Args:
        value: a list of strings, nested as the axes are; an array of strings, bytes (UTF-8) or objects; a column of pandas or Polars.
        where: how errors call it.

    Raises:
        DataError: a single string, something that is no string among strings, ragged lists, or bytes that are not UTF-8.
    """
    if isinstance(value, _TEXT):
        remedy = 'Pass a list, [text], for one example.'
        raise DataError(where, 'a single string', 'a list or an array of strings', remedy)
    if isinstance(value, (list, tuple)):
        return _checked(_from_list(value), where) if isinstance(_first(value), _TEXT) else None
    if frame_kind(value) == 'series':
        value = value.to_numpy()
    kind = getattr(getattr(value, 'dtype', None), 'kind', None)
    if kind not in ('U', 'S', 'T', 'O'):
        return None
    array = np.asarray(value)
    if array.dtype.kind == 'U':
        return array
    if array.dtype.kind == 'O' and not isinstance(next((v for v in array.flat if not _is_missing(v)), None), _TEXT):
        return None
    return _checked(array.astype(object), where)


def is_text(array: Any) -> bool:
    """Whether the array holds strings rather than numbers."""
    return getattr(array.dtype, 'kind', '') in ('U', 'S', 'T', 'O')


def _first(values: Any) -> Any:
    """The first entry of nested lists that is neither a list nor missing."""
    for value in values:
        found = _first(value) if isinstance(value, (list, tuple)) else value
        if not _is_missing(found):
            return found
    return None


def _from_list(values: Any) -> np.ndarray:
    try:
        return np.array(values, dtype=object)
    except ValueError:  # rows of unequal length, from the second axis on
        rows = np.empty(len(values), object)
        rows[:] = values
        return rows


def _checked(array: np.ndarray, where: str) -> np.ndarray:
    """The array of objects with bytes decoded, every one of them a string."""
    kinds = set(map(type, array.flat))
    if any(issubclass(kind, bytes) for kind in kinds):
        array = _decoded(array, where)
        kinds = set(map(type, array.flat))
    if any(not issubclass(kind, str) for kind in kinds):
        raise _wrong(array, where)
    return array


def _decoded(array: np.ndarray, where: str) -> np.ndarray:
    try:
        flat = [v.decode() if isinstance(v, bytes) else v for v in array.flat]
    except UnicodeDecodeError as error:
        raise DataError(where, f'bytes that are not UTF-8 ({error})', 'strings, or bytes of UTF-8', 'Decode them first.') from error
    decoded = np.empty(len(flat), object)
    decoded[:] = flat
    return decoded.reshape(array.shape)


def _wrong(array: np.ndarray, where: str) -> DataError:
    """The error for the first entry that is no string."""
    place, value = next((i, v) for i, v in np.ndenumerate(array) if not isinstance(v, str))
    row = f'row {place[0]}' if place else 'it'
    if _is_missing(value):
        remedy = "Fill what is missing, for example x = [text or '' for text in x]."
        return DataError(where, f'{value!r} among strings, in {row}', 'a string in every place', remedy)
    if isinstance(value, (list, tuple, np.ndarray)):
        remedy = 'Pad them to the longest, or join the strings of each example into one.'
        return DataError(where, f'rows of unequal length, one in {row}', 'rows of one length', remedy)
    remedy = 'Write x = [str(value) for value in x], or give numbers an input of their own.'
    return DataError(where, f'{value!r} among strings, in {row}', 'strings only', remedy)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in ('NAType', 'NaTType')
