"""Networks that begin with layers of strings: divided, trained, saved and asked as any other."""

import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, DataError, LaminaError, ShapeError, StateError
from lamina.core.shapes import TypedShape
from lamina.layers import Add, Concatenate, Dense, Flatten, Hashing, HostLayer, Rescaling, StringLookup, TextVectorization
from lamina.models.host_part import compiled_part, host_part

GOOD, BAD = ['a great film', 'great fun, great cast', 'fun and great'], ['a bad film', 'bad, bad plot', 'dull and bad']
TEXTS = [*GOOD, *BAD] * 4
LABELS = np.array([1, 1, 1, 0, 0, 0] * 4)
WORDS = TextVectorization(output_mode='multi_hot').adapt(TEXTS)
COLOURS = StringLookup(vocabulary=['red', 'blue'], output_mode='one_hot', name='colours')


@lamina.described
class Lower(HostLayer):
    """Strings to strings."""

    def output_shape(self, shape, **keywords):
        return TypedShape(shape, 'string')

    def prepare(self, texts):
        return np.vectorize(str.lower, otypes=[object])(texts)


@lamina.described
class Wrong(HostLayer):
    """A layer whose two methods disagree."""

    def output_shape(self, shape, **keywords):
        return TypedShape((None, 3), 'float32')

    def prepare(self, texts):
        return np.zeros((len(texts), 2))


def classifier(*layers, seed=0):
    model = lamina.Sequential([lamina.Input((1,), dtype='string', name='text'), *layers, Dense(1, activation='sigmoid')], seed=seed)
    model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
    return model


def twin(seed=0):
    """The same network from what the layer prepares."""
    model = lamina.Sequential([lamina.Input((WORDS.vocabulary_size(),)), Dense(1, activation='sigmoid')], seed=seed)
    model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
    return model


def mixed():
    """Text, a colour used twice, and numbers used by the host and by the device."""
    text, colour = (lamina.Input((1,), dtype='string', name=name) for name in ('text', 'colour'))
    numbers = lamina.Input((2,), name='numbers')
    parts = [WORDS(Lower()(text)), COLOURS(colour), Hashing(3, output_mode='one_hot')(colour), numbers, Rescaling(2.0)(numbers)]
    outputs = {'score': Dense(2, name='score')(Concatenate()(parts)), 'colour': COLOURS(colour)}
    return lamina.Model({'text': text, 'colour': colour, 'numbers': numbers}, outputs, seed=0)


MIXED = {'text': ['A GREAT film', 'dull', 'plot'], 'colour': ['red', 'green', 'blue'], 'numbers': np.arange(6.0).reshape(3, 2)}


def test_training_is_that_of_the_prepared_arrays():
    model, reference = classifier(WORDS), twin()
    prepared = WORDS.prepare(TEXTS)
    theirs = reference.fit(prepared, LABELS, epochs=3, batch_size=8, verbose=0, validation_split=0.25).history
    ours = model.fit(TEXTS, LABELS, epochs=3, batch_size=8, verbose=0, validation_split=0.25).history
    assert ours == theirs
    np.testing.assert_array_equal(model.predict(TEXTS), reference.predict(prepared))
    assert model.evaluate(TEXTS, LABELS, verbose=0) == reference.evaluate(prepared, LABELS, verbose=0)
    assert model.train_on_batch(TEXTS[:5], LABELS[:5]) == reference.train_on_batch(prepared[:5], LABELS[:5])
    assert model.test_on_batch(TEXTS[:5], LABELS[:5]) == reference.test_on_batch(prepared[:5], LABELS[:5])
    np.testing.assert_array_equal(model.predict_on_batch(TEXTS[:3]), reference.predict_on_batch(prepared[:3]))
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_streams_train_as_arrays_do():
    def batches():
        for start in range(0, 24, 8):
            yield TEXTS[start : start + 8], LABELS[start : start + 8]

    streamed, whole = classifier(WORDS), classifier(WORDS)
    ours = streamed.fit(batches, epochs=2, verbose=0, validation_data=batches).history
    theirs = whole.fit(TEXTS, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(TEXTS, LABELS)).history
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6)
    np.testing.assert_allclose(streamed.predict(batches), whole.predict(TEXTS), rtol=1e-6)


