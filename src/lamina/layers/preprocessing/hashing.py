"""Categories without a vocabulary: each value's hash is its index. Whole numbers are hashed on the device, strings on the host."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import Rule, one_of, setting, whole
from lamina.core.shapes import Shape, TypedShape, dtype_of
from lamina.data.strings import is_text
from lamina.layers.base import STRING
from lamina.layers.host import HostLayer
from lamina.layers.preprocessing.counting import encoded, encoded_shape
from lamina.layers.preprocessing.digit_hashes import bins_of
from lamina.layers.preprocessing.fingerprints import buckets
from lamina.layers.preprocessing.rules import DENSE, INTEGER, SALT, as_salt
from lamina.layers.preprocessing.vocabulary import COUNTING_MODES, encode

_MASK = Rule(lambda v: isinstance(v, str) or INTEGER.accepts(v), 'a string, or a whole number of 32 bits', bad=(1.5, (), 2**31))


@described
class Hashing(HostLayer):
    """Strings, or whole numbers of any size, as numbers of bins, without a vocabulary; different values may share a bin.

    The bins are those of Keras on every machine: FarmHash64 of the UTF-8 bytes or, with a salt, SipHash-2-4, modulo the number of
    bins. Whole numbers are hashed as their decimal digits.

    Args:
        num_bins: how many bins, that of the mask included.
        mask_value: a string or number that stands for an absent value; it has bin 0, which no other has; default None.
        salt: one or two whole numbers, the key of SipHash, without which the bins cannot be foreseen; default None.
        output_mode: 'int' (default), the numbers of the bins; 'one_hot', 'multi_hot', 'count' as in `CategoryEncoding`.
        sparse: False.

    Shapes:
        x: (batch, …) → the same for 'int'; (batch, n) → (batch, num_bins) or (batch, n, num_bins) otherwise.

    Raises:
        ConfigError: a mask_value of another kind than the values.

    Example:
        >>> import lamina
        >>> bins = lamina.layers.Hashing(3)
        >>> lamina.Sequential([lamina.Input((5,), dtype='int32'), bins]).predict([[0, 1, 7, 42, 999]], verbose=0)
        array([[1, 0, 1, 0, 0]], dtype=int32)
        >>> bins.prepare(['A', 'B', 'C', 'D', 'E'])
        array([1, 0, 1, 1, 2], dtype=int32)

    Source: Weinberger et al. (2009), feature hashing; for the hashes see `fingerprints`.
    """

    on_host: ClassVar[bool] = False
    takes_strings: ClassVar[bool] = True

    num_bins: int = setting(Rule(lambda v: whole().accepts(v) and v < 2**31, 'a whole number in [1, 2³¹)', bad=(0, -3, 2**31, 1.5)))
    mask_value: Any = setting(_MASK, default=None)
    salt: tuple[int, int] | None = setting(SALT, convert=as_salt, default=None)
    output_mode: str = setting(one_of(*COUNTING_MODES), default='int')
    sparse: bool = setting(DENSE, default=False)

    def output_shape(self, shape: Shape, **keywords: Any) -> TypedShape:
        if isinstance(shape, TypedShape):
            self._mask(dtype_of(shape) == STRING)
        return encoded_shape(shape, self.output_mode, self.num_bins)

    def apply(self, variables, x, scope):
        numbers, mask = jnp.asarray(x).astype(jnp.int32), self._mask(False)
        if mask is None:
            bins = bins_of(numbers, self.num_bins, self.salt)
        else:
            bins = jnp.where(numbers == mask, 0, 1 + bins_of(numbers, self.num_bins - 1, self.salt))
        return encode(bins, self.output_mode, self.num_bins)

    def prepare(self, x: Any) -> np.ndarray:
        """The bins of strings, or of whole numbers, as an array."""
        array = self.strings(x) if not hasattr(x, 'dtype') or is_text(x) else None
        if array is None:
            return np.asarray(self.apply({}, x, scope=None))
        values, mask = array.ravel().tolist(), self._mask(True)
        found = np.array(buckets(values, self.num_bins - (mask is not None), self.salt), np.int32)
        if mask is not None:
            found = np.where([value == mask for value in values], np.int32(0), found + 1)
        return encoded(found.reshape(array.shape), self.output_mode, self.num_bins)

    def _mask(self, of_strings: bool) -> Any:
        """The mask, where there is one and a bin for it."""
        if self.mask_value is not None and isinstance(self.mask_value, str) != of_strings:
            values, kind = ('strings', 'a string') if of_strings else ('whole numbers', 'a whole number')
            where = f"{self.label}, setting 'mask_value'"
            raise ConfigError(where, f'{self.mask_value!r} for {values}', kind, f'Change mask_value=… to {kind}.')
        return self.mask_value if self.num_bins > 1 else None
