"""Convolution on a CPU whose gradients are products and convolutions of the one form that XLA's CPU backend runs fast.

That form is a forward convolution, channels last, without dilation of its input. XLA's own gradients are not of it: the one with
respect to the kernel takes batch and channels in each other's place, the one with respect to the input dilates it, and both
fall back to loops that are a hundred times slower. Here the kernel's gradient is one product for each tap of the window, and
the input's gradient a forward convolution that makes the `stride` neighbours of each place as channels.
"""

import itertools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from lamina.kernels.lowering import Padding, Sizes, channels_last, met, output_size, padded, reach

# Up to so many channels the taps of a row of the window are gathered side by side; more would only be copied.
_FEW_CHANNELS = 8
# Below so many elements of input a column of zeros costs more than it gains.
_MANY_ELEMENTS = 2**16


class Form(NamedTuple):
    """The settings of a convolution of one group."""

    strides: Sizes
    padding: Padding
    dilation: Sizes


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(x: jax.Array, kernel: jax.Array, form: Form) -> jax.Array:
    """The convolution of one group, differentiable in reverse any number of times."""
    return forward(x, kernel, form)


def _keep(x, kernel, form):
    return forward(x, kernel, form), (x, kernel)


def _pull(form, kept, dy):
    x, kernel = kept
    return input_gradient(dy, kernel, x.shape, form), kernel_gradient(x, dy, kernel.shape, form)


convolve.defvjp(_keep, _pull)


def forward(x: jax.Array, kernel: jax.Array, form: Form) -> jax.Array:
    """XLA's convolution, bent into what its CPU library (YNNPACK) takes and runs fast.

    It takes two spatial axes, with at most as many places as there are elements. It runs fast where there is padding, since it then
    packs its input; without any, the same convolution can take three times as long.
    """
    window = kernel.shape[:-2]
    if len(window) == 1:
        lifted = Form((1, *form.strides), ((0, 0), *form.padding), (1, *form.dilation))
        return forward(x[:, None], kernel[None], lifted)[:, 0]
    places = [output_size(*each) for each in zip(x.shape[1:-1], window, *form, strict=True)]
    padding = []
    for axis, (w, pair, d) in enumerate(zip(window, form.padding, form.dilation, strict=True), start=1):
        now, later = _shared(pair, reach(w, d) - 1)
        x = padded(x, axis, now)
        padding.append(later)
    if padding != list(form.padding):
        x = lax.optimization_barrier(x)  # XLA would fold the zeros back into the convolution.
    if not any(map(any, padding)) and reach(window[-1], form.dilation[-1]) > 1 and x.size >= _MANY_ELEMENTS:
        padding[-1] = (0, 1)
    y = lax.conv_general_dilated(x, kernel, form.strides, padding, rhs_dilation=form.dilation, dimension_numbers=channels_last(len(window)))
    return lax.slice(y, (0,) * y.ndim, (y.shape[0], *places, y.shape[-1]))