@pytest.mark.parametrize(
    'texts', [TEXTS, np.array(TEXTS), np.array(TEXTS)[:, None], np.array(TEXTS, object), [t.encode() for t in TEXTS]], ids=lambda t: type(t)
)
def test_any_form_of_strings_is_taken(texts):
    assert classifier(WORDS).predict(texts).shape == (24, 1)


def test_the_host_prepares_arrays_once_and_not_every_epoch():
    calls = []

    @lamina.described
    class Counted(HostLayer):
        def output_shape(self, shape, **keywords):
            return TypedShape((None, 1), 'float32')

        def prepare(self, texts):
            calls.append(len(texts))
            return np.ones((len(texts), 1))

    model = classifier(Counted())
    model.fit(TEXTS, LABELS, epochs=4, batch_size=4, verbose=0)
    assert calls == [24]


def test_the_shape_is_known_from_the_first_data_or_from_the_layer():
    later = lamina.Sequential([WORDS, Dense(1)])
    later.compile('sgd', 'mse')
    later.fit(TEXTS, LABELS, verbose=0)
    given = lamina.Sequential([WORDS.replace(input_shape=(1,)), Dense(1)])
    scalar = lamina.Sequential([WORDS.replace(input_shape=()), Dense(1)])
    for model in (later, given, scalar):
        assert model.inputs.dtype == 'string'
        assert model.predict(TEXTS[:2]).shape == (2, 1)
    back = lamina.Sequential([StringLookup(vocabulary=['a'], invert=True, input_shape=(1,)), Hashing(3)])
    assert back.inputs.dtype == 'int32'
    np.testing.assert_array_equal(back.predict([1, 0]), Hashing(3).prepare([['a'], ['[UNK]']]))


def test_mixed_inputs_give_what_their_parts_give():
    model = mixed()
    found = model.predict(MIXED)
    colours = COLOURS.prepare(np.array(MIXED['colour'])[:, None])
    np.testing.assert_array_equal(found['colour'], colours)
    lowered = WORDS.prepare([t.lower() for t in MIXED['text']])
    hashed = Hashing(3, output_mode='one_hot').prepare(np.array(MIXED['colour'])[:, None])
    features = np.concatenate([lowered, colours, hashed, MIXED['numbers'], 2 * MIXED['numbers']], axis=1)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(found['score'], features @ kernel + bias, rtol=1e-5)
    called = model({name: np.asarray(value).reshape(3, -1) for name, value in MIXED.items()})
    np.testing.assert_allclose(called['score'], found['score'], rtol=1e-6)


def test_mixed_inputs_train():
    model = mixed()
    model.compile('sgd', {'score': 'mse'})
    before = model.get_weights()[0]
    history = model.fit(MIXED, {'score': np.ones((3, 2))}, epochs=3, verbose=0).history
    assert history['loss'][-1] < history['loss'][0]
    assert not np.array_equal(before, model.get_weights()[0])


@pytest.mark.parametrize('make', [lambda: classifier(WORDS, Dense(4)), mixed], ids=['chain', 'graph'])
def test_what_is_saved_prepares_alike(make, tmp_path):
    model = make()
    x = TEXTS if isinstance(model, lamina.Sequential) else MIXED
    again = lamina.load(model.save(tmp_path / 'model'))
    assert again.network == model.network
    ours, theirs = again.predict(x), model.predict(x)
    for name in theirs if isinstance(theirs, dict) else [slice(None)]:
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_one_network_within_another_is_divided_too():
    text = lamina.Input((1,), dtype='string')
    inner = lamina.Model(text, Dense(3, name='inside')(WORDS(text)), name='encoder', seed=0)
    first, second = (lamina.Input((1,), dtype='string', name=name) for name in ('first', 'second'))
    model = lamina.Model([first, second], Add()([inner(first), inner(second)]))
    np.testing.assert_allclose(model.predict([np.array(TEXTS), np.array(TEXTS[::-1])]), inner.predict(TEXTS) + inner.predict(TEXTS[::-1]))
    same = lamina.Model(first, Add()([inner(first), inner(first)]))
    np.testing.assert_allclose(same.predict(TEXTS), 2 * inner.predict(TEXTS))
    assert [step.path for step in host_part(model.network, model.inputs).steps] == ['encoder/text_vectorization'] * 2
    chain = lamina.Sequential([inner, Dense(2)])
    assert chain.predict(TEXTS[:3]).shape == (3, 2)
    assert 'encoder/inside/kernel' in model.variables


