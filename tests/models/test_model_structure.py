"""Models: building, weights and their order, freezing, nesting, growing, and how they show themselves."""

import re

import jax
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, DataError, ShapeError, StateError, UnknownNameError

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


def small(seed=0, **options):
    return lamina.Sequential(
        [
            lamina.Input((4,)),
            layers.Dense(8, activation='relu', name='hidden'),
            layers.BatchNormalization(),
            layers.Dense(3, name='head'),
        ],
        seed=seed,
        **options,
    )


# --- beside Keras ---

# Keras's own arrays do not follow NumPy 2's protocol.
keras_arrays = pytest.mark.filterwarnings('ignore:__array__ implementation')


@pytest.fixture(scope='module')
def keras():
    return pytest.importorskip('keras')


@keras_arrays
def test_weights_move_to_keras_and_back_by_one_call(keras):
    def network(library):
        return library.Sequential(
            [
                library.layers.Input((6, 6)),
                library.layers.Rescaling(0.5),
                library.layers.Flatten(),
                library.layers.Dense(8, activation='gelu'),
                library.layers.BatchNormalization(),
                library.layers.Dense(5, use_bias=False),
                library.layers.LayerNormalization(),
                library.layers.Dense(3, activation='softmax'),
            ]
        )

    class Ours:
        Sequential, layers = lamina.Sequential, layers

    ours, theirs = network(Ours), network(keras)
    x = np.random.default_rng(1).normal(size=(10, 6, 6)).astype(np.float32)
    # Keras lists all weights layer by layer, moving averages where their layer stands.
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    rng = np.random.default_rng(2)
    ours.set_weights([rng.uniform(0.5, 1.0, w.shape) for w in ours.get_weights()])
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    theirs.set_weights([rng.uniform(0.2, 0.7, w.shape) for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    assert ours.count_params() == theirs.count_params()


@keras_arrays
def test_functional_weights_move_to_keras_too(keras):
    def network(library, Model, Input):
        a, b = Input((4,), name='a'), Input((3,), name='b')
        x = library.Dense(5, activation='relu')(a)
        y = library.Dense(5)(b)
        z = library.Add()([x, y])
        return Model([a, b], [library.Dense(2)(z), library.Concatenate()([x, b])])

    ours, theirs = network(layers, lamina.Model, lamina.Input), network(keras.layers, keras.Model, keras.Input)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    theirs.set_weights(ours.get_weights())
    for one, other in zip(ours.predict([X, X[:, :3]]), theirs.predict([X, X[:, :3]], verbose=0), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


# --- weights ---


def test_build_gives_weights_by_seed():
    for value, same, other in zip(small(1).get_weights()[::6], small(1).get_weights()[::6], small(2).get_weights()[::6], strict=True):
        np.testing.assert_array_equal(value, same)
        assert (value != other).any()


def test_get_and_set_weights():
    model, other = small(0), small(1)
    assert list(model.variables) == [
        'hidden/kernel',
        'hidden/bias',
        'batch_normalization/gamma',
        'batch_normalization/beta',
        'batch_normalization/moving_mean',
        'batch_normalization/moving_variance',
        'head/kernel',
        'head/bias',
    ]
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    copies = model.get_weights()
    copies[0][:] = 0
    assert (model.get_weights()[0] != 0).any()


def test_wrong_weights_are_refused_and_change_nothing():
    model = small()
    before = model.get_weights()
    with pytest.raises(ShapeError, match='Pass what get_weights of an equal model returns'):
        model.set_weights(before[:-1])
    with pytest.raises(ShapeError, match=r"weight 'head/bias'.*Check the order of the list"):
        model.set_weights([np.zeros_like(w) for w in before[:-1]] + [np.zeros(7)])
    with pytest.raises(UnknownNameError, match="Did you mean 'head/kernel'"):
        model.set_variables({'hidden/bias': np.ones(8), 'head/kernl': 0})
    with pytest.raises(ShapeError, match='Pass an array of that shape'):
        model.set_variables({'hidden/bias': np.ones(8), 'head/bias': np.zeros(2)})
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_set_variables_keeps_what_the_optimizer_remembers():
    model = small()
    model.compile('adam', 'mse')
    model.fit(X, X[:, :3], verbose=0)
    remembered = [np.asarray(a) for a in jax.tree.leaves(model.state.optimizer)]
    model.set_variables({'head/bias': np.full(3, 7.0)})
    assert model.get_weights()[-1].tolist() == [7, 7, 7]
    for was, now in zip(remembered, jax.tree.leaves(model.state.optimizer), strict=True):
        np.testing.assert_array_equal(was, now)


def test_count_params_and_shapes():
    model = small()
    assert model.count_params() == 4 * 8 + 8 + 4 * 8 + 8 * 3 + 3
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))
    assert [layer.name for layer in model.layers] == ['hidden', 'batch_normalization', 'head']


def test_get_layer():
    inner = small(name='inner')
    model = lamina.Sequential([lamina.Input((4,)), inner])
    assert model.get_layer('inner/head').units == 3
    assert model.get_layer(index=0).name == 'inner'
    with pytest.raises(UnknownNameError, match="Did you mean 'head'"):
        model.get_layer('inner/haed')


# --- freezing ---


def test_frozen_layers_do_not_change_and_thawed_ones_do():
    model = small()
    assert model.freeze('h*') == ['hidden', 'head']
    model.compile('sgd', 'mse')
    before = dict(zip(model.variables, model.get_weights(), strict=True))
    model.fit(X, X[:, :3], verbose=0)
    after = dict(zip(model.variables, model.get_weights(), strict=True))
    assert {p for p in before if (before[p] != after[p]).any()} == {p for p in before if p.startswith('batch')}
    assert model.unfreeze('head') == ['head']
    model.fit(X, X[:, :3], verbose=0)
    finally_ = dict(zip(model.variables, model.get_weights(), strict=True))
    assert {p for p in before if (finally_[p] != after[p]).any()} >= {'head/kernel', 'head/bias'}
    assert (finally_['hidden/kernel'] == after['hidden/kernel']).all()


def test_freezing_reaches_into_nested_networks_by_path():
    model = lamina.Sequential([lamina.Input((4,)), small(name='body'), small(name='tail').layers[-1].replace(units=2)])
    assert model.freeze('body/h*') == ['body/hidden', 'body/head']
    assert sorted(model.state.trainable) == [
        'body/batch_normalization/beta',
        'body/batch_normalization/gamma',
        'head/bias',
        'head/kernel',
    ]
    assert 'body' in model.freeze('body')
    assert sorted(model.state.trainable) == ['head/bias', 'head/kernel']
    assert model.unfreeze() != []
    assert len(model.state.trainable) == 8
    with pytest.raises(UnknownNameError, match="Did you mean 'body"):
        model.freeze('bodi')


def test_the_network_can_be_edited_but_its_weights_must_stay_the_same():
    model = small()
    weights = model.get_weights()
    chain = model.network
    model.network = chain.with_children({**chain.children(), 'hidden': chain.children()['hidden'].replace(activation='tanh')})
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])
    hidden = np.tanh(X @ weights[0] + weights[1]) / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(model.predict(X), hidden @ weights[-2], rtol=1e-4, atol=1e-5)
    with pytest.raises(StateError, match='Build a new model'):
        model.network = chain.with_children({**chain.children(), 'head': layers.Dense(9, name='head')})
    with pytest.raises(ShapeError, match='Name every axis in dims'):
        model.network = chain.with_children({**chain.children(), 'head': layers.Permute((2, 1), name='head')})
    assert model.output_shape == (None, 3)


