"""Stateful layers in training and inference: one long sequence in pieces is the sequence as a whole."""

import numpy as np
import pytest

import lamina
from lamina.layers import LSTM, Dense

ROWS, TIME = 3, 8


def model_of(stateful, time=TIME):
    options = {'stateful': True, 'batch_size': ROWS} if stateful else {}
    model = lamina.Sequential([lamina.Input((time, 2)), LSTM(4, name='memory', **options), Dense(1)], seed=2)
    model.compile('sgd', 'mse')
    return model


def pieces(x):
    """Batches of ROWS in which row i of each goes on where row i of the last one ended."""
    return np.concatenate([x[:, : TIME // 2], x[:, TIME // 2 :]])


@pytest.fixture
def data():
    return np.random.default_rng(0).normal(size=(ROWS, TIME, 2)).astype(np.float32)


def test_prediction_in_pieces_is_that_of_the_whole(data):
    whole, halves = model_of(False), model_of(True, TIME // 2)
    expected = whole.predict(data)
    np.testing.assert_allclose(halves.predict(pieces(data), batch_size=ROWS)[ROWS:], expected, rtol=1e-5)
    # The next call goes on from there, until the states are reset.
    assert not np.allclose(halves.predict(pieces(data), batch_size=ROWS)[ROWS:], expected)
    halves.reset_states()
    np.testing.assert_allclose(halves.predict(pieces(data), batch_size=ROWS)[ROWS:], expected, rtol=1e-5)
    assert not any(value.any() for path, value in model_of(True).variables.items() if 'state' in path)


def test_evaluation_carries_states_and_validation_does_not_disturb_training(data):
    whole, halves = model_of(False), model_of(True, TIME // 2)
    y = np.zeros((2 * ROWS, 1), np.float32)
    halves.evaluate(data[:, : TIME // 2], y[:ROWS], batch_size=ROWS, verbose=0)
    np.testing.assert_allclose(halves.predict(data[:, TIME // 2 :], batch_size=ROWS), whole.predict(data), rtol=1e-5)
    with_validation, without = model_of(True, TIME // 2), model_of(True, TIME // 2)
    for model, options in ((with_validation, {'validation_data': (pieces(data), y)}), (without, {})):
        model.fit(pieces(data), y, batch_size=ROWS, epochs=2, shuffle=False, verbose=0, validation_batch_size=ROWS, **options)
    for path, value in without.variables.items():
        np.testing.assert_array_equal(with_validation.variables[path], value)


def test_training_carries_states(data):
    model = model_of(True, TIME // 2)
    model.fit(pieces(data), np.zeros((2 * ROWS, 1)), batch_size=ROWS, epochs=1, shuffle=False, verbose=0)
    assert all(value.any() for path, value in model.variables.items() if 'state' in path)


def test_batches_larger_than_the_states_are_refused(data):
    with pytest.raises(lamina.core.errors.ShapeError, match=f'Pass batch_size={ROWS} to fit, evaluate and predict'):
        model_of(True, TIME // 2).predict(pieces(data))


def test_states_on_several_devices_come_back_whole():
    model = lamina.Sequential([lamina.Input((5, 2)), LSTM(3, stateful=True, batch_size=16), Dense(1)])
    model.compile('sgd', 'mse')
    x, y = np.ones((32, 5, 2)), np.zeros((32, 1))
    model.evaluate(x, y, batch_size=16, verbose=0)
    assert model.variables['lstm/rnn_state'].shape == (16, 3)
    model.fit(x, y, batch_size=16, verbose=0)
    assert model.variables['lstm/rnn_state'].all()
