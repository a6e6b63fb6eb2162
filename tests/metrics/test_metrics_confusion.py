import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ShapeError

EVEN = np.linspace(0, 1, 20).tolist()
THRESHOLDS = [None, [0.9, 0.1, 0.5], [0.0, 0.5, 1.0], EVEN, [t**2 for t in EVEN]]


@pytest.mark.slow
@pytest.mark.parametrize('thresholds', THRESHOLDS, ids=['default', 'unordered', 'halves', 'even', 'uneven'])
@pytest.mark.parametrize('name', ['TruePositives', 'TrueNegatives', 'FalsePositives', 'FalseNegatives', 'Precision', 'Recall'])
def test_counts_match_keras(agrees, keras_metrics, binary, name, thresholds):
    agrees(getattr(metrics, name)(thresholds), getattr(keras_metrics, name)(thresholds=thresholds), binary(3), tolerance=1e-5)


@pytest.mark.parametrize('settings', [{'top_k': 2}, {'class_id': 1}, {'top_k': 3, 'class_id': 0}, {'top_k': 2, 'thresholds': 0.3}], ids=str)
@pytest.mark.parametrize('name', ['Precision', 'Recall'])
def test_top_k_and_class_match_keras(agrees, keras_metrics, scores, name, settings):
    agrees(getattr(metrics, name)(**settings), getattr(keras_metrics, name)(**settings), scores(5))


def test_flat_arrays_match_keras(agrees, keras_metrics, binary):
    agrees(metrics.Recall(), keras_metrics.Recall(), binary())


def test_weights_reach_every_inner_axis(rng, binary):
    (y_true, y_pred), *_ = binary(4, 3)
    weight = rng.random(len(y_pred)).astype('f4')
    flat = metrics.Precision()(y_true.reshape(-1), y_pred.reshape(-1), np.repeat(weight, 12))
    assert metrics.Precision()(y_true, y_pred, weight) == pytest.approx(flat)


@pytest.mark.parametrize('normalize', [None, 'true', 'pred', 'all'])
def test_the_confusion_matrix_is_scikit_learns(rng, normalize):
    reference = pytest.importorskip('sklearn.metrics').confusion_matrix
    scores, labels, weight = rng.normal(size=(60, 4)), rng.integers(0, 3, 60), rng.random(60)
    expected = reference(labels, scores.argmax(-1), labels=range(4), sample_weight=weight, normalize=normalize)
    metric = metrics.ConfusionMatrix(4, normalize)
    np.testing.assert_allclose(metric(labels, scores, weight), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(metric(np.eye(4)[labels], scores, weight), expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(metric(labels[:, None], scores, weight), expected, rtol=1e-5, atol=1e-7)


def test_the_confusion_matrix_of_one_score_per_example():
    expected = [[1, 1], [0, 2]]
    for shape in ((4,), (4, 1)):
        p = np.array([0.4, 0.6, 0.7, 0.9]).reshape(shape)
        np.testing.assert_array_equal(metrics.ConfusionMatrix(2)([0, 0, 1, 1], p), expected)
        np.testing.assert_array_equal(metrics.ConfusionMatrix(2, threshold=0.0)([0, 0, 1, 1], p - 0.5), expected)


def test_the_confusion_matrix_of_sequences_leaves_out_strange_labels(rng):
    labels, scores = rng.integers(-1, 4, (5, 6)), rng.normal(size=(5, 6, 3))
    known = (labels >= 0) & (labels < 3)
    matrix = metrics.ConfusionMatrix(3)(labels, scores)
    assert matrix.sum() == known.sum()
    assert np.trace(matrix) == np.sum((labels == scores.argmax(-1)) & known)


def test_a_missing_class_is_refused():
    with pytest.raises(ShapeError, match='Change class_id'):
        metrics.Precision(class_id=3)(np.eye(3), np.eye(3))


def test_a_top_k_beyond_the_classes_is_refused():
    with pytest.raises(ShapeError, match='Lower top_k'):
        metrics.Recall(top_k=4)(np.eye(3), np.eye(3))


def test_a_matrix_of_other_classes_is_refused():
    with pytest.raises(ShapeError, match='Change num_classes, or pass the scores of every class'):
        metrics.ConfusionMatrix(3)([0, 1], np.eye(2))
    with pytest.raises(ShapeError, match='Reshape the targets, batch first'):
        metrics.ConfusionMatrix(2)(np.zeros((2, 5)), np.eye(2))
