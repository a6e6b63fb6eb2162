"""Regression losses: gradients against finite differences, limits, quantiles, and how ranks are matched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina import losses

NAMES = ['mean_squared_error', 'mean_squared_logarithmic_error', 'huber', 'log_cosh', 'quantile', 'mean_absolute_percentage_error']


@pytest.mark.parametrize('name', NAMES)
def test_gradients_against_finite_differences(name):
    function = getattr(losses, name)
    y_true, y_pred = np.array([[1.0, 2.0, 3.0]]), np.array([[1.3, 0.4, 5.5]])
    gradient = jax.grad(lambda p: jnp.sum(function(y_true, p)))(jnp.asarray(y_pred))
    step = 1e-2
    numeric = [float(function(y_true, y_pred + step * e)[0] - function(y_true, y_pred - step * e)[0]) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(gradient[0], numeric, rtol=2e-3, atol=1e-4)


def test_huber_is_half_the_square_inside_and_linear_outside():
    np.testing.assert_allclose(losses.huber([[0.0], [0.0]], [[0.5], [10.0]], delta=2.0), [0.125, 18.0])
    gradient = jax.grad(lambda p: jnp.sum(losses.huber([[0.0], [0.0], [0.0]], p)))(jnp.array([[0.5], [-10.0], [1e30]]))
    np.testing.assert_allclose(gradient, [[0.5], [-1.0], [1.0]])


def test_slopes_where_the_formula_changes():
    # At |e| = delta Huber's two halves have one slope; a perfect prediction is left where it is.
    gradient = jax.grad(lambda p: jnp.sum(losses.huber([[0.0], [0.0]], p)))(jnp.array([[1.0], [0.0]]))
    np.testing.assert_array_equal(gradient, [[1.0], [0.0]])
    for function in (losses.mean_absolute_error, losses.mean_absolute_percentage_error, losses.log_cosh, losses.quantile):
        assert jax.grad(lambda p, function=function: function([[2.0]], p)[0])(jnp.array([[2.0]])) == 0


def test_log_cosh_never_overflows_and_is_even():
    np.testing.assert_allclose(losses.log_cosh([[0.0], [0.0], [0.0]], [[1e30], [-3.0], [3.0]]), [1e30, 2.3093, 2.3093], rtol=1e-4)


def test_the_best_constant_of_a_quantile_loss_is_the_quantile():
    y_true = np.arange(101, dtype=np.float32)[:, None]
    totals = [float(losses.Quantile(0.8)(y_true, np.full_like(y_true, c))) for c in range(60, 101, 2)]
    assert range(60, 101, 2)[int(np.argmin(totals))] == 80


def test_half_is_half_the_absolute_error():
    y_true, y_pred = np.array([[1.0, -2.0]]), np.array([[0.0, 5.0]])
    np.testing.assert_allclose(losses.quantile(y_true, y_pred), losses.mean_absolute_error(y_true, y_pred) / 2)


@pytest.mark.parametrize('shape', [(2, 4), (2, 4, 1)])
def test_several_quantiles_of_a_sequence_meet_one_target(shape):
    y_true = np.arange(8.0).reshape(shape)
    y_pred = np.stack([np.arange(8.0).reshape(2, 4) + d for d in (-1, 0, 1)], -1)
    values = losses.quantile(y_true, y_pred, quantile=[0.1, 0.5, 0.9])
    np.testing.assert_allclose(values, np.full((2, 4), (0.1 + 0 + 0.1) / 3), rtol=1e-5)


def test_an_axis_of_one_is_added_or_dropped():
    column = np.array([[1.0], [3.0]])
    for y_true, y_pred in ((column, column[:, 0] + 1), (column[:, 0], column + 1), (column, column + 1)):
        assert losses.MeanSquaredError()(y_true, y_pred) == 1
    steps = np.ones((2, 3, 1))
    assert losses.MeanSquaredError()(steps[..., 0], steps) == 0


@given(scale=st.floats(0.1, 10), seed=st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_scaling_the_targets_scales_the_errors(scale, seed):
    y_true, y_pred = np.random.default_rng(seed).normal(size=(2, 3, 2)).astype(np.float32)
    scaled = (np.float32(scale) * y_true, np.float32(scale) * y_pred)
    np.testing.assert_allclose(losses.mean_squared_error(*scaled), scale**2 * losses.mean_squared_error(y_true, y_pred), rtol=1e-4)
    np.testing.assert_allclose(losses.mean_absolute_error(*scaled), scale * losses.mean_absolute_error(y_true, y_pred), rtol=1e-4)
    np.testing.assert_allclose(losses.quantile(*scaled, 0.9), scale * losses.quantile(y_true, y_pred, 0.9), rtol=1e-4)
