"""Every lowering of attention beside the formula written with JAX's operations: values, gradients, rows that attend to nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.kernels import attention as kernel
from lamina.kernels.attention import WeightsDropout, attention, blocked, causal_mask, fused, masked_softmax, plain, takes_fused


def drawn(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=s), jnp.float32) for s in shapes]


def by_hand(query, key, value, mask=None, causal=False, scale=None):
    """Attention in NumPy, one example, head and step after another, and its weights."""
    query, key, value = (np.asarray(x, np.float64) for x in (query, key, value))
    batch, time, heads, dim = query.shape
    shared = heads // key.shape[2]
    y, weights = np.zeros((batch, time, heads, value.shape[-1])), np.zeros((batch, heads, time, key.shape[1]))
    allowed = np.ones(weights.shape, bool) if mask is None else np.broadcast_to(mask, weights.shape)
    for b, h, t in np.ndindex(batch, heads, time):
        scores = key[b, :, h // shared] @ query[b, t, h] * (dim**-0.5 if scale is None else scale)
        use = allowed[b, h, t] & ((np.arange(len(scores)) <= t) if causal else True)
        if use.any():
            e = np.where(use, np.exp(scores - scores[use].max()), 0)
            weights[b, h, t] = e / e.sum()
            y[b, t, h] = weights[b, h, t] @ value[b, :, h // shared]
    return y, weights


def value_and_gradients(function, *arrays):
    """The output, and the gradients of its sum."""

    @jax.jit
    def both(*arrays):
        y, back = jax.vjp(function, *arrays)
        return y, back(jnp.ones_like(y))

    return both(*arrays)


@pytest.mark.parametrize('causal', [False, True])
@pytest.mark.parametrize('masked', [False, True])
def test_it_is_what_the_formula_says(causal, masked):
    query, key, value = drawn(0, (2, 4, 4, 3), (2, 5, 2, 3), (2, 5, 2, 6))
    mask = np.random.default_rng(1).random((2, 1, 4, 5)) > 0.5 if masked else None
    expected, weights = by_hand(query, key, value, mask, causal)
    np.testing.assert_allclose(attention(query, key, value, mask=mask, causal=causal), expected, atol=1e-5)
    y, scores = attention(query, key, value, mask=mask, causal=causal, return_scores=True)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(scores, weights, atol=1e-5)
    np.testing.assert_allclose(attention(query, key, value, scale=2.0), by_hand(query, key, value, scale=2.0)[0], atol=1e-5)


SIZES = st.integers(1, 5)
MASKS = st.sampled_from([None, '1111', 'b11s', 'bh1s', '1hts', 'b1t1', 'bhts', 'ts', 's'])


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    st.tuples(SIZES, SIZES, SIZES), st.sampled_from([(1, 1), (2, 1), (4, 2), (3, 3)]), st.tuples(SIZES, SIZES), MASKS, st.booleans(),
    st.booleans(), st.sampled_from([1, 60, 300, 2**20]),
)  # fmt: skip
def test_the_lowering_of_cpus_is_the_plain_one_in_value_and_gradient(sizes, heads, dims, axes, causal, drops, block_bytes):
    (batch, time, source), (many, few), (dim, value_dim) = sizes, heads, dims
    arrays = drawn(0, (batch, time, many, dim), (batch, source, few, dim), (batch, source, few, value_dim))
    (factor,) = drawn(1, (batch, time, many, value_dim))
    rng = np.random.default_rng(2)
    of = {'b': batch, 'h': many, 't': time, 's': source, '1': 1}
    mask = None if axes is None else jnp.asarray(rng.random([of[a] for a in axes]) > 0.4)
    dropout = WeightsDropout(jnp.asarray(rng.random((batch, many, time, source)) > 0.3), 0.3) if drops else None

    def loss(lowering, *more):
        return lambda q, k, v: jnp.sum(jnp.sin(lowering(q, k, v, mask, causal, 0.7, dropout, *more)) * factor)

    both = jax.jit(lambda *x: [jax.value_and_grad(f, (0, 1, 2))(*x) for f in (loss(plain), loss(blocked, block_bytes))])
    expected, found = both(*arrays)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, expected)


@pytest.mark.parametrize('lowering', [plain, blocked])
def test_steps_that_may_attend_to_nothing_get_zeros_and_have_no_gradient(lowering):
    query, key, value = drawn(0, *[(2, 3, 2, 4)] * 3)
    mask = jnp.array([True, False])[:, None, None, None]
    y, gradients = value_and_gradients(lambda *x: lowering(*x, mask, True, 1.0, None), query, key, value)
    assert np.all(y[1] == 0)
    assert np.abs(y[0]).min() > 0
    for gradient in gradients:
        assert np.all(gradient[1] == 0)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize('lowering', [plain, blocked])
def test_large_scores_neither_overflow_nor_vanish(lowering):
    query, key, value = drawn(0, *[(1, 4, 1, 8)] * 3)
    y, gradients = value_and_gradients(lambda *x: lowering(*x, None, False, 1e4, None), query, key, value)
    np.testing.assert_allclose(y, by_hand(query, key, value, scale=1e4)[0], atol=1e-5)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize('shape', [(0, 3, 2, 4), (2, 0, 2, 4)])
def test_empty_batches_and_sequences_give_empty_outputs(shape):
    x = jnp.zeros(shape)
    assert attention(x, x, x).shape == shape


def test_a_query_without_anything_to_attend_to_gets_zeros():
    query, key = jnp.ones((2, 3, 2, 4)), jnp.ones((2, 0, 2, 4))
    np.testing.assert_array_equal(blocked(query, key, key, None, False, 1.0, None), jnp.zeros((2, 3, 2, 4)))


def test_half_precision_stays_half():
    x = jnp.ones((1, 4, 2, 8), jnp.bfloat16)
    y, gradients = value_and_gradients(attention, x, x, x)
    assert {a.dtype for a in (y, *gradients)} == {jnp.dtype(jnp.bfloat16)}


@pytest.mark.parametrize('axes', [None, (2, 1, 1, 6), (6,), (1, 1, 4, 6)])
@pytest.mark.parametrize('causal', [False, True])
def test_the_fused_form_of_jax_is_the_plain_one_where_it_is_taken(axes, causal):
    arrays = drawn(0, (2, 4, 4, 8), (2, 6, 2, 8), (2, 6, 2, 8))
    mask = None if axes is None else jnp.asarray(np.random.default_rng(1).random(axes) > 0.6)

    def loss(lowering, last):
        return lambda *x: jnp.sum(jnp.sin(lowering(*x, mask, causal, 0.5, last)))

    both = jax.jit(lambda *x: [jax.value_and_grad(f, (0, 1, 2))(*x) for f in (loss(plain, None), loss(fused, 'xla'))])
    expected, found = both(*arrays)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, expected)


def test_the_fused_form_is_taken_for_what_it_is_known_to_take():
    x = jnp.zeros((2, 4, 2, 64), jnp.bfloat16)
    assert takes_fused(x, x, x, 8.0)
    assert not takes_fused(x, x, x, 7.5)
    assert not takes_fused(x, x[..., :32], x, 9.0)
    assert not takes_fused(x.astype(jnp.float32), x.astype(jnp.float32), x.astype(jnp.float32), 9.0)
    for odd in (x[..., :12], x[:, :3], jnp.zeros((2, 4, 2, 256), jnp.bfloat16)):
        assert not takes_fused(odd, odd, odd, 9.0)


@pytest.mark.parametrize(
    ('backend', 'capability', 'dtype', 'called'),
    [('cpu', 0, 'float32', 'blocked'), ('gpu', 9, 'bfloat16', 'fused'), ('gpu', 9, 'float32', 'plain'), ('tpu', 0, 'bfloat16', 'plain')],
)
def test_each_platform_has_its_lowering(monkeypatch, backend, capability, dtype, called):
    monkeypatch.setattr(jax, 'default_backend', lambda: backend)
    monkeypatch.setattr(kernel, '_compute_capability', lambda: capability)
    for name in ('blocked', 'fused', 'plain'):
        monkeypatch.setattr(kernel, name, lambda *_, name=name: name)
    x = jnp.zeros((2, 4, 2, 64), dtype)
    assert attention(x, x, x) == called


def test_a_softmax_over_nothing_is_zeros():
    np.testing.assert_allclose(
        masked_softmax(jnp.array([[1.0, 1.0], [5.0, 6.0]]), jnp.array([[True, True], [False, False]])), [[0.5] * 2, [0] * 2]
    )
    np.testing.assert_array_equal(causal_mask(2, 3), [[1, 0, 0], [1, 1, 0]])


def test_no_array_of_all_weights_is_made_where_it_would_not_fit_the_cache():
    x = jax.ShapeDtypeStruct((8, 256, 8, 16), 'float32')
    program = jax.jit(jax.grad(lambda q, k, v: blocked(q, k, v, None, False, 1.0, None).sum(), (0, 1, 2))).lower(x, x, x).compile()
    weights_bytes = 8 * 8 * 256 * 256 * 4
    assert program.memory_analysis().temp_size_in_bytes < weights_bytes
