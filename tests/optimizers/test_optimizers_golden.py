"""Every optimizer against Keras: the same gradients for 20 updates must give the same weights."""

import inspect

import jax
import numpy as np
import pytest

from lamina import optimizers
from lamina.optimizers import schedules

# Every case traces its own programs, here and in Keras: too many for the quick suite.
pytestmark = pytest.mark.slow

keras = pytest.importorskip('keras')

STEPS = 20
SHAPES = {'dense/kernel': (5, 3), 'dense/bias': (3,), 'conv/kernel': (2, 2, 3, 4), 'embedding/table': (6, 4)}

# class → the settings to compare; each row is one run.
ROWS = {
    'SGD': [{}, {'momentum': 0.9}, {'momentum': 0.9, 'nesterov': True}, {'weight_decay': 0.1}],
    'Adam': [{}, {'amsgrad': True}, {'beta_1': 0.8, 'beta_2': 0.95, 'epsilon': 1e-3}, {'learning_rate': 0.1}],
    'AdamW': [{}, {'learning_rate': 0.1, 'weight_decay': 0.2}],
    'Adamax': [{}, {'epsilon': 1e-3, 'beta_2': 0.9}],
    'Nadam': [{}, {'epsilon': 1e-3, 'beta_1': 0.5}],
    'RMSprop': [{}, {'rho': 0.5, 'epsilon': 1e-3}, {'momentum': 0.9}, {'centered': True}, {'centered': True, 'momentum': 0.5}],
    'Adagrad': [{}, {'initial_accumulator_value': 0.0, 'epsilon': 1e-4}, {'learning_rate': 0.5}],
    'Adadelta': [{}, {'rho': 0.5, 'epsilon': 1e-3, 'learning_rate': 1.0}],
    'Adafactor': [{}, {'learning_rate': 0.5, 'clip_threshold': 0.7, 'beta_2_decay': -0.5}, {'weight_decay': 0.1, 'epsilon_1': 1e-6}],
    'Lion': [{}, {'beta_1': 0.5, 'beta_2': 0.8, 'weight_decay': 0.1}],
    'Lamb': [{}, {'weight_decay': 0.1, 'epsilon': 1e-3}],
    'Ftrl': [
        {},
        {'learning_rate': 0.1, 'l1_regularization_strength': 0.05, 'l2_regularization_strength': 0.1, 'beta': 0.2},
        {'l2_shrinkage_regularization_strength': 0.1, 'learning_rate_power': -0.3, 'initial_accumulator_value': 1.0},
    ],
    'Muon': [
        {},
        {'nesterov': False, 'rms_rate': None, 'ns_steps': 3},
        {'exclude_layers': ['dense'], 'exclude_embeddings': False, 'adam_lr_ratio': 0.5, 'weight_decay': 0.2, 'adam_weight_decay': None},
    ],
}
CASES = [pytest.param(name, row, id=f'{name}-{i}') for name, rows in ROWS.items() for i, row in enumerate(rows)]

# Newton-Schulz multiplies matrices 15 times a step, and its iteration does not damp rounding errors.
LOOSER = {'Muon': 1e-4}


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {path: rng.normal(size=shape).astype(np.float32) for path, shape in SHAPES.items()}


def gradients(steps: int = STEPS) -> list[dict[str, np.ndarray]]:
    """From 1e-7 to 1 in size, so that another place of epsilon, or another initial value, would show."""
    rng = np.random.default_rng(2)

    def draw(shape):
        return (rng.normal(size=shape) * 10.0 ** rng.uniform(-7, 0, shape)).astype(np.float32)

    return [{path: draw(shape) for path, shape in SHAPES.items()} for _ in range(steps)]


def by_keras(optimizer) -> dict[str, np.ndarray]:
    variables = [keras.Variable(value, name=path.replace('/', '_')) for path, value in weights().items()]
    for grads in gradients():
        optimizer.apply([jax.numpy.asarray(g) for g in grads.values()], variables)
    return {path: np.asarray(v.value) for path, v in zip(SHAPES, variables, strict=True)}


