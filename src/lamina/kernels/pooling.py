"""Pooling, channels last, in any number of spatial axes. Padding never counts."""

import math

import jax
import jax.numpy as jnp
from jax import lax

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def max_pool(x: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> jax.Array:
    """The largest element of each window: `(batch, *spatial, channels) → (batch, *spatial, channels)`."""
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    return lax.reduce_window(x, jnp.array(lowest, x.dtype), lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0)))


def average_pool(x: jax.Array, window: Sizes, strides: Sizes, padding: Padding) -> jax.Array:
    """The mean of the elements of each window, padding left out."""

    def sums(a):
        return lax.reduce_window(a, jnp.zeros((), a.dtype), lax.add, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0)))

    if all(pair == (0, 0) for pair in padding):
        return sums(x) / math.prod(window)
    return sums(x) / sums(jnp.ones((1, *x.shape[1:-1], 1), x.dtype))
