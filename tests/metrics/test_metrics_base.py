"""The contract: what every public metric does, one row each; and the metrics of a user's own."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina import metrics
from lamina.core.described import registered, snake_case, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.serial import decode, encode
from lamina.metrics.base import host

PLAIN = {
    'one-hot': 'CategoricalAccuracy TopKCategoricalAccuracy F1Score FBetaScore CategoricalCrossentropy CategoricalHinge KLDivergence',
    'classes': 'SparseCategoricalAccuracy SparseTopKCategoricalAccuracy SparseCategoricalCrossentropy',
    'ones': 'BinaryAccuracy BinaryCrossentropy TruePositives TrueNegatives FalsePositives FalseNegatives Precision Recall AUC BinaryIoU '
    'Hinge SquaredHinge',
    'numbers': 'Accuracy MeanAbsoluteError MeanSquaredError RootMeanSquaredError MeanAbsolutePercentageError LogCoshError Poisson '
    'MeanSquaredLogarithmicError CosineSimilarity R2Score',
}
BUILT = {
    'FunctionMetric': (metrics.FunctionMetric(lambda t, p: abs(t - p)), 'numbers'),
    'ConfusionMatrix': (metrics.ConfusionMatrix(4, 'true'), 'classes'),
    'MeanIoU': (metrics.MeanIoU(4, sparse_y_pred=False), 'classes'),
    'IoU': (metrics.IoU(4, (1, 2), sparse_y_pred=False), 'classes'),
    'OneHotIoU': (metrics.OneHotIoU(4, (1, 2)), 'one-hot'),
    'OneHotMeanIoU': (metrics.OneHotMeanIoU(4), 'one-hot'),
    'SensitivityAtSpecificity': (metrics.SensitivityAtSpecificity(0.6), 'ones'),
    'SpecificityAtSensitivity': (metrics.SpecificityAtSensitivity(0.6), 'ones'),
    'PrecisionAtRecall': (metrics.PrecisionAtRecall(0.6), 'ones'),
    'RecallAtPrecision': (metrics.RecallAtPrecision(0.6), 'ones'),
}
TABLE = {name: (getattr(metrics, name)(), kind) for kind, names in PLAIN.items() for name in names.split()} | BUILT

KERAS_NAMES = {
    'LogCoshError': 'logcosh',
    'FBetaScore': 'fbeta_score',
    'MeanIoU': 'mean_io_u',
    'AUC': 'auc',
    'KLDivergence': 'kl_divergence',
}

each = pytest.mark.parametrize(('metric', 'kind'), list(TABLE.values()), ids=list(TABLE))


def batch(kind, n=16, seed=3):
    rng = np.random.default_rng(seed)
    p = rng.random((n, 4)).astype('f4')
    labels = rng.integers(0, 4, n)
    targets = {'one-hot': np.eye(4, dtype='f4')[labels], 'classes': labels.astype('f4'), 'ones': (rng.random((n, 4)) < p).astype('f4')}
    return targets.get(kind, rng.random((n, 4)).astype('f4')), p / p.sum(-1, keepdims=True) if kind in ('one-hot', 'classes') else p


def total(metric, *batches):
    sums = [host(metric.sums(*(jnp.asarray(a) for a in b))) for b in batches]
    return jax.tree.map(lambda *parts: sum(parts), *sums)


def test_every_public_metric_is_in_the_table():
    built_in = {
        n for n, c in registered('metric').items() if vars(sys.modules[c.__module__]).get(n) is c and c.__module__.startswith('lamina.')
    }
    assert set(TABLE) == built_in
    assert built_in <= set(metrics.__all__)
    assert all(getattr(metrics, name) for name in metrics.__all__)


@pytest.mark.slow
@each
def test_compiled_sums_are_the_eager_ones_in_single_precision(metric, kind):
    arrays = [jnp.asarray(a) for a in (*batch(kind), np.linspace(0, 2, 16, dtype='f4'))]
    compiled, eager = jax.jit(metric.sums)(*arrays), metric.sums(*arrays)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), compiled, eager)
    assert {a.dtype for a in jax.tree.leaves(compiled)} == {jnp.dtype('float32')}


@each
def test_rows_of_weight_zero_contribute_exactly_nothing(metric, kind):
    y_true, y_pred = batch(kind)
    weight = np.r_[np.linspace(0.5, 2, 12), 0, 0, 0, 0].astype('f4')
    clean = metric.sums(jnp.asarray(y_true), jnp.asarray(y_pred), jnp.asarray(weight))
    for strange in (np.nan, np.inf, -1e30):
        y_true[12:], y_pred[12:] = strange, strange
        soiled = metric.sums(jnp.asarray(y_true), jnp.asarray(y_pred), jnp.asarray(weight))
        jax.tree.map(np.testing.assert_array_equal, clean, soiled)


@each
def test_a_weight_of_two_is_the_example_twice(metric, kind):
    y_true, y_pred = batch(kind)
    twice = metric(*(np.r_[a[:8], a[:8]] for a in (y_true, y_pred)))
    np.testing.assert_allclose(metric(y_true, y_pred, [2] * 8 + [0] * 8), twice, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(metric(y_true, y_pred, np.ones((16, 1))), metric(y_true, y_pred))


@each
def test_without_examples_the_result_is_keras_s(metric, kind):
    empty = (np.zeros((0, *a.shape[1:]), 'f4') for a in batch(kind))
    shapes = jax.eval_shape(metric.sums, *empty, np.zeros(0, 'f4'))
    result = metric.result(jax.tree.map(lambda a: np.zeros(a.shape), shapes))
    expected = np.nan if type(metric) is metrics.R2Score else 0.0
    np.testing.assert_array_equal(result, np.full(np.shape(result), expected))


@each
def test_the_description_prints_compares_and_is_saved(metric, kind):
    assert metric == metric.replace()
    assert metric.replace(name='other').display_name == 'other'
    if not isinstance(metric, metrics.FunctionMetric):
        assert decode(encode(metric)) == metric
        assert eval(repr(metric), vars(metrics)) == metric


@each
def test_the_name_is_keras_s(metric, kind):
    name = type(metric).__name__
    known = {'FunctionMetric': '<lambda>', **KERAS_NAMES}
    assert metric.display_name == known.get(name, snake_case(name))


@pytest.mark.parametrize('name', sorted(set(TABLE) - {'FunctionMetric', 'ConfusionMatrix'}))
def test_the_default_name_is_the_one_keras_gives(keras_metrics, name):
    cls = getattr(keras_metrics, name)
    required = {'IoU': (4, [1]), 'OneHotIoU': (4, [1]), 'MeanIoU': (4,), 'OneHotMeanIoU': (4,)}
    theirs = cls(*required.get(name, (0.6,) if 'At' in name else ())).name
    # Keras numbers the second metric of a class: recall_1.
    assert theirs.rstrip('0123456789').rstrip('_') == TABLE[name][0].display_name.rstrip('0123456789').rstrip('_')


def bad_settings():
    for name, (metric, _) in TABLE.items():
        for field, spec in type(metric).__dataclass_fields__.items():
            if (rule := spec.metadata.get('rule')) is not None:
                for value in rule.bad:
                    yield pytest.param(metric, field, value, id=f'{name}-{field}-{value!r}')


@pytest.mark.parametrize(('metric', 'field', 'value'), list(bad_settings()))
def test_bad_settings_are_refused(metric, field, value):
    with pytest.raises(ConfigError, match=f'Change {field}=… to such a value'):
        metric.replace(**{field: value})


@each
def test_targets_of_another_length_are_refused(metric, kind):
    y_true, y_pred = batch(kind)
    with pytest.raises((ShapeError, TypeError) if kind == 'numbers' and type(metric) is metrics.FunctionMetric else ShapeError) as caught:
        metric(y_true[:7], y_pred)
    assert type(metric) is metrics.FunctionMetric or caught.value.remedy


SPLIT = [
    'SparseCategoricalAccuracy',
    'AUC',
    'Precision',
    'F1Score',
    'R2Score',
    'RootMeanSquaredError',
    'ConfusionMatrix',
    'MeanIoU',
    'CosineSimilarity',
]
WEIGHT = np.random.default_rng(5).integers(1, 3, 16).astype('f4')


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(SPLIT), order=st.permutations(range(16)), first=st.integers(0, 16))
def test_the_result_does_not_depend_on_the_order_or_the_batches(name, order, first):
    metric, kind = TABLE[name]
    y_true, y_pred = batch(kind)
    shuffled = [a[list(order)] for a in (y_true, y_pred, WEIGHT)]
    # Each part holds every example, those of the other part as padding: one shape, so one compilation.
    inside = np.arange(16) < first
    parts = [(*shuffled[:2], shuffled[2] * part) for part in (inside, ~inside)]
    np.testing.assert_allclose(metric.result(total(metric, *parts)), metric(y_true, y_pred, WEIGHT), rtol=1e-5, atol=1e-5)


def test_other_weights_are_refused():
    for weight in (np.ones(3), np.ones((4, 2)), 1.0):
        with pytest.raises(ShapeError, match='Pass one weight per example'):
            metrics.MeanSquaredError()(np.zeros(4), np.zeros(4), weight)
    with pytest.raises(ShapeError, match=r'Pass sample_weight of shape \(batch,\)'):
        metrics.MeanSquaredError().sums(jnp.zeros(4), jnp.zeros(4), jnp.ones(3))


def test_single_numbers_are_refused():
    with pytest.raises(ShapeError, match='Wrap it in a list'):
        metrics.MeanSquaredError()(1.0, 2.0)


def test_a_function_that_averages_the_batch_is_refused():
    with pytest.raises(ShapeError, match='average over the inner axes only'):
        metrics.FunctionMetric(lambda t, p: jnp.mean(abs(t - p)))([0.0], [1.0])


def test_a_metric_without_its_methods_says_which():
    @unregistered
    class Nothing(metrics.Metric):
        pass

    @unregistered
    class NoValues(metrics.MeanMetric):
        pass

    with pytest.raises(ConfigError, match=r'no method sums.*Define it in the class'):
        Nothing()([1.0], [1.0])
    with pytest.raises(ConfigError, match=r'no method result.*Define it in the class'):
        Nothing().result({})
    with pytest.raises(ConfigError, match=r'no method values.*Define it in the class'):
        NoValues()([1.0], [1.0])


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16, jnp.int32])
def test_other_types_of_numbers_are_taken(dtype):
    for name, (metric, kind) in TABLE.items():
        y_true, y_pred = (jnp.asarray(a * (8 if dtype == jnp.int32 else 1)).astype(dtype) for a in batch(kind))
        y_true = y_true // 8 if dtype == jnp.int32 else y_true
        assert np.all(np.isfinite(metric(y_true, y_pred))), name
