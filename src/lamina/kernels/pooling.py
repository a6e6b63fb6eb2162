"""Pooling, channels last, in any number of spatial axes. Padding never counts.

On a GPU these are XLA's own window reductions. On a CPU the maximum keeps, as one byte for each window, which element it was (the
first, where several are equal, as in XLA), and its gradient is one fused loop over them; the mean is a sum of shifted slices, or a
reduction over a reshaped array where windows do not overlap. Windows of more than 64 elements stay with XLA.
"""

import itertools
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.kernels.lowering import Padding, Sizes, met, on_cpu, output_size, padded, pairs

_MOST_TAPS = 64


def max_pool(x: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> jax.Array:
    """The largest element of each window.

    Args:
        x: `(batch, *spatial, channels)`.
        window: its size along each spatial axis.
        strides: its step along each spatial axis.
        padding: places outside the input before and after each spatial axis, `((low, high), …)`.

    >>> max_pool(jnp.arange(6.0).reshape(1, 6, 1), (2,), (2,), ((0, 0),))[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    """
    form = (tuple(window), tuple(strides), pairs(padding))
    if _fast(x, *form):
        return _max_pool(x, *form, x.shape)
    return _reduced(x, _lowest(x.dtype), lax.max, *form)


def average_pool(x: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> jax.Array:
    """The mean of the elements of each window, padding left out; arguments as for `max_pool`.

    >>> average_pool(jnp.arange(3.0).reshape(1, 3, 1), (2,), (2,), ((0, 1),))[0, :, 0].tolist()
    [0.5, 2.0]
    """
    form = (tuple(window), tuple(strides), pairs(padding))
    sums = _sums(x, *form) if _fast(x, *form) else _reduced(x, np.zeros((), x.dtype), lax.add, *form)
    return sums / _counts(x.shape[1:-1], *form).astype(sums.dtype)


def _fast(x: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> bool:
    places = _places(x, window, strides, padding)
    return on_cpu() and jnp.issubdtype(x.dtype, jnp.floating) and min(x.size, *places) > 0 and math.prod(window) <= _MOST_TAPS


def _places(x: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> Sizes:
    return tuple(output_size(size, w, s, p, 1) for size, w, s, p in zip(x.shape[1:-1], window, strides, padding, strict=True))


def _reduced(x, start, operation, window, strides, padding):
    return lax.reduce_window(x, start, operation, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0)))


def _lowest(dtype) -> np.ndarray:
    return np.array(-np.inf if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype).min, dtype)


def _counts(sizes: Sizes, window: Sizes, strides: Sizes, padding: Padding) -> np.ndarray:
    """How many elements of the input each window holds: `(*places, 1)`, made on the host."""
    counts = np.ones((), np.float32)
    for size, w, s, (low, high) in zip(sizes, window, strides, padding, strict=True):
        starts = np.arange(output_size(size, w, s, (low, high), 1)) * s - low
        held = np.minimum(starts + w, size) - np.maximum(starts, 0)
        counts = counts[..., None] * np.maximum(held, 1)
    return counts[..., None]


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _max_pool(x, window, strides, padding, shape):
    return _reduced(x, _lowest(x.dtype), lax.max, window, strides, padding)


def _max_pool_keep(x, window, strides, padding, shape):
    y = jnp.asarray(_max_pool(x, window, strides, padding, shape))
    places = y.shape[1:-1]
    outside = x
    for axis, pair in enumerate(padding, start=1):
        outside = padded(outside, axis, pair, -np.inf)
    first = jnp.zeros(y.shape, jnp.int8)
    taps = list(itertools.product(*map(range, window)))
    for number, tap in reversed(list(enumerate(taps))):
        first = jnp.where(met(outside, tap, places, strides, (1,) * len(window)) == y, jnp.int8(number), first)
    return y, first


def _max_pool_pull(window, strides, padding, shape, first, dy):
    apart = window == strides and not any(map(any, padding))
    return (_spread(dy, first, shape, window) if apart else _scattered(dy, first, shape, window, strides, padding),)


def _spread(dy, first, shape, window):
    """The gradient where windows do not overlap: each is repeated over its window, and kept at the largest element."""
    wide = (shape[0], *itertools.chain(*((p, 1) for p in dy.shape[1:-1])), shape[-1])
    number = np.arange(math.prod(window), dtype=np.int8).reshape(1, *itertools.chain(*((1, w) for w in window)), 1)
    dx = jnp.where(first.reshape(wide) == number, dy.reshape(wide), 0)
    dx = dx.reshape(shape[0], *(p * w for p, w in zip(dy.shape[1:-1], window, strict=True)), shape[-1])
    for axis, size in enumerate(shape[1:-1], start=1):
        dx = padded(dx, axis, (0, size - dx.shape[axis]))
    return dx


def _scattered(dy, first, shape, window, strides, padding):
    """The gradient where windows overlap: the sum over the taps of the parts that each gave."""
    zero = jnp.zeros((), dy.dtype)
    dx = zero
    for number, tap in enumerate(itertools.product(*map(range, window))):
        part = jnp.where(first == number, dy, 0)
        sizes = zip(tap, strides, padding, dy.shape[1:-1], shape[1:-1], strict=True)
        spread = [(i - low, size + low - i - (p - 1) * s - 1, s - 1) for i, s, (low, _), p, size in sizes]
        dx = dx + lax.pad(part, zero, ((0, 0, 0), *spread, (0, 0, 0)))
    return dx


_max_pool.defvjp(_max_pool_keep, _max_pool_pull)


def _sums(x, window, strides, padding):
    places = _places(x, window, strides, padding)
    if window == strides and not any(map(any, padding)):
        for axis, (p, w) in enumerate(zip(places, window, strict=True), start=1):
            x = lax.slice_in_dim(x, 0, p * w, axis=axis)
        split = x.reshape(x.shape[0], *itertools.chain(*zip(places, window, strict=True)), x.shape[-1])
        return split.sum(tuple(range(2, 2 * len(window) + 1, 2)))
    for axis, pair in enumerate(padding, start=1):
        x = padded(x, axis, pair)
    total = jnp.zeros((), x.dtype)
    for tap in itertools.product(*map(range, window)):
        total = total + met(x, tap, places, strides, (1,) * len(window))
    return total
