"""Focal losses: their limits and the weights of the classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import losses
from lamina.core.errors import ShapeError


def test_without_focus_it_is_crossentropy():
    y_true, y_pred = np.array([[1.0], [0.0]]), np.array([[0.3], [0.9]])
    np.testing.assert_allclose(
        losses.binary_focal_crossentropy(y_true, y_pred, gamma=0.0), losses.binary_crossentropy(y_true, y_pred), rtol=1e-6
    )
    one_hot, p = np.eye(2), np.array([[0.3, 0.7], [0.9, 0.1]])
    focal = losses.categorical_focal_crossentropy(one_hot, p, alpha=1.0, gamma=0.0)
    np.testing.assert_allclose(focal, losses.categorical_crossentropy(one_hot, p), rtol=1e-6)


def test_logits_and_probabilities_agree():
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    one_hot = np.eye(3)[[0, 1, 2, 1, 0]]
    for function, p in ((losses.binary_focal_crossentropy, jax.nn.sigmoid), (losses.categorical_focal_crossentropy, jax.nn.softmax)):
        np.testing.assert_allclose(function(one_hot, logits, from_logits=True), function(one_hot, p(logits)), rtol=1e-4)


def test_hopelessly_wrong_logits_keep_their_gradient():
    for loss in (losses.BinaryFocalCrossentropy(from_logits=True), losses.CategoricalFocalCrossentropy(from_logits=True, alpha=1.0)):
        gradient = jax.grad(lambda z, loss=loss: loss(np.array([[1.0, 0.0]]), z))(jnp.array([[-40.0, 40.0]]))
        assert gradient[0, 0] < -0.4


def test_each_class_has_its_weight():
    values = losses.categorical_focal_crossentropy(np.eye(2), np.full((2, 2), 0.5), alpha=[1.0, 3.0])
    np.testing.assert_allclose(values[1], 3 * values[0], rtol=1e-6)
    on_axis_one = losses.CategoricalFocalCrossentropy((1.0, 3.0), axis=1)(np.ones((1, 2, 4)), np.full((1, 2, 4), 0.5))
    assert on_axis_one == pytest.approx(4 * 0.25 * np.log(2), rel=1e-6)


def test_as_many_weights_as_classes():
    with pytest.raises(ShapeError, match='Give one weight for each class, or a single number'):
        losses.CategoricalFocalCrossentropy([0.5, 0.5])(np.eye(3), np.full((3, 3), 1 / 3))
