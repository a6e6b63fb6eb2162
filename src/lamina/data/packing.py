"""Large images that were scaled from bytes are kept as bytes: the same numbers in a quarter of the memory, and of the traffic."""

from typing import Any

import jax
import numpy as np

from lamina.data.aligned import aligned_empty

# Smaller arrays are not worth a second form of the compiled program.
LEAST_ELEMENTS = 1 << 20
_DIVISORS = (255.0, 1.0)
_CHUNK_ELEMENTS = 1 << 18


@jax.tree_util.register_pytree_node_class
class PackedBytes:
    """A float32 array, every value of which is a byte over a divisor, held as those bytes.

    It stands where an array of inputs may stand: it has the array's shape, and `astype` gives the values back bit for bit,
    on the host and inside a compiled program.

    Args:
        codes: uint8, in the array's shape.
        divisor: 255 for images scaled to [0, 1], 1 for images of whole numbers.
    """

    __slots__ = ('codes', 'divisor')

    dtype = np.dtype(np.float32)

    def __init__(self, codes: Any, divisor: float):
        self.codes, self.divisor = codes, divisor

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.codes.shape

    @property
    def ndim(self) -> int:
        """The array's number of axes."""
        return self.codes.ndim

    def astype(self, dtype: Any) -> Any:
        """The values as an array."""
        values = self.codes.astype(np.float32)
        if self.divisor == 1:
            return values.astype(dtype)
        # XLA would multiply with the rounded reciprocal, which is not the quotient. In two parts it is: the first has so
        # few digits that its product with a byte is exact.
        high, low = _reciprocal_parts(self.divisor)
        return (values * high + values * low).astype(dtype)

    def reshape(self, *shape: int) -> 'PackedBytes':
        """The same values in another shape."""
        return PackedBytes(self.codes.reshape(*shape), self.divisor)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.astype(dtype or np.float32))

    def __repr__(self) -> str:
        return f'PackedBytes(shape={self.shape}, divisor={self.divisor:g})'

    def tree_flatten(self) -> tuple[tuple[Any], float]:
        """For JAX: the bytes are the only leaf."""
        return (self.codes,), self.divisor

    @classmethod
    def tree_unflatten(cls, divisor: float, children: tuple[Any]) -> 'PackedBytes':
        """For JAX: the inverse of `tree_flatten`."""
        return cls(children[0], divisor)


def _reciprocal_parts(divisor: float) -> tuple[np.float32, np.float32]:
    """1 / divisor as a float32 of 16 significant bits and the float32 rest."""
    high = (np.float32(1 / divisor).view(np.uint32) & np.uint32(0xFFFFFF00)).view(np.float32)
    return high, np.float32(1 / divisor - float(high))


def packed(array: Any) -> PackedBytes | None:
    """The array as PackedBytes where that loses nothing; None where it would, or where it is small or not of floats.

    Every value is checked, in the precision it came in: only `byte / divisor`, rounded as NumPy rounds it, is accepted.
    """
    if not isinstance(array, np.ndarray) or array.dtype not in (np.float64, np.float32) or array.size < LEAST_ELEMENTS:
        return None
    for divisor in _DIVISORS:
        if _codes(array[:1], divisor) is not None:
            codes = _codes(array, divisor)
            return None if codes is None else PackedBytes(codes, divisor)
    return None


def expected_form(array: np.ndarray, plain: Any) -> Any:
    """What `packed` will probably make of an array, by its first row, as abstract bytes; else the plain form."""
    if array.dtype in (np.float64, np.float32) and array.size >= LEAST_ELEMENTS:
        for divisor in _DIVISORS:
            if _codes(array[:1], divisor) is not None:
                return PackedBytes(jax.ShapeDtypeStruct(array.shape, np.uint8), divisor)
    return plain


def _codes(array: np.ndarray, divisor: float) -> np.ndarray | None:
    """The bytes whose quotients are exactly these values, or None."""
    table = (np.arange(256, dtype=array.dtype) / array.dtype.type(divisor)).astype(array.dtype)
    bits = np.dtype(f'u{array.dtype.itemsize}')  # compared as bits, NaN is never equal and -0 is not 0
    codes = aligned_empty(array.shape, np.uint8)
    rows = max(1, _CHUNK_ELEMENTS * len(array) // array.size)
    for start in range(0, len(array), rows):
        values = np.ascontiguousarray(array[start : start + rows])
        with np.errstate(all='ignore'):  # whatever is no byte becomes one here, and is then found to differ
            part = np.rint(values * array.dtype.type(divisor)).astype(np.uint8)
        if not np.array_equal(table[part].view(bits), values.view(bits)):
            return None
        codes[start : start + rows] = part
    return codes
