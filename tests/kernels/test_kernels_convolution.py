"""The CPU's lowerings of convolution against XLA's own operation: values, gradients, and what they are made of."""

import itertools
import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from jax import lax

from lamina.kernels import convolution as kernels
from lamina.kernels import lowering
from lamina.kernels.gradients import Form, convolve
from lamina.kernels.lowering import channels_last, output_size

EXAMPLES = settings(max_examples=4, deadline=None, derandomize=True)
MORE = settings(max_examples=40, deadline=None)


def numbers(*shape, seed=0):
    return jnp.asarray(np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32))


def plain(x, kernel, strides, padding, dilation, groups=1):
    return lax.conv_general_dilated(
        x, kernel, strides, padding, rhs_dilation=dilation, feature_group_count=groups, dimension_numbers=channels_last(x.ndim - 2)
    )


def by_taps(x, kernel, strides, padding, dilation, groups=1):
    """The definition. XLA's gradient stops the process for some windows that have both strides and dilation."""
    x = jnp.pad(x, ((0, 0), *padding, (0, 0)))
    window = kernel.shape[:-2]
    places = [(size - (w - 1) * d - 1) // s + 1 for size, w, s, d in zip(x.shape[1:-1], window, strides, dilation, strict=True)]
    y = 0
    for tap in itertools.product(*map(range, window)):
        index = [slice(i * d, i * d + (p - 1) * s + 1, s) for i, d, p, s in zip(tap, dilation, places, strides, strict=True)]
        met = x[(slice(None), *index)]
        met = met.reshape(*met.shape[:-1], groups, -1)
        weights = kernel[tap].reshape(kernel.shape[-2], groups, -1)
        y = y + jnp.einsum('...gc,cgo->...go', met, weights)
    return y.reshape(*y.shape[:-2], -1)


def agree(function, reference, *arguments):
    """The same value and, for one cotangent, the same gradients."""
    y, pull = jax.vjp(jax.jit(function), *arguments)
    expected, pull_expected = jax.vjp(jax.jit(reference), *arguments)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    t = numbers(*expected.shape, seed=9)
    for got, wanted in zip(pull(t), pull_expected(t), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-4)


@st.composite
def settings_of(draw, axes=(1, 2, 2, 3), both=True):
    """Sizes, window, strides, padding and dilation that leave the window at least one place."""
    n = draw(st.sampled_from(axes))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(n))  # noqa: E731
    sizes, window, strides, dilation = each(1, 9), each(1, 4), each(1, 3), each(1, 2)
    padding = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in range(n))
    assume(all(output_size(*a) > 0 for a in zip(sizes, window, strides, padding, dilation, strict=True)))
    assume(both or all(s == 1 or d == 1 for s, d in zip(strides, dilation, strict=True)))
    return sizes, window, strides, padding, dilation


