"""Layers of strings: equal to Keras's (golden_text.json, made by golden_text.py), and what they refuse."""

import dataclasses
import inspect
import json
from pathlib import Path

import golden_text as golden
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, DataError, ShapeError, StateError
from lamina.core.serial import decode, encode
from lamina.core.shapes import TypedShape
from lamina.layers import Hashing, HostLayer, Scope, StringLookup, TextVectorization
from lamina.layers.preprocessing.fingerprints import farmhash64, siphash64

MADE = json.loads(Path(golden.__file__).with_suffix('.json').read_text())
TEXTS = ['one two', 'two three three']


def named(entry):
    return repr(entry[0])


@pytest.mark.parametrize('entry', MADE['vectorizations'], ids=named)
def test_text_vectorization_is_that_of_keras(entry):
    given, terms, outputs = entry
    layer = TextVectorization(**given).adapt(golden.TEXTS)
    assert layer.get_vocabulary() == terms
    assert layer.vocabulary_size() == len(terms)
    for texts in (golden.NEW_TEXTS, np.array(golden.NEW_TEXTS)[:, None], np.array(golden.NEW_TEXTS, object)):
        found = layer.prepare(texts)
        assert found.shape == np.shape(outputs)
        np.testing.assert_allclose(found, outputs, atol=1e-5)
    described = layer.output_shape((None, 1))
    assert described.dtype == found.dtype == ('int32' if layer.output_mode == 'int' else 'float32')
    assert described[1] in (None, found.shape[1])


@pytest.mark.parametrize('entry', MADE['lookups'], ids=named)
def test_string_lookup_is_that_of_keras(entry):
    given, terms, outputs = entry
    layer = StringLookup(**given)
    layer = layer if 'vocabulary' in given else layer.adapt(golden.TERMS)
    assert layer.get_vocabulary() == terms
    found = layer.prepare(golden.NEW_TERMS)
    np.testing.assert_allclose(found, outputs, atol=1e-5)
    assert layer.output_shape((None, 4)) == (None, *np.shape(outputs)[1:])
    assert layer.output_shape((None, 4)).dtype == found.dtype


@pytest.mark.parametrize('entry', MADE['hashings'], ids=named)
def test_hashing_of_strings_is_that_of_keras(entry):
    given, outputs = entry
    layer = Hashing(**given)
    np.testing.assert_array_equal(layer.prepare(golden.NEW_TERMS), outputs)
    assert layer.output_shape((None, 4)) == (None, *np.shape(outputs)[1:])


def test_hashes_are_those_of_tensorflow():
    data = [text.encode() for text in golden.HASHED]
    assert sorted({len(d) for d in data})[-1] > 128
    assert [farmhash64(d) % golden.BUCKETS for d in data] == MADE['farmhash']
    assert [siphash64(d, tuple(golden.KEY)) % golden.BUCKETS for d in data] == MADE['siphash']


def test_whole_numbers_hash_alike_on_the_host_and_on_the_device():
    numbers = np.array([[0, -1, 7], [2**31 - 1, -(2**31), 1_000_000]], np.int32)
    for layer in (Hashing(97), Hashing(97, salt=(3, 2**63)), Hashing(5, mask_value=7, output_mode='count')):
        ours = layer.prepare(numbers)
        np.testing.assert_array_equal(ours, layer.apply({}, jnp.asarray(numbers), scope=Scope()))
        if layer.output_mode == 'int':
            np.testing.assert_array_equal(ours, layer.prepare(numbers.astype(str)))


@pytest.mark.parametrize('cls', [StringLookup, TextVectorization, Hashing])
def test_settings_order_and_defaults_are_those_of_keras(cls):
    keras = pytest.importorskip('keras')
    parameters = inspect.signature(getattr(keras.layers, cls.__name__).__init__).parameters.values()
    known = [p for p in parameters if p.name not in ('self', 'name', 'kwargs')]
    fields = [f for f in dataclasses.fields(cls) if not f.kw_only]
    assert [f.name for f in fields] == [p.name for p in known]
    given = {p.name: p.default for p in known if p.default is not p.empty}
    required = {p.name: 3 for p in known if p.default is p.empty}
    assert cls(**required, **given) == cls(**required)


