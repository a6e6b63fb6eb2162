"""Networks of layers: chains, graphs, names, sharing, structures, depth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, ShapeError, StateError, UnknownNameError
from lamina.core.serial import decode, encode
from lamina.core.structure import leaves, map_leaves
from lamina.layers import Scope
from lamina.layers.compose import Chain, as_layer, numbered_names
from lamina.layers.graph import Graph, Reference
from lamina.layers.weight import initial_values

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_names_are_numbered_where_they_would_repeat():
    given = (layers.Dense(1), layers.Dense(2), layers.Dense(3, name='dense_1'), layers.BatchNormalization(), layers.Dense(4))
    assert numbered_names(given) == ('dense', 'dense_2', 'dense_1', 'batch_normalization', 'dense_3')


def test_a_name_given_twice_is_refused():
    with pytest.raises(ConfigError, match=r"'head' twice.*Rename one of them"):
        Chain([layers.Dense(1, name='head'), layers.Dense(2, name='head')])


def test_a_chain_runs_its_layers_in_order():
    chain = Chain([layers.Rescaling(2.0), layers.Activation('tanh'), layers.Rescaling(1.0, offset=1.0)])
    np.testing.assert_allclose(chain.apply({}, X, scope=Scope()), np.tanh(2 * X) + 1, rtol=1e-5, atol=1e-6)
    assert chain.output_shape((None, 4)) == (None, 4)
    assert list(chain.children()) == ['rescaling', 'activation', 'rescaling_1']
    assert Chain([]).apply({}, X, scope=Scope()) is X


def test_an_edited_chain_keeps_its_names():
    chain = Chain([layers.Dense(3), layers.Dense(2)])
    edited = chain.with_children({name: layer.replace(activation='relu') for name, layer in chain.children().items()})
    assert edited.names == chain.names
    assert all(layer.activation == 'relu' for layer in edited.layers)
    assert edited != chain


def test_the_same_description_twice_has_weights_twice_in_a_chain():
    dense = layers.Dense(4)
    model = lamina.Sequential([lamina.Input((4,)), dense, dense])
    assert list(model.variables) == ['dense/kernel', 'dense/bias', 'dense_1/kernel', 'dense_1/bias']
    assert (model.variables['dense/kernel'] != model.variables['dense_1/kernel']).any()


def test_a_layer_called_twice_in_a_graph_shares_its_weights():
    a, b = lamina.Input((4,)), lamina.Input((4,))
    shared = layers.Dense(3)
    model = lamina.Model([a, b], shared(a) - shared(b))
    assert list(model.variables) == ['dense/kernel', 'dense/bias']
    np.testing.assert_allclose(model.predict([X, X]), 0, atol=1e-6)
    kernel = model.get_weights()[0]
    np.testing.assert_allclose(model.predict([X, 2 * X]), -X @ kernel, rtol=1e-4, atol=1e-5)
    # The gradient of a shared weight is the sum of those of its uses.
    model.set_variables({'dense/kernel': np.ones((4, 3))})
    gradient = jax.grad(lambda v: jnp.sum(model.network.apply({'dense': v}, X, 2 * X, scope=Scope())))(
        {'kernel': kernel, 'bias': jnp.ones(3)}
    )
    np.testing.assert_allclose(gradient['kernel'], np.repeat(-X.sum(0)[:, None], 3, 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient['bias'], 0, atol=1e-6)


def test_equal_but_separate_layers_do_not_share():
    a = lamina.Input((4,))
    model = lamina.Model(a, layers.Dense(3)(a) - layers.Dense(3)(a))
    assert len(model.variables) == 4


def test_skip_connections_and_operators():
    a = lamina.Input((4,))
    hidden = layers.Dense(4, activation='tanh', name='inner')(a)
    model = lamina.Model(a, layers.Add()([a, hidden]) * hidden)
    kernel, bias = model.get_weights()
    h = np.tanh(X @ kernel + bias)
    np.testing.assert_allclose(model.predict(X), (X + h) * h, rtol=1e-4, atol=1e-5)
    for other in (np.ones(4), 'x', True):
        with pytest.raises(TypeError):
            a + other


def test_lists_of_inputs_and_outputs_by_position():
    a, b = lamina.Input((4,), name='left'), lamina.Input((2,), name='right')
    model = lamina.Model([a, b], [layers.Dense(1)(b), layers.Concatenate()([a, b]), a])
    assert model.input_shape == [(None, 4), (None, 2)]
    assert model.output_shape == [(None, 1), (None, 6), (None, 4)]
    first, second, third = model.predict([X, X[:, :2]])
    assert first.shape == (6, 1)
    np.testing.assert_array_equal(second, np.concatenate([X, X[:, :2]], 1))
    np.testing.assert_array_equal(third, X)


def test_dicts_of_inputs_and_outputs_keep_their_order_and_names():
    x, y = lamina.Input((4,)), lamina.Input((2,))
    model = lamina.Model({'zeta': x, 'alpha': y}, {'wide': layers.Dense(5)(x), 'narrow': layers.Dense(1)(y)})
    assert model.ports.output_names == ['wide', 'narrow']
    assert model.output_shape == [(None, 5), (None, 1)]
    outputs = model.predict({'alpha': X[:, :2], 'zeta': X})
    assert list(outputs) == ['wide', 'narrow']
    # Weights come in Keras's order, which sorts the outputs of a dict by their keys.
    narrow, wide = model.get_weights()[0], model.get_weights()[2]
    np.testing.assert_allclose(outputs['wide'], X @ wide, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(outputs['narrow'], X[:, :2] @ narrow, rtol=1e-4, atol=1e-5)
    with pytest.raises(UnknownNameError, match="Did you mean 'alpha'"):
        model.predict({'alpa': X[:, :2], 'zeta': X})


def test_dicts_in_another_order_are_another_network():
    x = lamina.Input((4,))
    p, q = layers.Activation('relu')(x), layers.Activation('tanh')(x)
    one, other = lamina.Model(x, {'p': p, 'q': q}), lamina.Model(x, {'q': q, 'p': p})
    for model in (one, other):
        outputs = model.predict(X)
        np.testing.assert_allclose(outputs['p'], np.maximum(X, 0))
        np.testing.assert_allclose(outputs['q'], np.tanh(X), rtol=1e-5, atol=1e-6)
    assert list(other.predict(X)) == ['q', 'p']


def test_several_outputs_train_each_on_its_own_target():
    x = lamina.Input((4,))
    model = lamina.Model(x, {'z': layers.Dense(2)(x), 'a': layers.Dense(3)(x)}, seed=0)
    model.compile('adam', {'a': 'mse', 'z': 'mse'})
    model.learning_rate = 0.05
    targets = {'a': X[:, :3], 'z': -X[:, :2]}
    losses = model.fit(X, targets, epochs=150, verbose=0).history
    assert losses['a_loss'][-1] < 1e-2 > losses['z_loss'][-1]
    outputs = model.predict(X)
    np.testing.assert_allclose(outputs['z'], -X[:, :2], atol=0.3)


def test_a_layer_with_several_outputs():
    class Halves(layers.Layer):
        """Two halves of the features."""

        def apply(self, variables, x, scope):
            middle = x.shape[-1] // 2
            return x[..., :middle], x[..., middle:]

    a = lamina.Input((4,))
    left, right = Halves()(a)
    model = lamina.Model(a, right - left)
    np.testing.assert_allclose(model.predict(X), X[:, 2:] - X[:, :2])
    chained = lamina.Sequential([lamina.Input((4,)), Halves(), layers.Subtract()])
    np.testing.assert_allclose(chained.predict(X), X[:, :2] - X[:, 2:])


def test_networks_within_networks():
    inner = Chain([layers.Dense(3), layers.Dense(2)], name='inner')
    outer = Chain([inner, layers.Dense(1)])
    values = initial_values(outer.weights((None, 4)), seed=0)
    assert list(values) == [
        'inner/dense/kernel',
        'inner/dense/bias',
        'inner/dense_1/kernel',
        'inner/dense_1/bias',
        'dense/kernel',
        'dense/bias',
    ]
    frozen = Chain([inner.replace(trainable=False), layers.Dense(1)])
    model = lamina.Model.from_layer(frozen, (4,))
    assert sorted(model.state.trainable) == ['dense/bias', 'dense/kernel']


@pytest.mark.parametrize('kind', ['chain', 'graph'])
def test_a_thousand_layers(kind):
    if kind == 'chain':
        network = Chain([layers.Rescaling(1.0, offset=0.001)] * 1000)
        assert network.output_shape((None, 4)) == (None, 4)
        assert list(network.children())[-1] == 'rescaling_999'
    else:
        first = x = lamina.Input((4,))
        for i in range(1000):
            x = layers.Rescaling(1.0, offset=0.001 if i % 2 else -0.001)(x)
        network = Graph.between(first, x)
        assert len(network.nodes) == 1000
    assert decode(encode(network)) == network
    assert network.weights((None, 4)) == {}


def test_a_long_chain_of_distinct_layers_has_no_recursion():
    first = x = lamina.Input((2,))
    for i in range(1500):
        x = layers.Rescaling(1.0, name=f'r{i}')(x)
    graph = Graph.between(first, x)
    assert len(graph.layers) == 1500
    assert isinstance(hash(graph), int)


def test_graphs_are_compared_printed_and_saved():
    a = lamina.Input((4,), name='a')
    model = lamina.Model(a, {'y': layers.Dense(2)(a)})
    again = decode(encode(model.network))
    assert again == model.network
    assert hash(again) == hash(model.network)
    assert 'Dense(2' in repr(again)


def test_errors_name_the_layer_and_its_path():
    with pytest.raises(ShapeError, match=r"Permute 'turn'.*Name every axis in dims"):
        lamina.Sequential([lamina.Input((4,)), layers.Dense(3), layers.Permute((2, 1), name='turn')])

    class Odd(layers.Layer):
        """Fails inside JAX."""

        def apply(self, variables, x, scope):
            return x @ jnp.ones((99, 2))

    inner = Chain([layers.Dense(3), Odd(name='odd')], name='inner')
    with pytest.raises(ShapeError, match=r"Odd '(inner/)?odd'.*Change the layer before it") as caught:
        lamina.Model.from_layer(Chain([inner]), (4,))
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize(
    ('value', 'remedy'),
    [
        (layers.Flatten, r'Write Flatten\(…\), with parentheses'),
        (3, r'Wrap a function with lamina\.external\.as_layer'),
        (jnp.tanh, r'Wrap a function with lamina\.external\.as_layer'),
    ],
)
def test_what_is_no_layer_is_refused(value, remedy):
    with pytest.raises(ConfigError, match=remedy):
        as_layer(value, 'position 0')
    with pytest.raises(ConfigError, match=remedy):
        lamina.Sequential([value])


def test_a_layer_called_on_an_array_says_what_to_do():
    with pytest.raises(StateError, match=r'Start from lamina\.Input'):
        layers.Dense(3)(X)


def test_a_graph_needs_every_input_and_only_inputs():
    a, b = lamina.Input((4,)), lamina.Input((4,))
    with pytest.raises(ConfigError, match='Add it to inputs'):
        lamina.Model(a, a + b)
    with pytest.raises(ConfigError, match=r'List what lamina\.Input\(…\) returned'):
        lamina.Model(layers.Dense(2)(a), a)
    with pytest.raises(ConfigError, match=r'Write x = lamina\.Input\(shape\)'):
        lamina.Model(a, X)


def test_a_graph_with_impossible_references_is_refused():
    graph = Graph.between(a := lamina.Input((4,)), layers.Dense(2)(a))
    node = graph.nodes[0]
    for bad in (node.replace(layer='nobody'), node.replace(arguments=(Reference(1),)), node.replace(arguments=(Reference(9),))):
        with pytest.raises(ConfigError, match=r'Build it with lamina\.Model'):
            graph.replace(nodes=(bad,))
    with pytest.raises(ConfigError, match=r'Build it with lamina\.Model'):
        graph.replace(outputs=Reference(7))


def test_chain_names_must_be_as_many():
    with pytest.raises(ConfigError, match='Leave names out'):
        Chain([layers.Dense(1)], names=('a', 'b'))


def test_structures_are_walked_in_their_own_order():
    structure = {'b': [1, (2, 3)], 'a': 4}
    assert leaves(structure) == [1, 2, 3, 4]
    assert map_leaves(lambda n: -n, structure) == {'b': (-1, (-2, -3)), 'a': -4}


def test_what_layers_leave_behind_is_recorded_under_their_paths():
    class Counter(layers.Layer):
        """Counts its calls."""

        def weights(self, shape):
            return {'calls': lamina.Weight((), 'zeros', trainable=False)}

        def apply(self, variables, x, scope):
            if scope.training:
                scope.update('calls', variables['calls'] + 1)
            scope.add_loss(jnp.mean(x) * 0)
            return scope.tap('twice', 2 * x)

    model = lamina.Sequential([lamina.Input((4,)), Counter(), layers.Dense(1)])
    model.compile('sgd', 'mse')
    model.fit(X, X[:, :1], batch_size=2, epochs=2, verbose=0)
    assert float(model.variables['counter/calls']) == 6
    seen = []
    scope = Scope(tap_with=lambda path, name, value: (seen.append((path, name)), value)[1])
    chain = Chain([Counter(), layers.Activation('relu')])
    chain.apply({'counter': {'calls': 0.0}}, X, scope=scope)
    assert seen == [('counter', 'twice'), ('counter', 'output'), ('activation', 'output')]
    replaced = chain.apply({'counter': {'calls': 0.0}}, X, scope=Scope(tap_with=lambda p, n, v: 0 * v if n == 'twice' else v))
    np.testing.assert_array_equal(replaced, 0)
