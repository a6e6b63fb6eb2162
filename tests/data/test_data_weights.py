"""Weights per class: every form of targets, against Keras, and what is refused."""

import numpy as np
import pytest

from lamina.core.errors import ConfigError, DataError
from lamina.data import class_weights

WEIGHTS = {0: 1.0, 1: 5.0, 2: 0.5}


@pytest.mark.parametrize(
    'targets',
    [
        np.array([2, 0, 1, 1]),
        np.array([[2], [0], [1], [1]], np.uint8),
        np.eye(3, dtype=np.float32)[[2, 0, 1, 1]],
        np.array([1.0, 0.0, 0.0, 1.0], np.float32),
        [2, 0, 1, 1],
    ],
)
def test_weights_are_those_of_keras(targets):
    utils = pytest.importorskip('keras.src.trainers.data_adapters.data_adapter_utils')
    ours = class_weights(targets, WEIGHTS)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, utils.class_weight_to_sample_weights(np.asarray(targets), WEIGHTS))


def test_a_class_without_a_weight():
    with pytest.raises(DataError, match=r'classes \[7\].*Add 7: 1.0 to the dict'):
        class_weights(np.array([0, 7]), WEIGHTS)


@pytest.mark.parametrize('targets', [np.array([0.5, 1.0]), np.zeros((2, 3, 4)), {'a': np.array([0])}, (np.array([0]), np.array([1]))])
def test_targets_that_are_not_classes(targets):
    with pytest.raises(DataError, match='Pass sample_weight instead'):
        class_weights(targets, WEIGHTS)


@pytest.mark.parametrize('weights', [{0: -1.0}, {0: np.nan}, {0: np.inf}, {0: 'much'}, {'0': 1.0}, {True: 1.0}, [1.0, 2.0]])
def test_weights_that_are_not_weights(weights):
    with pytest.raises(ConfigError, match='Pass a dict such as'):
        class_weights(np.array([0]), weights)
