import numpy as np
import pytest

from lamina import metrics
from lamina.core.errors import ShapeError


@pytest.mark.parametrize('average', [None, 'micro', 'macro', 'weighted'])
@pytest.mark.parametrize('threshold', [None, 0.3])
def test_f_scores_match_keras(agrees, keras_metrics, scores, average, threshold):
    agrees(metrics.F1Score(average, threshold), keras_metrics.F1Score(average=average, threshold=threshold), scores(5))
    theirs = keras_metrics.FBetaScore(average=average, beta=2.0, threshold=threshold)
    agrees(metrics.FBetaScore(average, 2.0, threshold), theirs, scores(5))


@pytest.mark.parametrize('average', [None, 'micro', 'macro', 'weighted'])
def test_f_scores_are_scikit_learns(binary, average):
    reference = pytest.importorskip('sklearn.metrics').fbeta_score
    (y_true, y_pred), *_ = binary(3)
    expected = reference(y_true, y_pred > 0.4, beta=0.5, average=average)
    np.testing.assert_allclose(metrics.FBetaScore(average, 0.5, 0.4)(y_true, y_pred), expected, rtol=1e-5)


def test_more_than_two_axes_are_refused():
    with pytest.raises(ShapeError, match='Reshape both to two axes'):
        metrics.F1Score()(np.zeros((2, 3, 4)), np.zeros((2, 3, 4)))
