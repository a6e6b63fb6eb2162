"""What the loops over time share: rows of a buffer, columns of gates, steps that a mask leaves out."""

import jax
import jax.numpy as jnp
from jax import lax


def columns(array: jax.Array, parts: int) -> list[jax.Array]:
    """Equal parts of the last axis; slices, since XLA on CPU does not always fuse what `jnp.split` makes in a loop."""
    width = array.shape[-1] // parts
    return [array[..., k * width : (k + 1) * width] for k in range(parts)]


def at(buffer: jax.Array, step: jax.Array) -> jax.Array:
    """One step of a buffer (time, …)."""
    return lax.dynamic_index_in_dim(buffer, step, 0, keepdims=False, allow_negative_indices=False)


def put(buffer: jax.Array, value: jax.Array, step: jax.Array) -> jax.Array:
    """The buffer with one step replaced; in a loop XLA writes it in place."""
    return lax.dynamic_update_index_in_dim(buffer, value, step, 0, allow_negative_indices=False)


def project(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The inputs' part of every step in one product: (time, batch, in) → (time, batch, gates)."""
    steps, batch, width = x.shape
    return (x.reshape(steps * batch, width) @ kernel).reshape(steps, batch, -1)


def weight_gradient(inputs: jax.Array, outputs: jax.Array) -> jax.Array:
    """The gradient of a kernel that maps inputs (time, batch, a) to outputs (time, batch, b), in one product."""
    return inputs.reshape(-1, inputs.shape[-1]).T @ outputs.reshape(-1, outputs.shape[-1])


def bias_gradient(outputs: jax.Array) -> jax.Array:
    """The sum over time and batch, as a product, which is faster on CPU than a reduction."""
    flat = outputs.reshape(-1, outputs.shape[-1])
    return (jnp.ones((1, flat.shape[0]), flat.dtype) @ flat)[0]


def after(before: jax.Array, last: jax.Array) -> jax.Array:
    """The states after each step, from those before each step and the last one."""
    return jnp.concatenate([before[1:], last[None]])


def chosen(keep: jax.Array | None, value: jax.Array, otherwise: jax.Array | float) -> jax.Array:
    """The value at steps that count, something else at steps that the mask leaves out."""
    return value if keep is None else jnp.where(keep[..., None], value, otherwise)


def in_time_order(x: jax.Array, mask: jax.Array | None, reverse: bool) -> tuple[jax.Array, jax.Array | None]:
    """Inputs and mask with the time axis first, in the order of processing."""
    x = jnp.swapaxes(x, 0, 1)
    keep = None if mask is None else jnp.swapaxes(mask.astype(bool), 0, 1)
    return (x[::-1], None if keep is None else keep[::-1]) if reverse else (x, keep)


def outputs(sequence: jax.Array, keep: jax.Array | None) -> jax.Array:
    """The states after each step as outputs (batch, time, units): zeros before the first step that counts."""
    if keep is not None:
        seen = lax.cummax(keep.astype(jnp.int8), axis=0) > 0
        sequence = jnp.where(seen[..., None], sequence, 0)
    return jnp.swapaxes(sequence, 0, 1)
