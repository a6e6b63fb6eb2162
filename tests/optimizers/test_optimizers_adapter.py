"""Optax transformations as optimizers, and what may be written as `optimizer=`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina import optimizers
from lamina.core import serial
from lamina.core.described import registered
from lamina.core.errors import ConfigError, UnknownNameError
from lamina.optimizers import Adam, OptaxOptimizer, get
from lamina.optimizers.schedules import ExponentialDecay

PARAMS = {'dense/kernel': jnp.arange(6.0).reshape(2, 3), 'dense/bias': jnp.array([1.0, -1.0, 0.5])}

TRANSFORMATIONS = {
    'adam': optax.adam(1e-2),
    'chain': optax.chain(optax.clip_by_global_norm(1.0), optax.add_decayed_weights(0.1), optax.sgd(0.1, momentum=0.9)),
    'extra arguments': optax.chain(optax.scale_by_adam(), optax.scale_by_learning_rate(optax.cosine_decay_schedule(0.1, 10))),
    'injected': optax.inject_hyperparams(optax.rmsprop)(learning_rate=0.01),
    'every second': optax.MultiSteps(optax.sgd(0.1), every_k_schedule=2).gradient_transformation(),
}


def gradient(params, step):
    return jax.tree.map(lambda p: 0.1 * p + jnp.sin(p + step), params)


@pytest.mark.parametrize('transformation', TRANSFORMATIONS.values(), ids=TRANSFORMATIONS)
def test_an_optax_transformation_moves_as_it_does_by_itself(transformation):
    optimizer, ours, theirs = get(transformation), PARAMS, PARAMS
    state, its_state = optimizer.init(ours), transformation.init(theirs)
    for step in range(5):
        ours, state = optimizer.update(gradient(ours, step), state, ours, optimizer.rate(step), step)
        updates, its_state = transformation.update(gradient(theirs, step), its_state, theirs)
        theirs = optax.apply_updates(theirs, updates)
    for path, p in ours.items():
        np.testing.assert_allclose(p, theirs[path], rtol=1e-6, atol=1e-7)
        assert not np.array_equal(p, PARAMS[path])


def test_its_learning_rate_is_a_factor_on_top():
    grads = gradient(PARAMS, 0)
    optimizer = OptaxOptimizer(optax.sgd(0.1), learning_rate=ExponentialDecay(0.5, 1, 1.0))
    half, _ = optimizer.update(grads, optimizer.init(PARAMS), PARAMS, optimizer.rate(0), 0)
    np.testing.assert_allclose(half['dense/bias'], PARAMS['dense/bias'] - 0.05 * grads['dense/bias'], rtol=1e-6)


def test_clipping_comes_before_the_transformation():
    optimizer = OptaxOptimizer(optax.sgd(1.0), clipvalue=0.01)
    end, _ = optimizer.update({'w': jnp.array([5.0, -5.0])}, optimizer.init({'w': jnp.zeros(2)}), {'w': jnp.zeros(2)}, 1.0, 0)
    np.testing.assert_allclose(end['w'], [-0.01, 0.01], rtol=1e-6)


def test_weight_decay_belongs_into_the_transformation():
    with pytest.raises(ConfigError, match=r'Use optax\.chain\(optax\.add_decayed_weights'):
        OptaxOptimizer(optax.sgd(0.1), weight_decay=0.1)


@pytest.mark.parametrize('value', [3, 'adam', None, optax.adam])
def test_what_is_no_transformation_is_refused(value):
    with pytest.raises(ConfigError, match='Change transformation='):
        OptaxOptimizer(value)


def test_it_has_no_saved_form_and_no_registered_name():
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        serial.encode(OptaxOptimizer(optax.sgd(0.1)))
    with pytest.raises(UnknownNameError):
        get('OptaxOptimizer')


def test_it_is_equal_to_itself_only():
    transformation = optax.adam(1e-3)
    assert get(transformation) == get(transformation)
    assert hash(get(transformation)) == hash(get(transformation))
    assert get(transformation) != get(optax.adam(1e-3))


@pytest.mark.parametrize('name', [n for n, c in registered('optimizer').items() if c.__module__.startswith('lamina.')])
def test_every_name_in_any_case_and_every_class(name):
    cls = getattr(optimizers, name)
    assert get(name) == get(name.lower()) == get(name.upper()) == get(cls) == cls()


def test_an_optimizer_is_itself():
    optimizer = Adam(0.1)
    assert get(optimizer) is optimizer


@pytest.mark.parametrize(('name', 'nearest'), [('Adm', 'Adam'), ('RMSpop', 'RMSprop'), ('SDG', 'SGD'), ('AdamW2', 'AdamW')])
def test_a_misspelt_name_gets_the_nearest(name, nearest):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{nearest}'"):
        get(name)


@pytest.mark.parametrize('value', [None, 3, dict, ExponentialDecay(0.1, 1, 0.5)])
def test_anything_else_is_refused(value):
    with pytest.raises(ConfigError, match="Pass a name such as 'adam'"):
        get(value)
