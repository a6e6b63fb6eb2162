import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ShapeError


@pytest.mark.parametrize('settings', [{}, {'from_logits': True}, {'label_smoothing': 0.2}], ids=str)
@pytest.mark.parametrize('inner', [(1,), (4, 2)])
def test_binary_crossentropy_matches_keras(agrees, keras_metrics, binary, inner, settings):
    agrees(metrics.BinaryCrossentropy(**settings), keras_metrics.BinaryCrossentropy(**settings), binary(*inner), tolerance=5e-6)


@pytest.mark.parametrize(
    'settings', [{}, {'from_logits': True}, {'label_smoothing': 0.2}, {'from_logits': True, 'label_smoothing': 0.1}], ids=str
)
@pytest.mark.parametrize('inner', [(), (2, 3)])
def test_categorical_crossentropy_matches_keras(agrees, keras_metrics, scores, inner, settings):
    theirs = keras_metrics.CategoricalCrossentropy(**settings)
    agrees(metrics.CategoricalCrossentropy(**settings), theirs, scores(5, inner), tolerance=5e-6)


@pytest.mark.parametrize('from_logits', [False, True])
@pytest.mark.parametrize('inner', [(), (2, 3)])
def test_sparse_categorical_crossentropy_matches_keras(agrees, keras_metrics, sparse, inner, from_logits):
    theirs = keras_metrics.SparseCategoricalCrossentropy(from_logits=from_logits)
    agrees(metrics.SparseCategoricalCrossentropy(from_logits), theirs, sparse(5, inner), tolerance=5e-6)


def test_ignored_classes_match_keras_where_there_are_weights(accumulate, keras_metrics, sparse, rng):
    theirs, mine = keras_metrics.SparseCategoricalCrossentropy(ignore_class=2), []
    for y_true, y_pred in sparse(5):
        weight = rng.random(len(y_pred)).astype('f4')
        theirs.update_state(y_true, y_pred, sample_weight=weight)
        mine.append((y_true, y_pred, weight))
    ours = accumulate(metrics.SparseCategoricalCrossentropy(ignore_class=2), mine)
    assert ours == pytest.approx(float(theirs.result()), rel=1e-5)


@pytest.mark.parametrize('ignored', [-1, 2, 255])
def test_ignored_places_count_for_nothing(rng, ignored):
    labels, logits = rng.integers(0, 2, (6, 5)), rng.normal(size=(6, 5, 3))
    labels[rng.random((6, 5)) < 0.4] = ignored
    kept = labels != ignored
    metric = metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignored)
    expected = np.mean(np.log(np.exp(logits[kept]).sum(-1)) - logits[kept, labels[kept]])
    assert metric(labels, logits) == pytest.approx(expected, rel=1e-5)
    assert metric(np.full(3, ignored), np.zeros((3, 3))) == 0


def test_a_label_outside_of_the_classes_is_not_hidden():
    assert np.isnan(metrics.SparseCategoricalCrossentropy()([3], [[0.2, 0.3, 0.5]]))


def test_classes_on_another_axis(scores):
    y_true, y_pred = scores(5, (4,))[0]
    turned = metrics.CategoricalCrossentropy(axis=1)(y_true.swapaxes(1, 2), y_pred.swapaxes(1, 2))
    assert turned == pytest.approx(metrics.CategoricalCrossentropy()(y_true, y_pred), rel=1e-6)
    turned = metrics.SparseCategoricalCrossentropy(axis=1)(y_true.argmax(-1), y_pred.swapaxes(1, 2))
    assert turned == pytest.approx(metrics.SparseCategoricalCrossentropy()(y_true.argmax(-1), y_pred), rel=1e-6)


@pytest.mark.parametrize('inner', [(), (2, 3)])
@pytest.mark.parametrize('name', ['KLDivergence', 'Poisson', 'CategoricalHinge', 'Hinge', 'SquaredHinge'])
def test_divergences_and_margins_match_keras(agrees, keras_metrics, scores, name, inner):
    agrees(getattr(metrics, name)(), getattr(keras_metrics, name)(), scores(5, inner), tolerance=5e-6)


@pytest.mark.parametrize('name', ['Hinge', 'SquaredHinge'])
def test_margins_of_signs_match_keras(agrees, keras_metrics, binary, name):
    agrees(getattr(metrics, name)(), getattr(keras_metrics, name)(), [(2 * t - 1, p) for t, p in binary(3)], tolerance=5e-6)


def test_class_numbers_for_one_hot_targets_are_refused():
    with pytest.raises(ShapeError, match='for class numbers take SparseCategoricalCrossentropy'):
        metrics.CategoricalCrossentropy()([0, 1], np.eye(2))
