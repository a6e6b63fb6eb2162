"""Every loss, one row or more each: Keras's values and gradients, exactness under padding, finite gradients, saving, bad settings."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses
from lamina.core.described import registered, snake_case
from lamina.core.errors import ConfigError
from lamina.core.serial import decode, encode

# Every case traces its own programs, here and in Keras: too many for the quick suite.
pytestmark = pytest.mark.slow

BATCH, CLASSES = 6, 5


def _softmax(logits):
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return (shifted / shifted.sum(-1, keepdims=True)).astype(np.float32)


def make(kind, seed=0):
    """`(y_true, y_pred)` of a kind of problem."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(BATCH, CLASSES)).astype(np.float32)
    time = rng.normal(size=(BATCH, 3, CLASSES)).astype(np.float32)
    labels = rng.integers(0, CLASSES, BATCH)
    one_hot = np.eye(CLASSES, dtype=np.float32)[labels]
    return {
        'sparse logits': (labels, normal),
        'sparse column': (labels[:, None], normal),
        'sparse probabilities': (labels, _softmax(normal)),
        'sparse time': (rng.integers(0, CLASSES, (BATCH, 3)), time),
        'one-hot logits': (one_hot, normal),
        'one-hot probabilities': (one_hot, _softmax(normal)),
        'one-hot ints': (one_hot.astype(np.int32), _softmax(normal)),
        'distribution': (_softmax(rng.normal(size=(BATCH, CLASSES))), _softmax(normal)),
        'distribution time': (_softmax(rng.normal(size=(BATCH, 3, CLASSES))), _softmax(time)),
        'binary logits': (rng.integers(0, 2, (BATCH, CLASSES)), normal),
        'binary probabilities': (rng.integers(0, 2, (BATCH, CLASSES)).astype(np.float32), rng.uniform(0.02, 0.98, (BATCH, CLASSES))),
        'binary column': (rng.integers(0, 2, BATCH), rng.uniform(0.02, 0.98, (BATCH, 1)).astype(np.float32)),
        'mask': (rng.integers(0, 2, (BATCH, 4, 3, 1)).astype(np.float32), rng.uniform(0.02, 0.98, (BATCH, 4, 3, 1)).astype(np.float32)),
        'real': (rng.normal(size=(BATCH, CLASSES)), normal),
        'real column': (rng.normal(size=BATCH).astype(np.float32), normal[:, :1]),
        'real time': (rng.normal(size=(BATCH, 3, CLASSES)).astype(np.float32), time),
        'counts': (rng.poisson(3, (BATCH, CLASSES)), rng.uniform(0.5, 5, (BATCH, CLASSES)).astype(np.float32)),
        'signed': (rng.choice([-1.0, 1.0], (BATCH, CLASSES)).astype(np.float32), normal),
        'quantiles': (rng.normal(size=BATCH).astype(np.float32), normal[:, :3]),
    }[kind]


