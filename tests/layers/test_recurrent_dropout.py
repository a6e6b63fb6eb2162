"""Dropout over time: one mask for all steps, one for each gate where the state drops too, and streams that differ."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from recurrence import LINES, X, near, run, training, values_of

from lamina import layers


def linear(**settings):
    """A cell that only passes on: h = x · kept + h · kept."""
    layer = layers.SimpleRNN(50, activation=None, return_sequences=True, **settings)
    return layer, {'kernel': np.eye(50, dtype=np.float32), 'recurrent_kernel': np.eye(50, dtype=np.float32), 'bias': np.zeros(50)}


def test_the_inputs_lose_the_same_features_at_every_step():
    layer, values = linear(dropout=0.5)
    values['recurrent_kernel'] = np.zeros((50, 50), np.float32)
    y = np.asarray(run(layer, np.ones((8, 5, 50), np.float32), values, training()))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert set(np.unique(y)) == {0, 2}
    assert 0.4 < np.mean(y == 0) < 0.6
    assert len(np.unique(y[:, 0], axis=0)) == 8


def test_the_state_loses_the_same_units_at_every_step():
    layer, values = linear(recurrent_dropout=0.5)
    x = np.zeros((8, 5, 50), np.float32)
    x[:, 0] = 1
    y = np.asarray(run(layer, x, values, training()))
    kept = y[:, 1] > 0
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_array_equal(y[:, 4], np.where(kept, 16.0, 0.0))


def test_a_seed_of_ones_own_fixes_the_masks_and_keeps_them_apart():
    layer, values = linear(dropout=0.5, recurrent_dropout=0.5, seed=5)
    x = np.ones((8, 2, 50), np.float32)
    y = np.asarray(run(layer, x, values, training('a')))
    np.testing.assert_array_equal(y, run(layer, x, values, training('b')))
    inputs, states = y[:, 0] > 0, (y[:, 1] - y[:, 0]) > 0
    assert 0.3 < np.mean(states[inputs]) < 0.7
    other = np.asarray(run(layer.replace(seed=None), x, values, training('a')))
    assert (y != other).any()


@pytest.mark.parametrize('layer', [layers.LSTM(3), layers.GRU(3), layers.SimpleRNN(3)], ids=repr)
def test_dropout_on_the_kernel_is_dropout_in_the_loop(layer):
    layer, values = layer.replace(dropout=0.4), values_of(layer, X)
    y = run(layer, X, values, training())
    keep = layer.cell.keep((3,), (3,), 4, dataclasses.replace(training(), path='layer'))
    near(y, run(layer, X * keep.inputs, values))
    assert (np.asarray(y) != np.asarray(run(layer, X, values))).any()
    np.testing.assert_array_equal(run(layer, X, values), run(layer.replace(dropout=0.0), X, values, training()))


def test_with_recurrent_dropout_each_gate_has_its_own_masks():
    layer = layers.LSTM(3, dropout=0.4, recurrent_dropout=0.3)
    values = values_of(layer, X)
    keep = layer.cell.keep((3,), (3,), 4, dataclasses.replace(training(), path='layer'))
    assert (keep.inputs.shape, keep.states.shape) == ((4, 4, 3), (4, 4, 3))
    h = c = np.zeros((4, 3))
    kernels = [np.split(values[n], 4, -1) for n in ('kernel', 'recurrent_kernel', 'bias')]
    for t in range(6):
        z = [(X[:, t] * keep.inputs[:, k]) @ w + (h * keep.states[:, k]) @ u + b for k, (w, u, b) in enumerate(zip(*kernels, strict=True))]
        i, f, o = (1 / (1 + np.exp(-z[k])) for k in (0, 1, 3))
        c = f * c + i * np.tanh(z[2])
        h = o * np.tanh(c)
    near(run(layer, X, values, training()), h)


@pytest.mark.parametrize('reset_after', [True, False])
def test_recurrent_dropout_of_a_gru(reset_after):
    layer = layers.GRU(3, recurrent_dropout=0.3, reset_after=reset_after)
    values = values_of(layer, X)
    keep = layer.cell.keep((3,), (3,), 4, dataclasses.replace(training(), path='layer'))
    assert keep.inputs is None
    h, recurrent = np.zeros((4, 3)), np.split(values['recurrent_kernel'], 3, -1)
    first, second = values['bias'] if reset_after else (values['bias'], np.zeros(9))
    for t in range(6):
        xs, bs = np.split(X[:, t] @ values['kernel'] + first, 3, -1), np.split(second, 3)
        z, r = (1 / (1 + np.exp(-(xs[k] + (h * keep.states[:, k]) @ recurrent[k] + bs[k]))) for k in (0, 1))
        inner = (h if reset_after else r * h) * keep.states[:, 2] @ recurrent[2] + bs[2]
        h = z * h + (1 - z) * np.tanh(xs[2] + (r * inner if reset_after else inner))
    near(run(layer, X, values, training()), h)


@pytest.mark.slow
def test_dropout_of_convolutions_is_shared_over_time_and_scaled():
    layer = layers.ConvLSTM1D(2, 2, dropout=0.5, recurrent_dropout=0.5, return_sequences=True)
    values = values_of(layer, LINES)
    keep = layer.cell.keep((5, 2), (4, 2), 4, dataclasses.replace(training(), path='layer'))
    assert (keep.inputs.shape, keep.states.shape) == ((4, 4, 5, 2), (4, 4, 4, 2))
    y = run(layer, LINES, values, training())
    h = c = jnp.zeros((4, 4, 2))
    for t in range(6):
        z = layer.cell.project(values, LINES[:, t : t + 1], keep)[:, 0]
        h, c = layer.cell.step(values, z, h, c, keep=keep.states)
        near(y[:, t], h)
    near(run(layer, LINES, values), run(layer.replace(dropout=0.0, recurrent_dropout=0.0), LINES, values))


def test_two_uses_of_a_shared_layer_and_both_directions_drop_differently():
    layer, values = linear(dropout=0.5)
    scope, x = training(), np.ones((2, 1, 50), np.float32)
    first, second = (np.asarray(run(layer, x, values, scope)) for _ in range(2))
    assert (first != second).any()
    both = layers.Bidirectional(layer, merge_mode=None)
    forward, backward = run(both, x, {'forward_layer': values, 'backward_layer': values}, training())
    assert (np.asarray(forward) != np.asarray(backward)).any()
