"""Activations: values and gradients beside Keras's and jax.nn's, their names, and a user's own."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import activations
from lamina.core.errors import ConfigError, UnknownNameError

keras = pytest.importorskip('keras')

KERAS_NAMES = sorted(f.__name__ for f in keras.src.activations.ALL_OBJECTS)
JAX_NAMES = [
    *('relu', 'relu6', 'sigmoid', 'softplus', 'sparse_plus', 'sparse_sigmoid', 'soft_sign', 'silu', 'swish', 'log_sigmoid'),
    *('leaky_relu', 'hard_sigmoid', 'hard_silu', 'hard_swish', 'hard_tanh', 'tanh', 'elu', 'celu', 'selu', 'gelu', 'glu'),
    *('squareplus', 'mish', 'identity', 'softmax', 'log_softmax'),
]
OVER_AN_AXIS = ('glu', 'softmax', 'log_softmax', 'sparsemax')
# Kinks lie at multiples of 0.5: the grid avoids them, since a gradient there is a convention.
GRID = np.concatenate([np.arange(-9.03, 9.1, 0.125), [s * m for m in (20.3, 90.7, 1e3, 1e6, 1e15) for s in (-1, 1)]]).astype(np.float32)
ROWS = np.random.default_rng(0).normal(0, 3, (6, 8)).astype(np.float32)
SETTINGS = [
    ('relu', {'negative_slope': 0.3}),
    ('relu', {'max_value': 4.2}),
    ('relu', {'max_value': 6.0}),
    ('relu', {'threshold': 1.3}),
    ('relu', {'negative_slope': 0.1, 'max_value': 3.3, 'threshold': 1.3}),
    ('relu', {'negative_slope': 0.1, 'max_value': 3.3}),
    ('leaky_relu', {'negative_slope': 0.01}),
    ('elu', {'alpha': 0.4}),
    ('celu', {'alpha': 0.4}),
    ('gelu', {'approximate': True}),
    ('squareplus', {'b': 2.0}),
    ('hard_shrink', {'threshold': 1.3}),
    ('soft_shrink', {'threshold': 1.3}),
    ('threshold', {'threshold': 1.3, 'default_value': -2.0}),
    ('glu', {'axis': 0}),
    ('softmax', {'axis': 0}),
    ('softmax', {'axis': (0, 1)}),
    ('log_softmax', {'axis': 0}),
]


def value_and_gradient(function, x):
    """The values, and the gradient of their weighted sum: with equal weights a softmax's would be zero."""

    def total(x):
        y = function(x)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)), y

    (_, y), gradient = jax.value_and_grad(total, has_aux=True)(x)
    return y, gradient


def same(ours, theirs, x):
    both = jax.jit(lambda x: (value_and_gradient(ours, x), value_and_gradient(theirs, x)))(jnp.asarray(x))
    for got, expected in zip(*both, strict=True):
        np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


def points(name):
    return ROWS if name in OVER_AN_AXIS else GRID


# Keras's sparsemax does not sum to 1; ours has tests of its own.
@pytest.mark.parametrize('name', [n for n in KERAS_NAMES if n != 'sparsemax'])
def test_values_and_gradients_are_those_of_keras(name):
    required = {'threshold': 0.7, 'default_value': 0.1} if name == 'threshold' else {}
    theirs = getattr(keras.activations, name)
    same(lambda x: activations.get(name)(x, **required), lambda x: theirs(x, **required), points(name))


@pytest.mark.parametrize(('name', 'settings'), SETTINGS)
def test_settings_are_those_of_keras(name, settings):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    same(lambda x: ours(x, **settings), lambda x: theirs(x, **settings), points(name))


@pytest.mark.parametrize('name', KERAS_NAMES)
def test_signatures_are_those_of_keras(name):
    ours = {p.name: p.default for p in inspect.signature(getattr(activations, name)).parameters.values()}
    theirs = {p.name: p.default for p in inspect.signature(getattr(keras.activations, name)).parameters.values()}
    if name == 'threshold':  # Keras has no defaults, so that its own name cannot be used in a layer
        ours = dict.fromkeys(ours, inspect.Parameter.empty)
    assert ours == theirs


@pytest.mark.parametrize('name', JAX_NAMES)
def test_every_activation_of_jax_has_its_name_and_values(name):
    theirs = getattr(jax.nn, name)
    assert callable(getattr(activations, name))
    assert isinstance(activations.name_of(theirs), str)
    same(activations.get(activations.name_of(theirs)), theirs, points(name))


def test_jax_defaults_that_differ_from_keras_keep_their_own_names():
    assert activations.name_of(jax.nn.gelu) == activations.name_of('gelu_tanh') == 'jax_gelu'
    assert activations.name_of(jax.nn.leaky_relu) == 'jax_leaky_relu'
    assert activations.name_of(activations.gelu) == 'gelu'
    assert activations.name_of(activations.leaky_relu) == 'leaky_relu'