SMOOTH = {'label_smoothing': 0.1}
LOGITS = {'from_logits': True}
CASES = [
    ('SparseCategoricalCrossentropy', LOGITS, 'sparse logits'),
    ('SparseCategoricalCrossentropy', LOGITS, 'sparse column'),
    ('SparseCategoricalCrossentropy', LOGITS, 'sparse time'),
    ('SparseCategoricalCrossentropy', LOGITS | {'ignore_class': 2}, 'sparse logits'),
    ('SparseCategoricalCrossentropy', {'ignore_class': 0}, 'sparse probabilities'),
    ('SparseCategoricalCrossentropy', LOGITS | {'ignore_class': 1}, 'sparse time'),
    ('SparseCategoricalCrossentropy', {}, 'sparse probabilities'),
    ('CategoricalCrossentropy', LOGITS, 'one-hot logits'),
    ('CategoricalCrossentropy', LOGITS | SMOOTH, 'one-hot logits'),
    ('CategoricalCrossentropy', {}, 'one-hot ints'),
    ('CategoricalCrossentropy', SMOOTH, 'distribution'),
    ('CategoricalCrossentropy', {}, 'distribution time'),
    ('CategoricalCrossentropy', {'axis': 1}, 'distribution time'),
    ('BinaryCrossentropy', LOGITS, 'binary logits'),
    ('BinaryCrossentropy', LOGITS | SMOOTH, 'binary logits'),
    ('BinaryCrossentropy', {}, 'binary probabilities'),
    ('BinaryCrossentropy', SMOOTH, 'binary column'),
    ('BinaryCrossentropy', {'axis': 1}, 'mask'),
    ('BinaryFocalCrossentropy', {}, 'binary probabilities'),
    ('BinaryFocalCrossentropy', LOGITS | {'gamma': 1.5}, 'binary logits'),
    ('BinaryFocalCrossentropy', {'gamma': 0.0} | SMOOTH, 'binary column'),
    ('BinaryFocalCrossentropy', {'apply_class_balancing': True, 'alpha': 0.3}, 'binary probabilities'),
    ('CategoricalFocalCrossentropy', {}, 'one-hot probabilities'),
    ('CategoricalFocalCrossentropy', LOGITS | {'alpha': 0.5, 'gamma': 1.0}, 'one-hot logits'),
    ('CategoricalFocalCrossentropy', LOGITS | SMOOTH, 'one-hot logits'),
    ('CategoricalFocalCrossentropy', {'gamma': 0.5}, 'distribution time'),
    ('CategoricalGeneralizedCrossEntropy', {}, 'sparse probabilities'),
    ('CategoricalGeneralizedCrossEntropy', {'q': 0.7}, 'sparse probabilities'),
    ('MeanSquaredError', {}, 'real'),
    ('MeanSquaredError', {}, 'real column'),
    ('MeanSquaredError', {}, 'real time'),
    ('MeanAbsoluteError', {}, 'real'),
    ('MeanAbsoluteError', {}, 'real time'),
    ('MeanAbsolutePercentageError', {}, 'counts'),
    ('MeanSquaredLogarithmicError', {}, 'counts'),
    ('Huber', {}, 'real'),
    ('Huber', {'delta': 0.3}, 'real time'),
    ('LogCosh', {}, 'real'),
    ('KLDivergence', {}, 'distribution'),
    ('KLDivergence', {}, 'one-hot probabilities'),
    ('Poisson', {}, 'counts'),
    ('Hinge', {}, 'signed'),
    ('Hinge', {}, 'binary logits'),
    ('SquaredHinge', {}, 'signed'),
    ('SquaredHinge', {}, 'binary logits'),
    ('CategoricalHinge', {}, 'one-hot logits'),
    ('CosineSimilarity', {}, 'real'),
    ('CosineSimilarity', {'axis': 1}, 'real time'),
    ('Dice', {}, 'mask'),
    ('Dice', {'axis': (1, 2, 3)}, 'mask'),
    ('Dice', {'axis': (0, 1)}, 'mask'),
    ('Tversky', {'alpha': 0.3, 'beta': 0.9}, 'mask'),
    ('Tversky', {'axis': (1, 2, 3)}, 'mask'),
]
OWN = [  # not in Keras
    ('Quantile', {'quantile': 0.3}, 'real'),
    ('Quantile', {'quantile': (0.1, 0.5, 0.9)}, 'quantiles'),
    ('CategoricalFocalCrossentropy', {'alpha': (0.1, 0.2, 0.3, 0.4, 0.5)}, 'one-hot probabilities'),
    ('SparseCategoricalCrossentropy', LOGITS | {'ignore_class': -1}, 'sparse logits'),
]
REDUCTIONS = ['sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight', 'none', None]


def identify(case):
    return f'{case[0]}-{case[2]}-{case[1]}'


every_case = pytest.mark.parametrize('case', CASES + OWN, ids=identify)
every_class = pytest.mark.parametrize('case', list({case[0]: case for case in CASES + OWN}.values()), ids=identify)
PADDED = list({(case[0], case[2] == 'mask' and str(case[1]), 'ignore_class' in case[1]): case for case in CASES + OWN}.values())
# What reduction does depends on the shape of the values and on a mask, not on the formula.
REDUCED = [case for case in CASES if case in (CASES[0], CASES[3], ('MeanSquaredError', {}, 'real column'), ('Poisson', {}, 'counts'))]
every_reduction = pytest.mark.parametrize('case', REDUCED, ids=identify)


@pytest.fixture(scope='module')
def keras():
    return pytest.importorskip('keras')


def build(case, **more):
    return getattr(losses, case[0])(**case[1], **more)


