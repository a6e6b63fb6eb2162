"""Flax NNX modules as layers."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, MissingDependencyError, ShapeError
from lamina.external import FlaxLayer, as_layer
from lamina.layers import Scope

nnx = pytest.importorskip('flax.nnx')

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.abs(X[:, :1])


class Net(nnx.Module):
    """Every kind of variable: parameters, averages, a random stream."""

    def __init__(self, rngs, rate=0.0):
        self.inner = nnx.Linear(4, 16, rngs=rngs)
        self.norm = nnx.BatchNorm(16, momentum=0.9, rngs=rngs)
        self.drop = nnx.Dropout(rate, rngs=rngs)
        self.outer = nnx.Linear(16, 3, rngs=rngs)

    def __call__(self, x):
        return self.outer(self.drop(nnx.relu(self.norm(self.inner(x)))))


def values_of(module):
    return [np.array(v) for v in jax.tree.leaves(nnx.state(module, nnx.Not(nnx.RngState)))]


def test_a_module_starts_as_it_is_and_trains():
    module = Net(nnx.Rngs(0))
    model = lamina.Sequential([lamina.Input((4,)), as_layer(module), lamina.layers.Dense(1)], seed=0)
    assert [path for path in model.variables if 'norm' in path] == [f'net/norm/{n}' for n in ('bias', 'mean', 'scale', 'var')]
    assert sorted(model.state.other) == ['net/norm/mean', 'net/norm/var']
    kernel, bias = model.get_weights()[-2:]
    untouched = values_of(module)
    module.eval()
    np.testing.assert_allclose(model.predict(X), module(X) @ kernel + bias, rtol=1e-5, atol=1e-6)
    module.train()
    model.compile('adam', 'mse')
    model.learning_rate = 0.02
    losses = model.fit(X, Y, batch_size=20, epochs=30, verbose=0).history['loss']
    assert losses[-1] < losses[0] / 5
    for value, was in zip(values_of(module), untouched, strict=True):
        np.testing.assert_array_equal(value, was)


def test_one_step_updates_the_averages_as_the_module_does():
    module, twin = Net(nnx.Rngs(0)), Net(nnx.Rngs(0))
    model = lamina.Sequential([lamina.Input((4,)), as_layer(module)], seed=0)
    model.compile(lamina.optimizers.SGD(0.1), 'mse')
    target = np.zeros((40, 3), np.float32)
    model.train_on_batch(X, target)

    twin.train()
    gradients = nnx.grad(lambda m: jnp.mean((m(X) - target) ** 2))(twin)
    nnx.update(twin, jax.tree.map(lambda w, g: w - 0.1 * g, nnx.state(twin, nnx.Param), gradients))
    expected = {'/'.join(map(str, path)): v[...] for path, v in nnx.to_flat_state(nnx.state(twin, nnx.Not(nnx.RngState)))}
    assert len(expected) == 8
    for name, value in expected.items():
        np.testing.assert_allclose(model.variables[f'net/{name}'], value, rtol=1e-4, atol=1e-6, err_msg=name)


def test_frozen_it_keeps_its_weights_and_averages():
    model = lamina.Sequential([lamina.Input((4,)), as_layer(Net(nnx.Rngs(0)), trainable=False), lamina.layers.Dense(1)])
    model.compile('sgd', 'mse')
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    changed = [(a != b).any() for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False] * 8 + [True] * 2


def test_dropout_draws_from_the_scope_and_not_in_inference():
    layer = as_layer(nnx.Dropout(0.5, rngs=nnx.Rngs(0)))
    ones = np.ones((32, 40), np.float32)
    np.testing.assert_array_equal(layer.apply({}, ones, scope=Scope()), ones)
    first, again, other = (layer.apply({}, ones, scope=Scope(training=True, key=jax.random.key(k, impl='rbg'))) for k in (0, 0, 1))
    assert set(np.unique(first)) == {0.0, 2.0}
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_fit_with_dropout_differs_from_step_to_step():
    model = lamina.Sequential([lamina.Input((4,)), as_layer(nnx.Dropout(0.5, rngs=nnx.Rngs(0)))], seed=0)
    model.compile('sgd', 'mse')
    ones = np.ones((40, 4), np.float32)
    losses = model.fit(ones, 0 * ones, epochs=4, batch_size=40, shuffle=False, verbose=0).history['loss']
    assert len(set(losses)) > 1


def test_errors_name_the_layer_and_saving_is_refused(tmp_path):
    layer = as_layer(nnx.Linear(4, 2, rngs=nnx.Rngs(0)))
    assert repr(layer) == 'FlaxLayer(<Linear>)'
    with pytest.raises(ShapeError, match=r"FlaxLayer 'linear'.*Change the layer before it"):
        lamina.Sequential([lamina.Input((5,)), layer])
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        lamina.Sequential([lamina.Input((4,)), layer]).save(tmp_path / 'm.lamina')


def test_without_flax_the_error_holds_the_install_line(monkeypatch):
    held = as_layer(nnx.Linear(4, 2, rngs=nnx.Rngs(0))).module
    monkeypatch.setitem(sys.modules, 'flax.nnx', None)
    with pytest.raises(MissingDependencyError, match='pip install flax'):
        FlaxLayer(held)