# --- nesting and growing ---


def test_models_within_models_carry_their_weights():
    inner = small()
    inner.set_variables({'head/bias': np.array([1.0, 2.0, 3.0])})
    wanted = inner.predict(X)
    sequential = lamina.Sequential([lamina.Input((4,)), inner, layers.Activation('linear')])
    np.testing.assert_array_equal(sequential.predict(X), wanted)
    a = lamina.Input((4,))
    functional = lamina.Model(a, layers.Rescaling(2.0)(inner(a)))
    np.testing.assert_allclose(functional.predict(X), 2 * wanted, rtol=1e-6)
    within = lamina.Sequential([functional])
    assert within.input_shape == (None, 4)
    np.testing.assert_allclose(within.predict(X), 2 * wanted, rtol=1e-6)
    # They are carried, not shared: training the outer one leaves the inner one as it was.
    sequential.compile('sgd', 'mse')
    sequential.fit(X, X[:, :3], verbose=0)
    np.testing.assert_array_equal(inner.predict(X), wanted)


def test_two_nested_models_each_carry_their_own():
    one, other = small(1), small(2)
    a = lamina.Input((4,))
    model = lamina.Model(a, layers.Concatenate()([one(a), other(a)]))
    np.testing.assert_allclose(model.predict(X), np.concatenate([one.predict(X), other.predict(X)], 1), rtol=1e-5, atol=1e-6)


