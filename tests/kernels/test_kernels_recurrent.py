"""Every lowering of recurrence beside one step after another: values, and gradients with respect to every argument."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental import rnn

from lamina.kernels import lowering, recurrent
from lamina.kernels.recurrent import cudnn, gru_loop, lstm_loop, plain, simple_loop

EXAMPLES = settings(max_examples=4, deadline=None, derandomize=True)
# Compiling is most of what these tests do.
quickly_compiled = functools.partial(jax.jit, compiler_options={'xla_llvm_disable_expensive_passes': True})
KINDS = ('lstm', 'gru', 'gru before', 'simple_rnn')
FUNCTIONS = {
    'lstm': recurrent.lstm,
    'gru': recurrent.gru,
    'gru before': functools.partial(recurrent.gru, reset_after=False),
    'simple_rnn': recurrent.simple_rnn,
}


def sigmoid(x):
    return 1 / (1 + jnp.exp(-x))


def lstm_step(x, k, r, b, h, c):
    i, f, g, o = jnp.split(x @ k + h @ r + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def gru_step(x, k, r, b, h):
    (xz, xr, xh), (hz, hr, hh) = jnp.split(x @ k + b[0], 3, axis=-1), jnp.split(h @ r + b[1], 3, axis=-1)
    z = sigmoid(xz + hz)
    return (z * h + (1 - z) * jnp.tanh(xh + sigmoid(xr + hr) * hh),)


def gru_before_step(x, k, r, b, h):
    (xz, xr, xh), (rz, rr, rh) = jnp.split(x @ k + b, 3, axis=-1), jnp.split(r, 3, axis=-1)
    z, reset = sigmoid(xz + h @ rz), sigmoid(xr + h @ rr)
    return (z * h + (1 - z) * jnp.tanh(xh + (reset * h) @ rh),)


def simple_step(x, k, r, b, h):
    return (jnp.tanh(x @ k + h @ r + b),)


STEPS = {'lstm': lstm_step, 'gru': gru_step, 'gru before': gru_before_step, 'simple_rnn': simple_step}


def step_by_step(kind, x, k, r, b, *state, mask=None, reverse=False):
    """The definition: one step after another. A step that the mask leaves out keeps the state and repeats the output."""
    b = jnp.zeros((2, k.shape[-1]) if kind == 'gru' else k.shape[-1:]) if b is None else b
    output, sequence = jnp.zeros_like(state[0]), []
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        new = STEPS[kind](x[:, t], k, r, b, *state)
        keep = jnp.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        state = tuple(jnp.where(keep, a, b) for a, b in zip(new, state, strict=True))
        output = jnp.where(keep, new[0], output)
        sequence.append(output)
    return jnp.stack(sequence, axis=1), *state


def drawn(kind, batch, steps, width, units, seed=0, bias=True):
    rng = np.random.default_rng([seed, batch, steps, width, units])
    gates = {'lstm': 4, 'simple_rnn': 1}.get(kind, 3) * units
    shapes = [(batch, steps, width), (width, gates), (units, gates), (2, gates) if kind == 'gru' else (gates,), (batch, units)]
    arrays = [jnp.asarray(rng.normal(size=s) * 0.6, jnp.float32) for s in (*shapes, *([(batch, units)] if kind == 'lstm' else []))]
    return arrays if bias else [*arrays[:3], None, *arrays[4:]]


def values_and_gradients(function, arrays):
    """All outputs, and the gradients of one sum over them that weighs each element differently."""
    outputs, back = jax.vjp(function, *arrays)
    weights = [jnp.asarray(np.random.default_rng(7).normal(size=o.shape), o.dtype) for o in outputs]
    return outputs, back(tuple(weights))


def assert_same(got, expected):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


def on_other_platforms(function):
    """The same function as it is traced where the program will not run on a CPU."""

    def plainly(*arrays, **settings):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recurrent, 'on_cpu', lambda: False)
            return function(*arrays, **settings)

    return plainly


SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))


@pytest.mark.parametrize('kind', KINDS)
@EXAMPLES
@given(sizes=SIZES, masked=st.booleans(), reverse=st.booleans(), bias=st.booleans(), seed=st.integers(0, 99))
def test_each_lowering_is_one_step_after_another(kind, sizes, masked, reverse, bias, seed):
    arrays = drawn(kind, *sizes, seed=seed, bias=bias)
    mask = np.random.default_rng(seed).random(sizes[:2]) > 0.5 if masked else None
    functions = functools.partial(step_by_step, kind), FUNCTIONS[kind], on_other_platforms(FUNCTIONS[kind])

    @quickly_compiled
    def all_three(arrays):
        return [values_and_gradients(functools.partial(f, mask=mask, reverse=reverse), arrays) for f in functions]

    expected, by_loop, plainly = all_three(arrays)
    assert_same(by_loop, expected)
    assert_same(plainly, expected)


@pytest.mark.parametrize('kind', KINDS)
def test_it_is_the_same_when_compiled_in_a_loop(kind):
    # In a training loop XLA may give buffers to one another; that must not change what is read from them.
    arrays = drawn(kind, 4, 7, 3, 5)
    mask = jnp.asarray(np.random.default_rng(0).random((4, 7)) > 0.3)

    def loss(*arrays):
        return sum((o * o).sum() for o in FUNCTIONS[kind](*arrays, mask=mask))

    def descend(_, arrays):
        return [a - 0.01 * g for a, g in zip(arrays, jax.grad(loss, argnums=range(len(arrays)))(*arrays), strict=True)]

    one_by_one, once = arrays, jax.jit(descend)
    for step in range(3):
        one_by_one = once(step, one_by_one)
    assert_same(jax.jit(lambda a: jax.lax.fori_loop(0, 3, descend, a))(arrays), one_by_one)


@pytest.mark.parametrize('kind', KINDS)
def test_rows_without_a_step_keep_their_state_and_give_zeros(kind):
    arrays = drawn(kind, 3, 4, 2, 3)
    mask = np.array([[True] * 4, [False] * 4, [False, True, False, True]])
    for function in (FUNCTIONS[kind], on_other_platforms(FUNCTIONS[kind])):
        (sequence, *states), gradients = quickly_compiled(functools.partial(values_and_gradients, functools.partial(function, mask=mask)))(
            arrays
        )
        assert not sequence[1].any()
        for state, first in zip(states, arrays[4:], strict=True):
            np.testing.assert_array_equal(state[1], first[1])
        assert not sequence[2, 0].any()
        np.testing.assert_array_equal(sequence[2, 2], sequence[2, 1])
        assert all(bool(jnp.isfinite(g).all()) for g in jax.tree.leaves(gradients))
        assert not gradients[0][1].any()


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_extreme_inputs_stay_finite(kind):
    arrays = drawn(kind, 2, 5, 3, 4)
    arrays[0] = arrays[0] * 1e4
    for function in (FUNCTIONS[kind], on_other_platforms(FUNCTIONS[kind])):
        assert all(
            bool(jnp.isfinite(a).all())
            for a in jax.tree.leaves(quickly_compiled(functools.partial(values_and_gradients, function))(arrays))
        )


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_second_derivatives_go_through_the_loops(kind):
    arrays = drawn(kind, 2, 3, 2, 2)

    def slope(function, h):
        return jax.grad(lambda h: (function(*arrays[:4], h, *arrays[5:])[0] ** 2).sum())(h).sum()

    plainly, by_loops = (
        quickly_compiled(jax.grad(functools.partial(slope, f)))(arrays[4]) for f in (functools.partial(step_by_step, kind), FUNCTIONS[kind])
    )
    np.testing.assert_allclose(by_loops, plainly, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('kind', KINDS)
def test_other_dtypes_and_empty_sequences_take_the_plain_scan(kind):
    arrays = [a.astype(jnp.bfloat16) for a in drawn(kind, 2, 3, 2, 4)]
    sequence, *states = FUNCTIONS[kind](*arrays)
    assert {a.dtype for a in (sequence, *states)} == {jnp.dtype(jnp.bfloat16)}
    arrays = drawn(kind, 2, 0, 2, 4)
    sequence, *states = FUNCTIONS[kind](*arrays)
    assert sequence.shape == (2, 0, 4)
    np.testing.assert_array_equal(states[0], arrays[4])


def test_lowerings_are_chosen_by_platform(monkeypatch):
    arrays, chosen = drawn('lstm', 2, 3, 2, 4), []

    def noting(name):
        return lambda *a: (chosen.append(name), (a[0], a[4], a[5]))[1]

    for module in (lstm_loop, plain, cudnn):
        monkeypatch.setattr(module, 'lstm', noting(module.__name__.rsplit('.', 1)[1]))
    for platform in ('cpu', 'gpu', 'tpu'):
        monkeypatch.setattr(recurrent.jax, 'default_backend', lambda platform=platform: platform)
        assert lowering.on_cpu() == (platform == 'cpu')
        recurrent.lstm(*arrays)
        recurrent.lstm(*arrays, mask=jnp.ones((2, 3), bool))
    assert chosen == ['lstm_loop', 'lstm_loop', 'cudnn', 'plain', 'plain', 'plain']


def test_the_loops_of_gru_and_simple_rnn_serve_the_cpu(monkeypatch):
    for module, name, kind in ((gru_loop, 'gru', 'gru'), (simple_loop, 'simple_rnn', 'simple_rnn')):
        monkeypatch.setattr(module, name, lambda x, k, r, b, h, *_: (jnp.full((*x.shape[:2], 4), 7.0), h))
        assert (FUNCTIONS[kind](*drawn(kind, 2, 3, 2, 4))[0] == 7).all()


def test_weights_are_packed_as_cudnn_reads_them():
    # JAX's own reference of what cuDNN computes; cuDNN itself needs a GPU.
    x, kernel, recurrent_kernel, bias, h, c = drawn('lstm', 3, 5, 2, 4)
    vector = cudnn.packed(kernel, recurrent_kernel, bias)
    assert vector.size == rnn.get_num_params_in_lstm(2, 4, 1, False)
    weights = rnn.unpack_lstm_weights(vector, 2, 4, 1, False)
    lengths = jnp.full((3,), 5)
    y, last_h, last_c = rnn.lstm_ref(
        x, h[None], c[None], *weights, seq_lengths=lengths, input_size=2, hidden_size=4, num_layers=1, dropout=0.0, bidirectional=False
    )
    assert_same((y, last_h[0], last_c[0]), recurrent.lstm(x, kernel, recurrent_kernel, bias, h, c))


@pytest.mark.skipif(jax.default_backend() != 'gpu', reason='cuDNN needs a GPU')
@pytest.mark.parametrize('reverse', [False, True])
def test_cudnn_computes_the_same(reverse):
    arrays = drawn('lstm', 3, 5, 2, 4)
    got = values_and_gradients(functools.partial(recurrent.lstm, reverse=reverse), arrays)
    expected = values_and_gradients(functools.partial(step_by_step, 'lstm', reverse=reverse), arrays)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-2, rtol=1e-2)
