"""Whole numbers looked up in a vocabulary, on the device."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import Rule, flag, one_of, real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.preprocessing import vocabulary
from lamina.layers.preprocessing.adapting import batches_of
from lamina.layers.preprocessing.digit_hashes import bins_of
from lamina.layers.preprocessing.rules import DENSE, INTEGER, SALT, as_salt, listed
from lamina.layers.preprocessing.vocabulary import OUTPUT_MODES, TokenCounts, Vocabulary
from lamina.layers.weight import Weights

_TERMS = Rule(
    lambda v: isinstance(v, tuple) and all(map(INTEGER.accepts, v)),
    'a tuple of whole numbers of 32 bits',
    bad=('terms.txt', (1.5,), ('a',), 3),
)
IDF_WEIGHTS = Rule(
    lambda v: isinstance(v, tuple) and all(map(real().accepts, v)), 'a tuple of numbers, one per term', bad=('heavy', 1.0, ('a',))
)


@described
class IntegerLookup(Layer):
    """Whole numbers as their places in a vocabulary, the most frequent first.

    The vocabulary is a setting: give it, or learn it with `adapt`, which returns a layer that has it. It is saved with the network.

    Args:
        max_tokens: the greatest size of the vocabulary, special tokens included; default None, any size.
        num_oov_indices: how many indices stand for numbers outside the vocabulary; default 1. With more than one, a number's
            remainder (or its hash) chooses. With 0, such a number has index -1, and counts nowhere in the other modes.
        mask_token: the number that stands for an absent value: index 0 for 'int', counted nowhere in the other modes; default None.
        oov_token: what `invert` gives for out-of-vocabulary indices; default -1.
        vocabulary: the numbers, with or without the special tokens before them; default None: to be learned by `adapt`.
        vocabulary_dtype: 'int64', as in Keras; computed in 32 bits.
        idf_weights: for 'tf_idf', a weight for each term; default None.
        invert: whether indices are turned back into numbers; default False.
        output_mode: 'int' (default), the indices; 'one_hot', 'multi_hot', 'count' as in `CategoryEncoding`; 'tf_idf', counts times
            the inverse document frequency.
        sparse: False.
        pad_to_max_tokens: whether rows are as wide as max_tokens, however many terms were learned; default False.
        oov_method: 'floormod' (default) or 'farmhash', which spreads numbers that share a divisor.
        salt: as in `Hashing`, for oov_method='farmhash'; default None.

    Shapes:
        x: (batch, …) → the same for 'int'; (batch, n) → (batch, size) or (batch, n, size) otherwise.

    Raises:
        StateError: no vocabulary yet; the message says how to adapt.
        ConfigError: a term twice, a special token among the terms, more terms than max_tokens, settings that contradict each other.

    Example:
        >>> import lamina
        >>> lookup = lamina.layers.IntegerLookup().adapt([[12, 1138, 42], [42, 1000, 36]])
        >>> lookup.get_vocabulary()
        [-1, 42, 1138, 1000, 36, 12]
        >>> lamina.Sequential([lamina.Input((3,), dtype='int32'), lookup]).predict([[12, 42, 7]], verbose=0)
        array([[5, 1, 0]], dtype=int32)
    """

    max_tokens: int | None = setting(whole(2), default=None)
    num_oov_indices: int = setting(whole(0), default=1)
    mask_token: int | None = setting(INTEGER, default=None)
    oov_token: int = setting(INTEGER, default=-1)
    vocabulary: tuple[int, ...] | None = setting(_TERMS, convert=listed, default=None)
    vocabulary_dtype: str = setting(one_of('int64'), default='int64')
    idf_weights: tuple[float, ...] | None = setting(IDF_WEIGHTS, convert=listed, default=None)
    invert: bool = setting(flag(), default=False)
    output_mode: str = setting(one_of(*OUTPUT_MODES), default='int')
    sparse: bool = setting(DENSE, default=False)
    pad_to_max_tokens: bool = setting(flag(), default=False)
    oov_method: str = setting(one_of('floormod', 'farmhash'), default='floormod')
    salt: tuple[int, int] | None = setting(SALT, convert=as_salt, default=None)

    def validate(self) -> None:
        if self.salt is not None and self.oov_method != 'farmhash':
            where, expected = f"{self.label}, setting 'salt'", "None where oov_method is not 'farmhash'"
            raise ConfigError(where, repr(self.salt), expected, "Write oov_method='farmhash', or remove salt=….")
        vocabulary.check(self)

    def weights(self, shape: Shape) -> Weights:
        vocabulary.vocabulary_of(self)
        return {}

    def apply(self, variables, x, scope):
        terms, x = vocabulary.vocabulary_of(self), jnp.asarray(x).astype(jnp.int32)
        return self._inverse(x, terms) if self.invert else terms.present(self._indices(x, terms))

    def _indices(self, x: jax.Array, terms: Vocabulary) -> jax.Array:
        tokens = np.asarray(terms.tokens, np.int32)
        order = np.argsort(tokens).astype(np.int32)
        place = jnp.clip(jnp.searchsorted(tokens[order], x), 0, len(tokens) - 1)
        found = jnp.asarray(tokens[order])[place] == x
        indices = jnp.where(found, terms.start + jnp.asarray(order)[place], self._outside(x, terms))
        if terms.mask_token is None:
            return indices
        return jnp.where(x == terms.mask_token, 0 if terms.output_mode == 'int' else -1, indices)

    def _outside(self, x: jax.Array, terms: Vocabulary) -> jax.Array | int:
        if self.num_oov_indices == 0:
            return -1
        if self.num_oov_indices == 1:
            return terms.oov_start
        if self.oov_method == 'farmhash':
            return terms.oov_start + bins_of(x, self.num_oov_indices, self.salt)
        return terms.oov_start + jnp.mod(x, self.num_oov_indices)

    def _inverse(self, x: jax.Array, terms: Vocabulary) -> jax.Array:
        listed = jnp.asarray(terms.terms(), jnp.int32)
        inside = (x >= 0) & (x < len(listed))
        return jnp.where(inside, listed[jnp.clip(x, 0, len(listed) - 1)], self.oov_token)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[int]:
        """The numbers in the order of their indices.

        Args:
            include_special_tokens: whether mask and out-of-vocabulary tokens stand at their indices; default True.

        Raises:
            StateError: there is no vocabulary yet.
        """
        return vocabulary.vocabulary_of(self).terms(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of indices, those of the special tokens included.

        Raises:
            StateError: there is no vocabulary yet.
        """
        return vocabulary.vocabulary_of(self).size

    def adapt(self, data: Any, steps: int | None = None) -> 'IntegerLookup':
        """A layer with the vocabulary of these data; this one stays as it is.

        Args:
            data: an array, a list of numbers, a list of arrays, or any source of batches, of which the inputs count. A row is a
                document for 'tf_idf'.
            steps: how many batches of a source to read; default None, all.

        Returns:
            The adapted layer.

        Raises:
            DataError: no data, or nothing but special tokens.
        """
        counts = TokenCounts()
        for batch in batches_of(data, f'{self.label}, adapt', steps):
            counts.add(batch.astype(np.int64).reshape(len(batch), -1))
        return vocabulary.adapted(self, counts)
