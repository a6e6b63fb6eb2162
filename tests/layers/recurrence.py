"""Recurrent layers on small sequences, and the ways in which their tests run them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core import paths
from lamina.core.keys import device_key
from lamina.layers import Scope
from lamina.layers.base import weights_of

RNG = np.random.default_rng(7)
X = RNG.normal(size=(4, 6, 3)).astype(np.float32)
LINES = RNG.normal(size=(4, 6, 5, 2)).astype(np.float32)
LENGTHS = [6, 3, 1, 4]
RIGHT_PADDED = np.arange(6)[None] < np.array(LENGTHS)[:, None]


@lamina.described
class Leaky(lamina.Layer):
    """A cell of a user's own, with a state of another length than its output."""

    units: int = 3
    state_size = property(lambda self: (self.units, 2))
    output_size = property(lambda self: self.units)

    def weights(self, shape):
        return {'kernel': lamina.Weight((shape[-1], self.units), 'glorot_uniform')}

    def apply(self, variables, x, h, total, scope):
        h = 0.5 * h + jnp.tanh(x @ variables['kernel'])
        return 2 * h, h, total + x[:, :2]


LAYERS = [
    layers.LSTM(3),
    layers.GRU(3),
    layers.SimpleRNN(3),
    layers.GRU(3, activation='relu', reset_after=False),
    layers.RNN(Leaky()),
    layers.RNN([layers.GRUCell(2), Leaky(), layers.LSTMCell(3)]),
    layers.ConvLSTM1D(2, 2),
    layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
]


def each(*quick, within=range(7)):
    """A test for each of these layers; continuous integration runs those that are not among the quick ones."""
    return pytest.mark.parametrize(
        'layer', [pytest.param(LAYERS[i], id=repr(LAYERS[i]), marks=[] if i in quick else [pytest.mark.slow]) for i in within]
    )


def values_of(layer, x, seed=0):
    """Values for every weight, none of them zero."""
    rng = np.random.default_rng(seed)
    declared = paths.flatten(weights_of(layer, (None, *x.shape[1:])))
    drawn = {p: rng.normal(size=w.shape).astype(w.dtype) / 2 if w.trainable else np.zeros(w.shape, w.dtype) for p, w in declared.items()}
    return paths.nest(drawn)


def run(layer, x, values=None, scope=None, **keywords):
    values = values_of(layer, x) if values is None else values
    return (scope or Scope()).call(layer, 'layer', {'layer': values}, x, **keywords)


def training(path='', step=0):
    return Scope(training=True, key=device_key(3), step=jnp.int32(step), path=path)


def inputs_of(layer):
    return LINES if isinstance(layer, layers.ConvLSTM1D) else X


def near(a, b, tolerance=1e-5):
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, rtol=tolerance, atol=tolerance), a, b)
