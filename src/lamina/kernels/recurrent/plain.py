"""Recurrence as the formulas say it: a scan over the steps, differentiated by JAX. Serves every platform and dtype."""

import jax
import jax.numpy as jnp

from lamina.kernels.recurrent.sequence import chosen, columns


def lstm(x, kernel, recurrent_kernel, bias, h, c, keep):
    """(time, batch, in) → the state h after each step (time, batch, units), and the last h and c."""

    def step(state, z):
        h, c = state
        i, f, g, o = columns(z + h @ recurrent_kernel, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    sequence, (h, c) = _over_time(step, (h, c), x @ kernel + bias, keep)
    return sequence, h, c


def gru(x, kernel, recurrent_kernel, bias, h, keep, reset_after):
    """(time, batch, in) → the state h after each step (time, batch, units), and the last one."""
    units = h.shape[-1]
    input_bias, recurrent_bias = bias if reset_after else (bias, 0)

    def step(state, inputs):
        (h,) = state
        xz, xr, xh = columns(inputs, 3)
        if reset_after:
            hz, hr, hh = columns(h @ recurrent_kernel + recurrent_bias, 3)
            candidate = jnp.tanh(xh + jax.nn.sigmoid(xr + hr) * hh)
        else:
            hz, hr = columns(h @ recurrent_kernel[:, : 2 * units], 2)
            candidate = jnp.tanh(xh + (jax.nn.sigmoid(xr + hr) * h) @ recurrent_kernel[:, 2 * units :])
        z = jax.nn.sigmoid(xz + hz)
        return (z * h + (1 - z) * candidate,)

    sequence, (h,) = _over_time(step, (h,), x @ kernel + input_bias, keep)
    return sequence, h


def simple_rnn(x, kernel, recurrent_kernel, bias, h, keep):
    """(time, batch, in) → the state h after each step (time, batch, units), and the last one."""

    def step(state, z):
        return (jnp.tanh(z + state[0] @ recurrent_kernel),)

    sequence, (h,) = _over_time(step, (h,), x @ kernel + bias, keep)
    return sequence, h


def _over_time(step, state, inputs, keep):
    """The first part of the state after each step, and the whole state after the last. Masked steps keep the state."""

    def run(state, at):
        z, keep = at
        state = tuple(chosen(keep, new, old) for new, old in zip(step(state, z), state, strict=True))
        return state, state[0]

    state, sequence = jax.lax.scan(run, state, (inputs, keep))
    return sequence, state
