"""GRU as one loop forward and one loop back, written for CPUs; see `lstm_loop` for what is left out of the loops."""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from lamina.kernels.recurrent.sequence import after, at, bias_gradient, chosen, columns, project, put, weight_gradient


@functools.partial(jax.custom_vjp, nondiff_argnums=(6,))
def gru(x, kernel, recurrent_kernel, bias, h, keep, reset_after):
    """`plain.gru` with its gradient written by hand."""
    return _forward(x, kernel, recurrent_kernel, bias, h, keep, reset_after)[0]


def _forward(x, kernel, recurrent_kernel, bias, h, keep, reset_after):
    run = _forward_after if reset_after else _forward_before
    before, gates, rest, last = run(x, kernel, recurrent_kernel, bias, h, keep)
    return (after(before, last), last), (x, kernel, recurrent_kernel, before, gates, rest, keep)


def _backward(reset_after, saved, gradients):
    return (_backward_after if reset_after else _backward_before)(saved, gradients)


def _half(units: int, dtype) -> jax.Array:
    """sigmoid(z) = tanh(z / 2) / 2 + 1 / 2: z and r are halved in the weights, and one tanh serves both."""
    return jnp.repeat(jnp.asarray([0.5, 0.5, 1], dtype), units)


def _forward_after(x, kernel, recurrent_kernel, bias, h, keep):
    steps, batch, _ = x.shape
    units = h.shape[-1]
    half = _half(units, x.dtype)
    recurrent_half, (input_bias, recurrent_bias) = recurrent_kernel * half, bias * half

    def step(t, carry):
        h, gates, before, recurrent = carry
        before = put(before, h, t)
        inputs, states = at(gates, t) + input_bias, h @ recurrent_half + recurrent_bias
        zr = jnp.tanh(inputs[:, : 2 * units] + states[:, : 2 * units])
        z, r = columns(zr * 0.5 + 0.5, 2)
        hh = states[:, 2 * units :]
        candidate = jnp.tanh(inputs[:, 2 * units :] + r * hh)
        new = candidate + z * (h - candidate)
        gates = put(gates, jnp.concatenate([zr, candidate], axis=-1), t)
        return chosen(None if keep is None else at(keep, t), new, h), gates, before, put(recurrent, hh, t)

    zeros = jnp.zeros((steps, batch, units), x.dtype)
    last, gates, before, recurrent = lax.fori_loop(0, steps, step, (h, project(x, kernel * half), zeros, zeros))
    return before, gates, recurrent, last


def _backward_after(saved, gradients):
    x, kernel, recurrent_kernel, before, gates, recurrent, keep = saved
    z, r, candidate = _activations(gates)
    to_candidate = chosen(keep, (1 - z) * (1 - candidate * candidate), 0)
    to_z = chosen(keep, (before - candidate) * (z * (1 - z)), 0)
    to_r = to_candidate * recurrent * (r * (1 - r))
    factors = to_z, to_r, to_candidate * r, chosen(keep, z, 1)
    back = recurrent_kernel.T
    dsequence, dh = gradients

    def step(backwards, carry):
        dh, dhs = carry
        t = steps - 1 - backwards
        to_z, to_r, to_hh, z = (at(factor, t) for factor in factors)
        dh = dh + at(dsequence, t)
        return dh * z + jnp.concatenate([dh * to_z, dh * to_r, dh * to_hh], axis=-1) @ back, put(dhs, dh, t)

    # The factors were all that needed the states' product: its buffer takes the gradients, which is cheaper than a new one.
    steps = x.shape[0]
    dh, dhs = lax.fori_loop(0, steps, step, (dh, recurrent))
    dz, dr, dcandidate = to_z * dhs, to_r * dhs, to_candidate * dhs
    dstates, dinputs = jnp.concatenate([dz, dr, dcandidate * r], axis=-1), jnp.concatenate([dz, dr, dcandidate], axis=-1)
    dbias = jnp.stack([bias_gradient(dinputs), bias_gradient(dstates)])
    return dinputs @ kernel.T, weight_gradient(x, dinputs), weight_gradient(before, dstates), dbias, dh, None


def _forward_before(x, kernel, recurrent_kernel, bias, h, keep):
    steps, batch, _ = x.shape
    units = h.shape[-1]
    half = _half(units, x.dtype)
    gates_kernel, candidate_kernel = (recurrent_kernel * half)[:, : 2 * units], recurrent_kernel[:, 2 * units :]

    def step(t, carry):
        h, gates, before = carry
        before = put(before, h, t)
        inputs = at(gates, t) + bias * half
        zr = jnp.tanh(inputs[:, : 2 * units] + h @ gates_kernel)
        z, r = columns(zr * 0.5 + 0.5, 2)
        candidate = jnp.tanh(inputs[:, 2 * units :] + (r * h) @ candidate_kernel)
        new = candidate + z * (h - candidate)
        gates = put(gates, jnp.concatenate([zr, candidate], axis=-1), t)
        return chosen(None if keep is None else at(keep, t), new, h), gates, before

    zeros = jnp.zeros((steps, batch, units), x.dtype)
    last, gates, before = lax.fori_loop(0, steps, step, (h, project(x, kernel * half), zeros))
    return before, gates, None, last


def _backward_before(saved, gradients):
    x, kernel, recurrent_kernel, before, gates, _, keep = saved
    units = before.shape[-1]
    z, r, candidate = _activations(gates)
    to_candidate = chosen(keep, (1 - z) * (1 - candidate * candidate), 0)
    to_z = chosen(keep, (before - candidate) * (z * (1 - z)), 0)
    to_r = before * (r * (1 - r))
    gates_back, candidate_back = recurrent_kernel[:, : 2 * units].T, recurrent_kernel[:, 2 * units :].T

    def step(dh, at_step):
        dy, to_candidate, to_z, to_r, z, r = at_step
        dh = dh + dy
        dcandidate = dh * to_candidate
        dreset = dcandidate @ candidate_back
        dzr = jnp.concatenate([dh * to_z, dreset * to_r], axis=-1)
        return dh * z + dreset * r + dzr @ gates_back, jnp.concatenate([dzr, dcandidate], axis=-1)

    dsequence, dh = gradients
    dh, dinputs = lax.scan(step, dh, (dsequence, to_candidate, to_z, to_r, chosen(keep, z, 1), r), reverse=True)
    drecurrent = [weight_gradient(before, dinputs[..., : 2 * units]), weight_gradient(r * before, dinputs[..., 2 * units :])]
    weights = weight_gradient(x, dinputs), jnp.concatenate(drecurrent, axis=-1)
    return dinputs @ kernel.T, *weights, bias_gradient(dinputs), dh, None


def _activations(gates):
    z, r, candidate = columns(gates, 3)
    return z * 0.5 + 0.5, r * 0.5 + 0.5, candidate


gru.defvjp(_forward, _backward)