def values_and_gradients(*calls):
    """For each `(loss, y_true, y_pred[, valid])` the sum of the result and its gradient for y_pred, all from one program."""
    arrays = [(jnp.asarray(call[2], jnp.float32), call[1], *call[3:]) for call in calls]

    def program(arrays):
        return [
            jax.value_and_grad(lambda predicted, call=call, rest=rest: jnp.sum(call[0](rest[0], predicted, None, *rest[1:])))(predicted)
            for call, (predicted, *rest) in zip(calls, arrays, strict=True)
        ]

    # It runs once: what counts is how fast it compiles.
    quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}
    return jax.jit(program, compiler_options=quick)(arrays)


def padded(y_true, y_pred, rubbish=(7e8, np.nan, -np.inf)):
    """The same batch with rows of rubbish at its end, and which rows are valid."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred, np.float32)
    labels = rubbish if y_true.dtype.kind == 'f' else (99,) * len(rubbish)
    more_true, more_pred = (np.stack([np.full(y.shape[1:], v, y.dtype) for v in rows]) for y, rows in ((y_true, labels), (y_pred, rubbish)))
    valid = np.concatenate([np.ones(len(y_pred)), np.zeros(len(rubbish))]).astype(np.float32)
    return np.concatenate([y_true, more_true]), np.concatenate([y_pred, more_pred]), valid


def test_every_public_loss_has_a_row():
    public = {name for name, cls in registered('loss').items() if cls.__module__.startswith('lamina.')}
    assert public == {case[0] for case in CASES + OWN}
    assert public <= set(losses.__all__)


@pytest.mark.parametrize('name', sorted({case[0] for case in CASES + OWN}))
def test_every_loss_has_its_function_with_the_same_settings(name):
    cls = getattr(losses, name)
    function = getattr(losses, snake_case(name).replace('kldivergence', 'kl_divergence'))
    own = {f.name: f.default for f in dataclasses.fields(cls) if f.name not in ('reduction', 'name')}
    given = {p.name: p.default for p in inspect.signature(function).parameters.values() if p.name not in ('y_true', 'y_pred')}
    assert given == own
    assert losses.get(function) == cls() == losses.get(function.__name__) == losses.get(name)


@pytest.mark.parametrize('case', CASES, ids=identify)
def test_values_and_gradients_are_those_of_keras(case, keras):
    y_true, y_pred = make(case[2])
    ours, theirs = build(case), getattr(keras.losses, case[0])(**case[1])
    (value, gradient), (expected, slope) = values_and_gradients((ours, y_true, y_pred), (theirs, y_true, y_pred))
    np.testing.assert_allclose(value, expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('reduction', REDUCTIONS)
@every_reduction
def test_reductions_with_and_without_weights_are_those_of_keras(case, reduction, keras):
    y_true, y_pred = make(case[2], seed=1)
    ours, theirs = build(case, reduction=reduction), getattr(keras.losses, case[0])(**case[1], reduction=reduction)
    weights = np.random.default_rng(2).uniform(0, 2, BATCH).astype(np.float32)
    for weight in (None, weights, weights[:, None]):
        result = ours(y_true, y_pred, weight)
        np.testing.assert_allclose(result, np.squeeze(theirs(y_true, y_pred, weight)), rtol=2e-6, atol=1e-6)
        assert result.shape == ((BATCH,) if reduction in ('none', None) else ())


@every_class
def test_functions_give_the_values_before_reduction(case):
    y_true, y_pred = make(case[2])
    function = getattr(losses, snake_case(case[0]).replace('kldivergence', 'kl_divergence'))
    values = function(y_true, y_pred, **case[1])
    loss = build(case, reduction='none')
    np.testing.assert_allclose(loss(y_true, y_pred), values, rtol=1e-6)
    assert values.dtype == jnp.float32


@pytest.mark.parametrize('case', PADDED, ids=identify)
def test_padded_rows_leave_no_trace(case):
    y_true, y_pred = make(case[2], seed=3)
    true, predicted, valid = padded(y_true, y_pred)
    loss = build(case)
    (value, gradient), (got, slope) = values_and_gradients((loss, y_true, y_pred), (loss, true, predicted, valid))
    np.testing.assert_allclose(got, value, rtol=3e-7, atol=1e-7)
    np.testing.assert_allclose(slope[: len(y_pred)], gradient, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(slope[len(y_pred) :], 0)


@pytest.mark.parametrize('reduction', REDUCTIONS)
@every_reduction
def test_padding_with_weights_leaves_no_trace(case, reduction):
    y_true, y_pred = make(case[2], seed=4)
    weights = np.random.default_rng(5).uniform(0.5, 2, BATCH).astype(np.float32)
    true, predicted, valid = padded(y_true, y_pred)
    loss = build(case, reduction=reduction)
    value = loss(y_true, y_pred, weights)
    got = loss(true, predicted, np.append(weights, [np.nan, 9.0, 1.0]), valid)
    np.testing.assert_allclose(got[:BATCH] if got.ndim else got, value, rtol=5e-7, atol=1e-7)
    if got.ndim:
        np.testing.assert_array_equal(got[BATCH:], 0)


@every_reduction
def test_a_batch_of_padding_only_is_zero_with_zero_gradient(case):
    y_true, y_pred = make(case[2])
    ((value, gradient),) = values_and_gradients((build(case), y_true, y_pred, np.zeros(BATCH)))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@every_class
def test_half_precision_is_computed_in_single(case):
    y_true, y_pred = make(case[2])
    half = jnp.asarray(y_pred, jnp.bfloat16)
    result = build(case)(y_true, half)
    assert result.dtype == jnp.float32
    np.testing.assert_allclose(result, build(case)(y_true, half.astype(jnp.float32)), rtol=1e-6, atol=1e-7)


@every_reduction
@pytest.mark.parametrize('reduction', ['sum', 'mean_with_sample_weight'])
def test_weight_two_is_the_sample_twice(case, reduction):
    y_true, y_pred = make(case[2], seed=6)
    weights = np.array([2.0] + [1.0] * (BATCH - 1))
    twice = np.concatenate([y_true, y_true[:1]]), np.concatenate([y_pred, y_pred[:1]])
    loss = build(case, reduction=reduction)
    np.testing.assert_allclose(loss(y_true, y_pred, weights), loss(*twice, np.ones(BATCH + 1)), rtol=2e-6)


@every_case
def test_a_saved_loss_is_the_same_loss(case):
    loss = build(case, reduction='sum', name='mine')
    loaded = decode(encode(loss))
    assert loaded == loss
    assert hash(loaded) == hash(loss)
    assert loaded.name == 'mine'
    assert build(case) != loss


@pytest.mark.parametrize(
    ('cls', 'field', 'value'),
    [
        (cls, f.name, bad)
        for cls in registered('loss').values()
        for f in dataclasses.fields(cls)
        if f.metadata.get('rule') is not None
        for bad in f.metadata['rule'].bad
    ],
)
def test_bad_settings_are_refused(cls, field, value):
    with pytest.raises(ConfigError, match=f'Change {field}=… to such a value'):
        cls(**{field: value})


EXTREME = [
    ('SparseCategoricalCrossentropy', LOGITS, np.array([0, 1, 0])),
    ('CategoricalCrossentropy', LOGITS, np.eye(2)[[0, 1, 0]]),
    ('CategoricalFocalCrossentropy', LOGITS | {'gamma': 0.5}, np.eye(2)[[0, 1, 0]]),
    ('BinaryCrossentropy', LOGITS, np.eye(2)[[0, 1, 0]]),
    ('BinaryFocalCrossentropy', LOGITS | {'gamma': 0.5}, np.eye(2)[[0, 1, 0]]),
    ('MeanSquaredError', {}, np.zeros((3, 2))),
    ('Huber', {}, np.zeros((3, 2))),
    ('LogCosh', {}, np.zeros((3, 2))),
    ('CosineSimilarity', {}, np.zeros((3, 2))),
    ('KLDivergence', {}, np.eye(2)[[0, 1, 0]]),
    ('MeanSquaredLogarithmicError', {}, np.zeros((3, 2))),
    ('MeanAbsolutePercentageError', {}, np.zeros((3, 2))),
    ('CategoricalGeneralizedCrossEntropy', {}, np.array([0, 1, 0])),
]


@pytest.mark.parametrize(('name', 'settings', 'y_true'), EXTREME, ids=[e[0] for e in EXTREME])
def test_extreme_predictions_have_finite_values_and_gradients(name, settings, y_true):
    y_pred = jnp.array([[1e4, -1e4], [1e4, -1e4], [0.0, 0.0]])
    if name == 'CategoricalGeneralizedCrossEntropy':
        y_pred = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    ((value, gradient),) = values_and_gradients((getattr(losses, name)(**settings), y_true, y_pred))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
