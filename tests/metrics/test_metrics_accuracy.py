import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ShapeError


def test_accuracy_matches_keras(agrees, keras_metrics, rng):
    batches = [(rng.integers(0, 3, (n, 2)), rng.integers(0, 3, (n, 2)).astype('f4')) for n in (6, 6, 6)]
    agrees(metrics.Accuracy(), keras_metrics.Accuracy(), batches)


@pytest.mark.parametrize('threshold', [0.5, 0.0, 0.25])
@pytest.mark.parametrize('inner', [(1,), (4, 2)])
def test_binary_accuracy_matches_keras(agrees, keras_metrics, binary, threshold, inner):
    agrees(metrics.BinaryAccuracy(threshold), keras_metrics.BinaryAccuracy(threshold=threshold), binary(*inner))


def test_binary_accuracy_takes_targets_without_the_last_axis(agrees, keras_metrics, binary):
    agrees(metrics.BinaryAccuracy(), keras_metrics.BinaryAccuracy(), [(t[:, 0], p) for t, p in binary(1)])


@pytest.mark.parametrize('inner', [(), (2, 3)])
def test_categorical_accuracy_matches_keras(agrees, keras_metrics, scores, inner):
    agrees(metrics.CategoricalAccuracy(), keras_metrics.CategoricalAccuracy(), scores(5, inner))


@pytest.mark.parametrize('inner', [(), (2, 3)])
def test_sparse_categorical_accuracy_matches_keras(agrees, keras_metrics, sparse, inner):
    agrees(metrics.SparseCategoricalAccuracy(), keras_metrics.SparseCategoricalAccuracy(), sparse(5, inner))


def test_sparse_labels_may_have_an_axis_of_one(agrees, keras_metrics, sparse):
    agrees(metrics.SparseCategoricalAccuracy(), keras_metrics.SparseCategoricalAccuracy(), [(t[:, None], p) for t, p in sparse(5)])


@pytest.mark.parametrize('inner', [(), (2, 3)])
@pytest.mark.parametrize('k', [1, 2, 5, 9])
def test_top_k_matches_keras(agrees, keras_metrics, scores, sparse, k, inner):
    agrees(metrics.TopKCategoricalAccuracy(k), keras_metrics.TopKCategoricalAccuracy(k), scores(5, inner))
    agrees(metrics.SparseTopKCategoricalAccuracy(k), keras_metrics.SparseTopKCategoricalAccuracy(k), sparse(5, inner))


def test_sorted_ids_match_keras(agrees, keras_metrics, rng):
    batches = [(rng.integers(0, 9, n), np.stack([rng.permutation(9) for _ in range(n)]).astype('f4')) for n in (8, 8, 8)]
    theirs = keras_metrics.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True)
    agrees(metrics.SparseTopKCategoricalAccuracy(3, from_sorted_ids=True), theirs, batches)


def test_of_equal_scores_the_first_is_the_prediction():
    tied = [[0.4, 0.4, 0.2]] * 3
    assert metrics.SparseCategoricalAccuracy()([0, 1, 2], tied) == pytest.approx(1 / 3)
    assert metrics.SparseTopKCategoricalAccuracy(1)([0, 1, 2], tied) == pytest.approx(2 / 3)


def test_the_prediction_is_numpys_argmax(rng):
    logits = rng.integers(-2, 3, (500, 7)).astype('f4')
    labels = rng.integers(0, 7, 500)
    logits[rng.random(500) < 0.3, 2] = np.inf
    logits[rng.random(500) < 0.1] = -np.inf
    expected = np.mean(logits.argmax(-1) == labels)
    assert metrics.SparseCategoricalAccuracy()(labels, logits) == pytest.approx(expected)
    assert metrics.CategoricalAccuracy()(np.eye(7)[labels], logits) == pytest.approx(expected)


@pytest.mark.parametrize('row', [[np.nan] * 3, [0.2, np.nan, 0.1], [np.nan, 0.2, 0.1], [0.5, 0.2, np.nan]])
def test_a_row_with_nan_is_wrong_whatever_the_label(row):
    for label in range(3):
        assert metrics.SparseCategoricalAccuracy()([label], [row]) == 0
        assert metrics.CategoricalAccuracy()([np.eye(3)[label]], [row]) == 0
        assert metrics.SparseTopKCategoricalAccuracy(1)([label], [row]) == 0
    assert metrics.SparseTopKCategoricalAccuracy(9)([1], [[0.2, np.nan, 0.1]]) == 0


def test_a_nan_is_wrong_for_either_class():
    assert metrics.BinaryAccuracy()([0.0, 1.0], [np.nan, np.nan]) == 0


@pytest.mark.parametrize('label', [-1, 3, 1.5, np.nan])
def test_a_label_outside_of_the_classes_is_wrong(label):
    for scores in ([0.1, 0.2, 0.7], [0.7, 0.2, 0.1], [-np.inf] * 3):
        assert metrics.SparseCategoricalAccuracy()([label], [scores]) == 0
        assert metrics.SparseTopKCategoricalAccuracy(5)([label], [scores]) == 0


def test_one_hot_targets_for_a_sparse_metric_are_refused():
    with pytest.raises(ShapeError, match='for one-hot targets take the metric without Sparse in its name'):
        metrics.SparseCategoricalAccuracy()(np.eye(3), np.eye(3))


def test_class_numbers_for_a_one_hot_metric_are_refused():
    with pytest.raises(ShapeError, match='for class numbers take SparseTopKCategoricalAccuracy'):
        metrics.TopKCategoricalAccuracy()([0, 1], np.eye(2))


def test_shapes_that_differ_are_refused():
    with pytest.raises(ShapeError, match='Reshape the targets to the shape of the predictions'):
        metrics.BinaryAccuracy()(np.zeros((4, 3)), np.zeros((4, 2)))
