"""Convolution, channels last, in any number of spatial axes.

On a GPU every form is XLA's own operation, which reaches cuDNN. On a CPU the form is chosen by shape, in this order:

1. a window of ones, or one that steps by its own size without padding: cut into patches, then one product;
2. one filter or more for each channel: a sum of shifted products, which XLA fuses into one loop;
3. groups: at most eight convolutions, with the groups of each in one block-diagonal kernel;
4. everything else: `gradients.convolve`; but windows of more than 128 taps, and whole numbers, stay with XLA.

The fast forms can be differentiated in reverse any number of times. Forward mode (`jax.jvp`) raises JAX's TypeError for them.
"""

import itertools
import math

import jax
import jax.numpy as jnp
from jax import lax

from lamina.kernels.gradients import Form, convolve, input_gradient
from lamina.kernels.lowering import Padding, Sizes, channels_last, met, on_cpu, output_size, padded, pairs, reach

# Each tap is a product of its own in the kernel's gradient.
_MOST_TAPS = 128
_MOST_PARTS = 8


def convolution(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int = 1,
    activation: str | None = None,
) -> jax.Array:
    """The cross-correlation of the input with each filter, with an optional bias and rectifier.

    Args:
        x: `(batch, *spatial, in)`.
        kernel: `(*window, in / groups, out)`.
        bias: `(out,)`, or None.
        strides: the window's step along each spatial axis.
        padding: zeros before and after each spatial axis, `((low, high), …)`; negative numbers cut.
        dilation: the distance between the taps of the window along each spatial axis.
        groups: parts into which the channels are split, each with filters of its own.
        activation: None or `'relu'`.

    Returns:
        `(batch, *spatial, out)`.

    >>> x = jnp.ones((1, 4, 4, 1))
    >>> convolution(x, jnp.ones((3, 3, 1, 1)), strides=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1))[0, :, :, 0].tolist()
    [[9.0, 9.0], [9.0, 9.0]]
    """
    form = Form(tuple(strides), pairs(padding), tuple(dilation))
    if not _fast(x, kernel, form):
        y = _plain(x, kernel, form, groups)
    elif groups == 1:
        y = _one_group(x, kernel, form)
    elif kernel.shape[-2] == 1:
        y = _shifted(x, kernel.reshape(*kernel.shape[:-2], groups, -1), form)
    else:
        y = _grouped(x, kernel, form, groups)
    return _finished(y, bias, activation)


def depthwise(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None, *, strides: Sizes, padding: Padding, dilation: Sizes
) -> jax.Array:
    """Each channel with filters of its own: `kernel (*window, in, multiplier)`, `(…, in) → (…, in · multiplier)`.

    >>> depthwise(jnp.ones((1, 3, 2)), jnp.ones((3, 2, 2)), strides=(1,), padding=((0, 0),), dilation=(1,)).tolist()
    [[[3.0, 3.0, 3.0, 3.0]]]
    """
    *window, channels, multiplier = kernel.shape
    filters = kernel.reshape(*window, 1, channels * multiplier)
    return convolution(x, filters, bias, strides=strides, padding=padding, dilation=dilation, groups=channels)


def transposed(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None, *, strides: Sizes, padding: Padding, dilation: Sizes
) -> jax.Array:
    """The gradient of a convolution with respect to its input, as a forward operation; `kernel (*window, out, in)`.

    The padding is that of the input with `strides - 1` zeros between its elements.

    >>> transposed(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), strides=(2,), padding=((1, 1),), dilation=(1,))[0, :, 0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    window = kernel.shape[:-2]
    reaches = [reach(w, d) for w, d in zip(window, dilation, strict=True)]
    # The convolution whose gradient this is: `low` zeros before its input, and outputs of the size of x.
    before = pairs((r - 1 - low, r - 1 - high) for r, (low, high) in zip(reaches, padding, strict=True))
    form = Form(tuple(strides), before, tuple(dilation))
    sizes = [
        max((size - 1) * s + 1 + low + high - (r - 1), 0)
        for size, s, (low, high), r in zip(x.shape[1:-1], strides, padding, reaches, strict=True)
    ]
    if _fast(x, kernel, form) and min(sizes) > 0:
        y = input_gradient(x, kernel, (x.shape[0], *sizes, kernel.shape[-2]), form)
    else:
        numbers = channels_last(len(window))
        y = lax.conv_transpose(x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=numbers, transpose_kernel=True)
    return _finished(y, bias, None)


def _fast(x: jax.Array, kernel: jax.Array, form: Form) -> bool:
    """Whether the CPU's lowerings serve; an input without elements or places is left to XLA."""
    places = [output_size(*each) for each in zip(x.shape[1:-1], kernel.shape[:-2], *form, strict=True)]
    patches = _is_patches(kernel.shape[:-2], form)
    return (
        on_cpu()
        and jnp.issubdtype(x.dtype, jnp.floating)
        and x.dtype == kernel.dtype
        and min(x.size, kernel.size, *places) > 0
        and (patches or math.prod(kernel.shape[:-2]) <= _MOST_TAPS)
    )


