"""From strings to numbers: a term to its index, a text to the indices or counts of its words."""

import functools
import itertools
import math
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError, DataError
from lamina.core.fields import Rule, flag, one_of, setting, whole
from lamina.core.shapes import Shape, TypedShape
from lamina.layers.base import STRING
from lamina.layers.host import HostLayer
from lamina.layers.preprocessing.counting import counted, encoded, encoded_shape
from lamina.layers.preprocessing.fingerprints import buckets
from lamina.layers.preprocessing.rules import DENSE, SALT, as_salt
from lamina.layers.preprocessing.vocabulary import OUTPUT_MODES, TokenCounts, Vocabulary, adapted, check, vocabulary_of

_TERMS = Rule(
    lambda v: isinstance(v, tuple) and set(map(type, v)) <= {str},
    "a list of strings (of a file's lines: Path(name).read_text().splitlines())",
    bad=('words.txt', (1, 2), ('a', None)),
)
_WEIGHTS = Rule(
    lambda v: isinstance(v, tuple) and all(isinstance(w, (int, float)) and not isinstance(w, bool) and abs(w) < np.inf for w in v),
    'a list of finite numbers',
    bad=('heavy', ('1',), (float('nan'),)),
)
_TOKEN = Rule(lambda v: isinstance(v, str), 'a string', bad=(0, ('a',)))
_UTF8 = Rule(lambda v: v == 'utf-8', "'utf-8': decode bytes of another encoding first", bad=('latin-1', 8))
_one_or_more = whole()
_NGRAMS = Rule(
    lambda v: _one_or_more.accepts(v) or (isinstance(v, tuple) and len(v) > 0 and all(map(_one_or_more.accepts, v))),
    'a whole number of at least 1, or a tuple of such numbers',
    bad=(0, (), (0, 1), 'two', 1.5),
)
_PUNCTUATION = string.punctuation.encode()
# Half of a pair of surrogates, which only a damaged text has, passes through.
_UTF8_BYTES = ('utf-8', 'surrogatepass')
_MOST_SHOWN = 20


def _plain(values: Any) -> Any:
    """The entries of an array or column as Python values; a tuple is left as it is."""
    return values.tolist() if hasattr(values, 'tolist') else values


@unregistered
class _Lookup(HostLayer):
    """What the two layers that have a vocabulary share. Each has Keras's settings of a lookup, as settings or for the class."""

    def validate(self) -> None:
        check(self)

    @functools.cached_property
    def _known(self) -> Vocabulary:
        return vocabulary_of(self)

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        """The index of each term; built once for a description, however often it is used."""
        start = self._known.start
        index = {term: start + i for i, term in enumerate(self._known.tokens)}
        if self._known.mask_token is not None:
            index[self._known.mask_token] = 0 if self._known.oov_start else -1
        return index

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The terms in the order of their indices.

        Args:
            include_special_tokens: whether the mask and out-of-vocabulary tokens are listed, so that a term's place is its index.

        Raises:
            StateError: there is no vocabulary yet; adapt the layer first.
        """
        return self._known.terms(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of indices, those of the mask and of terms outside the vocabulary among them."""
        return self._known.size

    def _require_dtype(self, shape: Shape) -> None:
        """Refuse numbers where strings are looked up, and strings where indices are turned back."""
        if isinstance(shape, TypedShape) and (shape.dtype == STRING) != (self.input_dtype == STRING):
            expected = 'one of strings' if self.input_dtype == STRING else 'one of indices, for invert=True'
            remedy = f"Describe the input by Input(shape, dtype='{self.input_dtype}')."
            raise ConfigError(self.label, f'an input of dtype {shape.dtype}', expected, remedy)

    def _batches(self, data: Any, steps: int | None) -> Iterator[np.ndarray]:
        """The strings of an array, a list or a column; or of each batch x or (x, y, …) of anything else that can be iterated."""
        if isinstance(data, Iterable) and not isinstance(data, (str, bytes, list, tuple)) and not hasattr(data, 'dtype'):
            for batch in itertools.islice(data, steps):
                first = next(iter(batch), '') if isinstance(batch, tuple) else ''
                yield self.strings(batch if isinstance(first, (str, bytes)) else first)
        else:
            yield self.strings(data)

    def __eq__(self, other: object) -> bool:
        equal = super().__eq__(other)
        if equal and self is not other:
            # One object from now on: programs are found by comparing descriptions, and 100,000 terms take milliseconds.
            one = min((layer.__dict__['vocabulary'] for layer in (self, other)), key=id)
            for layer in (self, other):
                layer.__dict__['vocabulary'] = one
        return equal

    __hash__ = HostLayer.__hash__

    def __repr__(self) -> str:
        """As of any description, but a long vocabulary is not written out."""
        written = super().__repr__()
        for name in ('vocabulary', 'idf_weights'):
            values = getattr(self, name, None)
            if values is not None and len(values) > _MOST_SHOWN:
                written = written.replace(repr(values), f'<{len(values):,} entries>')
        return written