def _shared(pair: tuple[int, int], most: int) -> Padding:
    """Padding in two parts: what is added, or cut where negative, before the convolution; and at most so much within it."""
    low, high = max(pair[0], 0), max(pair[1], 0)
    surplus = max(low + high - most, 0)
    after = min(high, surplus // 2)
    before = min(low, surplus - after)
    after = surplus - before
    return (before + min(pair[0], 0), after + min(pair[1], 0)), (low - before, high - after)


def input_gradient(dy: jax.Array, kernel: jax.Array, shape: Sizes, form: Form) -> jax.Array:
    """The gradient with respect to an input of this shape.

    `x[s·q + r - low]` took part, through the taps `r + s·t`, in the outputs `q - t`. So a convolution over the outputs with
    `ceil(window / s)` taps gives the gradients of all `s` remainders `r` at the place `q`, side by side as channels.
    """
    dy, form = _undilated(dy, form, kernel.shape)
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    n, sizes = len(window), shape[1:-1]
    if all(s == 1 for s in form.strides):
        padding = tuple((r - 1 - low, size + low - o) for (low, _), size, o, r in _extents(dy, sizes, window, form))
        turned = jnp.flip(kernel, tuple(range(n))).swapaxes(-1, -2)
        return convolve(dy, turned, Form((1,) * n, padding, form.dilation))
    taps = tuple(-(-w // s) for w, s in zip(window, form.strides, strict=True))
    first = tuple(low // s for (low, _), s in zip(form.padding, form.strides, strict=True))
    last = tuple((low + size - 1) // s for (low, _), size, s in zip(form.padding, sizes, form.strides, strict=True))
    spread = [(0, t * s - w) for t, s, w in zip(taps, form.strides, window, strict=True)]
    phases = jnp.pad(kernel, (*spread, (0, 0), (0, 0)))
    phases = phases.reshape(*itertools.chain(*zip(taps, form.strides, strict=True)), channels, filters)
    phases = phases.transpose(*range(0, 2 * n, 2), 2 * n + 1, *range(1, 2 * n, 2), 2 * n)
    phases = jnp.flip(phases, tuple(range(n))).reshape(*taps, filters, -1)
    padding = tuple((t - 1 - a, b - o + 1) for t, a, b, o in zip(taps, first, last, dy.shape[1:-1], strict=True))
    dx = jnp.asarray(convolve(dy, phases, Form((1,) * n, padding, (1,) * n)))
    places = dx.shape[1:-1]
    dx = dx.reshape(dx.shape[0], *places, *form.strides, channels)
    dx = dx.transpose(0, *itertools.chain(*((1 + a, 1 + n + a) for a in range(n))), 2 * n + 1)
    dx = dx.reshape(dx.shape[0], *(p * s for p, s in zip(places, form.strides, strict=True)), channels)
    starts = [low - a * s for (low, _), a, s in zip(form.padding, first, form.strides, strict=True)]
    return lax.slice(dx, (0, *starts, 0), (dx.shape[0], *(a + size for a, size in zip(starts, sizes, strict=True)), channels))


def _extents(dy, sizes, window, form):
    reaches = (reach(w, d) for w, d in zip(window, form.dilation, strict=True))
    return zip(form.padding, sizes, dy.shape[1:-1], reaches, strict=True)


def _undilated(dy, form, kernel_shape):
    """Strides and dilation together: zeros between the outputs take the strides' place."""
    if all(s == 1 for s in form.strides) or all(d == 1 for d in form.dilation):
        return dy, form
    spread = lax.pad(dy, jnp.zeros((), dy.dtype), ((0, 0, 0), *((0, 0, s - 1) for s in form.strides), (0, 0, 0)))
    return spread, form._replace(strides=(1,) * len(form.strides))


def kernel_gradient(x: jax.Array, dy: jax.Array, shape: Sizes, form: Form) -> jax.Array:
    """The gradient with respect to a kernel of this shape: a product of what each tap has met with the outputs' gradient.

    XLA's CPU backend gives a product to its fast library only where its left factor lies row by row, so one of the two is
    transposed: the outputs' gradient, once; or the input, where it has few channels, and then the taps of a row share a product.
    """
    *window, channels, filters = shape
    for axis, pair in enumerate(form.padding, start=1):
        x = padded(x, axis, pair)
    places = dy.shape[1:-1]
    dy = dy.reshape(-1, filters)
    taps = list(itertools.product(*map(range, window)))
    if channels <= _FEW_CHANNELS:
        x = lax.optimization_barrier(jnp.moveaxis(x, -1, 0))[..., None]
        seen = [jax.vmap(partial(met, tap=tap, places=places, strides=form.strides, dilation=form.dilation))(x) for tap in taps]
        rows = [lax.optimization_barrier(jnp.stack(seen[i : i + window[-1]])) for i in range(0, len(seen), window[-1])]
        return jnp.concatenate([row.reshape(-1, dy.shape[0]) @ dy for row in rows]).reshape(shape)
    turned = lax.optimization_barrier(dy.T)
    products = [turned @ met(x, tap, places, form.strides, form.dilation).reshape(-1, channels) for tap in taps]
    return jnp.stack(products).swapaxes(1, 2).reshape(shape)
