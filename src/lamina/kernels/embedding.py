"""Rows of a table by number: the operation behind embeddings."""

import jax
import jax.numpy as jnp


def lookup(table: jax.Array, ids: jax.Array) -> jax.Array:
    """The rows of a table at these numbers.

    A number outside the table gives a row of zeros, and no gradient: never another row, and never NaN.

    Formula: `y[i, …] = table[ids[i]]`; in the gradient each row gets the sum over its uses.

    Args:
        table: (rows, …).
        ids: whole numbers of any shape.

    Shapes:
        table: (rows, dim), ids: (batch, time) → (batch, time, dim).

    Example:
        >>> import jax.numpy as jnp
        >>> lookup(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([1, 7, -1]))
        Array([[3., 4.],
               [0., 0.],
               [0., 0.]], dtype=float32)
    """
    # Without a sign, because a negative number would count from the end; so it is merely too large.
    return jnp.asarray(table).at[jnp.asarray(ids).astype(jnp.uint32)].get(mode='fill', fill_value=0)
