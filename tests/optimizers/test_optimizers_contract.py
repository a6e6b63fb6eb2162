"""What holds for every optimizer and every schedule there is; a new one that is missing from the tables fails."""

import dataclasses
import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import optimizers
from lamina.core import serial
from lamina.core.described import registered
from lamina.core.errors import ConfigError
from lamina.optimizers import schedules

# class → one row of settings other than the defaults
OPTIMIZERS = {
    'SGD': {'learning_rate': 0.1, 'momentum': 0.9, 'nesterov': True, 'clipnorm': 1.0},
    'Adam': {'learning_rate': schedules.CosineDecay(0.1, 100), 'amsgrad': True, 'clipvalue': 0.5},
    'AdamW': {'learning_rate': 0.1, 'weight_decay': 0.2, 'exclude_from_weight_decay': ('*/bias', 'norm')},
    'Adamax': {'beta_1': 0.5},
    'Nadam': {'global_clipnorm': 1.0},
    'RMSprop': {'centered': True, 'momentum': 0.9, 'name': 'slow'},
    'Adagrad': {'initial_accumulator_value': 0.5},
    'Adadelta': {'rho': 0.9},
    'Adafactor': {'relative_step': False},
    'Lion': {'learning_rate': 1e-4},
    'Lamb': {'weight_decay': 0.1},
    'Ftrl': {'l1_regularization_strength': 0.1},
    'Muon': {'exclude_layers': ('head',), 'rms_rate': None, 'adam_weight_decay': None},
}
SCHEDULES = {
    'ExponentialDecay': {'initial_learning_rate': 0.1, 'decay_steps': 10, 'decay_rate': 0.5},
    'InverseTimeDecay': {'initial_learning_rate': 0.1, 'decay_steps': 10, 'decay_rate': 0.5, 'staircase': True},
    'PolynomialDecay': {'initial_learning_rate': 0.1, 'decay_steps': 10, 'cycle': True},
    'PiecewiseConstantDecay': {'boundaries': (3, 7.5), 'values': (0.1, 0.2, 0.05)},
    'CosineDecay': {'initial_learning_rate': 0.0, 'decay_steps': 10, 'warmup_target': 0.1, 'warmup_steps': 4},
    'CosineDecayRestarts': {'initial_learning_rate': 0.1, 'first_decay_steps': 3, 't_mul': 1.5, 'm_mul': 0.9},
    'OneCycle': {'max_learning_rate': 0.1, 'total_steps': 20},
}
TABLE = [*(('optimizer', n, s) for n, s in OPTIMIZERS.items()), *(('schedule', n, s) for n, s in SCHEDULES.items())]


def own(kind):
    """The registered classes of the library itself; other tests may register theirs."""
    return {name: cls for name, cls in registered(kind).items() if cls.__module__.startswith('lamina.')}


def params(dtype='float32'):
    rng = np.random.default_rng(0)
    shapes = {'dense/kernel': (4, 3), 'dense/bias': (3,), 'scale': ()}
    return {path: jnp.asarray(rng.normal(size=shape), dtype) for path, shape in shapes.items()}


def test_every_class_is_in_the_tables():
    assert set(own('optimizer')) == set(OPTIMIZERS)
    assert set(own('schedule')) == set(SCHEDULES)


@pytest.mark.parametrize(('kind', 'name', 'settings'), TABLE)
def test_saved_form_comes_back_equal(kind, name, settings):
    made = own(kind)[name](**settings)
    back = serial.decode(json.loads(json.dumps(serial.encode(made))))
    assert back == made
    assert hash(back) == hash(made)
    assert back.name == made.name


