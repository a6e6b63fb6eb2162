"""The CPU's lowerings of pooling against XLA's own window reductions: values and gradients."""

import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from jax import lax

from lamina.kernels import lowering
from lamina.kernels.lowering import output_size
from lamina.kernels.pooling import average_pool, max_pool

EXAMPLES = settings(max_examples=6, deadline=None, derandomize=True)


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32))


def window_reduction(x, start, operation, window, strides, padding):
    return lax.reduce_window(x, start, operation, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0)))


def plain_max(x, *form):
    return window_reduction(x, -np.inf, lax.max, *form)


def plain_average(x, *form):
    return window_reduction(x, 0.0, lax.add, *form) / window_reduction(jnp.ones_like(x), 0.0, lax.add, *form)


def agree(function, reference, x, form):
    y, pull = jax.vjp(jax.jit(lambda x: function(x, *form)), x)
    expected, pull_expected = jax.vjp(jax.jit(lambda x: reference(x, *form)), x)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    t = numbers(*expected.shape, seed=9)
    np.testing.assert_allclose(pull(t)[0], pull_expected(t)[0], rtol=1e-5, atol=1e-5)


@st.composite
def pools(draw):
    """Sizes, window, strides and padding such that every window holds an element of the input."""
    n = draw(st.sampled_from((1, 2, 2, 3)))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(n))  # noqa: E731
    sizes, window = each(1, 8), each(1, 4)
    strides = window if draw(st.booleans()) else each(1, 4)
    padding = tuple((draw(st.integers(0, w - 1)), draw(st.integers(0, w - 1))) for w in window)
    padding = tuple((0, 0) for _ in window) if draw(st.booleans()) else padding
    assume(all(output_size(*a, 1) > 0 for a in zip(sizes, window, strides, padding, strict=True)))
    starts = ((output_size(*a, 1) - 1) * a[2] - a[3][0] < a[0] for a in zip(sizes, window, strides, padding, strict=True))
    assume(all(starts) and all(w - low > 0 for w, (low, _) in zip(window, padding, strict=True)))
    return sizes, (window, strides, padding)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(pools(), st.integers(1, 3))
def test_many_more_windows(drawn, channels):
    sizes, form = drawn
    agree(max_pool, plain_max, numbers(2, *sizes, channels), form)
    agree(average_pool, plain_average, numbers(2, *sizes, channels), form)


@EXAMPLES
@given(pools(), st.integers(1, 3))
def test_maximum_equals_xla(drawn, channels):
    sizes, form = drawn
    agree(max_pool, plain_max, numbers(2, *sizes, channels), form)


@EXAMPLES
@given(pools(), st.integers(1, 3))
def test_mean_equals_xla(drawn, channels):
    sizes, form = drawn
    agree(average_pool, plain_average, numbers(2, *sizes, channels), form)


@pytest.mark.parametrize('strides', [(2, 2), (1, 2)])
def test_equal_elements_send_the_gradient_to_the_first(strides):
    agree(max_pool, plain_max, jnp.zeros((1, 4, 5, 2)), ((2, 2), strides, ((0, 0), (0, 0))))


def test_padding_is_never_the_largest():
    x = -jnp.ones((1, 3, 1))
    assert max_pool(x, (2,), (2,), ((1, 0),))[0, :, 0].tolist() == [-1.0, -1.0]
    assert jax.grad(lambda x: max_pool(x, (2,), (2,), ((1, 0),)).sum())(x)[0, :, 0].tolist() == [1.0, 1.0, 0.0]


def test_second_derivative_of_a_function_of_the_maximum():
    x, form = numbers(1, 6, 4, 2), ((2, 2), (2, 2), ((0, 0), (0, 0)))
    hessian = lambda pool: jax.grad(lambda x: jnp.sum(jax.grad(lambda x: jnp.sum(pool(x, *form) ** 3))(x) ** 2))(x)  # noqa: E731
    by_reshape = lambda x, *_: x.reshape(1, 3, 2, 2, 2, 2).max((2, 4))  # noqa: E731
    np.testing.assert_allclose(hessian(max_pool), hessian(by_reshape), rtol=1e-4)


def test_mean_is_differentiated_forward_too():
    form = ((2,), (1,), ((0, 0),))
    _, tangent = jax.jvp(lambda x: average_pool(x, *form), (jnp.arange(3.0).reshape(1, 3, 1),), (jnp.ones((1, 3, 1)),))
    assert tangent[0, :, 0].tolist() == [1.0, 1.0]


def test_whole_numbers():
    x = jnp.array([3, -7, 5, 1]).reshape(1, 4, 1)
    assert max_pool(x, (2,), (2,), ((0, 0),))[0, :, 0].tolist() == [3, 5]
    assert average_pool(x, (2,), (2,), ((0, 0),))[0, :, 0].tolist() == [-2.0, 3.0]


@pytest.mark.parametrize('pool', [max_pool, average_pool])
@pytest.mark.parametrize('window', [(2,), (65,)])
def test_large_windows_and_other_platforms_keep_xlas_operation(pool, window, monkeypatch):
    if math.prod(window) <= 64:
        monkeypatch.setattr(lowering.jax, 'default_backend', lambda: 'gpu')
    jaxpr = jax.make_jaxpr(lambda x: pool(x, window, window, ((0, 0),)))(jnp.ones((1, 130, 1)))
    assert jaxpr.jaxpr.eqns[0].primitive.name.startswith('reduce_window')


@pytest.mark.parametrize('pool', [max_pool, average_pool])
def test_a_window_without_a_place_gives_nothing(pool):
    assert pool(jnp.ones((2, 2, 3)), (3,), (1,), ((0, 0),)).shape == (2, 0, 3)
