"""Cross-entropies: precision and gradients at the edges, labels that are no class, and the axis of the classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina import losses

SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True, reduction='none')


def test_the_gradient_is_softmax_minus_one_hot():
    logits = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    gradient = jax.grad(lambda z: jnp.sum(SPARSE(np.array([0, 3, 1]), z)))(logits)
    np.testing.assert_allclose(gradient, jax.nn.softmax(logits) - np.eye(4)[[0, 3, 1]], atol=1e-6)


def test_second_derivatives_exist():
    hessian = jax.hessian(lambda z: jnp.sum(SPARSE(np.array([1]), z)))(jnp.zeros((1, 2)))[0, :, 0]
    np.testing.assert_allclose(hessian, [[0.25, -0.25], [-0.25, 0.25]], atol=1e-6)


def test_values_are_exact_far_from_zero():
    np.testing.assert_allclose(SPARSE(np.array([0, 1]), np.array([[1e4, 1e4 + 1], [1e4, -1e4]])), [np.log1p(np.e), 2e4], rtol=1e-6)


def test_masked_classes_have_probability_zero_and_finite_gradients():
    logits = jnp.array([[0.0, -jnp.inf, 0.0]])
    value, gradient = jax.value_and_grad(lambda z: SPARSE(np.array([2]), z)[0])(logits)
    assert value == pytest.approx(np.log(2))
    np.testing.assert_allclose(gradient, [[0.5, 0, -0.5]], atol=1e-6)


@pytest.mark.parametrize('label', [-1, 3, 2**31 - 1, 0.5, np.nan])
@pytest.mark.parametrize(
    'loss',
    [SPARSE, losses.SparseCategoricalCrossentropy(reduction='none'), losses.CategoricalGeneralizedCrossEntropy(reduction='none')],
    ids=['logits', 'probabilities', 'generalized'],
)
def test_a_label_that_is_no_class_is_nan_for_its_example_only(loss, label):
    values, back = jax.vjp(lambda z: loss(np.array([0, label, 2]), z), jnp.full((3, 3), 1 / 3))
    np.testing.assert_array_equal(np.isnan(values), [False, True, False])
    assert np.isfinite(back(jnp.ones(3))[0]).all()


def test_an_ignored_label_may_lie_outside_the_classes_and_its_logits_may_be_anything():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    logits = jnp.array([[0.0, 0.0], [jnp.nan, jnp.inf]])
    value, gradient = jax.value_and_grad(lambda z: loss(np.array([1, 255], np.uint8), z))(logits)
    assert value == pytest.approx(np.log(2))
    np.testing.assert_allclose(gradient, [[0.5, -0.5], [0, 0]], atol=1e-6)


def test_everything_ignored_is_zero():
    assert losses.SparseCategoricalCrossentropy(ignore_class=1)(np.array([1, 1]), np.full((2, 3), 1 / 3)) == 0


def test_classes_on_another_axis():
    scores = np.random.default_rng(1).normal(size=(2, 5, 3, 4)).astype(np.float32)
    labels = np.random.default_rng(2).integers(0, 5, (2, 3, 4))
    values = losses.sparse_categorical_crossentropy(labels, scores, from_logits=True, axis=1)
    expected = losses.sparse_categorical_crossentropy(labels, np.moveaxis(scores, 1, -1), from_logits=True)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    column = losses.SparseCategoricalCrossentropy(from_logits=True, axis=1, reduction='none')(labels[:, None], scores)
    np.testing.assert_allclose(column, expected, rtol=1e-6)


def test_smoothing_counts_the_classes_of_its_axis():
    one_hot = np.zeros((1, 4, 2), np.float32)
    one_hot[0, 1] = 1
    value = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.4, axis=1)(one_hot, np.zeros((1, 4, 2)))
    assert value == pytest.approx(np.log(4), rel=1e-6)


def test_binary_logits_are_exact_where_the_sigmoid_is_not():
    loss = losses.BinaryCrossentropy(from_logits=True, reduction='none')
    np.testing.assert_allclose(loss(np.array([1, 0, 1]), np.array([20.0, 1e4, -1e4])), [np.log1p(np.exp(-20)), 1e4, 1e4], rtol=1e-6)
    gradient = jax.grad(lambda z: jnp.sum(loss(np.array([1, 1, 0]), z)))(jnp.array([0.0, -1e4, 1e4]))
    np.testing.assert_allclose(gradient, [-0.5, -1, 1])
    assert jax.grad(jax.grad(lambda z: losses.binary_crossentropy([1.0], z[None], from_logits=True)))(0.0) == 0.25


def test_probabilities_of_zero_and_one_cost_a_finite_amount():
    np.testing.assert_allclose(losses.binary_crossentropy([[1.0], [0.0]], [[0.0], [0.0]]), [-np.log(1e-7), 0], rtol=1e-6, atol=2e-7)
    assert losses.SparseCategoricalCrossentropy()([1], [[1.0, 0.0]]) == pytest.approx(-np.log(1e-7), rel=1e-6)


def test_generalized_crossentropy_lies_between_crossentropy_and_absolute_error():
    probabilities = np.array([[0.2, 0.8]], np.float32)
    nearly_log = losses.categorical_generalized_cross_entropy([1], probabilities, q=1e-3)
    nearly_linear = losses.categorical_generalized_cross_entropy([1], probabilities, q=1 - 1e-6)
    np.testing.assert_allclose(nearly_log, -np.log(0.8), rtol=1e-3)
    np.testing.assert_allclose(nearly_linear, 0.2, rtol=1e-4)


@given(shift=st.floats(-1e3, 1e3), seed=st.integers(0, 2**16))
@settings(max_examples=20, deadline=None)
def test_a_constant_added_to_the_logits_changes_nothing_and_sparse_is_one_hot(shift, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(4, 3)).astype(np.float32), rng.integers(0, 3, 4)
    values = SPARSE(labels, logits)
    np.testing.assert_allclose(SPARSE(labels, logits + np.float32(shift)), values, atol=5e-4)
    one_hot = losses.categorical_crossentropy(np.eye(3)[labels], logits, from_logits=True)
    np.testing.assert_allclose(values, one_hot, rtol=1e-5, atol=1e-6)
    assert (values >= 0).all()