@pytest.mark.parametrize(('kind', 'name', 'settings'), TABLE)
def test_settings_outside_their_rule_are_refused(kind, name, settings):
    made, tried = own(kind)[name](**settings), 0
    for field in dataclasses.fields(made):
        rule = field.metadata.get('rule')
        for bad in rule.bad if rule else ():
            with pytest.raises(ConfigError, match=rf'Change {field.name}=… to such a value'):
                made.replace(**{field.name: bad})
            tried += 1
    assert tried > 0


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_repr_builds_the_same_optimizer(name):
    made = own('optimizer')[name](**OPTIMIZERS[name])
    assert eval(repr(made), {**vars(optimizers), **vars(schedules)}) == made


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_an_update_keeps_structure_and_dtypes_so_that_it_can_be_scanned(name):
    optimizer, start = own('optimizer')[name](**OPTIMIZERS[name]), params('bfloat16')
    state = optimizer.init(start)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    leaves, structure = jax.tree.flatten(state)
    assert jax.tree.structure(jax.tree.unflatten(structure, leaves)) == structure

    def body(carry, step):
        return optimizer.update(jax.tree.map(jnp.ones_like, carry[0]), carry[1], carry[0], jnp.float32(0.1), step), None

    (end, end_state), _ = jax.lax.scan(body, (start, state), jnp.arange(3))
    assert jax.tree.structure(end_state) == structure
    for path, p in end.items():
        assert p.dtype == 'bfloat16'
        assert np.all(np.isfinite(np.asarray(p, np.float32))), path


@pytest.mark.slow
@pytest.mark.parametrize('name', OPTIMIZERS)
def test_one_trace_for_every_learning_rate_and_step(name):
    optimizer, start, traces = own('optimizer')[name](**OPTIMIZERS[name]), params(), []

    @jax.jit
    def update(grads, state, weights, learning_rate, step):
        traces.append(name)
        return optimizer.update(grads, state, weights, learning_rate, step)

    state, weights = optimizer.init(start), start
    for step, learning_rate in enumerate((0.1, 0.01, 0.5)):
        weights, state = update(params(), state, weights, np.float32(learning_rate), np.int32(step))
    assert len(traces) == 1


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_a_rate_of_zero_leaves_the_weights(name):
    optimizer, start = own('optimizer')[name](), params()
    end, _ = optimizer.update(params(), optimizer.init(start), start, 0.0, 0)
    for path, p in end.items():
        np.testing.assert_array_equal(p, start[path])


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_it_descends_a_quadratic(name):
    optimizer, target = own('optimizer')[name](), params()
    rate = {'Adadelta': 100.0, 'SGD': 0.1, 'Adagrad': 0.3, 'Ftrl': 0.3, 'Adafactor': 0.1, 'Muon': 0.1}.get(name, 0.03)

    def loss(weights):
        return sum(jnp.sum(jnp.square(p - target[path])) for path, p in weights.items())

    def body(carry, step):
        return optimizer.update(jax.grad(loss)(carry[0]), carry[1], carry[0], rate, step), None

    start = {path: p + 1.0 for path, p in target.items()}
    (end, _), _ = jax.lax.scan(body, (start, optimizer.init(start)), jnp.arange(150))
    assert loss(end) < 0.1 * loss(start)
    assert all(p.dtype == jnp.float32 and np.any(p != start[path]) for path, p in end.items())


@pytest.mark.parametrize('name', SCHEDULES)
def test_a_schedule_is_the_same_compiled_or_not_and_for_ints_floats_and_arrays(name):
    schedule = own('schedule')[name](**SCHEDULES[name])
    one_by_one = np.stack([schedule(step) for step in range(40)])
    assert one_by_one.dtype == np.float32
    assert np.all(one_by_one >= 0)
    assert len(set(one_by_one.tolist())) > 2
    for steps in (jnp.arange(40, dtype=jnp.int32), jnp.arange(40, dtype=jnp.float32)):
        np.testing.assert_allclose(schedule(steps), one_by_one, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(jax.jit(schedule)(steps), one_by_one, rtol=2e-5, atol=1e-7)
    assert schedule(jnp.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize(('kind', 'name', 'settings'), TABLE)
def test_the_docstring_names_every_setting(kind, name, settings):
    cls = own(kind)[name]
    shared = {f.name for f in dataclasses.fields(optimizers.Optimizer)} if kind == 'optimizer' else set()
    for field in dataclasses.fields(cls):
        if field.name not in shared - {'learning_rate'}:
            assert field.name in inspect.getdoc(cls), field.name