@pytest.mark.parametrize('name', KERAS_NAMES)
def test_small_dtypes_are_kept_and_near(name):
    x = ROWS if name in OVER_AN_AXIS else GRID[np.abs(GRID) < 9]
    wide, bfloat16, float16 = jax.jit(lambda x: [activations.get(name)(x.astype(d)) for d in ('float32', 'bfloat16', 'float16')])(x)
    for narrow, dtype, tolerance in ((bfloat16, jnp.bfloat16, 6e-2), (float16, jnp.float16, 1e-2)):
        assert narrow.dtype == dtype
        np.testing.assert_allclose(np.asarray(narrow, np.float32), wide, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('dtype', [jnp.float16, jnp.bfloat16, jnp.float32])
def test_mish_does_not_overflow(dtype):
    x = jnp.asarray([-300, -30, 6, 30, 300, 60000], dtype)
    y, gradient = jax.jit(jax.vmap(jax.value_and_grad(activations.mish)))(x)
    np.testing.assert_allclose(np.asarray(y, np.float32), np.where(x < 0, 0, x), rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(np.asarray(gradient, np.float32), x > 0, atol=1e-2)


def test_mish_against_double_precision():
    x = np.linspace(-30, 40, 1401, dtype=np.float32)
    precise = x.astype(np.float64)
    inner = np.tanh(np.logaddexp(0, precise))
    slope = inner + precise * (1 - inner**2) / (1 + np.exp(-precise))
    y, gradient = activations.mish(x), jax.vmap(jax.grad(activations.mish))(x)
    np.testing.assert_allclose(y, precise * inner, rtol=1e-6, atol=0)
    np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('axis', [-1, 0])
def test_sparsemax_is_the_nearest_point_of_the_simplex(axis):
    y = np.moveaxis(np.asarray(activations.sparsemax(ROWS, axis=axis)), axis, -1)
    x = np.moveaxis(ROWS, axis, -1)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-6)
    assert (y >= 0).all()
    assert ((y > 0).sum(-1) > 1).any()
    candidates = np.random.default_rng(1).dirichlet(np.full(x.shape[-1], 0.3), 4000)
    distance = np.sum((candidates[:, None] - x) ** 2, -1).min(0)
    assert (np.sum((y - x) ** 2, -1) <= distance).all()
    # The projection is x - τ on the support: there all gaps x - y are equal, elsewhere they are smaller.
    for row, point in zip(x, y, strict=True):
        tau = (row - point)[point > 0]
        np.testing.assert_allclose(tau, tau[0], atol=1e-5)
        assert (row[point == 0] <= tau[0] + 1e-5).all()


def test_sparsemax_gradient_and_large_values():
    np.testing.assert_allclose(activations.sparsemax(ROWS + 1000), activations.sparsemax(ROWS), atol=1e-3)
    x = jnp.array([1.0, 0.7, 0.4, -2.0])  # a support of three
    jacobian = jax.jit(jax.jacobian(activations.sparsemax))(x)
    expected = np.zeros((4, 4))
    expected[:3, :3] = np.eye(3) - 1 / 3
    np.testing.assert_allclose(jacobian, expected, atol=1e-6)


@pytest.mark.parametrize('name', activations.names())
def test_every_name_in_every_spelling(name):
    function = activations.get(name)
    assert getattr(activations, name) is function
    assert activations.name_of(function) == name
    for spelling in (name, name.upper(), name.title().replace('_', ''), name.replace('_', '')):
        assert activations.name_of(spelling) == name
        assert activations.get(spelling) is function


@pytest.mark.parametrize(
    ('alias', 'name'),
    [('swish', 'silu'), ('hard_swish', 'hard_silu'), ('identity', 'linear'), ('soft_sign', 'softsign'), ('gelu_tanh', 'jax_gelu')],
)
def test_aliases(alias, name):
    assert activations.name_of(alias) == name
    assert getattr(activations, alias) is getattr(activations, name)
    assert alias not in activations.names()


def test_none_and_other_callables():
    assert activations.name_of(None) is None
    assert activations.get(None) is activations.linear

    def mine(x):
        return x

    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, x):
            return x

    for value in (mine, Unhashable()):
        assert activations.name_of(value) is value
        assert activations.get(value) is value
    assert activations.name_of(jnp.tanh) == 'tanh'
    assert activations.name_of(jax.lax.logistic) == 'sigmoid'


@pytest.fixture
def registry(monkeypatch):
    from lamina.activations import registry

    for table in ('_BY_NAME', '_NAMES'):
        monkeypatch.setattr(registry, table, dict(getattr(registry, table)))


@pytest.mark.usefixtures('registry')
def test_registering_ones_own():
    @activations.register
    def snake(x):
        return x + jnp.sin(x) ** 2

    @activations.register('my_cube')
    def cube(x):
        return x**3

    square = activations.register(lambda x: x * x, name='square')
    for name, function in (('snake', snake), ('my_cube', cube), ('square', square)):
        assert activations.get(name) is function
        assert activations.name_of(function) == name
        assert name in activations.names()


@pytest.mark.usefixtures('registry')
def test_a_function_defined_again_replaces_the_first():
    def define(factor):
        @activations.register
        def scaled(x):
            return factor * x

        return scaled

    define(2)
    second = define(3)
    assert activations.get('scaled') is second


@pytest.mark.usefixtures('registry')
def test_names_that_cannot_be_registered():
    with pytest.raises(ConfigError, match=r"Pass name='…'"):
        activations.register(lambda x: x)
    with pytest.raises(ConfigError, match=r"Pass name='…'"):
        activations.register(abs, name='a/b')
    with pytest.raises(ConfigError, match=r"Pass another name, name='…'"):
        activations.register(abs, name='ReLU')
    activations.register(abs, name='magnitude')
    with pytest.raises(ConfigError, match=r"Pass another name, name='…'"):
        activations.register(jnp.abs, name='Magnitude')


@pytest.mark.parametrize('function', [activations.get, activations.name_of])
def test_unknown_names(function):
    with pytest.raises(UnknownNameError, match="Did you mean 'relu'"):
        function('rleu')
    for wrong in (3, ['relu'], {}):
        with pytest.raises(UnknownNameError, match=r'Check the spelling|Did you mean'):
            function(wrong)