def test_add_and_pop_keep_the_weights_of_the_others():
    model = small()
    weights = model.get_weights()
    model.add(layers.Dense(2))
    assert model.output_shape == (None, 2)
    for was, now in zip(weights, model.get_weights(), strict=False):
        np.testing.assert_array_equal(was, now)
    assert model.pop().units == 2
    assert model.pop().name == 'head'
    assert model.output_shape == (None, 8)
    for was, now in zip(weights[:6], model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    empty = lamina.Sequential()
    with pytest.raises(ConfigError, match='Add one first'):
        empty.pop()
    with pytest.raises(StateError, match=r'Call model\.add\(layer\) first'):
        _ = empty.network


def test_the_input_shape_is_known_from_input_from_the_layer_or_from_data():
    assert lamina.Sequential([layers.Dense(2, input_shape=(4,))]).built
    late = lamina.Sequential([layers.Dense(2)])
    assert not late.built
    assert repr(late) == "Sequential('sequential', not built)"
    with pytest.raises(StateError, match='Add Input'):
        late.summary()
    with pytest.raises(StateError, match='Add Input'):
        late.get_weights()
    assert late.predict(X).shape == (12, 2)
    assert late.input_shape == (None, 4)
    other = lamina.Sequential([layers.Flatten(), layers.Dense(1)])
    other.compile('sgd', 'mse')
    other.fit(X.reshape(12, 2, 2), X[:, :1], verbose=0)
    assert other.input_shape == (None, 2, 2)
    grown = lamina.Sequential()
    grown.add(lamina.Input((4,)))
    grown.add(layers.Dense(3))
    assert grown.output_shape == (None, 3)
    with pytest.raises(ConfigError, match='Put Input first'):
        grown.add(lamina.Input((4,)))


def test_inputs_of_the_wrong_shape_say_what_to_do():
    model = lamina.Sequential([lamina.Input((2, 3, 1)), layers.Flatten(), layers.Dense(1)])
    for shape, remedy in (
        ((2, 3, 1), r'pass x\[None\]'),
        ((5, 2, 3), r'Add the channels axis: x\[\.\.\., None\]'),
        ((5, 6), r'Reshape: x\.reshape\(-1, 2, 3, 1\)'),
        ((5, 7), 'Pass arrays of the shape the model was described for'),
    ):
        with pytest.raises(ShapeError, match=remedy):
            model.predict(np.zeros(shape, np.float32))
    with pytest.raises(DataError, match='Pass one array'):
        model.predict((np.zeros((5, 2, 3, 1)), np.zeros((5, 2, 3, 1))))


def test_a_network_from_any_layer():
    model = lamina.Model.from_layer(layers.Dense(3), (4,))
    assert list(model.variables) == ['kernel', 'bias']
    kernel, _ = model.get_weights()
    np.testing.assert_allclose(model.predict(X), X @ kernel, rtol=1e-4, atol=1e-5)


def test_calling_a_model_on_arrays_gives_jax_arrays_that_can_be_differentiated():
    model = small()
    np.testing.assert_allclose(model(X), model.predict(X), rtol=1e-5, atol=1e-6)
    gradient = jax.jit(jax.grad(lambda x: model(x).sum()))(X)
    assert gradient.shape == X.shape
    assert np.abs(gradient).max() > 0


# --- the face ---


def test_repr():
    assert repr(small()) == "Sequential('sequential', (None, 4) → (None, 3), 99 parameters)"
    a = lamina.Input((4,))
    assert repr(lamina.Model(a, layers.Dense(2)(a), name='line')) == "Model('line', (None, 4) → (None, 2), 10 parameters)"


def test_the_summary_as_text(capsys):
    body = lamina.Sequential([lamina.Input((4,)), layers.Dense(8, name='hidden'), layers.BatchNormalization()], name='body')
    model = lamina.Sequential([lamina.Input((4,)), body, layers.Dense(3, name='head')])
    model.freeze('body/hidden')
    model.summary()
    printed = capsys.readouterr().out
    lines = [re.sub(r'\s+', ' ', line).strip() for line in printed.splitlines() if '─' not in line]
    assert lines[:2] == ["Model 'sequential'", 'Layer Output shape Parameters FLOPs']
    assert lines[2] == 'body (Chain) (batch, 8) 72 (56 not trained)'
    assert lines[3].startswith('hidden (Dense) (batch, 8) 40 (frozen) 72')
    assert lines[4].startswith('batch_normalization (BatchNormalization) (batch, 8) 32 (16 not trained)')
    assert lines[5] == 'head (Dense) (batch, 3) 27 51'
    assert lines[6].startswith('99 parameters (396 bytes), 43 trained, 56 not · ')
    indented = printed.splitlines()[4]
    assert indented.startswith('  hidden')
    collected = []
    model.summary(print_fn=collected.append)
    assert collected == [printed.rstrip('\n')]


def test_the_summary_as_json_and_html():
    import json

    model = small(name='<small & quick>')
    summary = model.describe()
    data = json.loads(json.dumps(summary.json()))
    assert data['parameters'] == 99
    assert data['trainable'] == 83
    assert data['size_bytes'] == 4 * 99
    assert [row['path'] for row in data['rows']] == ['hidden', 'batch_normalization', 'head']
    first = data['rows'][0]
    assert (first['kind'], first['depth'], first['output'], first['parameters'], first['frozen']) == ('Dense', 0, [None, 8], 40, 0)
    assert first['flops'] >= 2 * 4 * 8
    page = model._repr_html_()
    assert page == summary.html()
    assert '&lt;small &amp; quick&gt;' in page
    assert '<small' not in page
    assert page.count('<tr>') == 4
    assert '<pre>' in lamina.Sequential()._repr_html_()


@pytest.mark.parametrize(('inputs', 'units', 'bias'), [(4, 8, True), (100, 10, True), (784, 128, False)])
def test_the_operations_of_a_dense_layer_are_those_counted_by_hand(inputs, units, bias):
    model = lamina.Sequential([lamina.Input((inputs,)), layers.Dense(units, use_bias=bias)])
    # A multiplication and an addition for each weight, an addition for each bias.
    assert model.describe().flops == 2 * inputs * units + (units if bias else 0)


def test_an_unbuilt_summary_of_several_outputs_is_readable():
    a = lamina.Input((4,), name='a')
    model = lamina.Model(a, {'p': layers.Dense(2)(a), 'q': layers.Dense(3)(a)})
    text = str(model.describe())
    assert 'dense_1 (Dense)' in text
    assert '(batch, 3)' in text


def test_a_model_within_a_model_can_be_kept_in_inference_mode():
    i, x = lamina.Input((3,)), lamina.Input((3,))
    base = lamina.Model(i, lamina.layers.BatchNormalization(momentum=0.5)(i), name='base')
    model = lamina.Model(x, lamina.layers.Dense(1)(base(x, training=False)))
    model.compile('sgd', 'mse')
    model.fit(np.full((8, 3), 5.0), np.ones((8, 1)), verbose=0)
    moved = [value for path, value in model.variables.items() if path.endswith('moving_mean')]
    assert len(moved) == 1
    np.testing.assert_array_equal(moved[0], 0)
