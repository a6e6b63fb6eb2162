"""Plain functions as layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ArchiveError, ConfigError, MissingDependencyError
from lamina.core.serial import decode, encode
from lamina.external import as_layer
from lamina.external.held import Held, named_leaves, required
from lamina.layers import Scope

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = X @ np.array([[1.0], [-2.0], [0.5], [3.0]], np.float32)


def init(rng, shape):
    return {'in': {'w': rng.normal(size=(shape[-1], 8)) / 2, 'b': np.zeros(8)}, 'out': [rng.normal(size=(8, 3)) / 3], 'calls': np.int32(7)}


def network(params, x):
    hidden = jnp.tanh(x @ params['in']['w'] + params['in']['b'])
    return hidden @ params['out'][0] * (params['calls'] / 7)


def test_a_pair_of_functions_trains_like_any_layer():
    model = lamina.Sequential([lamina.Input((4,)), as_layer(init, network), lamina.layers.Dense(1)], seed=3)
    assert list(model.variables) == ['network/calls', 'network/in/b', 'network/in/w', 'network/out/0', 'dense/kernel', 'dense/bias']
    before = dict(zip(model.variables, model.get_weights(), strict=True))
    params = {'in': {'w': before['network/in/w'], 'b': before['network/in/b']}, 'out': [before['network/out/0']], 'calls': 7}
    by_hand = network(params, X) @ before['dense/kernel'] + before['dense/bias']
    np.testing.assert_allclose(model.predict(X), by_hand, rtol=1e-5, atol=1e-6)
    model.compile('adam', 'mse')
    model.learning_rate = 0.03
    losses = model.fit(X, Y, epochs=30, verbose=0).history['loss']
    assert losses[-1] < losses[0] / 10
    after = dict(zip(model.variables, model.get_weights(), strict=True))
    assert after['network/calls'] == 7
    assert all((after[p] != before[p]).any() for p in before if p != 'network/calls')


def test_the_seed_of_the_model_decides_the_first_values():
    first, again, other = (lamina.Sequential([lamina.Input((4,)), as_layer(init, network)], seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.variables['network/in/w'], again.variables['network/in/w'])
    assert (first.variables['network/in/w'] != other.variables['network/in/w']).any()


def test_a_first_argument_called_key_gets_a_jax_key():
    def begin(key, shape):
        return jax.random.normal(key, (shape[-1], 2))

    layer = as_layer(begin, lambda params, x: x @ params, name='matrix')
    model = lamina.Sequential([lamina.Input((4,)), layer], seed=0)
    assert list(model.variables) == ['matrix/value']
    np.testing.assert_allclose(model.predict(X), X @ model.get_weights()[0], rtol=1e-5, atol=1e-6)
    assert np.std(model.get_weights()[0]) > 0


def test_apply_hears_of_training_and_gets_a_key():
    def noisy(params, x, training, key=None):
        return x + jax.random.normal(key, x.shape) * params['scale'] if training else x

    layer = as_layer(lambda rng, shape: {'scale': 2.0}, noisy)
    variables = {'scale': jnp.float32(2)}
    np.testing.assert_array_equal(layer.apply(variables, X, scope=Scope()), X)
    noise = layer.apply(variables, X, scope=Scope(training=True, key=jax.random.key(0), path='a')) - X
    assert np.std(noise) == pytest.approx(2, rel=0.2)
    other = layer.apply(variables, X, scope=Scope(training=True, key=jax.random.key(0), path='b')) - X
    assert (noise != other).all()


def test_one_function_is_a_layer_without_weights():
    model = lamina.Sequential([lamina.Input((4,)), as_layer(jnp.square), as_layer(lambda x: x + 1)])
    assert list(model.network.children()) == ['square', 'function']
    assert model.count_params() == 0
    np.testing.assert_allclose(model.predict(X), X**2 + 1, rtol=1e-6)


def test_several_inputs_and_outputs():
    a, b = lamina.Input((4,)), lamina.Input((4,))
    total, difference = as_layer(lambda x, y: (x + y, x - y))(a, b)
    model = lamina.Model([a, b], [total, difference])
    first, second = model.predict([X, 2 * X])
    np.testing.assert_allclose(first, 3 * X, rtol=1e-6)
    np.testing.assert_allclose(second, -X, rtol=1e-6)


def test_equal_functions_make_equal_layers_and_a_layer_comes_back():
    layer = as_layer(init, network)
    assert layer == as_layer(init, network)
    assert hash(layer) == hash(as_layer(init, network))
    assert layer != as_layer(init, lambda params, x: x)
    assert as_layer(layer) is layer
    assert repr(layer) == 'FunctionLayer(<network>, init=<init>)'


def test_freezing():
    model = lamina.Sequential([lamina.Input((4,)), as_layer(init, network, trainable=False), lamina.layers.Dense(1)])
    model.compile('sgd', 'mse')
    before = model.get_weights()
    model.fit(X, Y, epochs=1, verbose=0)
    after = model.get_weights()
    assert [(a == b).all() for a, b in zip(before, after, strict=True)] == [True] * 4 + [False] * 2


def test_it_cannot_be_saved_and_says_so(tmp_path):
    model = lamina.Sequential([lamina.Input((4,)), as_layer(init, network)])
    with pytest.raises(ConfigError, match=r"FunctionLayer 'network'.*Write it as a small @lamina\.described class"):
        model.save(tmp_path / 'model.lamina')
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        encode(as_layer(init, network))


@pytest.mark.parametrize('name', ['FunctionLayer', 'EquinoxLayer', 'FlaxLayer'])
def test_no_file_can_name_such_a_layer(name):
    with pytest.raises((ConfigError, ArchiveError), match='one of'):
        decode({'kind': 'layer', 'name': name, 'settings': {}})


@pytest.mark.parametrize('value', [3, 'relu', None, lamina.layers.Dense])
def test_what_is_none_of_these_is_refused(value):
    with pytest.raises(ConfigError, match=r'Make the module first, or pass as_layer\(init, apply\)'):
        as_layer(value)


def test_settings_must_be_held():
    with pytest.raises(ConfigError, match=r'use lamina\.external\.as_layer.*Change function'):
        lamina.external.FunctionLayer(network)


def test_a_package_that_is_missing_gets_its_install_line():
    with pytest.raises(MissingDependencyError, match='Install it: pip install some-package'):
        required('some package', 'lamina_no_such_package', 'some-package')


def test_leaves_are_named_by_their_path():
    assert named_leaves({'a': [1, {'b/c': 2}], 'd': 3}, '') == {'a/0': 1, 'a/1/b_c': 2, 'd': 3}
    with pytest.raises(ConfigError, match='Use strings as keys, without /'):
        named_leaves({'a/b': 1, 'a_b': 2}, 'init')


def test_held_is_compared_by_identity():
    values = [1.0], [1.0]
    assert Held(values[0]) == Held(values[0]) != Held(values[1])
    assert Held(values[0]) != values[0]
