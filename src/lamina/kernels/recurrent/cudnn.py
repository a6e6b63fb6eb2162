"""LSTM through cuDNN, by way of `jax.experimental.rnn`. There is no such way for GRU (jax-ml/jax#18867)."""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp


def serves(x: jax.Array, keep: jax.Array | None) -> bool:
    """Whether cuDNN's LSTM computes what is asked for: it knows no holes in a mask, and JAX gives it float32 only."""
    return keep is None and x.dtype == jnp.float32


def lstm(x, kernel, recurrent_kernel, bias, h, c):
    """`plain.lstm` without a mask; `x` comes time first and goes to cuDNN batch first."""
    from jax.experimental import rnn

    steps, batch, width = x.shape
    units = h.shape[-1]
    lengths = jnp.full((batch,), steps, jnp.int32)
    y, h, c = cast(Callable[..., Any], rnn.lstm)(
        jnp.swapaxes(x, 0, 1),
        h[None],
        c[None],
        packed(kernel, recurrent_kernel, bias),
        lengths,
        input_size=width,
        hidden_size=units,
        num_layers=1,
        dropout=0.0,
        bidirectional=False,
    )
    return jnp.swapaxes(y, 0, 1), h[0], c[0]


def packed(kernel: jax.Array, recurrent_kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The weights as cuDNN's one vector: both kernels transposed, then two biases, of which Keras has only the first."""
    return jnp.concatenate([kernel.T.ravel(), recurrent_kernel.T.ravel(), bias, jnp.zeros_like(bias)])
