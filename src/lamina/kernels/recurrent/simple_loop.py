"""SimpleRNN as one loop forward and one loop back, written for CPUs; see `lstm_loop` for what is left out of the loops."""

import jax
import jax.numpy as jnp
from jax import lax

from lamina.kernels.recurrent.sequence import at, bias_gradient, chosen, project, put, weight_gradient


@jax.custom_vjp
def simple_rnn(x, kernel, recurrent_kernel, bias, h, keep):
    """`plain.simple_rnn` with its gradient written by hand."""
    return _forward(x, kernel, recurrent_kernel, bias, h, keep)[0]


def _forward(x, kernel, recurrent_kernel, bias, h, keep):
    def step(t, carry):
        h, states = carry
        new = jnp.tanh(at(states, t) + h @ recurrent_kernel + bias)
        h = chosen(None if keep is None else at(keep, t), new, h)
        return h, put(states, h, t)

    last, states = lax.fori_loop(0, x.shape[0], step, (h, project(x, kernel)))
    return (states, last), (x, kernel, recurrent_kernel, h, states, keep)


def _backward(saved, gradients):
    x, kernel, recurrent_kernel, first, states, keep = saved
    back = recurrent_kernel.T

    def step(dh, at_step):
        dy, slope, keep = at_step
        dh = dh + dy
        dz = dh * slope
        return dz @ back if keep is None else dz @ back + chosen(keep, jnp.zeros_like(dh), dh), dz

    dsequence, dh = gradients
    dh, dz = lax.scan(step, dh, (dsequence, chosen(keep, 1 - states * states, 0), keep), reverse=True)
    before = jnp.concatenate([first[None], states[:-1]])
    return dz @ kernel.T, weight_gradient(x, dz), weight_gradient(before, dz), bias_gradient(dz), dh, None


simple_rnn.defvjp(_forward, _backward)
