"""Cosine, Dice and Tversky: limits, vectors of zeros, and sums that include the batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses
from lamina.core.errors import ShapeError


def test_cosine_does_not_know_length():
    vectors = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(losses.cosine_similarity(vectors, 7 * vectors), -1, rtol=1e-6)
    np.testing.assert_allclose(losses.cosine_similarity(vectors, -vectors), 1, rtol=1e-6)


def test_a_vector_of_zeros_has_value_zero_and_a_finite_gradient():
    value, gradient = jax.value_and_grad(lambda p: losses.CosineSimilarity()([[1.0, 0.0]], p))(jnp.zeros((1, 2)))
    assert value == 0
    assert np.isfinite(gradient).all()


def test_dice_and_tversky_at_their_limits():
    mask = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    for loss in (losses.Dice(), losses.Tversky()):
        assert loss(mask, mask) == pytest.approx(0, abs=1e-6)
        assert loss(mask, 1 - mask) == pytest.approx(1)
    scores = np.random.default_rng(1).uniform(size=(2, 3))
    assert losses.Tversky()(mask, scores) == pytest.approx(float(losses.Dice()(mask, scores)), rel=1e-5)


def test_alpha_weighs_what_was_missed():
    missed, invented = ([[1.0, 1.0]], [[1.0, 0.0]]), ([[1.0, 0.0]], [[1.0, 1.0]])
    loss = losses.Tversky(alpha=0.9, beta=0.1)
    assert loss(*missed) > loss(*invented)


def test_sums_over_the_batch_take_weights_only_as_a_whole():
    mask = np.ones((2, 3))
    np.testing.assert_allclose(losses.Dice()(mask, mask / 2, [1.0, 3.0]), 2 * losses.Dice()(mask, mask / 2), rtol=1e-6)
    padded = losses.Dice()(mask, mask / 2, [1.0, 3.0], valid=[1, 0])
    assert padded == pytest.approx(float(losses.Dice()(mask[:1], mask[:1] / 2)), rel=1e-6)
    with pytest.raises(ShapeError, match='Leave the batch out of axis, or leave out sample_weight'):
        losses.Dice(axis=0)(mask, mask, [1.0, 3.0])