@EXAMPLES
@given(settings_of(), st.integers(1, 3), st.integers(1, 3))
def test_equals_the_definition_and_its_gradients(drawn, channels, filters):
    sizes, window, *form = drawn
    x, kernel = numbers(2, *sizes, channels), numbers(*window, channels, filters)
    agree(
        lambda x, k: kernels.convolution(x, k, strides=form[0], padding=form[1], dilation=form[2]),
        lambda x, k: by_taps(x, k, *form),
        x,
        kernel,
    )
    np.testing.assert_allclose(by_taps(x, kernel, *form), plain(x, kernel, *form), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@MORE
@given(settings_of(), st.integers(1, 10), st.integers(1, 3))
def test_many_more_windows(drawn, channels, filters):
    sizes, window, strides, padding, dilation = drawn
    form = {'strides': strides, 'padding': padding, 'dilation': dilation}
    x, kernel = numbers(2, *sizes, channels), numbers(*window, channels, filters)
    agree(lambda x, k: kernels.convolution(x, k, **form), lambda x, k: by_taps(x, k, *form.values()), x, kernel)


@EXAMPLES
@given(settings_of(axes=(2,), both=False))
def test_equals_xla_where_its_fast_library_takes_the_channels(drawn):
    sizes, window, strides, padding, dilation = drawn
    form = {'strides': strides, 'padding': padding, 'dilation': dilation}
    agree(
        lambda x, k: kernels.convolution(x, k, **form),
        lambda x, k: plain(x, k, *form.values()),
        numbers(2, *sizes, 17),
        numbers(*window, 17, 18),
    )


@EXAMPLES
@given(settings_of(axes=(1, 2)), st.sampled_from([(2, 2, 2), (3, 1, 3), (4, 2, 4), (2, 1, 4), (16, 2, 32), (12, 2, 12)]))
def test_groups(drawn, grouping):
    groups, width, filters = grouping
    sizes, window, strides, padding, dilation = drawn
    form = {'strides': strides, 'padding': padding, 'dilation': dilation, 'groups': groups}
    x, kernel = numbers(2, *sizes, groups * width), numbers(*window, width, filters)
    agree(lambda x, k: kernels.convolution(x, k, **form), lambda x, k: by_taps(x, k, *form.values()), x, kernel)


@EXAMPLES
@given(settings_of(axes=(1, 2)), st.integers(1, 3), st.integers(1, 2))
def test_depthwise(drawn, channels, multiplier):
    sizes, window, strides, padding, dilation = drawn
    form = {'strides': strides, 'padding': padding, 'dilation': dilation}
    reference = lambda x, k: by_taps(x, k.reshape(*window, 1, -1), *form.values(), groups=channels)  # noqa: E731
    x, kernel = numbers(2, *sizes, channels), numbers(*window, channels, multiplier)
    agree(lambda x, k: kernels.depthwise(x, k, **form), reference, x, kernel)


@EXAMPLES
@given(settings_of(axes=(1, 2, 2)), st.integers(1, 3), st.integers(1, 3))
def test_transposed(drawn, channels, filters):
    sizes, window, strides, padding, dilation = drawn
    spread = [(size - 1) * s + 1 for size, s in zip(sizes, strides, strict=True)]
    assume(all(output_size(a, w, 1, p, d) > 0 for a, w, p, d in zip(spread, window, padding, dilation, strict=True)))

    def reference(x, k):
        dilated = lax.pad(x, jnp.float32(0), ((0, 0, 0), *((0, 0, s - 1) for s in strides), (0, 0, 0)))
        turned = jnp.flip(k, tuple(range(len(window)))).swapaxes(-1, -2)
        return by_taps(dilated, turned, (1,) * len(window), padding, dilation)

    x, kernel = numbers(2, *sizes, channels), numbers(*window, filters, channels)
    form = {'strides': strides, 'padding': padding, 'dilation': dilation}
    agree(lambda x, k: kernels.transposed(x, k, **form), reference, x, kernel)
    wanted = lax.conv_transpose(
        x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=channels_last(len(window)), transpose_kernel=True
    )
    np.testing.assert_allclose(kernels.transposed(x, kernel, **form), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('window', [(2, 3), (1, 1), (1, 4)])
@pytest.mark.parametrize('strides', ['window', (2, 2)])
def test_windows_that_do_not_overlap(window, strides):
    strides = window if strides == 'window' else strides
    form = (strides, ((0, 0), (0, 0)), (1, 1))
    x, kernel = numbers(2, 7, 9, 3), numbers(*window, 3, 4)
    agree(
        lambda x, k: kernels.convolution(x, k, strides=strides, padding=form[1], dilation=(1, 1)),
        lambda x, k: plain(x, k, *form),
        x,
        kernel,
    )


def test_bias_and_rectifier():
    x, kernel, bias = numbers(2, 6, 5, 3), numbers(3, 3, 3, 4), numbers(4)
    form = ((1, 1), ((1, 1), (1, 1)), (1, 1))
    agree(
        lambda x, k, b: kernels.convolution(x, k, b, strides=form[0], padding=form[1], dilation=form[2], activation='relu'),
        lambda x, k, b: jax.nn.relu(plain(x, k, *form) + b),
        x,
        kernel,
        bias,
    )


def test_the_rectifier_has_no_slope_at_zero():
    slope = jax.grad(lambda b: kernels.convolution(x, kernel, b, activation='relu', **form).sum())
    x, kernel = jnp.zeros((1, 3, 1)), jnp.ones((1, 1, 1))
    form = {'strides': (1,), 'padding': ((0, 0),), 'dilation': (1,)}
    assert slope(jnp.zeros(1)).tolist() == [0.0]
    assert slope(jnp.ones(1)).tolist() == [3.0]


def test_negative_padding_cuts():
    form = ((1, 2), ((-1, 2), (1, -1)), (1, 1))
    agree(
        lambda x, k: kernels.convolution(x, k, strides=form[0], padding=form[1], dilation=form[2]),
        lambda x, k: plain(x, k, *form),
        numbers(2, 6, 7, 3),
        numbers(3, 2, 3, 4),
    )


@pytest.mark.slow
def test_second_derivatives():
    form = ((2, 1), ((1, 1), (0, 1)), (1, 1))
    x, kernel = numbers(1, 4, 3, 2), numbers(2, 2, 2, 2)

    def curvature(function):
        slope = jax.grad(lambda x, k: jnp.sum(jnp.tanh(function(x, k))), (0, 1))
        return jax.grad(lambda x, k: sum(jnp.sum(g**3) for g in slope(x, k)), (0, 1))(x, kernel)

    got, wanted = curvature(lambda x, k: convolve(x, k, Form(*form))), curvature(lambda x, k: by_taps(x, k, *form))
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_forward_mode_is_refused_in_words():
    with pytest.raises(TypeError, match='custom_vjp'):
        jax.jvp(lambda x: convolve(x, numbers(3, 1, 1), Form((1,), ((1, 1),), (1,))), (numbers(1, 4, 1),), (numbers(1, 4, 1),))


def test_batches_of_batches():
    form = {'strides': (1, 1), 'padding': ((1, 1), (1, 1)), 'dilation': (1, 1)}
    x, kernel = numbers(3, 2, 5, 5, 2), numbers(3, 3, 2, 2)
    got = jax.vmap(lambda x: kernels.convolution(x, kernel, **form))(x)
    wanted = jnp.stack([kernels.convolution(a, kernel, **form) for a in x])
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_gradients_hold_no_convolution_that_xla_runs_as_plain_loops():
    """No dilated input and no batch in the place of the channels, in the gradients of every kind of window."""

    def loss(x, k):
        return kernels.convolution(x, k, strides=(2, 2), padding=((0, 1), (0, 1)), dilation=(1, 1)).sum() ** 2

    jaxpr = jax.make_jaxpr(jax.grad(loss, (0, 1)))(numbers(2, 8, 8, 3), numbers(3, 3, 3, 4))
    found = list(convolutions(jaxpr.jaxpr))
    assert len(found) == 2  # forward, and the input's gradient; the kernel's gradient is products
    for equation in found:
        assert equation.params['lhs_dilation'] == (1, 1)
        assert equation.params['batch_group_count'] == 1
        assert equation.params['dimension_numbers'].lhs_spec == (0, 3, 1, 2)
        image, output = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
        assert output[1] <= image[1]
        assert output[2] <= image[2]


def convolutions(jaxpr):
    for equation in jaxpr.eqns:
        if equation.primitive.name == 'conv_general_dilated':
            yield equation
        for value in jax.tree.leaves(tuple(equation.params.values()), is_leaf=lambda v: hasattr(v, 'eqns') or hasattr(v, 'jaxpr')):
            inner = getattr(value, 'jaxpr', value)
            if hasattr(inner, 'eqns'):
                yield from convolutions(inner)


@pytest.mark.parametrize('window', [(3,), (129,)])
def test_large_windows_and_other_platforms_keep_xlas_operation(window, monkeypatch):
    if math.prod(window) <= 128:
        monkeypatch.setattr(lowering.jax, 'default_backend', lambda: 'gpu')
    form = {'strides': (1,), 'padding': ((64, 64),), 'dilation': (1,)}
    jaxpr = jax.make_jaxpr(lambda x, k: kernels.convolution(x, k, **form))(numbers(1, 8, 2), numbers(*window, 2, 3))
    assert [e.primitive.name for e in jaxpr.jaxpr.eqns] == ['conv_general_dilated']


@pytest.mark.parametrize('dtype', [jnp.int32, jnp.bfloat16])
def test_other_types_of_numbers(dtype):
    x, kernel = jnp.arange(12).reshape(1, 4, 3, 1).astype(dtype), jnp.ones((2, 2, 1, 1), dtype)
    form = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    y = kernels.convolution(x, kernel, strides=form[0], padding=form[1], dilation=form[2])
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.astype(jnp.float32), plain(x.astype(jnp.float32), kernel.astype(jnp.float32), *form))


def test_a_window_without_a_place_gives_nothing():
    form = {'strides': (1, 1), 'padding': ((0, 0), (0, 0)), 'dilation': (1, 1)}
    assert kernels.convolution(numbers(2, 2, 5, 1), numbers(3, 3, 1, 4), **form).shape == (2, 0, 3, 4)
