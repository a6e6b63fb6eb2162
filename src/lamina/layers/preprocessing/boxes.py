"""Rectangles drawn inside images, one for each example."""

import jax
import jax.numpy as jnp


def drawn_span(size: int, part: jax.Array, unit: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Where a span of these parts of an axis begins and ends, at a place that a number in [0, 1) chooses.

    Shapes:
        part, unit: (batch,) → (batch,) twice.
    """
    length = part * size
    start = unit * (size - length)
    return start, start + length


def inside(shape: tuple[int, ...], top: jax.Array, bottom: jax.Array, left: jax.Array, right: jax.Array) -> jax.Array:
    """Which pixels lie in each example's rectangle.

    Shapes:
        shape: of the images; top, bottom, left, right: (batch,) → (batch, height, width, 1) booleans.
    """
    row = jnp.arange(shape[1], dtype=jnp.float32)[None, :, None]
    column = jnp.arange(shape[2], dtype=jnp.float32)[None, None, :]
    top, bottom, left, right = (edge[:, None, None] for edge in (top, bottom, left, right))
    return ((row >= top) & (row < bottom) & (column >= left) & (column < right))[..., None]
