"""What every lookup shares, of whole numbers or of text: which term has which index, and how indices are presented.

A lookup layer keeps its terms as settings (`vocabulary`, `idf_weights`), so that they are saved with the network. This file
checks them, learns them from data, and turns indices into the rows that a network takes; it does not know what a term is.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina.core.errors import ConfigError, DataError, StateError

#: The outputs of a layer that counts categories, and those of a lookup.
COUNTING_MODES = ('int', 'one_hot', 'multi_hot', 'count')
OUTPUT_MODES = (*COUNTING_MODES, 'tf_idf')


@dataclass(frozen=True)
class Vocabulary:
    """The terms of a lookup and their indices: the mask, then what is not in the vocabulary, then each term.

    | index | with a mask token and `output_mode='int'` | otherwise |
    |---|---|---|
    | 0 | the mask | the first out-of-vocabulary index |
    | then | `num_oov_indices` indices | the others |
    | `start` on | the terms, the most frequent first | the same |

    Args:
        tokens: the terms, without the mask and out-of-vocabulary tokens.
        mask_token: what stands for an absent value, or None.
        oov_token: what an inverse lookup gives for an out-of-vocabulary index.
        num_oov_indices: how many indices stand for terms outside the vocabulary.
        output_mode: one of `OUTPUT_MODES`.
        depth: the width of the rows of every mode but 'int'.
        weights: for 'tf_idf', what the count of each index is multiplied with, `depth` long; else None.
    """

    tokens: tuple
    mask_token: Any
    oov_token: Any
    num_oov_indices: int
    output_mode: str
    depth: int
    weights: tuple[float, ...] | None = None

    @property
    def oov_start(self) -> int:
        """The first out-of-vocabulary index: 1 where index 0 is the mask."""
        return int(self.mask_token is not None and self.output_mode == 'int')

    @property
    def start(self) -> int:
        """The index of the first term."""
        return self.oov_start + self.num_oov_indices

    @property
    def size(self) -> int:
        """The number of indices."""
        return self.start + len(self.tokens)

    def terms(self, include_special_tokens: bool = True) -> list:
        """The terms in the order of their indices, as Keras's `get_vocabulary` lists them.

        Args:
            include_special_tokens: whether the mask and out-of-vocabulary tokens stand at their indices; then a term's place is
                its index.
        """
        special = [self.mask_token] * self.oov_start + [self.oov_token] * self.num_oov_indices
        return [*special, *self.tokens] if include_special_tokens else list(self.tokens)

    def present(self, indices: Any) -> Any:
        """The indices (int32, of any shape; -1 where nothing is to be counted) in this vocabulary's output mode."""
        return encode(indices, self.output_mode, self.depth, self.weights)


def encode(indices: Any, output_mode: str, depth: int, weights: Any = None, count_weights: Any = None) -> Any:
    """Indices as a network takes them; an index outside [0, depth) counts nowhere.

    | `output_mode` | result |
    |---|---|
    | 'int' | the indices, int32 |
    | 'one_hot' | a row for each index; a last axis of size 1 is dropped first |
    | 'multi_hot' | a row for each sequence, 1 where an index occurs |
    | 'count' | a row for each sequence, how often an index occurs |
    | 'tf_idf' | the counts times `weights` |

    Args:
        indices: whole numbers.
        output_mode: one of the above.
        depth: the width of a row.
        weights: of each index, for 'tf_idf'.
        count_weights: of each place, of the shape of `indices`, for 'count'.

    Shapes:
        indices: (batch, length) → (batch, length), (batch, length, depth) or (batch, depth). One number an example, (batch,), is
        taken as a sequence of one.
    """
    indices = jnp.asarray(indices).astype(jnp.int32)
    if output_mode == 'int':
        return indices
    if indices.ndim > 1 and indices.shape[-1] == 1 and output_mode == 'one_hot':
        indices = indices[..., 0]
    hot = indices[..., None] == jnp.arange(depth, dtype=jnp.int32)
    if output_mode == 'one_hot' or (indices.ndim == 1 and count_weights is None and output_mode != 'tf_idf'):
        return hot.astype(jnp.float32)
    over = -2 if indices.ndim > 1 else ()
    if output_mode == 'multi_hot':
        return jnp.any(hot, over).astype(jnp.float32)
    hot = hot.astype(jnp.float32)
    if count_weights is not None:
        hot = hot * count_weights[..., None]
    counts = jnp.sum(hot, over)
    return counts * jnp.asarray(weights, jnp.float32) if output_mode == 'tf_idf' else counts


