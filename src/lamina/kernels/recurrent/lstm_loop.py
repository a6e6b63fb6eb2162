"""LSTM as one loop forward and one loop back, written for CPUs.

What does not depend on the state is left out of the loops, where every operation costs a core's whole attention: the
inputs' product, the factors that take the gradient of a state to that of its gates, and the gradients of the weights.
"""

import jax
import jax.numpy as jnp
from jax import lax

from lamina.kernels.recurrent.sequence import after, at, bias_gradient, chosen, columns, project, put, weight_gradient


@jax.custom_vjp
def lstm(x, kernel, recurrent_kernel, bias, h, c, keep):
    """`plain.lstm` with its gradient written by hand."""
    return _forward(x, kernel, recurrent_kernel, bias, h, c, keep)[0]


def _forward(x, kernel, recurrent_kernel, bias, h, c, keep):
    steps, batch, _ = x.shape
    units = h.shape[-1]
    # sigmoid(z) = tanh(z / 2) / 2 + 1 / 2: with i, f and o halved in the weights, one tanh serves all four gates.
    half = jnp.repeat(jnp.asarray([0.5, 0.5, 1, 0.5], x.dtype), units)
    recurrent_half, bias_half = recurrent_kernel * half, bias * half

    def step(t, carry):
        h, c, z, before_h, before_c = carry
        before_h, before_c = put(before_h, h, t), put(before_c, c, t)
        # The gates take the place of what the inputs gave: one buffer less to read and write.
        z = put(z, jnp.tanh(at(z, t) + h @ recurrent_half + bias_half), t)
        i, f, g, o = columns(at(z, t), 4)
        new_c = (f * 0.5 + 0.5) * c + (i * 0.5 + 0.5) * g
        new_h = (o * 0.5 + 0.5) * jnp.tanh(new_c)
        mask = None if keep is None else at(keep, t)
        return chosen(mask, new_h, h), chosen(mask, new_c, c), z, before_h, before_c

    zeros = jnp.zeros((steps, batch, units), x.dtype)
    last_h, last_c, gates, before_h, before_c = lax.fori_loop(0, steps, step, (h, c, project(x, kernel * half), zeros, zeros))
    return (after(before_h, last_h), last_h, last_c), (x, kernel, recurrent_kernel, gates, before_h, before_c, last_c, keep)


def _backward(saved, gradients):
    x, kernel, recurrent_kernel, gates, before_h, before_c, last_c, keep = saved
    factors = _factors(gates, before_c, after(before_c, last_c), keep)
    back = recurrent_kernel.T
    dsequence, dh, dc = gradients

    def step(backwards, carry):
        dh, dc, dz = carry
        t = steps - 1 - backwards
        i, f, g, o, by_output, forget = (at(factor, t) for factor in factors)
        dh = dh + at(dsequence, t)
        dc = dc + dh * by_output
        now = jnp.concatenate([dc * i, dc * f, dc * g, dh * o], axis=-1)
        before = now @ back if keep is None else now @ back + chosen(at(keep, t), jnp.zeros_like(dh), dh)
        return before, dc * forget, put(dz, now, t)

    # The factors were all that needed the gates: their buffer takes the gradients, which is cheaper than a new one.
    steps = x.shape[0]
    dh, dc, dz = lax.fori_loop(0, steps, step, (dh, dc, gates))
    return dz @ kernel.T, weight_gradient(x, dz), weight_gradient(before_h, dz), bias_gradient(dz), dh, dc, None


def _factors(gates, before_c, after_c, keep):
    """What takes dc to the gradient of i, f, g; dh to that of o; dh to that of c; dc to that of c before."""
    i, f, g, o = columns(gates, 4)
    i, f, o = i * 0.5 + 0.5, f * 0.5 + 0.5, o * 0.5 + 0.5
    tanh_c = jnp.tanh(after_c)
    to_gates = g * (i * (1 - i)), before_c * (f * (1 - f)), i * (1 - g * g), tanh_c * (o * (1 - o))
    # At a step that the mask leaves out the gradient passes by unchanged.
    return *(chosen(keep, factor, 0) for factor in (*to_gates, o * (1 - tanh_c * tanh_c))), chosen(keep, f, 1)


lstm.defvjp(_forward, _backward)
