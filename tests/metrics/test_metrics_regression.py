import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ConfigError, ShapeError

PAIRWISE = [
    'MeanAbsoluteError',
    'MeanSquaredError',
    'RootMeanSquaredError',
    'MeanAbsolutePercentageError',
    'MeanSquaredLogarithmicError',
    'LogCoshError',
    'CosineSimilarity',
]


@pytest.mark.parametrize('inner', [(1,), (4, 2)])
@pytest.mark.parametrize('name', PAIRWISE)
def test_errors_match_keras(agrees, keras_metrics, numbers, name, inner):
    agrees(getattr(metrics, name)(), getattr(keras_metrics, name)(), numbers(*inner), tolerance=5e-6)


@pytest.mark.parametrize('name', PAIRWISE)
def test_targets_without_the_last_axis_match_keras(agrees, keras_metrics, numbers, name):
    agrees(getattr(metrics, name)(), getattr(keras_metrics, name)(), [(t[:, 0], p) for t, p in numbers(1)], tolerance=5e-6)


def test_similarity_on_another_axis_matches_keras(agrees, keras_metrics, numbers):
    agrees(metrics.CosineSimilarity(axis=1), keras_metrics.CosineSimilarity(axis=1), numbers(3, 2))


def test_similarity_of_a_vector_of_zeros_is_zero():
    assert metrics.CosineSimilarity()([[0.0, 0.0]], [[1.0, 2.0]]) == 0


def test_the_batch_is_no_axis_for_similarity():
    with pytest.raises(ConfigError, match='Change axis='):
        metrics.CosineSimilarity(axis=0)


def test_log_cosh_of_large_errors_is_finite():
    assert metrics.LogCoshError()([0.0, 0.0], [200.0, -200.0]) == pytest.approx(200 - np.log(2))


def test_flat_arrays_are_one_value_per_example():
    assert metrics.MeanSquaredError()([0.0, 0.0], [1.0, 3.0], [3.0, 1.0]) == 3.0


@pytest.mark.parametrize('aggregation', ['uniform_average', 'variance_weighted_average', None])
@pytest.mark.parametrize('regressors', [0, 2])
def test_r2_matches_keras(agrees, keras_metrics, numbers, aggregation, regressors):
    theirs = keras_metrics.R2Score(class_aggregation=aggregation, num_regressors=regressors)
    agrees(metrics.R2Score(aggregation, regressors), theirs, numbers(3), tolerance=2e-5)


def test_r2_is_scikit_learns(numbers):
    reference = pytest.importorskip('sklearn.metrics').r2_score
    y_true, y_pred = numbers(3)[0]
    assert metrics.R2Score()(y_true, y_pred) == pytest.approx(reference(y_true, y_pred), rel=1e-5)


@pytest.mark.parametrize('target', [0.1, 7.3, 1000.0])
def test_r2_of_targets_that_do_not_vary_is_zero(target):
    assert metrics.R2Score()(np.full(100, target), np.linspace(0, 1, 100)) == 0


def test_r2_with_too_few_targets_says_so_and_is_not_adjusted():
    y_true, y_pred = [1.0, 2.0, 4.0], [1.0, 2.5, 4.0]
    with pytest.warns(UserWarning, match='the score is not adjusted'):
        adjusted = metrics.R2Score(num_regressors=2)(y_true, y_pred)
    assert adjusted == metrics.R2Score()(y_true, y_pred)


def test_r2_of_more_than_two_axes_is_refused():
    with pytest.raises(ShapeError, match='Reshape both to two axes'):
        metrics.R2Score()(np.zeros((2, 3, 4)), np.zeros((2, 3, 4)))
