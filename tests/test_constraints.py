"""Constraints: values and gradients beside Keras's, saved forms, and what they refuse."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import constraints, regularizers
from lamina.core.described import registered
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.core.serial import decode, encode

keras = pytest.importorskip('keras')

CASES = [
    ('MaxNorm', {}),
    ('MaxNorm', {'max_value': 0.5, 'axis': 1}),
    ('MaxNorm', {'max_value': 1.5, 'axis': (0, 1, 2)}),
    ('NonNeg', {}),
    ('UnitNorm', {}),
    ('UnitNorm', {'axis': -1}),
    ('UnitNorm', {'axis': (0, 1, 2)}),
    ('MinMaxNorm', {}),
    ('MinMaxNorm', {'min_value': 1.0, 'max_value': 1.2}),
    ('MinMaxNorm', {'min_value': 0.5, 'max_value': 2.0, 'rate': 0.3, 'axis': (0, 1)}),
]
BUILT_IN = {name: cls for name, cls in registered('constraint').items() if cls.__module__.startswith('lamina.')}
WEIGHT = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(('name', 'settings'), CASES)
def test_values_and_gradients_are_those_of_keras(name, settings):
    ours, theirs = getattr(constraints, name)(**settings), getattr(keras.constraints, name)(**settings)
    mix = jnp.cos(jnp.arange(WEIGHT.size, dtype=jnp.float32)).reshape(WEIGHT.shape)

    @jax.jit
    def both(w):
        return [(f(w), jax.grad(lambda w, f=f: jnp.sum(mix * f(w)))(w)) for f in (ours, theirs)]

    for w in (WEIGHT, 10 * WEIGHT, 0.01 * WEIGHT):
        (value, gradient), (expected_value, expected_gradient) = both(jnp.asarray(w))
        np.testing.assert_allclose(value, expected_value, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-5)


def test_settings_and_defaults_are_those_of_keras():
    for name, cls in BUILT_IN.items():
        theirs = getattr(keras.constraints, name)()
        for f in dataclasses.fields(cls):
            assert getattr(cls(), f.name) == getattr(theirs, f.name), (name, f.name)


def test_what_each_promises():
    def norms(w):
        return np.linalg.norm(w.reshape(-1, 5), axis=0)

    axes = (0, 1, 2)
    assert (norms(constraints.MaxNorm(1.0, axis=axes)(WEIGHT)) <= 1 + 1e-6).all()
    np.testing.assert_allclose(norms(constraints.UnitNorm(axis=axes)(WEIGHT)), 1, rtol=1e-6)
    between = norms(constraints.MinMaxNorm(1.0, 2.0, axis=axes)(WEIGHT))
    assert ((between >= 1 - 1e-5) & (between <= 2 + 1e-5)).all()
    assert (constraints.NonNeg()(WEIGHT) >= 0).all()
    np.testing.assert_array_equal(constraints.UnitNorm()(np.zeros((3, 2), np.float32)), 0)


@pytest.mark.parametrize('name', sorted(BUILT_IN))
def test_shape_and_dtype_are_kept(name):
    for dtype in (jnp.float32, jnp.bfloat16):
        w = BUILT_IN[name]()(jnp.asarray(WEIGHT, dtype))
        assert (w.shape, w.dtype) == (WEIGHT.shape, dtype)


@pytest.mark.parametrize('name', sorted(BUILT_IN))
def test_every_rule_refuses_its_bad_values(name):
    for f in dataclasses.fields(BUILT_IN[name]):
        for bad in f.metadata['rule'].bad:
            with pytest.raises(ConfigError, match=f'Change {f.name}=… to such a value'):
                BUILT_IN[name](**{f.name: bad})


def test_an_empty_interval():
    with pytest.raises(ConfigError, match='Exchange the two values'):
        constraints.MinMaxNorm(2.0, 1.0)


@pytest.mark.parametrize('name', ['MaxNorm', 'UnitNorm', 'MinMaxNorm'])
def test_an_axis_the_weight_does_not_have(name):
    with pytest.raises(ShapeError, match=r'Pass axis=… within \[-1, 0\]'):
        BUILT_IN[name](axis=(0, 1))(np.ones(3))
    with pytest.raises(ShapeError, match='Use NonNeg for a scalar weight'):
        BUILT_IN[name]()(np.float32(3))


@pytest.mark.parametrize('name', sorted(BUILT_IN))
def test_get_by_every_spelling_and_saved_form(name):
    cls = BUILT_IN[name]
    snake = keras.src.utils.naming.to_snake_case(name)
    for value in (name, snake, name.lower(), cls, cls()):
        assert constraints.get(value) == cls()
    assert getattr(constraints, snake) is cls
    assert decode(encode(cls())) == cls()
    assert constraints.MaxNorm(axis=[0, 1]) == decode(encode(constraints.MaxNorm(axis=(0, 1))))


def test_get_takes_none_and_functions():
    assert constraints.get(None) is None
    project = constraints.get(lambda w: jnp.clip(w, -1, 1))
    assert isinstance(project, constraints.FunctionConstraint)
    np.testing.assert_array_equal(project(jnp.array([-3.0, 0.5])), [-1, 0.5])
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        encode(project)
    with pytest.raises(ConfigError, match='Change function=… to such a value'):
        constraints.FunctionConstraint('max_norm')  # type: ignore[arg-type]


def test_unknown_names_and_values():
    with pytest.raises(UnknownNameError, match="Did you mean 'MaxNorm'"):
        constraints.get('max_nrom')
    for wrong in (2.0, ['max_norm'], dict, regularizers.L2()):
        with pytest.raises(ConfigError, match="Pass a name such as 'max_norm'"):
            constraints.get(wrong)
    with pytest.raises(ConfigError, match='Define it in the class'):
        constraints.Constraint()(WEIGHT)
