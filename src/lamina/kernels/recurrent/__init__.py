"""Recurrence over the time axis: one function each for LSTM, GRU and SimpleRNN, and the lowerings behind them.

On CPU the loops of `lstm_loop`, `gru_loop` and `simple_loop` with gradients written by hand; on GPU cuDNN's LSTM where
it serves; elsewhere, and for other dtypes than float32 and float64, the scan of `plain`.
"""

from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp

from lamina.core.devices import by_rows
from lamina.kernels.lowering import on_cpu
from lamina.kernels.recurrent import cudnn, gru_loop, lstm_loop, plain, simple_loop
from lamina.kernels.recurrent.sequence import in_time_order, outputs

__all__ = ['gru', 'lstm', 'simple_rnn']


def lstm(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    h: jax.Array,
    c: jax.Array,
    *,
    mask: jax.Array | None = None,
    reverse: bool = False,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Long short-term memory over the time axis.

    Steps that the mask leaves out keep the state, and the sequence repeats the last output, zeros before the first.

    `i, f, g, o = x_t · kernel + h · recurrent_kernel + bias`, `c = σ(f) c + σ(i) tanh(g)`, `h = σ(o) tanh(c)`

    Args:
        x: inputs (batch, time, in).
        kernel: (in, 4·units), gates in the order i, f, g, o.
        recurrent_kernel: (units, 4·units).
        bias: (4·units,) or None.
        h: the first state (batch, units).
        c: the first cell state (batch, units).
        mask: booleans (batch, time); None (default): every step counts.
        reverse: go from the last step to the first; the sequence is in the order of processing. Default False.

    Returns:
        The sequence of h (batch, time, units), the last h and the last c.

    >>> import jax.numpy as jnp
    >>> sequence, h, c = lstm(jnp.ones((2, 5, 3)), jnp.ones((3, 16)), jnp.ones((4, 16)), None, jnp.zeros((2, 4)), jnp.zeros((2, 4)))
    >>> sequence.shape, bool((sequence[:, -1] == h).all())
    ((2, 5, 4), True)

    Source: Hochreiter & Schmidhuber, 1997; forget gates: Gers, Schmidhuber & Cummins, 2000.
    """
    bias = _or_zeros(bias, (kernel.shape[-1],), kernel)
    x, keep = in_time_order(x, mask, reverse)
    arrays = (x, kernel, recurrent_kernel, bias, h, c)
    if _written_for_cpu(*arrays):
        sequence, h, c = by_rows(lstm_loop.lstm, (1, None, None, None, 0, 0, 1), (1, 0, 0))(*arrays, keep)
    elif jax.default_backend() == 'gpu' and cudnn.serves(x, keep):
        sequence, h, c = cudnn.lstm(*arrays)
    else:
        sequence, h, c = plain.lstm(*arrays, keep)
    return outputs(sequence, keep), h, c


def gru(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    h: jax.Array,
    *,
    reset_after: bool = True,
    mask: jax.Array | None = None,
    reverse: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Gated recurrent units over the time axis.

    Steps that the mask leaves out keep the state, and the sequence repeats the last output, zeros before the first.

    `z = σ(x_z + h_z)`, `r = σ(x_r + h_r)`, `h = z h + (1 - z) tanh(x_h + r h_h)` with `x_z, x_r, x_h = x_t · kernel + bias[0]`
    and `h_z, h_r, h_h = h · recurrent_kernel + bias[1]`; without `reset_after` there is one bias, and `(r h)` is multiplied instead of h.

    Args:
        x: inputs (batch, time, in).
        kernel: (in, 3·units), gates in the order z, r, h.
        recurrent_kernel: (units, 3·units).
        bias: (2, 3·units) with `reset_after`, (3·units,) without, or None.
        h: the first state (batch, units).
        reset_after: whether r multiplies the product of the state (default, as cuDNN does) or the state.
        mask: booleans (batch, time); None (default): every step counts.
        reverse: go from the last step to the first; the sequence is in the order of processing. Default False.

    Returns:
        The sequence of h (batch, time, units) and the last h.

    >>> import jax.numpy as jnp
    >>> sequence, h = gru(jnp.ones((2, 5, 3)), jnp.ones((3, 12)), jnp.ones((4, 12)), None, jnp.zeros((2, 4)))
    >>> sequence.shape, bool((sequence[:, -1] == h).all())
    ((2, 5, 4), True)

    Source: Cho et al., 2014, for `reset_after=False`; its other form is that of version 1 of their report.
    """
    bias = _or_zeros(bias, (2, kernel.shape[-1]) if reset_after else (kernel.shape[-1],), kernel)
    x, keep = in_time_order(x, mask, reverse)
    arrays = (x, kernel, recurrent_kernel, bias, h)
    run = cast(Callable[..., Any], gru_loop.gru if _written_for_cpu(*arrays) else plain.gru)

    def loop(*arguments: Any) -> Any:
        return run(*arguments, reset_after)

    sequence, h = by_rows(loop, (1, None, None, None, 0, 1), (1, 0))(*arrays, keep)
    return outputs(sequence, keep), h


def simple_rnn(
    x: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None,
    h: jax.Array,
    *,
    mask: jax.Array | None = None,
    reverse: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """The simplest recurrence over the time axis.

    Steps that the mask leaves out keep the state, and the sequence repeats the last output, zeros before the first.

    `h = tanh(x_t · kernel + h · recurrent_kernel + bias)`

    Args:
        x: inputs (batch, time, in).
        kernel: (in, units).
        recurrent_kernel: (units, units).
        bias: (units,) or None.
        h: the first state (batch, units).
        mask: booleans (batch, time); None (default): every step counts.
        reverse: go from the last step to the first; the sequence is in the order of processing. Default False.

    Returns:
        The sequence of h (batch, time, units) and the last h.

    >>> import jax.numpy as jnp
    >>> sequence, h = simple_rnn(jnp.ones((2, 5, 3)), jnp.ones((3, 4)), jnp.ones((4, 4)), None, jnp.zeros((2, 4)))
    >>> sequence.shape, bool((sequence[:, -1] == h).all())
    ((2, 5, 4), True)

    Source: Elman, 1990.
    """
    bias = _or_zeros(bias, (kernel.shape[-1],), kernel)
    x, keep = in_time_order(x, mask, reverse)
    arrays = (x, kernel, recurrent_kernel, bias, h)
    run = simple_loop.simple_rnn if _written_for_cpu(*arrays) else plain.simple_rnn
    sequence, h = by_rows(run, (1, None, None, None, 0, 1), (1, 0))(*arrays, keep)
    return outputs(sequence, keep), h


def _or_zeros(bias: jax.Array | None, shape: tuple[int, ...], like: jax.Array) -> jax.Array:
    return jnp.zeros(shape, like.dtype) if bias is None else bias


def _written_for_cpu(x: jax.Array, *others: jax.Array) -> bool:
    """Whether the loops written by hand serve: they keep one dtype throughout, and the plain scan takes a sequence of no steps."""
    one_dtype = x.dtype in (jnp.float32, jnp.float64) and all(o.dtype == x.dtype for o in others)
    return on_cpu() and one_dtype and x.shape[0] > 0
