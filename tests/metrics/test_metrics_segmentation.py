import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ConfigError, ShapeError

# Keras asks JAX for int64 here, and JAX says that it gives int32.
pytestmark = pytest.mark.filterwarnings('ignore:Explicitly requested dtype int64')


@pytest.fixture
def masks(rng):
    return [(rng.integers(0, 4, n), rng.integers(0, 4, n)) for n in (8, 8, 8)]


@pytest.mark.parametrize('ignored', [None, 2])
def test_overlaps_of_class_numbers_match_keras(agrees, keras_metrics, masks, ignored):
    agrees(metrics.MeanIoU(4, ignore_class=ignored), keras_metrics.MeanIoU(4, ignore_class=ignored), masks, whole_weights=True)
    theirs = keras_metrics.IoU(5, target_class_ids=[0, 3], ignore_class=ignored)
    agrees(metrics.IoU(5, [0, 3], ignored), theirs, masks, whole_weights=True)


def test_numbers_outside_of_the_classes_match_keras(agrees, keras_metrics, masks):
    agrees(metrics.MeanIoU(3), keras_metrics.MeanIoU(3), [(t - 1, p) for t, p in masks], whole_weights=True)


def test_overlaps_of_scores_match_keras(agrees, keras_metrics, scores):
    agrees(metrics.OneHotMeanIoU(4), keras_metrics.OneHotMeanIoU(4), scores(4), whole_weights=True)
    agrees(metrics.OneHotIoU(4, [1, 2]), keras_metrics.OneHotIoU(4, [1, 2]), scores(4), whole_weights=True)
    sparse = [(t.argmax(-1), p) for t, p in scores(4)]
    agrees(metrics.MeanIoU(4, sparse_y_pred=False), keras_metrics.MeanIoU(4, sparse_y_pred=False), sparse, whole_weights=True)


@pytest.mark.parametrize('threshold', [0.5, 0.3])
def test_binary_overlaps_match_keras(agrees, keras_metrics, binary, threshold):
    for ids in ([0, 1], [1]):
        agrees(metrics.BinaryIoU(ids, threshold), keras_metrics.BinaryIoU(ids, threshold), binary(), whole_weights=True)


def test_images_match_keras_without_weights(keras_metrics, rng):
    y_true, y_pred = rng.integers(0, 3, (4, 6)), rng.random((4, 6, 3)).astype('f4')
    theirs = keras_metrics.MeanIoU(3, sparse_y_pred=False)
    theirs.update_state(y_true, y_pred)
    assert metrics.MeanIoU(3, sparse_y_pred=False)(y_true, y_pred) == pytest.approx(float(theirs.result()), rel=1e-6)


def test_classes_first_are_as_classes_last(rng):
    y_true, y_pred = rng.integers(0, 3, (4, 6)), rng.random((4, 6, 3))
    turned = metrics.MeanIoU(3, sparse_y_pred=False, axis=1)(y_true, np.moveaxis(y_pred, -1, 1))
    assert turned == metrics.MeanIoU(3, sparse_y_pred=False)(y_true, y_pred)


def test_fractions_of_weights_are_not_cut():
    labels, ids = [0, 0, 1, 1], [0, 1, 1, 1]
    assert metrics.MeanIoU(2)(labels, ids, [0.5, 0.25, 0.5, 0.25]) == pytest.approx((0.5 / 0.75 + 0.75 / 1.0) / 2, rel=1e-5)


def test_a_target_class_beyond_the_classes_is_refused():
    with pytest.raises(ConfigError, match='Raise num_classes'):
        metrics.IoU(3, [3])
    with pytest.raises(ConfigError, match='Raise num_classes'):
        metrics.BinaryIoU([2])


def test_places_that_do_not_correspond_are_refused():
    with pytest.raises(ShapeError, match='Reshape the targets; sparse_y_true'):
        metrics.MeanIoU(3)(np.zeros((2, 4)), np.zeros((2, 4, 3)))
