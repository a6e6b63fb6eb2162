"""Targets refused on the host: every mistake gets its own remedy, and good targets pass."""

import numpy as np
import pytest

from lamina import losses
from lamina.core.errors import DataError, ShapeError
from lamina.losses import TargetRule, check_targets

SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)
TEN = (None, 10)
WHERE = 'fit, argument y'


@pytest.mark.parametrize(
    ('loss', 'y', 'output'),
    [
        (SPARSE, np.arange(10), TEN),
        (SPARSE, np.arange(10, dtype=np.uint8)[:, None], TEN),
        (SPARSE, np.arange(10.0), TEN),
        (SPARSE, np.zeros(0, int), TEN),
        (SPARSE, np.zeros((2, 5), int), (None, None, 10)),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), np.array([-1, 0, 9]), TEN),
        (losses.SparseCategoricalCrossentropy(axis=1), np.zeros((2, 4, 4), int), (None, 3, 4, 4)),
        (losses.SparseCategoricalCrossentropy(axis=1), np.zeros((2, 1, 4, 4), int), (None, 3, 4, 4)),
        (losses.CategoricalCrossentropy(), np.eye(10), TEN),
        (losses.BinaryCrossentropy(), np.array([True, False]), (None, 1)),
        (losses.BinaryCrossentropy(), np.array([0.0, 0.3, 1.0])[:, None], (None, 1)),
        (losses.MeanSquaredError(), np.ones(4), (None, 1)),
        (losses.MeanSquaredError(), np.ones((4, 1)), (None,)),
        (losses.MeanSquaredError(), np.ones((4, 7, 1)), (None, 7)),
        (losses.Hinge(), np.array([-1, 1, 1]), (None, 1)),
        (losses.Hinge(), np.array([0, 1, 1]), (None, 1)),
        (losses.Poisson(), np.array([0, 3]), (None, 1)),
        (losses.Quantile((0.1, 0.9)), np.array([-1.0, 3.0]), (None, 2)),
        (losses.FunctionLoss(lambda t, p: p), np.array([np.nan]), (None, 2)),
    ],
)
def test_good_targets_pass(loss, y, output):
    check_targets(loss, y, output, WHERE)


@pytest.mark.parametrize(
    ('loss', 'y', 'output', 'message'),
    [
        (SPARSE, np.eye(10), TEN, r'Use CategoricalCrossentropy for one-hot targets, or pass y\.argmax'),
        (SPARSE, np.zeros((4, 2, 2), int), TEN, 'Pass one whole number'),
        (losses.CategoricalCrossentropy(), np.arange(10), TEN, 'Use SparseCategoricalCrossentropy for whole-number labels'),
        (losses.CategoricalCrossentropy(), np.arange(10)[:, None], TEN, r'numpy\.eye\(10\)\[y\]'),
        (losses.CategoricalCrossentropy(), np.eye(3), TEN, 'Give y_true that shape'),
        (losses.BinaryCrossentropy(), np.array([0, 1]), (None, 3), r'end the network in Dense\(1\)'),
        (losses.MeanSquaredError(), np.ones((4, 2)), (None, 3), 'change the last layer'),
        (losses.Quantile((0.1, 0.9)), np.ones((4, 2)), (None, 2), 'Give y_true that shape'),
        (losses.Quantile((0.1, 0.9)), np.ones(4), (None, 1), r'End the network in Dense\(2\)'),
    ],
)
def test_shapes_that_do_not_fit(loss, y, output, message):
    with pytest.raises(ShapeError, match=message):
        check_targets(loss, y, output, WHERE)


@pytest.mark.parametrize(
    ('loss', 'y', 'output', 'message'),
    [
        (
            SPARSE,
            np.array([0, 3, 10]),
            TEN,
            r'got 10 at row 2 .* whole numbers in \[0, 10\)\. Correct the labels, or give the last layer 11 outputs',
        ),
        (SPARSE, np.arange(1, 11), TEN, r'got 10 at row 9 .* The labels seem to count from 1: pass y - 1'),
        (SPARSE, np.array([0, -1]), TEN, r'got -1 at row 1 .* ignore_class=-1'),
        (
            losses.SparseCategoricalCrossentropy(ignore_class=255),
            np.array([255, 12]),
            TEN,
            r'or the ignored class 255\. Correct the labels',
        ),
        (SPARSE, np.array([0.0, 0.5]), TEN, r'got 0\.5 at row 1 .* y\.astype\(int\); for a continuous quantity'),
        (SPARSE, np.array([0.0, np.nan]), TEN, 'got nan at row 1 .* Remove those rows, or fill the missing values'),
        (SPARSE, np.array(['cat', 'dog']), TEN, r'numpy\.unique\(y, return_inverse=True\)'),
        (
            losses.MeanSquaredError(),
            np.array([[0.0, 1.0], [np.inf, 2.0]]),
            (None, 2),
            r'got inf at row 1 \(1 such values\).*finite numbers',
        ),
        (losses.BinaryCrossentropy(), np.array([0, 255]), (None, 1), r'got 255 at row 1 .* y / 255\.0'),
        (losses.CategoricalCrossentropy(), np.array([[-1, 1]]), (None, 2), r'Rescale the targets to \[0, 1\]'),
        (losses.Hinge(), np.array([0, 1, 2]), (None, 1), 'got 2 at row 2 .* Pass -1 for one class and 1 for the other'),
        (losses.Hinge(), np.array([1, 0, -1]), (None, 1), 'got 0 at row 1 .* Pass -1 for one class and 1 for the other'),
        (losses.Poisson(), np.array([1, -2]), (None, 1), 'got -2 at row 1 .* MeanSquaredError'),
        (losses.FunctionLoss(lambda t, p: p), np.array(['a']), (None, 1), 'Convert them to numbers'),
    ],
)
def test_values_that_cannot_be_trained_on(loss, y, output, message):
    with pytest.raises(DataError, match=message) as caught:
        check_targets(loss, y, output, WHERE)
    assert str(caught.value).startswith(f'{WHERE}, for ')


def test_the_rule_says_what_is_expected():
    assert SPARSE.target_rule(TEN) == TargetRule('sparse', (None,), 10, None, 1)
    assert SPARSE.target_rule(TEN).expected == 'whole numbers in [0, 10)'
    assert SPARSE.target_rule((None, None)).expected == 'whole numbers in [0, classes)'
    assert losses.CategoricalCrossentropy().target_rule(TEN).expected == 'one-hot rows or probabilities in [0, 1]'