def test_a_network_that_only_prepares_can_stand_before_others():
    text = lamina.Input((1,), dtype='string')
    np.testing.assert_array_equal(lamina.Sequential([text, Lower(), WORDS]).predict(TEXTS), WORDS.prepare(TEXTS))
    both = lamina.Model(text, {'z': WORDS(text), 'a': COLOURS(text)}, name='prepare')
    outputs = both(text)
    model = lamina.Model(text, [Dense(1)(outputs['a']), Dense(1)(outputs['z'])])
    assert [w.shape[0] for w in model.get_weights()[::2]] == [3, WORDS.vocabulary_size()]
    assert [y.shape for y in model.predict(TEXTS)] == [(24, 1), (24, 1)]
    lower = lamina.layers.Chain((Lower(),))
    chained = lamina.Model(text, Dense(1)(WORDS(lower(text))))
    assert chained.predict(TEXTS).shape == (24, 1)


def test_whole_numbers_are_hashed_by_the_compiled_part():
    numbers = lamina.Input((2,), dtype='int32')
    model = lamina.Model(numbers, Hashing(5)(Hashing(7)(numbers)))
    assert host_part(model.network, model.inputs) is None
    x = np.array([[1, 2], [3, -4]])
    np.testing.assert_array_equal(model.predict(x), Hashing(5).prepare(Hashing(7).prepare(x)))


def test_numbers_that_the_host_takes_have_the_dtype_of_their_input():
    @lamina.described
    class Kind(HostLayer):
        def output_shape(self, shape, **keywords):
            return TypedShape(shape, 'float32')

        def prepare(self, x):
            assert x.dtype == np.int32
            return x / 2

    model = lamina.Sequential([lamina.Input((1,), dtype='int32'), Kind(), Flatten()])
    np.testing.assert_array_equal(model.predict([[1.9], [4.0]]), [[0.5], [2.0]])


def test_submodels_summaries_and_weights():
    model = classifier(WORDS, Dense(4, name='hidden'))
    np.testing.assert_array_equal(model.submodel('text_vectorization').predict(TEXTS), WORDS.prepare(TEXTS))
    np.testing.assert_allclose(
        model.submodel('hidden').predict(TEXTS), WORDS.prepare(TEXTS) @ model.get_weights()[0] + model.get_weights()[1], rtol=1e-5
    )
    rows = {row.path: row for row in model.describe().rows}
    assert list(rows) == ['text_vectorization', 'hidden', 'dense']
    assert rows['text_vectorization'].output == (None, WORDS.vocabulary_size())
    assert rows['text_vectorization'].flops == 0
    assert 'TextVectorization' in model.describe().html()
    model.set_weights(model.get_weights())
    assert model.freeze('*') == ['text_vectorization', 'hidden', 'dense']
    assert not model.trainable


def test_the_summary_of_a_network_within_shows_its_layers_in_order():
    text = lamina.Input((1,), dtype='string')
    inner = lamina.Model(text, Dense(3, name='inside')(WORDS(Lower()(text))), name='encoder')
    paths = [row.path for row in lamina.Sequential([inner, Dense(1)]).describe().rows]
    assert paths == ['encoder', 'encoder/lower', 'encoder/text_vectorization', 'encoder/inside', 'dense']


def test_models_of_different_vocabularies_share_their_programs():
    other = TextVectorization(output_mode='multi_hot', vocabulary=WORDS.vocabulary[::-1])
    one, two = classifier(WORDS), classifier(other)
    assert one.network != two.network
    assert compiled_part(one.network, one.inputs) == compiled_part(two.network, two.inputs)


