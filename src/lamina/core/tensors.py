"""Named arrays as safetensors bytes, their headers checked before any array is made."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.core.errors import ArchiveError

_MAX_HEADER_BYTES = 64 * 2**20
_MAX_AXES = 64
_ITEM_BYTES = {
    'F64': 8,
    'F32': 4,
    'F16': 2,
    'BF16': 2,
    'I64': 8,
    'I32': 4,
    'I16': 2,
    'I8': 1,
    'U64': 8,
    'U32': 4,
    'U16': 2,
    'U8': 1,
    'BOOL': 1,
}
_NAMES = {'float64': 'F64', 'float32': 'F32', 'float16': 'F16', 'bfloat16': 'BF16', 'bool': 'BOOL'} | {
    f'{kind}int{bits}': f'{"U" if kind else "I"}{bits}' for kind in ('', 'u') for bits in (8, 16, 32, 64)
}


def dump(arrays: Mapping[str, Any]) -> bytes:
    """The arrays as safetensors bytes."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(np.asarray(array)).reshape(np.shape(array)) for name, array in arrays.items()})


def load(content: bytes, where: str, expected: Mapping[str, tuple[tuple[int, ...], Any]]) -> dict[str, np.ndarray]:
    """The arrays of safetensors bytes, which must be exactly the expected ones.

    Args:
        content: the bytes.
        where: the file and member, for errors.
        expected: shape and dtype by name.

    Raises:
        ArchiveError: a malformed or oversize header, or another name, shape or dtype than expected.
    """
    header = _header(content, where)
    for name in sorted(set(header) ^ set(expected)):
        got = f'no array {name!r}' if name in expected else f'an array {name!r} that the model does not have'
        raise ArchiveError(where, got, f'the {len(expected)} arrays of the described model', 'Save the model again.')
    for name, (shape, dtype) in expected.items():
        wanted = (_NAMES[np.dtype(dtype).name], tuple(shape))
        if (got := (header[name]['dtype'], tuple(header[name]['shape']))) != wanted:
            raise ArchiveError(f'{where}, array {name!r}', f'{got[0]} {got[1]}', f'{wanted[0]} {wanted[1]}', 'Save the model again.')
    data = 8 + int.from_bytes(content[:8], 'little')
    return {name: _array(content, data + header[name]['data_offsets'][0], *expected[name]) for name in expected}


def _array(content: bytes, offset: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array of its own, not a view of the bytes."""
    if np.dtype(dtype) == np.bool_:
        # A byte other than 0 and 1 would make a boolean that is neither.
        return np.frombuffer(content, np.uint8, math.prod(shape), offset).reshape(shape) != 0
    return np.frombuffer(content, dtype, math.prod(shape), offset).reshape(shape).copy()


def _header(content: bytes, where: str) -> dict[str, dict]:
    """The header's entries, with offsets that cover the data exactly once."""

    def refuse(got: str) -> ArchiveError:
        return ArchiveError(
            where, got, 'a safetensors header that describes its data', 'Do not use this file; it is damaged or was changed.'
        )

    length = int.from_bytes(content[:8], 'little') if len(content) >= 8 else 0
    if not 2 <= length <= min(_MAX_HEADER_BYTES, len(content) - 8):
        raise refuse(f'a header of {length:,} bytes in {len(content):,} bytes')
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise refuse(f'a header that is no JSON ({error})') from error
    if not isinstance(header, dict):
        raise refuse('a header that is no object')
    header.pop('__metadata__', None)
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: _begin(item[1])):
        if not _well_formed(entry) or entry['data_offsets'][0] != end:
            raise refuse(f'a malformed entry for {name[:80]!r}')
        end = entry['data_offsets'][1]
    if end != len(content) - 8 - length:
        raise refuse(f'{end:,} bytes of arrays described and {len(content) - 8 - length:,} present')
    return header


def _begin(entry: Any) -> int:
    offsets = entry.get('data_offsets') if isinstance(entry, dict) else None
    return offsets[0] if isinstance(offsets, list) and offsets and isinstance(offsets[0], int) else -1


def _well_formed(entry: Any) -> bool:
    if not isinstance(entry, dict) or set(entry) != {'dtype', 'shape', 'data_offsets'}:
        return False
    dtype, shape, offsets = entry['dtype'], entry['shape'], entry['data_offsets']
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES or not isinstance(shape, list) or not isinstance(offsets, list):
        return False
    # NumPy has at most 64 axes; the product of millions of them would take hours.
    if len(shape) > _MAX_AXES or len(offsets) != 2 or not all(type(n) is int and n >= 0 for n in (*shape, *offsets)):
        return False
    return offsets[1] - offsets[0] == math.prod(shape) * _ITEM_BYTES[dtype]
