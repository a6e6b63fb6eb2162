"""Dropout: how much it drops, when, and that its draws are its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, LaminaError, ShapeError
from lamina.core.keys import device_key
from lamina.layers import Scope

ONES = jnp.ones((200, 50))


def dropped(layer, x=ONES, *, seed=0, path='dropout', step=0):
    scope = Scope(training=True, key=jax.random.fold_in(device_key(seed), step), step=step, path=path)
    return np.asarray(layer.apply({}, x, scope=scope))


@pytest.mark.parametrize('rate', [0.1, 0.5, 0.9])
def test_it_drops_its_rate_and_keeps_the_mean(rate):
    y = dropped(layers.Dropout(rate))
    spread = np.sqrt(rate * (1 - rate) / y.size)
    assert np.mean(y == 0) == pytest.approx(rate, abs=5 * spread)
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - rate)], rtol=1e-6)
    # Every row and every column drops about as much as the others.
    assert np.abs(np.mean(y == 0, 0) - rate).max() < 5 * np.sqrt(rate * (1 - rate) / 200)
    assert np.abs(np.mean(y == 0, 1) - rate).max() < 5 * np.sqrt(rate * (1 - rate) / 50)


def test_inference_and_rate_zero_change_nothing():
    assert layers.Dropout(0.5).apply({}, ONES, scope=Scope()) is ONES
    np.testing.assert_array_equal(dropped(layers.Dropout(0.0)), ONES)


def test_gradients_pass_where_values_do():
    layer = layers.Dropout(0.3)

    def total(x):
        return jnp.sum(layer.apply({}, x, scope=Scope(training=True, key=device_key(3), path='d')))

    gradient = np.asarray(jax.grad(total)(ONES))
    np.testing.assert_allclose(np.unique(gradient), [0, 1 / 0.7], rtol=1e-6)


@pytest.mark.parametrize('shape', [(None, 1), (200, 1), (1, None), (None, None), (1, 1)])
def test_noise_shape_shares_the_mask_along_its_ones(shape):
    y = dropped(layers.Dropout(0.5, noise_shape=shape))
    for axis, n in enumerate(shape):
        assert (y == np.take(y, [0], axis)).all() == (n == 1)


def test_noise_shape_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match='Give noise_shape one entry per axis'):
        dropped(layers.Dropout(0.5, noise_shape=(None, 1, 1)))
    with pytest.raises(ShapeError, match='Use 1 or None in noise_shape'):
        dropped(layers.Dropout(0.5, noise_shape=(None, 7)))


def test_paths_steps_and_seeds_draw_different_masks_and_nothing_else_does():
    layer = layers.Dropout(0.5)
    base = dropped(layer)
    np.testing.assert_array_equal(base, dropped(layers.Dropout(0.5, name='other description')))
    for other in ({'path': 'dropout_1'}, {'seed': 1}, {'step': 1}):
        assert np.mean(base == dropped(layer, **other)) == pytest.approx(0.5, abs=0.05)


def test_a_seed_of_its_own_is_independent_of_the_models():
    layer = layers.Dropout(0.5, seed=7)
    np.testing.assert_array_equal(dropped(layer, seed=0), dropped(layer, seed=1, path='elsewhere'))
    assert (dropped(layer, step=0) != dropped(layer, step=1)).any()
    assert (dropped(layer) != dropped(layers.Dropout(0.5, seed=8))).any()


def test_a_layer_added_before_does_not_change_the_draws():
    x = np.ones((4, 64), np.float32)
    alone = lamina.Sequential([lamina.Input((64,)), layers.Dropout(0.5, name='drop')], seed=5)
    after = lamina.Sequential(
        [lamina.Input((64,)), layers.Dropout(0.0), layers.Activation('linear'), layers.Dropout(0.5, name='drop')], seed=5
    )
    np.testing.assert_array_equal(alone(x, training=True), after(x, training=True))
    np.testing.assert_array_equal(alone(x), x)


def test_drawing_without_a_key_says_where():
    with pytest.raises(LaminaError, match=r'drop.*Draw only where scope\.training is True'):
        layers.Dropout(0.5).apply({}, ONES, scope=Scope(training=True, path='drop'))


@pytest.mark.parametrize('rate', [-0.1, 1, 1.5, '0.5', None])
def test_rates_outside_the_range_are_refused(rate):
    with pytest.raises(ConfigError, match='Change rate=… to such a value'):
        layers.Dropout(rate)