def test_equal_vocabularies_become_one_object_so_that_comparing_them_again_is_quick():
    one, two = (TextVectorization(vocabulary=[f'w{i}' for i in range(20_000)]) for _ in range(2))
    assert one.vocabulary is not two.vocabulary
    assert one == two
    assert one.vocabulary is two.vocabulary


TEXT = lamina.Input((1,), dtype='string', name='text')
REFUSED = {
    'strings into Dense': (
        lambda: lamina.Sequential([lamina.Input((1,), dtype='string'), Dense(3)]),
        ConfigError,
        "Dense 'dense': got an input of strings.*TextVectorization or Hashing",
    ),
    'strings into Dense, symbols': (lambda: Dense(3)(TEXT), ConfigError, 'Put a StringLookup, TextVectorization or Hashing'),
    'strings into a sum': (lambda: TEXT + TEXT, ConfigError, 'Put a StringLookup'),
    'strings out': (
        lambda: lamina.Model(i := lamina.Input((1,), dtype='int32'), StringLookup(vocabulary=['a'], invert=True)(i)),
        ConfigError,
        r'layer\.prepare\(indices\)',
    ),
    'strings straight through': (lambda: lamina.Model(TEXT, {'t': TEXT, 'w': Dense(1)(WORDS(TEXT))}), ConfigError, 'end with numbers'),
    'no vocabulary': (lambda: TextVectorization()(TEXT), StateError, r'layer = layer\.adapt\('),
    'no vocabulary, chain': (lambda: classifier(TextVectorization()), StateError, r'layer = layer\.adapt\('),
    'the host after the device': (
        lambda: lamina.Sequential([lamina.Input((4,)), Dense(3), Wrong()]),
        ConfigError,
        'Wrong.*Call it on an Input of its own',
    ),
    'the host after the device, symbols': (
        lambda: lamina.Model(x := lamina.Input((4,)), Dense(1)(Wrong()(Dense(3)(x)))),
        ConfigError,
        'Call it on an Input of its own',
    ),
    'the host within a wrapper': (
        lambda: lamina.layers.TimeDistributed(Lower())(lamina.Input((3, 1), dtype='string')),
        ConfigError,
        'Put that layer before this one',
    ),
    'numbers given': (lambda: classifier(WORDS).predict(np.ones((3, 1))), DataError, r'text.*expected strings.*x\.astype\(str\)'),
    'numbers to fit': (lambda: classifier(WORDS).fit([1, 2], [0, 1]), DataError, r'x\.astype\(str\)'),
    'text for numbers': (
        lambda: mixed().predict({**MIXED, 'numbers': np.array([['1', '2']] * 3)}),
        DataError,
        "'numbers'.*Check the order of the inputs",
    ),
    'None given': (lambda: classifier(WORDS).fit(['a', None], [0, 1]), DataError, 'Fill what is missing'),
    'ragged lists': (lambda: classifier(WORDS).fit([['a'], ['b', 'c']], [0, 1]), DataError, 'Pad them to the longest'),
    'one text': (lambda: classifier(WORDS).predict('great'), DataError, r'Pass a list, \[text\]'),
    'two texts an example': (lambda: classifier(WORDS).predict([['a', 'b']]), ShapeError, 'the shape the model was described for'),
    'fewer labels': (lambda: classifier(WORDS).fit(TEXTS, [0, 1]), DataError, 'equally long'),
    'a layer that disagrees': (lambda: classifier(Wrong()).predict(['a']), ShapeError, 'Let prepare and output_shape'),
    'text without a layer for it': (lambda: lamina.Sequential([Dense(1)]).predict(['a']), DataError, 'Turn them into numbers'),
}


@pytest.mark.parametrize(('act', 'error', 'remedy'), REFUSED.values(), ids=REFUSED)
def test_refused_with_what_to_do(act, error, remedy):
    with pytest.raises(error, match=remedy) as caught:
        act()
    assert isinstance(caught.value, LaminaError)


def test_a_stream_names_the_batch_at_fault():
    def batches():
        yield TEXTS[:2], LABELS[:2]
        yield ['a', None], LABELS[:2]

    with pytest.raises(DataError, match=r'batch 2.*Fill what is missing'):
        classifier(WORDS).fit(batches, verbose=0)
