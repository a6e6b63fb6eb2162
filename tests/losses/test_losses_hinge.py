"""Hinge losses: the two spellings of labels, also beside padding, and the margin."""

import numpy as np
import pytest

from lamina import losses


@pytest.mark.parametrize('loss', [losses.Hinge(), losses.SquaredHinge()])
def test_zero_and_one_are_minus_one_and_one(loss):
    signed, scores = np.array([-1.0, 1.0, -1.0]), np.array([[0.5], [-0.2], [-3.0]])
    assert loss(signed, scores) == loss((signed + 1) / 2, scores)
    assert loss(signed, scores, valid=[0, 1, 1]) == loss((signed + 1) / 2, scores, valid=[0, 1, 1])


def test_beyond_the_margin_nothing_is_lost():
    assert losses.Hinge()([1, -1], [[1.0], [-7.0]]) == 0
    assert losses.CategoricalHinge()([[0, 1]], [[1.0, 2.0]]) == 0


def test_a_wrong_class_costs_its_lead_and_the_margin():
    assert losses.CategoricalHinge()([[0, 1, 0]], [[3.0, 2.0, 0.0]]) == 2
