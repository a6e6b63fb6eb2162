"""Equinox modules as layers."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, MissingDependencyError, ShapeError
from lamina.external import EquinoxLayer, as_layer
from lamina.layers import Scope

eqx = pytest.importorskip('equinox')

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = X[:, :1] * X[:, 1:2]


@pytest.fixture
def mlp():
    return eqx.nn.MLP(4, 3, 16, 1, activation=jax.nn.tanh, key=jax.random.key(1))


def test_a_module_starts_as_it_is_and_trains(mlp):
    model = lamina.Sequential([lamina.Input((4,)), as_layer(mlp), lamina.layers.Dense(1)], seed=0)
    assert [p for p in model.variables if p.startswith('mlp/')] == [
        'mlp/layers/0/weight',
        'mlp/layers/0/bias',
        'mlp/layers/1/weight',
        'mlp/layers/1/bias',
    ]
    kernel, bias = model.get_weights()[-2:]
    np.testing.assert_allclose(model.predict(X), jax.vmap(mlp)(X) @ kernel + bias, rtol=1e-5, atol=1e-6)
    untouched = [np.array(a) for a in jax.tree.leaves(eqx.filter(mlp, eqx.is_array))]
    model.compile('adam', 'mse')
    model.learning_rate = 0.02
    losses = model.fit(X, Y, epochs=60, verbose=0).history['loss']
    assert losses[-1] < losses[0] / 5
    for array, was in zip(jax.tree.leaves(eqx.filter(mlp, eqx.is_array)), untouched, strict=True):
        np.testing.assert_array_equal(array, was)
    trained = eqx.tree_at(
        lambda m: [m.layers[0].weight, m.layers[0].bias, m.layers[1].weight, m.layers[1].bias], mlp, model.get_weights()[:4]
    )
    kernel, bias = model.get_weights()[-2:]
    np.testing.assert_allclose(model.predict(X), jax.vmap(trained)(jnp.asarray(X)) @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_gradients_are_those_of_the_module(mlp):
    layer = as_layer(mlp)
    variables = {'layers': {str(i): {'weight': d.weight, 'bias': d.bias} for i, d in enumerate(mlp.layers)}}
    ours = jax.grad(lambda v: jnp.sum(layer.apply(v, X, scope=Scope()) ** 2))(variables)
    theirs = eqx.filter_grad(lambda m: jnp.sum(jax.vmap(m)(X) ** 2))(mlp)
    for i, dense in enumerate(theirs.layers):
        np.testing.assert_allclose(ours['layers'][str(i)]['weight'], dense.weight, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(ours['layers'][str(i)]['bias'], dense.bias, rtol=1e-5, atol=1e-6)


def test_dropout_drops_in_training_only_and_each_example_on_its_own():
    layer = as_layer(eqx.nn.Sequential([eqx.nn.Identity(), eqx.nn.Dropout(0.5)]))
    ones = np.ones((64, 50), np.float32)
    np.testing.assert_array_equal(layer.apply({}, ones, scope=Scope()), ones)
    dropped = np.asarray(layer.apply({}, ones, scope=Scope(training=True, key=jax.random.key(0, impl='rbg'))))
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert np.mean(dropped) == pytest.approx(1, abs=0.1)
    assert len(np.unique(dropped, axis=0)) == 64


class Whole(eqx.Module):
    """A module that takes whole batches."""

    scale: jax.Array
    steps: jax.Array

    def __call__(self, x):
        return (x - jnp.mean(x, 0)) * self.scale + 0 * self.steps


def test_a_module_of_whole_batches_takes_vmap_false_and_whole_numbers_are_no_weights():
    module = Whole(jnp.full(4, 2.0), jnp.arange(1))
    layer = as_layer(module, vmap=False, name='whole')
    model = lamina.Sequential([lamina.Input((4,)), layer])
    assert list(model.variables) == ['whole/scale']
    np.testing.assert_allclose(model.predict_on_batch(X[:8]), 2 * (X[:8] - X[:8].mean(0)), rtol=1e-5, atol=1e-6)


def test_equality_is_that_of_the_module_object(mlp):
    assert as_layer(mlp) == as_layer(mlp)
    assert as_layer(mlp) != as_layer(eqx.nn.MLP(4, 3, 16, 1, key=jax.random.key(1)))
    assert repr(as_layer(mlp)) == 'EquinoxLayer(<MLP>)'


def test_shape_errors_name_the_layer(mlp):
    with pytest.raises(ShapeError, match=r"EquinoxLayer 'mlp'.*Change the layer before it"):
        lamina.Sequential([lamina.Input((5,)), as_layer(mlp)])


def test_modules_with_state_are_refused():
    with pytest.raises(ConfigError, match=r'Use lamina\.layers\.BatchNormalization'):
        as_layer(eqx.nn.BatchNorm(4, axis_name='batch', mode='batch'))


def test_it_cannot_be_saved(mlp, tmp_path):
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        lamina.Sequential([lamina.Input((4,)), as_layer(mlp)]).save(tmp_path / 'm.lamina')


def test_without_equinox_the_error_holds_the_install_line(mlp, monkeypatch):
    held = as_layer(mlp).module
    monkeypatch.setitem(sys.modules, 'equinox', None)
    with pytest.raises(MissingDependencyError, match='pip install equinox'):
        EquinoxLayer(held)
