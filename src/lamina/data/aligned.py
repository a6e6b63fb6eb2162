"""Arrays that a CPU device can use where they are: JAX copies what does not begin at a multiple of 64 bytes."""

import math
from typing import Any

import numpy as np

_ALIGNMENT_BYTES = 64


def aligned_empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialized array whose memory begins at a multiple of 64 bytes."""
    size_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    buffer = np.empty(size_bytes + _ALIGNMENT_BYTES, np.uint8)
    start = -buffer.ctypes.data % _ALIGNMENT_BYTES
    return buffer[start : start + size_bytes].view(dtype).reshape(shape)
