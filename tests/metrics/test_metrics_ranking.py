import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ConfigError, ShapeError

EVEN, UNEVEN = (np.arange(1, 19) / 19).tolist(), (np.linspace(0.01, 0.99, 18) ** 2).tolist()
SETTINGS = {
    'default': {},
    'two': {'num_thresholds': 2},
    'twenty': {'num_thresholds': 20},
    'even': {'thresholds': EVEN},
    'uneven': {'thresholds': UNEVEN[::-1]},
    'weighted labels': {'num_thresholds': 20, 'label_weights': [0.2, 1.0, 3.0]},
    'many labels': {'num_thresholds': 20, 'multi_label': True, 'num_labels': 3, 'label_weights': [0.2, 1.0, 3.0]},
    'uneven for many': {'thresholds': UNEVEN, 'multi_label': True},
}


@pytest.mark.slow
@pytest.mark.parametrize('settings', list(SETTINGS.values()), ids=list(SETTINGS))
@pytest.mark.parametrize('curve', ['ROC', 'PR'])
def test_areas_match_keras(agrees, keras_metrics, binary, curve, settings):
    agrees(metrics.AUC(curve=curve, **settings), keras_metrics.AUC(curve=curve, **settings), binary(3), tolerance=1e-6)


@pytest.mark.parametrize('method', ['interpolation', 'minoring', 'majoring'])
@pytest.mark.parametrize('curve', ['ROC', 'PR', 'PRGAIN'])
def test_summation_methods_match_keras(agrees, keras_metrics, binary, curve, method):
    settings = {'curve': curve.lower(), 'summation_method': method, 'num_thresholds': 20}
    agrees(metrics.AUC(**settings), keras_metrics.AUC(**settings), binary(3), tolerance=1e-6)


def test_logits_match_keras(agrees, keras_metrics, binary):
    batches = [(t, np.random.default_rng(1).normal(size=p.shape).astype('f4') * 3) for t, p in binary(3)]
    for settings in ({'from_logits': True}, {}):
        agrees(metrics.AUC(20, **settings), keras_metrics.AUC(20, **settings), batches, tolerance=1e-6)


@pytest.mark.parametrize('count', [1, 2, 20])
@pytest.mark.parametrize('name', ['SensitivityAtSpecificity', 'SpecificityAtSensitivity', 'PrecisionAtRecall', 'RecallAtPrecision'])
def test_best_points_match_keras(agrees, keras_metrics, binary, name, count):
    agrees(getattr(metrics, name)(0.7, count), getattr(keras_metrics, name)(0.7, num_thresholds=count), binary(3))
    agrees(getattr(metrics, name)(0.4, count, 1), getattr(keras_metrics, name)(0.4, num_thresholds=count, class_id=1), binary(3))


def test_areas_are_close_to_the_exact_ones(rng):
    reference = pytest.importorskip('sklearn.metrics')
    y_true = rng.integers(0, 2, 4000)
    y_pred = 1 / (1 + np.exp(-(rng.normal(size=4000) + y_true)))
    assert metrics.AUC()(y_true, y_pred) == pytest.approx(reference.roc_auc_score(y_true, y_pred), abs=2e-3)
    assert metrics.AUC(curve='PR')(y_true, y_pred) == pytest.approx(reference.average_precision_score(y_true, y_pred), abs=2e-3)


def test_the_sums_of_many_thresholds_hold_no_comparison_with_each_of_them():
    batch, thresholds = 64, 200
    program = jax.make_jaxpr(metrics.AUC(num_thresholds=thresholds).sums)(jnp.zeros(batch), jnp.zeros(batch), jnp.ones(batch))
    largest = max(v.aval.size for equation in program.jaxpr.eqns for v in equation.outvars)
    assert largest < batch * thresholds


@pytest.mark.parametrize('curve', ['ROC', 'PR'])
def test_nan_scores_are_negative_at_every_threshold(curve):
    assert metrics.AUC(curve=curve)([1, 1, 0], [np.nan] * 3) == 0
    assert metrics.Recall()([1, 1], [np.nan, 0.9]) == 0.5


def test_num_labels_without_multi_label_is_refused():
    with pytest.raises(ConfigError, match='Leave num_labels out'):
        metrics.AUC(num_labels=3)


def test_other_labels_are_refused(binary):
    y_true, y_pred = binary(3)[0]
    with pytest.raises(ShapeError, match='Change num_labels to the number of labels'):
        metrics.AUC(multi_label=True, num_labels=2)(y_true, y_pred)
    with pytest.raises(ShapeError, match='Change label_weights to the number of labels'):
        metrics.AUC(label_weights=[1.0, 2.0])(y_true, y_pred)
    with pytest.raises(ShapeError, match='Reshape to two axes'):
        metrics.AUC(multi_label=True)(y_true[:, 0], y_pred[:, 0])
