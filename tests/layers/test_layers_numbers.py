"""Numbers adapted, normalized, put into bins, hashed and looked up."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, DataError, ShapeError, StateError
from lamina.core.serial import decode, encode
from lamina.layers import Scope
from lamina.layers.preprocessing.digit_hashes import bins_of
from lamina.layers.preprocessing.vocabulary import TokenCounts

keras = pytest.importorskip('keras')

ADAPT = 'A layer never changes, so keep the adapted one: layer = layer.adapt'
DATA = np.random.default_rng(0).normal(3, 2, (50, 4, 3)).astype(np.float32)
WHOLE = np.array([[12, 1138, 42], [42, 1000, 36], [7, 7, 12], [-1, 12, 42]])
ASKED = np.array([[12, 1138, 5], [42, -3, 36], [7, 8, 12], [0, 12, 42]])


def run(layer, *inputs, **keywords):
    layer.weights(*((None, *np.shape(x)[1:]) for x in inputs))
    return np.asarray(jax.jit(lambda *x: layer.apply({}, *x, scope=Scope(), **keywords))(*inputs))


def sources(data, size=16):
    """The same data in every form that `adapt` takes."""
    batches = [data[i : i + size] for i in range(0, len(data), size)]
    return {
        'array': data,
        'list': data.tolist(),
        'list of arrays': batches,
        'generator': (b for b in batches),
        'pairs': ((b, np.zeros(len(b))) for b in batches),
        'function': lambda: iter(batches),
        'jax': jnp.asarray(data),
    }


# ---------------------------------------------------------------- Normalization


@pytest.mark.parametrize('axis', [-1, 1, None, (1, 2)])
def test_adapting_gives_the_values_of_keras(axis):
    theirs = keras.layers.Normalization(axis=axis)
    theirs.adapt(DATA)
    ours = layers.Normalization(axis=axis).adapt(DATA)
    np.testing.assert_allclose(run(ours, DATA), theirs(DATA), rtol=1e-4, atol=1e-5)
    inverse = ours.replace(invert=True)
    np.testing.assert_allclose(run(inverse, run(ours, DATA)), DATA, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('form', list(sources(DATA)))
def test_every_form_of_data_gives_the_same_mean_and_variance(form):
    ours = layers.Normalization().adapt(sources(DATA)[form])
    np.testing.assert_allclose(ours.mean, DATA.mean((0, 1), np.float64), rtol=1e-6)
    np.testing.assert_allclose(ours.variance, DATA.var((0, 1), np.float64), rtol=1e-6)


def test_adapting_makes_a_new_layer_whose_settings_are_saved_as_tuples():
    layer = layers.Normalization(name='scaler')
    adapted = layer.adapt(DATA)
    assert layer.mean is None
    assert adapted.name == 'scaler'
    assert isinstance(adapted.mean, tuple)
    assert all(type(v) is float for v in (*adapted.mean, *adapted.variance))
    assert decode(encode(adapted)) == adapted
    assert adapted.adapt(DATA + 1) != adapted
    again = layers.Normalization(mean=np.array([1, 2.0]), variance=np.ones(2, np.float32))
    assert again == layers.Normalization(mean=(1.0, 2.0), variance=(1.0, 1.0))


def test_variances_of_large_means_and_many_rows_do_not_cancel():
    data = np.random.default_rng(1).normal(1e6, 0.5, (10000, 1))
    adapted = layers.Normalization().adapt(data.astype(np.float32))
    np.testing.assert_allclose(adapted.variance, data.astype(np.float32).var(dtype=np.float64), rtol=1e-9)


def test_steps_limit_how_many_batches_are_read():
    endless = (np.full((2, 1), i, np.float32) for i in iter(range(10**9)))
    assert layers.Normalization().adapt(endless, steps=3).mean == (1.0,)


@pytest.mark.parametrize(
    ('layer', 'lacking'),
    [(layers.Normalization(), 'mean'), (layers.Discretization(num_bins=3), 'boundaries'), (layers.IntegerLookup(), 'vocabulary')],
)
def test_a_layer_that_saw_no_data_says_to_keep_the_adapted_one(layer, lacking):
    with pytest.raises(StateError, match=ADAPT) as caught:
        layer(lamina.Input((4,)))
    assert lacking in caught.value.got
    with pytest.raises(StateError, match=ADAPT):
        lamina.Sequential([lamina.Input((4,)), layer, layers.Dense(2)])


def test_a_normalized_network_is_saved_and_loaded_with_its_statistics(tmp_path):
    model = lamina.Sequential([lamina.Input((3,)), layers.Normalization().adapt(DATA[:, 0]), layers.Dense(2)])
    model.save(tmp_path / 'model.lamina')
    again = lamina.models.load_model(tmp_path / 'model.lamina')
    np.testing.assert_array_equal(again.predict(DATA[:, 0], verbose=0), model.predict(DATA[:, 0], verbose=0))


@pytest.mark.parametrize(
    ('make', 'remedy'),
    [
        (lambda: layers.Normalization(mean=1.0), 'Give both or neither'),
        (lambda: layers.Normalization(mean=(1.0, 2.0), variance=1.0), 'Give one variance for each mean'),
        (lambda: layers.Normalization(axis=None, mean=(1.0,), variance=(1.0,)), 'Name more axes, or flatten the mean'),
        (lambda: layers.Normalization(axis=(1, 2), mean=((1.0, 2.0), (1.0,)), variance=((1.0, 2.0), (1.0,))), 'Fill them'),
        (lambda: layers.Normalization(mean=(1.0,), variance=(-1.0,)), 'Change variance=… to such a value'),
        (lambda: layers.CategoryEncoding(), r'Give num_tokens=…, or use IntegerLookup\(\).adapt\(x\)'),
        (lambda: layers.Discretization(), 'Give bin_boundaries, or num_bins and adapt'),
        (lambda: layers.Discretization((0.0,), 3), 'Give bin_boundaries, or num_bins and adapt'),
        (lambda: layers.Discretization((0.0,)).adapt(DATA), r'Write Discretization\(num_bins=…\)'),
        (lambda: layers.IntegerLookup(salt=3), "Write oov_method='farmhash', or remove salt=…"),
        (lambda: layers.IntegerLookup(vocabulary=[1, 2, 1]), 'Remove the repetition'),
        (lambda: layers.IntegerLookup(vocabulary=[]), 'List the terms, or leave it out and adapt'),
        (lambda: layers.IntegerLookup(vocabulary=[1, 0], mask_token=0), 'Remove it from the terms'),
        (lambda: layers.IntegerLookup(vocabulary=[1, -1], invert=True), 'Remove it from the terms'),
        (lambda: layers.IntegerLookup(vocabulary=[1, 2, 3], max_tokens=3), 'Raise max_tokens, or shorten the vocabulary'),
        (lambda: layers.IntegerLookup(vocabulary=[1], output_mode='tf_idf'), 'Give one weight per term, or leave vocabulary out and adapt'),
        (lambda: layers.IntegerLookup(vocabulary=[1], idf_weights=[1.0]), 'Remove idf_weights=…'),
        (lambda: layers.IntegerLookup(idf_weights=[1.0]), 'Give vocabulary too, or adapt'),
        (lambda: layers.IntegerLookup(vocabulary=[1, 2], idf_weights=[1.0], output_mode='tf_idf'), r'Give one weight per term\.'),
        (lambda: layers.IntegerLookup(vocabulary=[1], invert=True, output_mode='count'), "Write output_mode='int'"),
        (lambda: layers.IntegerLookup(pad_to_max_tokens=True), 'Give max_tokens=…'),
    ],
)
def test_settings_that_contradict_each_other_are_refused(make, remedy):
    with pytest.raises(ConfigError, match=remedy):
        make()


@pytest.mark.parametrize(
    ('make', 'remedy'),
    [
        (lambda: layers.Normalization().adapt(iter([])), 'batch'),
        (lambda: layers.Normalization().adapt([]), 'Pass the training data'),
        (lambda: layers.Normalization().adapt(np.zeros((0, 3))), 'Pass the training data'),
        (lambda: layers.Normalization().adapt([np.zeros((2, 3)), np.zeros((2, 4))]), 'Give every batch the same columns'),
        (
            lambda: layers.Normalization().adapt(iter([({'a': np.ones(2), 'b': np.ones(2)}, np.ones(2))])),
            'Adapt to the input of this layer',
        ),
        (lambda: layers.Discretization(num_bins=5).adapt(np.ones(20)), 'Ask for fewer bins, or give bin_boundaries'),
        (lambda: layers.IntegerLookup().adapt([[-1, -1]]), 'Pass data with terms'),
    ],
)
def test_data_that_cannot_be_adapted_to_are_refused(make, remedy):
    with pytest.raises(DataError, match=remedy):
        make()


def test_values_that_are_no_numbers_are_refused_when_adapting():
    with pytest.raises(DataError, match='NaN'):
        layers.Normalization().adapt(np.array([[1.0], [np.nan]]))


def test_inputs_that_do_not_fit_the_mean_are_refused():
    adapted = layers.Normalization().adapt(DATA)
    with pytest.raises(ShapeError, match='Adapt the layer to data of this shape'):
        adapted(lamina.Input((5,)))
    with pytest.raises(ShapeError, match='Change axis'):
        layers.Normalization(axis=3).adapt(DATA)
    with pytest.raises(ShapeError, match='Change axis'):
        layers.Normalization(axis=0).adapt(DATA)


# ---------------------------------------------------------------- categories and bins


def test_counts_are_weighted():
    x, weights = np.array([[0, 1, 1], [3, 9, 3]]), np.array([[0.5, 1.0, 2.0], [1.0, 5.0, 0.25]], np.float32)
    ours = run(layers.CategoryEncoding(4, output_mode='count'), x, count_weights=weights)
    theirs = keras.layers.CategoryEncoding(4, output_mode='count')(x, count_weights=weights)
    np.testing.assert_allclose(ours, theirs)


def test_weights_of_counts_are_an_input_of_a_network():
    x, w = lamina.Input((3,), dtype='int32'), lamina.Input((3,))
    model = lamina.Model([x, w], layers.CategoryEncoding(4, output_mode='count')(x, count_weights=w))
    y = model.predict([np.array([[0, 1, 1]]), np.array([[0.5, 1.0, 2.0]])], verbose=0)
    np.testing.assert_array_equal(y, [[0.5, 3.0, 0, 0]])


def test_weights_of_counts_are_refused_in_other_modes_and_shapes():
    with pytest.raises(ConfigError, match="Use output_mode='count'"):
        run(layers.CategoryEncoding(4), np.array([[0, 1]]), count_weights=np.ones((1, 2)))
    with pytest.raises(ShapeError, match='Give both the same shape'):
        run(layers.CategoryEncoding(4, output_mode='count'), np.array([[0, 1]]), count_weights=np.ones((1, 3)))


@pytest.mark.parametrize(('bins', 'epsilon', 'size'), [(4, 0.01, 5000), (3, 0.1, 57), (10, 0.01, 30), (7, 0.003, 1000)])
def test_learned_boundaries_are_those_of_keras(bins, epsilon, size):
    values = np.random.default_rng(2).normal(size=size).astype(np.float32)
    theirs = keras.layers.Discretization(num_bins=bins, epsilon=epsilon)
    theirs.update_state(values)  # `adapt` asks for TensorFlow
    theirs.finalize_state()
    ours = layers.Discretization(num_bins=bins, epsilon=epsilon).adapt(values)
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(run(ours, values[:, None]), theirs(values[:, None]))


def test_learned_bins_are_about_equally_full_for_every_form_of_data():
    values = np.random.default_rng(3).exponential(size=(4000, 1)).astype(np.float32)
    for data in sources(values, 500).values():
        adapted = layers.Discretization(num_bins=5).adapt(data)
        share = np.bincount(run(adapted, values).ravel(), minlength=5) / 4000
        np.testing.assert_allclose(share, 0.2, atol=0.03)


def test_many_boundaries_are_searched_as_few_are():
    boundaries = np.linspace(-3, 3, 200).astype(np.float32)
    values = np.concatenate([DATA.ravel() - 3, boundaries[:5], [-99, 99]])[:, None].astype(np.float32)
    np.testing.assert_array_equal(run(layers.Discretization(boundaries), values), np.digitize(values, boundaries))


# ---------------------------------------------------------------- hashes, from Keras 3.15 on TensorFlow 2.21

NUMBERS = (0, 1, 7, -1, 42, -42, 999, 1000, 12345, -9999, 1234567, 12345678, -1234567, 123456789, 2**31 - 1, -(2**31), -100, 10**8)
FARM = {
    10: (5, 9, 8, 0, 6, 8, 6, 3, 8, 2, 3, 2, 5, 6, 7, 9, 4, 1),
    70000: (12735, 4849, 16088, 6430, 65736, 16718, 39466, 33593, 64728, 5672, 48423, 24362, 26265, 37306, 10757, 20469, 15814, 53821),
}
FARM[2 * 10**9] = (1252572735, 1607034849, 82856088, 1151076430, 1284905736, 742066718, 1063809466, 264233593, 376084728)
FARM[2 * 10**9] += (1003925672, 570208423, 1990384362, 225586265, 1209267306, 630760757, 892340469, 1781075814, 92403821)
SIP = {
    10: (9, 6, 2, 4, 6, 8, 7, 6, 0, 3, 8, 2, 3, 8, 6, 1, 1, 5),
    1000: (369, 326, 382, 874, 406, 478, 697, 746, 810, 183, 718, 492, 723, 928, 326, 731, 601, 345),
}
SIP[2 * 10**9] = (1141297369, 174936326, 1363224382, 1328981874, 306589406, 1519718478, 997140697, 646009746, 1199143810)
SIP[2 * 10**9] += (9180183, 1555848718, 1853178492, 1846690723, 1199817928, 894808326, 1722844731, 1346872601, 716862345)


@pytest.mark.slow
@pytest.mark.parametrize(('bins', 'expected'), list(FARM.items()))
def test_hashes_are_those_of_keras(bins, expected):
    np.testing.assert_array_equal(jax.jit(bins_of, static_argnums=1)(np.array(NUMBERS, np.int32), bins), expected)


@pytest.mark.slow
@pytest.mark.parametrize(('bins', 'expected'), list(SIP.items()))
def test_salted_hashes_are_those_of_keras(bins, expected):
    found = jax.jit(bins_of, static_argnums=(1, 2))(np.array(NUMBERS, np.int32), bins, (133, 137))
    np.testing.assert_array_equal(found, expected)


def test_the_hashing_layer_presents_bins_as_keras_does():
    numbers = np.array(NUMBERS)
    mask = run(layers.Hashing(3, mask_value=0), numbers[:, None])
    np.testing.assert_array_equal(mask.ravel(), [0, 2, 1, 1, 1, 1, 1, 2, 1, 1, 2, 1, 2, 1, 2, 2, 1, 2])
    counts = run(layers.Hashing(5, salt=133, output_mode='count'), numbers.reshape(6, 3))
    np.testing.assert_array_equal(
        counts, [[2, 0, 1, 0, 0], [0, 1, 0, 1, 1], [1, 0, 1, 1, 0], [1, 2, 0, 0, 0], [0, 0, 0, 1, 2], [1, 0, 1, 1, 0]]
    )
    one_hot = run(layers.Hashing(4, output_mode='one_hot'), numbers[:3, None])
    np.testing.assert_array_equal(one_hot, [[0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]])


# ---------------------------------------------------------------- lookup, from Keras 3.15 on TensorFlow 2.21

IN_THREE, IN_ONE = np.log(2), np.log(3)  # log(1 + 4 / (1 + documents)) of terms in 3 documents and in 1


@pytest.mark.parametrize(
    ('settings', 'vocabulary', 'expected'),
    [
        ({}, [-1, 42, 12, 7, 1138, 1000, 36], [[2, 4, 0], [1, 0, 6], [3, 0, 2], [0, 2, 1]]),
        ({'mask_token': 7}, [7, -1, 42, 12, 1138, 1000, 36], [[3, 4, 1], [2, 1, 6], [0, 1, 3], [1, 3, 2]]),
        ({'num_oov_indices': 3}, [-1, -1, -1, 42, 12, 7, 1138, 1000, 36], [[4, 6, 2], [3, 0, 8], [5, 2, 4], [0, 4, 3]]),
        (
            {'num_oov_indices': 3, 'oov_method': 'farmhash'},
            [-1, -1, -1, 42, 12, 7, 1138, 1000, 36],
            [[4, 6, 1], [3, 0, 8], [5, 1, 4], [1, 4, 3]],
        ),
        (
            {'num_oov_indices': 3, 'oov_method': 'farmhash', 'salt': 5},
            [-1, -1, -1, 42, 12, 7, 1138, 1000, 36],
            [[4, 6, 0], [3, 1, 8], [5, 2, 4], [0, 4, 3]],
        ),
        ({'max_tokens': 4}, [-1, 42, 12, 7], [[2, 0, 0], [1, 0, 0], [3, 0, 2], [0, 2, 1]]),
        (
            {'output_mode': 'multi_hot', 'mask_token': 7},
            [-1, 42, 12, 1138, 1000, 36],
            [[1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0]],
        ),
        (
            {'output_mode': 'count', 'num_oov_indices': 2},
            [-1, -1, 42, 12, 7, 1138, 1000, 36],
            [[0, 1, 0, 1, 0, 1, 0, 0], [0, 1, 1, 0, 0, 0, 0, 1], [1, 0, 0, 1, 1, 0, 0, 0], [1, 0, 1, 1, 0, 0, 0, 0]],
        ),
        (
            {'output_mode': 'tf_idf', 'max_tokens': 9, 'pad_to_max_tokens': True},
            [-1, 42, 12, 7, 1138, 1000, 36],
            [
                [0.963457, 0, IN_THREE, 0, IN_ONE, 0, 0, 0, 0],
                [0.963457, IN_THREE, 0, 0, 0, 0, IN_ONE, 0, 0],
                [0.963457, 0, IN_THREE, IN_ONE, 0, 0, 0, 0, 0],
                [0.963457, IN_THREE, IN_THREE, 0, 0, 0, 0, 0, 0],
            ],
        ),
    ],
)
def test_learned_vocabularies_and_what_they_give_are_those_of_keras(settings, vocabulary, expected):
    adapted = layers.IntegerLookup(**settings).adapt(WHOLE)
    assert adapted.get_vocabulary() == vocabulary
    assert adapted.vocabulary_size() == len(vocabulary)
    np.testing.assert_allclose(run(adapted, ASKED), expected, rtol=1e-5)
    again = layers.IntegerLookup(**settings).adapt(list(WHOLE[:, None].astype(np.int64)))
    assert again.get_vocabulary() == vocabulary
    assert decode(encode(adapted)) == adapted


def test_one_hot_rows_and_numbers_that_no_index_stands_for():
    lookup = layers.IntegerLookup(vocabulary=[42, 12, 7], num_oov_indices=0)
    np.testing.assert_array_equal(run(lookup, np.array([[42, 5, 7]])), [[0, -1, 2]])
    one_hot = lookup.replace(output_mode='one_hot')
    np.testing.assert_array_equal(run(one_hot, np.array([[42, 5, 7]])), [[[1, 0, 0], [0, 0, 0], [0, 0, 1]]])


def test_an_inverse_lookup_gives_the_numbers_back():
    inverse = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], invert=True, mask_token=0)
    np.testing.assert_array_equal(run(inverse, np.array([[0, 1, 2, 9, -5]])), [[0, -1, 12, -1, -1]])
    lookup = layers.IntegerLookup(vocabulary=inverse.get_vocabulary(), mask_token=0)
    np.testing.assert_array_equal(run(inverse, run(lookup, np.array([[36, 42, 12, 0]]))), [[36, 42, 12, 0]])
    assert lookup.get_vocabulary(include_special_tokens=False) == [12, 36, 1138, 42]


def test_given_inverse_document_frequencies_weigh_the_counts():
    lookup = layers.IntegerLookup(vocabulary=[12, 36, 1138, 42], output_mode='tf_idf', idf_weights=[0.25, 0.75, 0.6, 0.4])
    y = run(lookup, np.array([[12, 1138, 42, 42], [42, 7, 36, 7]]))
    np.testing.assert_allclose(y, [[0, 0.25, 0, 0.6, 0.8], [1.0, 0, 0.75, 0, 0.4]], rtol=1e-6)


def test_documents_of_unequal_length_are_counted_as_arrays_are():
    ragged, table = TokenCounts(), TokenCounts()
    ragged.add([[1, 2, 2], [2, 3, 3]])
    table.add(np.array([[1, 2, 2], [2, 3, 3]]))
    assert ragged == table
    assert table.most_frequent() == [2, 3, 1]
    assert table.most_frequent(2, without=[2]) == [3, 1]


@pytest.mark.parametrize('name', ['CategoryEncoding', 'Discretization', 'Hashing', 'IntegerLookup'])
def test_settings_and_defaults_are_those_of_keras(name):
    def settings(cls):
        own = ('self', 'name', 'dtype', 'kwargs')
        return [(p.name, p.default) for p in inspect.signature(cls.__init__).parameters.values() if p.name not in own]

    ours = [(n, d) for n, d in settings(getattr(layers, name)) if n not in ('trainable', 'input_shape')]
    assert ours == settings(getattr(keras.layers, name))


def test_a_network_of_raw_columns_trains():
    ages, towns = lamina.Input((1,), name='age'), lamina.Input((1,), dtype='int32', name='town')
    rng = np.random.default_rng(4)
    x = {'age': rng.uniform(18, 80, (60, 1)).astype(np.float32), 'town': rng.integers(100, 110, (60, 1))}
    parts = [
        layers.Normalization().adapt(x['age'])(ages),
        layers.Discretization(num_bins=4, output_mode='one_hot').adapt(x['age'])(ages),
        layers.IntegerLookup(output_mode='one_hot').adapt(x['town'])(towns),
        layers.Hashing(4, output_mode='one_hot')(towns),
    ]
    model = lamina.Model([ages, towns], layers.Dense(1)(layers.Concatenate()(parts)))
    model.compile('adam', 'mse')
    history = model.fit(x, (x['age'] > 40).astype(np.float32), epochs=2, verbose=0)
    assert model.layers[-1].output_shape((None, 20)) == (None, 1)
    assert history.history['loss'][1] < history.history['loss'][0]