def vocabulary_of(layer: Any) -> Vocabulary:
    """The vocabulary that a lookup's settings describe.

    Args:
        layer: a description with Keras's settings of a lookup: `vocabulary`, `idf_weights`, `mask_token`, `oov_token`,
            `num_oov_indices`, `max_tokens`, `output_mode`, `pad_to_max_tokens`.

    Raises:
        StateError: it has no vocabulary yet; adapt it first.
        ConfigError: its settings contradict each other.
    """
    if layer.vocabulary is None:
        raise unadapted(layer, 'vocabulary')
    special = _special(layer)
    has_special = len(special) > 0 and tuple(layer.vocabulary[: len(special)]) == special
    tokens = tuple(layer.vocabulary[len(special) :]) if has_special else tuple(layer.vocabulary)
    size = len(special) + len(tokens)
    depth = layer.max_tokens if layer.pad_to_max_tokens and layer.max_tokens is not None else size
    weights = _weights(layer, 0 if has_special else len(special), depth) if layer.output_mode == 'tf_idf' else None
    return Vocabulary(tokens, layer.mask_token, layer.oov_token, layer.num_oov_indices, layer.output_mode, depth, weights)


def _special(layer: Any) -> tuple:
    """The tokens that stand before the terms."""
    masks = 1 if layer.mask_token is not None and layer.output_mode == 'int' else 0
    return (layer.mask_token,) * masks + (layer.oov_token,) * layer.num_oov_indices


def _weights(layer: Any, missing: int, depth: int) -> tuple[float, ...]:
    """A weight for every index: those before the terms have the mean of the others, those after them 0."""
    given = tuple(float(w) for w in layer.idf_weights)
    front = (float(np.mean(given)),) * missing if given else ()
    return (*front, *given, *(0.0,) * (depth - missing - len(given)))


def unadapted(layer: Any, lacking: str) -> StateError:
    """The error for a layer that must see data first."""
    return StateError(
        layer.label,
        f'no {lacking}',
        f'a {lacking}, given as a setting or learned from data',
        'A layer never changes, so keep the adapted one: layer = layer.adapt(x_train), and build the network with it.',
    )


def check(layer: Any) -> None:
    """Check a lookup's settings against one another, as its `validate`.

    Raises:
        ConfigError: a vocabulary with a term twice, with a mask token among the terms, larger than `max_tokens`; weights that do
            not fit it; an output mode that contradicts another setting.
    """
    _check_modes(layer)
    if layer.vocabulary is None:
        if layer.idf_weights is not None:
            raise _refused(layer, 'idf_weights', 'weights without a vocabulary', 'both or neither', 'Give vocabulary too, or adapt.')
        return
    if len(layer.vocabulary) == 0:
        raise _refused(layer, 'vocabulary', 'no terms', 'at least one', 'List the terms, or leave it out and adapt.')
    if (layer.output_mode == 'tf_idf') != (layer.idf_weights is not None):
        got = 'no weights' if layer.idf_weights is None else f'weights with output_mode={layer.output_mode!r}'
        remedy = 'Give one weight per term, or leave vocabulary out and adapt.' if layer.idf_weights is None else 'Remove idf_weights=….'
        raise _refused(layer, 'idf_weights', got, "weights where output_mode='tf_idf', and only there", remedy)
    if layer.idf_weights is not None and len(layer.idf_weights) != len(layer.vocabulary):
        got, terms = f'{len(layer.idf_weights)} weights', f'{len(layer.vocabulary)}, one per term of the vocabulary'
        raise _refused(layer, 'idf_weights', got, terms, 'Give one weight per term.')
    _check_terms(layer, vocabulary_of(layer))


def _check_modes(layer: Any) -> None:
    if layer.pad_to_max_tokens and layer.max_tokens is None:
        raise _refused(layer, 'pad_to_max_tokens', 'True without max_tokens', 'a number of tokens to pad to', 'Give max_tokens=….')
    if getattr(layer, 'invert', False) and layer.output_mode != 'int':
        raise _refused(layer, 'output_mode', f'{layer.output_mode!r} with invert=True', "'int'", "Write output_mode='int'.")


