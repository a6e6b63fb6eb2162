"""What single rules promise beyond agreeing with Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina.optimizers import SGD, Adafactor, Adam, Ftrl, Muon, RMSprop
from lamina.optimizers.muon import orthogonalized


def run(optimizer, params, grads_by_step, rates=0.1):
    state = optimizer.init(params)
    for step, grads in enumerate(grads_by_step):
        rate = rates if np.isscalar(rates) else rates[step]
        params, state = optimizer.update(grads, state, params, rate, step)
    return params, state


def test_adam_first_moves_by_the_rate_whatever_the_size_of_the_gradient():
    for size in (1e-3, 1.0, 1e3):
        params, _ = run(Adam(), {'w': jnp.zeros(2)}, [{'w': jnp.array([size, -size])}])
        np.testing.assert_allclose(params['w'], [-0.1, 0.1], rtol=5e-3)


def test_momentum_sums_moves_not_gradients_when_the_rate_changes():
    grads = [{'w': jnp.ones(1)}] * 2
    params, state = run(SGD(momentum=0.5), {'w': jnp.zeros(1)}, grads, rates=[1.0, 0.1])
    np.testing.assert_allclose(params['w'], -(1.0 + (0.5 * 1.0 + 0.1)))
    np.testing.assert_allclose(state.velocity['w'], 0.6)


def test_momentum_at_a_constant_rate_is_optax_trace():
    rng = np.random.default_rng(0)
    grads = [{'w': jnp.asarray(rng.normal(size=3), jnp.float32)} for _ in range(6)]
    for nesterov in (False, True):
        ours, _ = run(SGD(momentum=0.9, nesterov=nesterov), {'w': jnp.zeros(3)}, grads)
        theirs, rule = {'w': jnp.zeros(3)}, optax.sgd(0.1, momentum=0.9, nesterov=nesterov)
        state = rule.init(theirs)
        for g in grads:
            updates, state = rule.update(g, state)
            theirs = optax.apply_updates(theirs, updates)
        np.testing.assert_allclose(ours['w'], theirs['w'], rtol=1e-5)


def test_centered_rmsprop_stays_finite_where_the_gradient_does_not_change():
    params, _ = run(RMSprop(centered=True), {'w': jnp.zeros(4)}, [{'w': jnp.array([1e3, 37.1, 3.3, 1e-3])}] * 60, rates=1e-6)
    assert np.all(np.isfinite(params['w']))


def test_ftrl_holds_weights_without_evidence_at_exactly_zero():
    grads = [{'w': jnp.array([0.001, 1.0])}] * 5
    params, _ = run(Ftrl(l1_regularization_strength=0.1), {'w': jnp.array([0.5, 0.5])}, grads)
    assert params['w'][0] == 0.0
    assert params['w'][1] != 0.0


def test_ftrl_at_a_rate_of_zero_keeps_its_state_too():
    optimizer, params = Ftrl(), {'w': jnp.array([0.5])}
    state = optimizer.init(params)
    _, after = optimizer.update({'w': jnp.array([1.0])}, state, params, 0.0, 0)
    jax.tree.map(np.testing.assert_array_equal, after, state)


def test_adafactor_keeps_rows_and_columns_in_place_of_the_whole():
    state = Adafactor().init({'w': jnp.ones((30, 20)), 'conv': jnp.ones((3, 3, 4, 5)), 'b': jnp.ones(7)})
    shapes = {path: {name: leaf.shape for name, leaf in moments.items()} for path, moments in state.items()}
    assert shapes == {
        'w': {'row': (30,), 'column': (20,)},
        'conv': {'row': (3, 3, 4), 'column': (3, 3, 5)},
        'b': {'full': (7,)},
    }


@pytest.mark.parametrize(('relative_step', 'factor'), [(True, 0.5), (False, 10.0)])
def test_adafactor_holds_the_rate_below_one_over_root_t_only_if_asked(relative_step, factor):
    optimizer, params = Adafactor(relative_step=relative_step), {'w': jnp.ones(4)}
    end, _ = optimizer.update({'w': jnp.ones(4)}, optimizer.init(params), params, 10.0, 3)
    np.testing.assert_allclose(end['w'], 1.0 - factor, rtol=1e-5)


def test_adafactor_stays_finite_where_a_gradient_is_zero():
    params, _ = run(Adafactor(), {'w': jnp.ones((3, 2))}, [{'w': jnp.zeros((3, 2))}] * 3)
    np.testing.assert_array_equal(params['w'], 1.0)


@pytest.mark.parametrize('shape', [(6, 4), (4, 6), (5, 5)])
def test_newton_schulz_brings_every_singular_value_near_one(shape):
    x = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    result = np.asarray(orthogonalized(jnp.asarray(x), (3.4445, -4.7750, 2.0315), 10))
    values = np.linalg.svd(result, compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3
    u, _, v = np.linalg.svd(x, full_matrices=False)
    assert np.sum((u @ v) * result) / np.linalg.norm(result) / np.sqrt(min(shape)) > 0.95


def test_muon_without_nesterov_moves_matrices_as_optax_does():
    rng = np.random.default_rng(4)
    grads = [{'w': jnp.asarray(rng.normal(size=(5, 3)), jnp.float32)} for _ in range(4)]
    ours, _ = run(Muon(nesterov=False, weight_decay=None), {'w': jnp.zeros((5, 3))}, grads)
    rule = optax.contrib.muon(0.1, nesterov=False, consistent_rms=0.2, eps=1e-7)
    theirs = {'w': jnp.zeros((5, 3))}
    state = rule.init(theirs)
    for g in grads:
        updates, state = rule.update(g, state, theirs)
        theirs = optax.apply_updates(theirs, updates)
    np.testing.assert_allclose(ours['w'], theirs['w'], rtol=1e-3, atol=1e-5)


def test_muon_takes_hidden_matrices_only():
    muon, matrix = Muon(exclude_layers=('head',)), jnp.ones((2, 2))
    assert not muon.by_adam('dense/kernel', matrix)
    assert muon.by_adam('head/kernel', matrix)
    assert muon.by_adam('Embedding_1/embeddings', matrix)
    assert muon.by_adam('dense/bias', jnp.ones(2))
    assert muon.by_adam('conv/kernel', jnp.ones((3, 3, 2, 2)))
    assert not Muon(exclude_embeddings=False).by_adam('embedding/embeddings', matrix)