def by_lamina(optimizer, *, compiled: bool = False) -> dict[str, np.ndarray]:
    params, update = (
        {path: jax.numpy.asarray(w) for path, w in weights().items()},
        jax.jit(optimizer.update) if compiled else optimizer.update,
    )
    state = optimizer.init(params)
    for step, grads in enumerate(gradients()):
        grads = jax.tree.map(jax.numpy.asarray, grads)
        params, state = update(grads, state, params, np.float32(optimizer.rate(step)), step)
    return {path: np.asarray(p) for path, p in params.items()}


def check_same(ours, theirs, tolerance=1e-5):
    for path, start in weights().items():
        assert not np.array_equal(ours[path], start), f'{path} did not move'
        np.testing.assert_allclose(ours[path], theirs[path], rtol=tolerance, atol=tolerance / 10, err_msg=path)


@pytest.mark.parametrize(('name', 'settings'), CASES)
def test_same_weights_as_keras(name, settings):
    ours = by_lamina(getattr(optimizers, name)(**settings), compiled=not settings)
    theirs = by_keras(getattr(keras.optimizers, name)(**settings))
    check_same(ours, theirs, LOOSER.get(name, 1e-5))


@pytest.mark.parametrize('name', sorted(ROWS))
def test_same_arguments_and_defaults_as_keras(name):
    theirs = dict(inspect.signature(getattr(keras.optimizers, name).__init__).parameters)
    ours = inspect.signature(getattr(optimizers, name)).parameters
    left_out = {'self', 'kwargs', 'use_ema', 'ema_momentum', 'ema_overwrite_frequency', 'loss_scale_factor', 'gradient_accumulation_steps'}
    assert set(ours) - {'exclude_from_weight_decay'} == set(theirs) - left_out
    for argument in set(theirs) - left_out:
        assert (ours[argument].default or None) == (theirs[argument].default or None), argument


@pytest.mark.parametrize('name', sorted(ROWS))
def test_same_positional_order_as_keras(name):
    theirs = [p for p in inspect.signature(getattr(keras.optimizers, name).__init__).parameters if p != 'self']
    ours = [p.name for p in inspect.signature(getattr(optimizers, name)).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize(
    'clip', [{'clipnorm': 0.1}, {'clipvalue': 0.01}, {'global_clipnorm': 0.3}, {'clipnorm': 1e6}, {'global_clipnorm': 1e6}]
)
@pytest.mark.parametrize('name', ['SGD', 'Adam'])
def test_same_clipping_as_keras(name, clip):
    check_same(by_lamina(getattr(optimizers, name)(**clip)), by_keras(getattr(keras.optimizers, name)(**clip)))


@pytest.mark.parametrize('name', sorted(set(ROWS) - {'Muon'}))
def test_same_weight_decay_and_exclusions_as_keras(name):
    theirs = getattr(keras.optimizers, name)(learning_rate=0.01, weight_decay=1.0)
    theirs.exclude_from_weight_decay(var_names=['bias', 'conv'])
    ours = getattr(optimizers, name)(learning_rate=0.01, weight_decay=1.0, exclude_from_weight_decay=('bias', 'conv'))
    check_same(by_lamina(ours), by_keras(theirs))


@pytest.mark.parametrize(
    ('name', 'settings'),
    [
        ('SGD', {'momentum': 0.9}),
        ('SGD', {'momentum': 0.9, 'nesterov': True}),
        ('RMSprop', {'momentum': 0.9}),
        ('Adam', {'weight_decay': 0.1}),
        ('Adafactor', {}),
        ('Ftrl', {'beta': 0.1}),
        ('Muon', {}),
    ],
)
def test_same_weights_as_keras_under_a_schedule(name, settings):
    ours = getattr(optimizers, name)(schedules.ExponentialDecay(0.1, 5, 0.3), **settings)
    theirs = getattr(keras.optimizers, name)(keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.3), **settings)
    check_same(by_lamina(ours), by_keras(theirs), LOOSER.get(name, 1e-5))