@described
class StringLookup(_Lookup):
    """Each string as the index of the term it is in a vocabulary, or the index of a term it is; on the host, before training.

    A vocabulary is given, or learned by `adapt`: its terms are those of the data, the most frequent first and among equals the last in
    the order of their characters. Index 0 is the mask's where there is one (and `output_mode='int'`), then come `num_oov_indices`
    for strings outside the vocabulary, then the terms. Several of these indices share such strings by their hash, as in Keras.

    Args:
        max_tokens: the most entries of a learned vocabulary, the special ones among them; default None, as many as there are.
        num_oov_indices: for strings outside the vocabulary; default 1. With 0 such a string is an error.
        mask_token: the string that stands for nothing; default None.
        oov_token: what `invert` gives for an index of no term; default '[UNK]'.
        vocabulary: a list of strings.
        idf_weights: one for each term, for 'tf_idf' with a given vocabulary.
        invert: whether indices become strings. The output is for `prepare` and for layers of strings: networks have no string outputs.
        output_mode: 'int' (default); 'one_hot', a row for each string; 'multi_hot' or 'count', a row for each example, whether and how
            often each term occurs; 'tf_idf', the counts times `log(1 + documents / (1 + documents with the term))`.
        pad_to_max_tokens: whether rows are max_tokens wide whatever the vocabulary; default False.
        sparse: False.
        encoding: 'utf-8', of bytes.
        salt: as in `Hashing`, for several out-of-vocabulary indices; default None.

    Shapes:
        x: (batch, …) strings → the same, int32; for other modes as `Hashing`, with a column for each index.

    Raises:
        StateError: it has no vocabulary yet; build the network with `layer.adapt(data)`.
        DataError: numbers among strings, or a string outside the vocabulary where num_oov_indices is 0.

    Example:
        >>> import lamina
        >>> layer = lamina.layers.StringLookup().adapt(['red', 'blue', 'red'])
        >>> layer.get_vocabulary()
        ['[UNK]', 'red', 'blue']
        >>> layer.prepare(['blue', 'green'])
        array([2, 0], dtype=int32)
    """

    max_tokens: int | None = setting(whole(2), default=None)
    num_oov_indices: int = setting(whole(0), default=1)
    mask_token: str | None = setting(_TOKEN, default=None)
    oov_token: str = setting(_TOKEN, default='[UNK]')
    vocabulary: tuple[str, ...] | None = setting(_TERMS, convert=_plain, default=None)
    idf_weights: tuple[float, ...] | None = setting(_WEIGHTS, convert=_plain, default=None)
    invert: bool = setting(flag(), default=False)
    output_mode: str = setting(one_of(*OUTPUT_MODES), default='int')
    pad_to_max_tokens: bool = setting(flag(), default=False)
    sparse: bool = setting(DENSE, default=False)
    encoding: str = setting(_UTF8, default='utf-8')
    salt: tuple[int, int] | None = setting(SALT, convert=as_salt, default=None)

    @property
    def input_dtype(self) -> str:
        return 'int32' if self.invert else STRING

    def adapt(self, data: Any, steps: int | None = None) -> 'StringLookup':
        """This layer with the vocabulary of the data: `layer = layer.adapt(data)`.

        Args:
            data: strings (n,) or (n, terms) as a list, an array or a column, each row a document; or a source of such batches.
            steps: at most so many batches of a source.

        Raises:
            DataError: no strings, or nothing but special tokens.
        """
        counts = TokenCounts()
        for batch in self._batches(data, steps):
            documents = len(batch) if self.output_mode == 'tf_idf' else 1
            counts.add(batch.reshape(documents, batch.size // max(documents, 1)).tolist())
        return adapted(self, counts)

    def output_shape(self, shape: Shape, **keywords: Any) -> TypedShape:
        self._require_dtype(shape)
        depth = self._known.depth
        if self.invert:
            return TypedShape(shape, STRING)
        return encoded_shape(shape, self.output_mode, depth)

    def prepare(self, x: Any) -> np.ndarray:
        if self.invert:
            return self._terms(np.asarray(x))
        values = self.strings(x)
        index = self._index
        found = [index.get(value, -2) for value in values.ravel().tolist()]
        indices = self._with_unknown(np.array(found, np.int32), values.ravel())
        return encoded(indices.reshape(values.shape), self.output_mode, self._known.depth, self._known.weights)

    def _with_unknown(self, indices: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The indices with those of strings outside the vocabulary in the place of -2."""
        unknown = indices == -2
        if not unknown.any():
            return indices
        if self.num_oov_indices == 0:
            remedy = 'Set num_oov_indices=1 to give such strings an index, or correct them.'
            raise DataError(self.label, f'{values[unknown][0]!r}, which is not in the vocabulary', 'terms of the vocabulary', remedy)
        buckets_of = [0] if self.num_oov_indices == 1 else buckets(values[unknown].tolist(), self.num_oov_indices, self.salt)
        indices[unknown] = self._known.oov_start + np.asarray(buckets_of, np.int32)
        return indices

    def _terms(self, indices: np.ndarray) -> np.ndarray:
        """The term of each index."""
        if indices.dtype.kind not in 'iuf':
            raise DataError(self.label, f'values of dtype {indices.dtype}', 'indices', 'Pass whole numbers, or leave out invert=True.')
        terms = np.array([*self._known.terms(), self.oov_token], object)
        places = indices.astype(np.int64)
        return terms[np.where((places >= 0) & (places < self._known.size), places, self._known.size)]


@described
class TextVectorization(_Lookup):
    """Each text as the indices, or the counts, of its words; on the host, before training.

    A text is standardized, split into tokens, these joined to ngrams, and looked up in a vocabulary, which is given or learned by
    `adapt` as in `StringLookup`. Index 0 pads (with `output_mode='int'`) and index 1 is every token outside the vocabulary; in the
    other modes index 0 is. As in Keras, only the letters A to Z are lowered and only ASCII punctuation and white space are known as
    such; a `HostLayer` of your own before this one can do more.

    Args:
        max_tokens: the most entries of a learned vocabulary, the special ones among them; default None, as many as there are.
        standardize: 'lower_and_strip_punctuation' (default), 'lower', 'strip_punctuation' or None.
        split: 'whitespace' (default), 'character', or None where each string is a token.
        ngrams: None (default); a whole number n for one to n tokens joined by a space; or a tuple of such lengths.
        output_mode: 'int' (default), 'multi_hot', 'count' or 'tf_idf', as in `StringLookup`.
        output_sequence_length: to which 'int' pads or cuts each text; by default the longest of the array decides, of at least 1, and
            each length compiles another program.
        pad_to_max_tokens: whether rows are max_tokens wide whatever the vocabulary; default False.
        vocabulary: a list of strings.
        idf_weights: one for each term, for 'tf_idf' with a given vocabulary.
        sparse, ragged: False.
        encoding: 'utf-8', of bytes.

    Shapes:
        x: (batch,) or (batch, 1) strings, with split=None (batch, tokens) → (batch, output_sequence_length) int32, or
        (batch, entries) float32.

    Raises:
        StateError: it has no vocabulary yet; build the network with `layer.adapt(texts)`.
        ShapeError: several strings an example where they are to be split.

    Example:
        >>> import lamina
        >>> layer = lamina.layers.TextVectorization(output_sequence_length=4).adapt(['foo bar', 'bar baz', 'baz bada boom'])
        >>> layer.prepare(['Foo, qux bar!', 'qux baz'])
        array([[4, 1, 3, 0],
               [1, 2, 0, 0]], dtype=int32)
    """

    mask_token: ClassVar[str] = ''
    oov_token: ClassVar[str] = '[UNK]'
    num_oov_indices: ClassVar[int] = 1

    max_tokens: int | None = setting(whole(2), default=None)
    standardize: str | None = setting(
        one_of('lower_and_strip_punctuation', 'lower', 'strip_punctuation', None), default='lower_and_strip_punctuation'
    )
    split: str | None = setting(one_of('whitespace', 'character', None), default='whitespace')
    ngrams: int | tuple[int, ...] | None = setting(_NGRAMS, default=None)
    output_mode: str = setting(one_of('int', 'multi_hot', 'count', 'tf_idf'), default='int')
    output_sequence_length: int | None = setting(whole(1), default=None)
    pad_to_max_tokens: bool = setting(flag(), default=False)
    vocabulary: tuple[str, ...] | None = setting(_TERMS, convert=_plain, default=None)
    idf_weights: tuple[float, ...] | None = setting(_WEIGHTS, convert=_plain, default=None)
    sparse: bool = setting(DENSE, default=False)
    ragged: bool = setting(DENSE, default=False)
    encoding: str = setting(_UTF8, default='utf-8')

    def validate(self) -> None:
        super().validate()
        if self.output_mode != 'int' and self.output_sequence_length is not None:
            got = f'{self.output_sequence_length} with output_mode={self.output_mode!r}'
            where = f"{self.label}, setting 'output_sequence_length'"
            raise ConfigError(where, got, "a length with output_mode='int' only", 'Remove output_sequence_length=….')

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> 'TextVectorization':
        """This layer with the vocabulary of the texts: `layer = layer.adapt(texts)`.

        Args:
            data: texts as a list, an array or a column; or a source of such batches.
            batch_size: accepted as in Keras, and without effect.
            steps: at most so many batches of a source.

        Raises:
            DataError: no texts, or nothing but white space and punctuation in them.
        """
        occurrences: Counter[bytes] = Counter()
        documents: Counter[bytes] = Counter()
        number = 0
        for batch in self._batches(data, steps):
            self._require_one_each(batch.shape)
            for tokens in self._tokens(batch):
                occurrences.update(tokens)
                if self.output_mode == 'tf_idf':
                    documents.update(set(tokens))
                    number += 1
        return adapted(self, TokenCounts(_decoded(occurrences), _decoded(documents), number))

    def output_shape(self, shape: Shape, **keywords: Any) -> TypedShape:
        self._require_dtype(shape)
        self._require_one_each(shape)
        depth = self._known.depth
        if self.output_mode != 'int':
            return TypedShape((shape[0], depth), 'float32')
        whole_strings = self.split is None and self.ngrams is None
        width = (shape[1] if len(shape) == 2 else 1) if whole_strings else None
        return TypedShape((shape[0], self.output_sequence_length or width), 'int32')

    def prepare(self, x: Any) -> np.ndarray:
        texts = self.strings(x)
        self._require_one_each(texts.shape)
        index, unknown, limit = self._index_of_bytes, self._known.oov_start, self.output_sequence_length
        found = [[index.get(token, unknown) for token in tokens[:limit]] for tokens in self._tokens(texts)]
        lengths = np.fromiter(map(len, found), np.int64, len(found))
        flat = np.fromiter(itertools.chain.from_iterable(found), np.int32, int(lengths.sum()))
        if self.output_mode == 'int':
            width = limit or max(1, lengths.max(initial=0))
            indices = np.zeros((len(found), width), np.int32)
            indices[np.arange(width) < lengths[:, None]] = flat
            return indices
        rows = np.repeat(np.arange(len(found)), lengths)
        return counted(rows, flat, len(found), self.output_mode, self._known.depth, self._known.weights)

    @functools.cached_property
    def _index_of_bytes(self) -> dict[bytes, int]:
        return {term.encode(*_UTF8_BYTES): i for term, i in self._index.items()}

    def _tokens(self, texts: np.ndarray) -> Iterator[list[bytes]]:
        """The tokens of each text, as UTF-8: bytes are the faster to standardize, to split and to look up."""
        widths = () if self.ngrams is None else range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        for row in texts.reshape(len(texts), math.prod(texts.shape[1:])).tolist():
            if self.split is None:
                tokens = [self._standardized(token) for token in row]
            else:
                text = self._standardized(row[0])
                tokens = text.split() if self.split == 'whitespace' else [c.encode(*_UTF8_BYTES) for c in text.decode(*_UTF8_BYTES)]
            yield [gram for n in widths for gram in _joined(tokens, n)] if widths else tokens

    def _standardized(self, text: str) -> bytes:
        data, how = text.encode(*_UTF8_BYTES), self.standardize or ''
        if how.startswith('lower'):
            data = data.lower()
        return data.translate(None, _PUNCTUATION) if how.endswith('strip_punctuation') else data

    def _require_one_each(self, shape: Any) -> None:
        if self.split is not None:
            one = len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)
            self.require(one, shape, '(batch,) or (batch, 1), one text an example', 'Join the strings of an example, or set split=None.')
        else:
            self.require(len(shape) <= 2, shape, '(batch,) or (batch, tokens)', 'Reshape: x.reshape(len(x), -1).')


def _joined(tokens: list[bytes], n: int) -> list[bytes]:
    """Every n tokens that follow one another, joined by a space."""
    return tokens if n == 1 else [b' '.join(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def _decoded(counts: Counter[bytes]) -> Counter[str]:
    return Counter({token.decode(*_UTF8_BYTES): times for token, times in counts.items()})
