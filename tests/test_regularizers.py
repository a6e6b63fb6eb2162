"""Regularizers: values and gradients beside Keras's, saved forms, and what they refuse."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import regularizers
from lamina.core.described import registered
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.core.serial import decode, encode

keras = pytest.importorskip('keras')

CASES = [
    ('L1', {}),
    ('L1', {'l1': 0.3}),
    ('L2', {}),
    ('L2', {'l2': 0.3}),
    ('L1L2', {}),
    ('L1L2', {'l1': 0.2}),
    ('L1L2', {'l2': 0.2}),
    ('L1L2', {'l1': 0.1, 'l2': 0.2}),
    ('OrthogonalRegularizer', {}),
    ('OrthogonalRegularizer', {'factor': 0.7, 'mode': 'columns'}),
]
BUILT_IN = {name: cls for name, cls in registered('regularizer').items() if cls.__module__.startswith('lamina.')}
WEIGHT = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


@pytest.mark.parametrize(('name', 'settings'), CASES)
def test_values_and_gradients_are_those_of_keras(name, settings):
    ours, theirs = getattr(regularizers, name)(**settings), getattr(keras.regularizers, name)(**settings)
    both = jax.jit(lambda w: [jax.value_and_grad(f)(w) for f in (ours, theirs)])(jnp.asarray(WEIGHT))
    for got, expected in zip(*both, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)
    assert both[0][0].shape == ()


def test_settings_and_defaults_are_those_of_keras():
    for name, cls in BUILT_IN.items():
        theirs = getattr(keras.regularizers, name)()
        for f in dataclasses.fields(cls):
            assert getattr(cls(), f.name) == pytest.approx(getattr(theirs, f.name)) or f.name == 'mode'
    assert regularizers.OrthogonalRegularizer().mode == keras.regularizers.OrthogonalRegularizer().mode


@pytest.mark.parametrize('name', ['L1', 'L2', 'L1L2', 'OrthogonalRegularizer'])
@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16])
def test_the_penalty_has_the_dtype_of_the_weight(name, dtype):
    assert getattr(regularizers, name)()(jnp.asarray(WEIGHT, dtype)).dtype == dtype


def test_orthogonal_penalty_is_the_mean_absolute_cosine():
    cosines = [abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.combinations(WEIGHT, 2)]
    assert float(regularizers.OrthogonalRegularizer(1.0)(WEIGHT)) == pytest.approx(np.mean(cosines), rel=1e-5)
    q = np.linalg.qr(WEIGHT)[0]
    assert float(regularizers.OrthogonalRegularizer(1.0, 'columns')(q)) < 1e-6


def test_orthogonal_penalty_where_keras_has_no_number():
    penalty = regularizers.OrthogonalRegularizer(1.0)
    assert float(penalty(np.ones((1, 4), np.float32))) == 0
    value, gradient = jax.value_and_grad(penalty)(np.float32([[0, 0], [1, 2]]))
    assert float(value) == 0
    assert np.isfinite(gradient).all()


def test_orthogonal_penalty_needs_a_matrix():
    with pytest.raises(ShapeError, match='Use L1 or L2 for this weight'):
        regularizers.OrthogonalRegularizer()(np.ones((3, 3, 2, 2)))


@pytest.mark.parametrize('name', sorted(BUILT_IN))
def test_every_rule_refuses_its_bad_values(name):
    for f in dataclasses.fields(BUILT_IN[name]):
        extra = (float('inf'),) if f.name != 'mode' else ()
        for bad in (*f.metadata['rule'].bad, *extra):
            with pytest.raises(ConfigError, match=f'Change {f.name}=… to such a value'):
                BUILT_IN[name](**{f.name: bad})


@pytest.mark.parametrize(
    ('spelling', 'expected'),
    [
        ('l1', regularizers.L1()),
        ('L2', regularizers.L2()),
        ('l1_l2', regularizers.L1L2()),
        ('l1l2', regularizers.L1L2()),
        ('L1L2', regularizers.L1L2()),
        ('orthogonal_regularizer', regularizers.OrthogonalRegularizer()),
        ('OrthogonalRegularizer', regularizers.OrthogonalRegularizer()),
        (regularizers.L2, regularizers.L2()),
        (regularizers.l2(0.5), regularizers.L2(0.5)),
        (regularizers.l1_l2(0.1, 0.2), regularizers.L1L2(l1=0.1, l2=0.2)),
    ],
)
def test_get_and_saved_forms(spelling, expected):
    assert regularizers.get(spelling) == expected
    assert decode(encode(expected)) == expected
    assert hash(expected) == hash(regularizers.get(spelling))


def test_get_takes_none_and_functions():
    assert regularizers.get(None) is None
    penalty = regularizers.get(lambda w: jnp.sum(w**4))
    assert isinstance(penalty, regularizers.FunctionRegularizer)
    assert float(penalty(jnp.array([1.0, 2.0]))) == 17
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        encode(penalty)
    with pytest.raises(ConfigError, match='Change function=… to such a value'):
        regularizers.FunctionRegularizer('l2')  # type: ignore[arg-type]


def test_unknown_names_and_values():
    with pytest.raises(UnknownNameError, match="Did you mean 'OrthogonalRegularizer'"):
        regularizers.get('orthogonal_regulariser')
    with pytest.raises(UnknownNameError, match='L1, L1L2, L2'):
        regularizers.get('ridge')
    for wrong in (0.01, ['l2'], dict):
        with pytest.raises(ConfigError, match="Pass a name such as 'l2'"):
            regularizers.get(wrong)
    with pytest.raises(ConfigError, match='Define it in the class'):
        regularizers.Regularizer()(WEIGHT)
