"""to_categorical against Keras, and what it refuses."""

import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, DataError
from lamina.utils import to_categorical


@pytest.mark.parametrize(
    ('x', 'num_classes'),
    [
        ([0, 2, 1], None),
        ([0, 2, 1], 5),
        ([[0], [3]], None),
        ([[0, 1], [2, 1]], None),
        ([[[1], [0]]], 2),
        (2, None),
        ([1], None),
        ([0.0, 1.0], None),
        ([True, False], None),
        (np.array([3, 1], np.uint8), 4),
        ([], 3),
    ],
)
def test_values_and_shapes_are_those_of_keras(x, num_classes):
    keras = pytest.importorskip('keras')
    ours = to_categorical(x, num_classes)
    np.testing.assert_array_equal(ours, keras.utils.to_categorical(x, num_classes), strict=False)
    assert ours.shape == keras.utils.to_categorical(x, num_classes).shape
    assert ours.dtype == np.float32


@pytest.mark.parametrize(
    ('arguments', 'error', 'remedy'),
    [
        (([0, -1],), DataError, 'Number the classes from 0'),
        (([0, 3], 3), DataError, 'Pass num_classes=4, or correct the labels'),
        (([0.5],), DataError, 'use a regression loss'),
        (([np.nan],), DataError, 'use a regression loss'),
        ((['cat'],), DataError, r'numpy\.unique'),
        (([[0], [1, 2]],), DataError, r'numpy\.unique'),
        (([],), DataError, 'Pass num_classes, which cannot be counted'),
        (([0], 0), ConfigError, 'Pass the number of classes'),
        (([0], 2.5), ConfigError, 'Pass the number of classes'),
    ],
)
def test_refused(arguments, error, remedy):
    with pytest.raises(error, match=remedy):
        to_categorical(*arguments)


def test_it_is_what_a_categorical_loss_takes():
    model = lamina.Sequential([lamina.layers.Dense(3, activation='softmax', input_shape=(2,))])
    model.compile('sgd', 'categorical_crossentropy')
    history = model.fit(np.ones((4, 2)), to_categorical([0, 1, 2, 0]), verbose=0)
    assert np.isfinite(history.history['loss'][0])
