"""Kullback-Leibler and Poisson: their minima."""

import jax
import jax.numpy as jnp
import numpy as np

from lamina import losses


def test_divergence_is_zero_only_between_equals():
    p, q = np.array([[0.2, 0.8], [1.0, 0.0]]), np.array([[0.5, 0.5], [0.9, 0.1]])
    np.testing.assert_allclose(losses.kl_divergence(p, p), 0, atol=1e-6)
    assert (losses.kl_divergence(p, q) > 0.05).all()


def test_divergence_differs_from_crossentropy_by_the_entropy():
    p, q = np.array([[0.2, 0.8]]), np.array([[0.6, 0.4]])
    entropy = -np.sum(p * np.log(p))
    np.testing.assert_allclose(losses.kl_divergence(p, q) + entropy, losses.categorical_crossentropy(p, q), rtol=1e-5)


def test_poisson_is_least_at_the_true_rate():
    gradient = jax.grad(lambda rate: losses.Poisson()([[4.0]], rate))(jnp.array([[4.0]]))
    np.testing.assert_allclose(gradient, 0, atol=1e-6)
