"""Schedules against Keras's, Optax's, and what their formulas promise."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina.core import serial
from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.optimizers import SGD, Schedule, schedules
from lamina.optimizers.schedules import CosineDecay, CosineDecayRestarts, FunctionSchedule, OneCycle, PiecewiseConstantDecay

keras = pytest.importorskip('keras')

STEPS = (0, 1, 2, 3, 5, 7, 9, 10, 11, 15, 19, 20, 21, 29, 30, 31, 50, 69, 70, 71, 100, 149, 1000)
CASES = [
    ('ExponentialDecay', (0.1, 10, 0.5), {}),
    ('ExponentialDecay', (0.1, 10, 0.5, True), {}),
    ('InverseTimeDecay', (0.1, 10, 0.5), {}),
    ('InverseTimeDecay', (0.1, 10, 2.0), {'staircase': True}),
    ('PolynomialDecay', (0.1, 10), {}),
    ('PolynomialDecay', (0.1, 10, 0.01, 2.0), {}),
    ('PolynomialDecay', (0.1, 10), {'power': 0.5, 'cycle': True}),
    ('PiecewiseConstantDecay', ([10, 30], [0.1, 0.05, 0.01]), {}),
    ('PiecewiseConstantDecay', ([7], [0.1, 0.5]), {}),
    ('CosineDecay', (0.1, 30), {}),
    ('CosineDecay', (0.1, 30, 0.2), {}),
    ('CosineDecay', (0.01, 30), {'warmup_target': 0.1, 'warmup_steps': 10}),
    ('CosineDecay', (0.01, 30, 0.1), {'warmup_target': 0.1}),
    ('CosineDecay', (0.1, 30), {'warmup_steps': 10}),
    ('CosineDecayRestarts', (0.1, 10), {}),
    ('CosineDecayRestarts', (0.1, 7, 1.0, 0.5), {}),
    ('CosineDecayRestarts', (0.1, 10, 3.0, 0.9, 0.1), {}),
]


@pytest.mark.parametrize(('name', 'arguments', 'options'), CASES)
def test_same_rates_as_keras(name, arguments, options):
    ours = getattr(schedules, name)(*arguments, **options)
    theirs = getattr(keras.optimizers.schedules, name)(*arguments, **options)
    steps = jnp.array(STEPS, jnp.float32)
    np.testing.assert_allclose(ours(steps), jax.jit(jax.vmap(theirs))(steps), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('name', sorted({name for name, *_ in CASES}))
def test_same_arguments_in_the_same_order_as_keras(name):
    theirs = inspect.signature(getattr(keras.optimizers.schedules, name)).parameters
    ours = inspect.signature(getattr(schedules, name)).parameters
    assert list(ours) == list(theirs)
    for argument in set(theirs) - {'name'}:
        left, right = ours[argument].default, theirs[argument].default
        assert (right is inspect.Parameter.empty) or left == right, argument


def test_a_boundary_still_has_the_value_before_it():
    schedule = PiecewiseConstantDecay([10, 20], [3.0, 2.0, 1.0])
    np.testing.assert_array_equal(schedule(jnp.array([0, 10, 11, 20, 21])), [3.0, 3.0, 2.0, 2.0, 1.0])


def test_one_value_more_than_boundaries():
    with pytest.raises(ConfigError, match='Give one value more than there are boundaries'):
        PiecewiseConstantDecay([10, 20], [0.1, 0.2])


def test_every_restart_begins_at_the_top():
    for t_mul in (1.0, 2.0, 3.0):
        starts = np.cumsum([0] + [10 * t_mul**i for i in range(8)])
        np.testing.assert_allclose(CosineDecayRestarts(0.1, 10, t_mul)(starts), 0.1, rtol=1e-4)


def test_warm_up_of_no_steps_begins_at_the_target():
    with jax.debug_nans(True):
        assert float(CosineDecay(0.0, 10, warmup_target=0.1)(0)) == pytest.approx(0.1)


@pytest.mark.slow
@pytest.mark.parametrize('total', [10, 100, 1001])
def test_one_cycle_is_the_one_of_optax(total):
    ours, theirs = OneCycle(0.3, total), optax.cosine_onecycle_schedule(total, 0.3)
    steps = jnp.arange(0, total + 20, max(total // 50, 1))
    np.testing.assert_allclose(ours(steps), jax.vmap(theirs)(steps), rtol=2e-4, atol=1e-7)


def test_one_cycle_of_straight_lines():
    schedule = OneCycle(1.0, 100, warmup_fraction=0.25, div_factor=10.0, final_div_factor=100.0, anneal='linear')
    np.testing.assert_allclose(schedule(jnp.array([0, 25, 100, 500])), [0.1, 1.0, 0.001, 0.001], rtol=1e-4)
    np.testing.assert_allclose(np.diff(schedule(jnp.arange(26))), 0.9 / 25, rtol=1e-4)


def test_one_cycle_without_a_rise_starts_at_the_top():
    assert float(OneCycle(0.1, 10, warmup_fraction=0.0)(0)) == pytest.approx(0.1)


def test_any_function_is_a_schedule_without_a_saved_form():
    schedule = SGD(optax.linear_schedule(1.0, 0.0, 10)).learning_rate
    assert isinstance(schedule, FunctionSchedule)
    np.testing.assert_allclose(jax.jit(schedule)(jnp.array([0, 5, 20])), [1.0, 0.5, 0.0], atol=1e-7)
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        serial.encode(SGD(schedule))


@pytest.mark.parametrize('value', [0.1, None, 'cosine'])
def test_what_cannot_be_called_is_no_function_schedule(value):
    with pytest.raises(ConfigError, match='Change function='):
        FunctionSchedule(value)


def test_a_users_schedule_is_one_class_with_one_method():
    @described
    class HalfAtTen(Schedule):
        start: float = 0.1

        def at(self, step):
            return jnp.where(step < 10, self.start, self.start / 2)

    optimizer = SGD(HalfAtTen(0.4))
    np.testing.assert_allclose([optimizer.rate(9), optimizer.rate(10)], [0.4, 0.2])
    assert serial.decode(serial.encode(optimizer)) == optimizer


def test_a_schedule_without_a_formula_says_what_to_write():
    with pytest.raises(ConfigError, match=r'Define at\(self, step\) in the class'):
        Schedule()(0)