def _plain(x: jax.Array, kernel: jax.Array, form: Form, groups: int = 1) -> jax.Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        form.strides,
        form.padding,
        rhs_dilation=form.dilation,
        feature_group_count=groups,
        dimension_numbers=channels_last(x.ndim - 2),
    )


def _is_patches(window: Sizes, form: Form) -> bool:
    apart = all(w == 1 or (w == s and d == 1) for w, s, d in zip(window, form.strides, form.dilation, strict=True))
    return apart and not any(map(any, form.padding))


def _one_group(x: jax.Array, kernel: jax.Array, form: Form) -> jax.Array:
    if not _is_patches(kernel.shape[:-2], form):
        return convolve(x, kernel, form)
    window, n = kernel.shape[:-2], x.ndim - 2
    places = [output_size(*each) for each in zip(x.shape[1:-1], window, *form, strict=True)]
    for axis, (w, s, p) in enumerate(zip(window, form.strides, places, strict=True), start=1):
        x = lax.slice_in_dim(x, 0, p * w if w > 1 else (p - 1) * s + 1, s if w == 1 else 1, axis)
    # (batch, place, tap, place, tap, …, in) → (batch, places, taps · in)
    x = x.reshape(x.shape[0], *itertools.chain(*zip(places, window, strict=True)), x.shape[-1])
    x = x.transpose(0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1)
    x = x.reshape(x.shape[0], 1, math.prod(places), -1)
    filters = kernel.shape[-1]
    y = convolve(x, kernel.reshape(1, 1, -1, filters), Form((1, 1), ((0, 0), (0, 0)), (1, 1)))
    return jnp.asarray(y).reshape(x.shape[0], *places, filters)


def _shifted(x: jax.Array, kernel: jax.Array, form: Form) -> jax.Array:
    """Depthwise, `kernel (*window, in, multiplier)`, as the sum over the taps of what each meets times its weights."""
    *window, channels, multiplier = kernel.shape
    places = [output_size(*each) for each in zip(x.shape[1:-1], window, *form, strict=True)]
    for axis, pair in enumerate(form.padding, start=1):
        x = padded(x, axis, pair)
    y = jnp.zeros((), x.dtype)
    for tap in itertools.product(*map(range, window)):
        part = met(x, tap, tuple(places), form.strides, form.dilation)
        y = y + (part * kernel[tap][:, 0] if multiplier == 1 else part[..., None] * kernel[tap])
    return y.reshape(x.shape[0], *places, channels * multiplier)


def _grouped(x: jax.Array, kernel: jax.Array, form: Form, groups: int) -> jax.Array:
    parts = math.gcd(groups, _MOST_PARTS)
    inside = groups // parts
    width = x.shape[-1] // parts
    filters = jnp.split(kernel, parts, -1)
    inputs = [lax.slice_in_dim(x, i * width, (i + 1) * width, axis=-1) for i in range(parts)]
    return jnp.concatenate([_one_group(a, _block_diagonal(k, inside), form) for a, k in zip(inputs, filters, strict=True)], -1)


def _block_diagonal(kernel: jax.Array, groups: int) -> jax.Array:
    """`(*window, in / groups, out) → (*window, in, out)` with zeros between the groups."""
    *window, channels, filters = kernel.shape
    blocks = kernel.reshape(*window, 1, channels, groups, filters // groups)
    apart = jnp.eye(groups, dtype=kernel.dtype)[:, None, :, None]
    return (blocks * apart).reshape(*window, groups * channels, filters)


def _finished(y: jax.Array, bias: jax.Array | None, activation: str | None) -> jax.Array:
    if bias is not None:
        y = y + bias
    return _rectified(y) if activation == 'relu' else y


@jax.custom_jvp
def _rectified(y: jax.Array) -> jax.Array:
    return jnp.maximum(y, 0)


@_rectified.defjvp
def _rectified_tangent(primals, tangents):
    # The mask is taken from the output, so that what came before the rectifier need not be kept.
    y = _rectified(*primals)
    return y, jnp.where(y > 0, tangents[0], 0)