SAVED = [
    StringLookup(vocabulary=['a', 'é'], idf_weights=[1.0, 2.0], output_mode='tf_idf'),
    TextVectorization(max_tokens=50, ngrams=(1, 3), output_sequence_length=4),
    TextVectorization(vocabulary=np.array(['x', 'y'])),
    Hashing(3, mask_value='', salt=4),
]


@pytest.mark.parametrize('layer', SAVED, ids=repr)
def test_saved_form_repr_and_equality(layer):
    again = decode(encode(layer.replace(name='mine', trainable=False)))
    assert again == layer.replace(trainable=False)
    assert hash(again) == hash(layer.replace(trainable=False))
    assert again.name == 'mine'
    assert eval(repr(layer), vars(lamina.layers)) == layer
    assert layer != layer.replace(sparse=False, name='other', trainable=False)


@pytest.mark.parametrize('layer', [StringLookup(), TextVectorization(), Hashing(3)], ids=repr)
def test_every_rule_refuses_its_bad_values(layer):
    tried = 0
    for f in dataclasses.fields(layer):
        for bad in f.metadata['rule'].bad if f.metadata.get('rule') else ():
            with pytest.raises(ConfigError, match=f'Change {f.name}=… to such a value'):
                layer.replace(**{f.name: bad})
            tried += 1
    assert tried >= 10


def test_a_long_vocabulary_is_not_written_out():
    layer = TextVectorization(vocabulary=[f'word{i}' for i in range(500)])
    assert repr(layer) == 'TextVectorization(vocabulary=<500 entries>)'


def test_adapting_leaves_the_description_as_it_was():
    layer = TextVectorization(name='words')
    learned = layer.adapt(TEXTS)
    assert layer.vocabulary is None
    assert learned.name == 'words'
    assert learned.vocabulary == ('two', 'three', 'one')
    assert learned.adapt(['four']).vocabulary == ('four',)


@pytest.mark.parametrize('layer', [StringLookup(), TextVectorization(output_mode='tf_idf')], ids=repr)
def test_adapt_takes_the_same_strings_in_any_form(layer):
    frames = pytest.importorskip('pandas')
    strings = ['b', 'a', 'b', 'c', 'a', 'b']

    def batches():
        yield from (strings[:2], np.array(strings[2:4]), (strings[4:], [0, 1]))

    expected = layer.adapt(strings)
    forms = [tuple(strings), np.array(strings), np.array(strings, object), np.array(strings)[:, None], [s.encode() for s in strings]]
    for form in [*forms, np.array(strings, 'S1'), frames.Series(strings), batches(), [[s] for s in strings]]:
        assert layer.adapt(form) == expected
    assert layer.adapt(batches(), steps=1) == layer.adapt(strings[:2])


def test_indices_turn_back_into_strings():
    layer = StringLookup(vocabulary=['a', 'b'], mask_token='', num_oov_indices=2, invert=True)
    assert layer.prepare([[0, 1, 2, 3], [4, 5, -1, 9]]).tolist() == [['', '[UNK]', '[UNK]', 'a'], ['b', '[UNK]', '[UNK]', '[UNK]']]
    assert layer.output_shape(TypedShape((None, 4), 'int32')).dtype == 'string'


def test_a_text_without_words_is_all_padding():
    layer = TextVectorization(vocabulary=['a'])
    assert layer.prepare(['', ' \t', '!?']).tolist() == [[0], [0], [0]]
    assert layer.replace(output_mode='count').prepare(['']).tolist() == [[0.0, 0.0]]


def test_half_a_surrogate_pair_passes():
    assert TextVectorization().adapt(['a \ud83d b']).prepare(['\ud83d']).shape == (1, 1)