def _check_terms(layer: Any, vocabulary: Vocabulary) -> None:
    if repeated := [term for term, times in Counter(vocabulary.tokens).items() if times > 1]:
        raise _refused(layer, 'vocabulary', f'{repeated[0]!r} more than once', 'each term once', 'Remove the repetition.')
    reserved = [layer.mask_token] if layer.mask_token is not None else []
    reserved += [layer.oov_token] if getattr(layer, 'invert', False) and layer.oov_token is not None else []
    if misplaced := [token for token in reserved if token in set(vocabulary.tokens)]:
        order = list(_special(layer))
        expected = f'terms alone, or after exactly {order}'
        raise _refused(layer, 'vocabulary', f'the special token {misplaced[0]!r} among the terms', expected, 'Remove it from the terms.')
    if layer.max_tokens is not None and vocabulary.size > layer.max_tokens:
        got = f'{vocabulary.size} entries, the special tokens among them'
        raise _refused(layer, 'vocabulary', got, f'at most max_tokens={layer.max_tokens}', 'Raise max_tokens, or shorten the vocabulary.')


def _refused(layer: Any, name: str, got: str, expected: str, remedy: str) -> ConfigError:
    return ConfigError(f'{layer.label}, setting {name!r}', got, expected, remedy)


@dataclass
class TokenCounts:
    """How often each term occurs, and in how many documents; what `adapt` gathers from data.

    Example:
        >>> counts = TokenCounts()
        >>> counts.add([['a', 'b', 'b'], ['b', 'c']])
        >>> counts.most_frequent(without=('c',))
        ['b', 'a']
        >>> counts.documents['b'], counts.number_of_documents
        (2, 2)
    """

    occurrences: Counter = field(default_factory=Counter)
    documents: Counter = field(default_factory=Counter)
    number_of_documents: int = 0

    def add(self, documents: np.ndarray | Iterable[Sequence]) -> None:
        """Count documents: an array (documents, terms), or sequences of terms of any lengths."""
        if isinstance(documents, np.ndarray) and documents.dtype != object:
            self._add_array(documents)
            return
        for document in documents:
            terms = Counter(document)
            self.occurrences.update(terms)
            self.documents.update(terms.keys())
            self.number_of_documents += 1

    def _add_array(self, documents: np.ndarray) -> None:
        rows = np.sort(documents.reshape(len(documents), -1), axis=1)
        first = np.ones(rows.shape, bool)
        first[:, 1:] = rows[:, 1:] != rows[:, :-1]
        for counter, values in ((self.occurrences, rows), (self.documents, rows[first])):
            terms, times = np.unique(values, return_counts=True)
            counter.update(dict(zip(terms.tolist(), times.tolist(), strict=True)))
        self.number_of_documents += len(rows)

    def most_frequent(self, limit: int | None = None, without: Iterable = ()) -> list:
        """The terms, the most frequent first and among equals the greatest first; at most `limit` of them."""
        excluded = set(without)
        counted = [(times, term) for term, times in self.occurrences.items() if term not in excluded]
        return [term for _, term in sorted(counted, reverse=True)[:limit]]

    def idf(self, term: Any) -> float:
        """The inverse document frequency, `log(1 + documents / (1 + documents with the term))`."""
        return float(np.log1p(self.number_of_documents / (1 + self.documents[term])))


def adapted(layer: Any, counts: TokenCounts) -> Any:
    """A copy of the lookup with the vocabulary that was counted.

    Raises:
        DataError: nothing was counted but special tokens.
    """
    without = {token for token in (layer.mask_token, layer.oov_token) if token is not None}
    limit = None if layer.max_tokens is None else max(layer.max_tokens - len(_special(layer)), 0)
    tokens = counts.most_frequent(limit, without)
    if not tokens:
        raise DataError(
            f'{layer.label}, adapt', 'no terms for the vocabulary', 'at least one', 'Pass data with terms, or raise max_tokens.'
        )
    weights = tuple(counts.idf(term) for term in tokens) if layer.output_mode == 'tf_idf' else None
    return layer.replace(vocabulary=tuple(tokens), idf_weights=weights)