REFUSED = {
    'no vocabulary': (lambda: StringLookup().prepare(['a']), StateError, r'layer = layer\.adapt\(x_train\)'),
    'no vocabulary, shape': (lambda: TextVectorization().output_shape((None,)), StateError, r'layer = layer\.adapt\('),
    'empty vocabulary': (lambda: StringLookup(vocabulary=[]), ConfigError, 'leave it out and adapt'),
    'empty data': (lambda: TextVectorization().adapt(np.array([], str)), DataError, 'Pass data with terms'),
    'nothing but spaces': (lambda: TextVectorization().adapt(['  ', '?']), DataError, 'Pass data with terms'),
    'a term twice': (lambda: StringLookup(vocabulary=['a', 'a']), ConfigError, 'Remove the repetition'),
    'a mask among the terms': (lambda: TextVectorization(vocabulary=['a', '']), ConfigError, 'Remove it from the terms'),
    'a path': (lambda: TextVectorization(vocabulary='words.txt'), ConfigError, r'read_text\(\).splitlines\(\)\). Change vocabulary'),
    'too many terms': (lambda: StringLookup(max_tokens=2, vocabulary=['a', 'b']), ConfigError, 'Raise max_tokens'),
    'padding to nothing': (lambda: TextVectorization(pad_to_max_tokens=True), ConfigError, 'Give max_tokens=…'),
    'no weights': (lambda: StringLookup(vocabulary=['a'], output_mode='tf_idf'), ConfigError, 'Give one weight per term'),
    'length of rows': (
        lambda: TextVectorization(output_mode='count', output_sequence_length=3),
        ConfigError,
        'Remove output_sequence_length=…',
    ),
    'outside, without an index': (
        lambda: StringLookup(vocabulary=['a'], num_oov_indices=0).prepare(['a', 'b']),
        DataError,
        r"'b', which is not in the vocabulary.*Set num_oov_indices=1",
    ),
    'numbers': (lambda: StringLookup(vocabulary=['a']).prepare(np.ones(3)), DataError, r'x\.astype\(str\)'),
    'numbers to adapt to': (lambda: TextVectorization().adapt([1, 2]), DataError, r'x\.astype\(str\)'),
    'numbers at build time': (
        lambda: StringLookup(vocabulary=['a']).output_shape(TypedShape((None,), 'float32')),
        ConfigError,
        r"Input\(shape, dtype='string'\)",
    ),
    'strings to invert': (
        lambda: StringLookup(vocabulary=['a'], invert=True)(lamina.Input((1,), dtype='string')),
        ConfigError,
        r"Input\(shape, dtype='int32'\)",
    ),
    'strings, inverted': (lambda: StringLookup(vocabulary=['a'], invert=True).prepare(['a']), DataError, 'leave out invert=True'),
    'None': (lambda: TextVectorization().adapt(['a', None]), DataError, 'None among strings, in row 1.*Fill what is missing'),
    'ragged': (lambda: StringLookup().adapt([['a', 'b'], ['c']]), DataError, 'Pad them to the longest'),
    'one string': (lambda: TextVectorization().adapt('text'), DataError, r'Pass a list, \[text\]'),
    'several texts an example': (
        lambda: TextVectorization(vocabulary=['a']).prepare([['a', 'b']]),
        ShapeError,
        'Join the strings of an example, or set split=None',
    ),
    'three axes': (lambda: TextVectorization(vocabulary=['a'], split=None).prepare([[['a']]]), ShapeError, 'Reshape'),
    'a mask of another kind': (lambda: Hashing(3, mask_value=0).prepare(['a']), ConfigError, 'Change mask_value=… to a string'),
    'a mask of strings': (lambda: Hashing(3, mask_value='').prepare(np.arange(3)), ConfigError, 'to a whole number'),
    'no prepare': (lambda: HostLayer().prepare(np.arange(3)), ConfigError, 'Define it in the class'),
    'no output_shape': (lambda: HostLayer().output_shape((None,)), ConfigError, 'Define it in the class'),
    'within a program': (
        lambda: StringLookup(vocabulary=['a']).apply({}, jnp.ones(3), scope=Scope()),
        StateError,
        r'layer\.prepare\(x\)',
    ),
}


@pytest.mark.parametrize(('act', 'error', 'remedy'), REFUSED.values(), ids=REFUSED)
def test_refused_with_what_to_do(act, error, remedy):
    with pytest.raises(error, match=remedy):
        act()
