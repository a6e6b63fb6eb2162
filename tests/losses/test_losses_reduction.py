"""Weights and masks: the sums and divisors, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina import losses
from lamina.core.errors import ShapeError
from lamina.losses.reduction import fit_weights, reduce_values

VALUES = jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


@pytest.mark.parametrize(
    ('reduction', 'expected'),
    [('sum_over_batch_size', 33 / 6), ('mean', 33 / 6), ('sum', 33.0), ('mean_with_sample_weight', 33 / 6)],
)
@pytest.mark.parametrize('shape', [(3,), (3, 1)])
def test_weights_per_example_spread_over_the_steps(reduction, expected, shape):
    weights = np.array([0.0, 1.0, 2.0]).reshape(shape) * 1.0
    expected = {'sum': 29.0, 'mean_with_sample_weight': 29 / 6}.get(reduction, 29 / 6)
    assert float(reduce_values(VALUES, weights, None, reduction)) == pytest.approx(expected)


def test_weights_per_step():
    weights = np.array([[1, 0], [0, 0], [0, 3]])
    assert float(reduce_values(VALUES, weights, None, 'mean_with_sample_weight')) == pytest.approx(19 / 4)
    assert float(reduce_values(VALUES, weights[..., None], None, 'mean')) == pytest.approx(19 / 6)


def test_weights_all_one_change_nothing_in_a_weighted_mean():
    assert reduce_values(VALUES, np.ones((3, 1)), None, 'mean_with_sample_weight') == reduce_values(VALUES)


def test_a_single_weight_is_a_factor():
    assert reduce_values(VALUES, 2.0) == 2 * reduce_values(VALUES)


@pytest.mark.parametrize('shape', [(2,), (3, 3), (3, 2, 2), (1, 3)])
def test_weights_that_do_not_fit_are_refused(shape):
    with pytest.raises(ShapeError, match='Pass one weight for each example, or one for each value of the loss'):
        fit_weights(np.ones(shape), (3, 2), 'MeanSquaredError')


def test_weights_that_sum_to_zero_give_zero_and_a_finite_gradient():
    value, gradient = jax.value_and_grad(lambda v: reduce_values(v, jnp.zeros(3), None, 'mean_with_sample_weight'))(VALUES)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


def test_the_mask_counts_positions():
    mask = jnp.array([[True, False], [True, True], [False, False]])
    assert float(reduce_values(VALUES, None, mask)) == pytest.approx(8 / 3)
    assert float(reduce_values(VALUES, np.array([1.0, 2.0, 9.0]), mask, 'mean_with_sample_weight')) == pytest.approx(15 / 5)
    np.testing.assert_array_equal(reduce_values(VALUES, None, mask, 'none'), [[1, 0], [3, 4], [0, 0]])


def test_an_empty_batch_is_zero():
    assert losses.MeanSquaredError()(np.zeros((0, 2)), np.zeros((0, 2))) == 0


@pytest.mark.parametrize('cut', ['ignored', 'padded', 'both'])
def test_ignored_and_padded_positions_are_left_out_of_one_mean(cut):
    logits = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)
    labels = np.array([[1, 2, 0], [4, 4, 1], [2, 3, 3], [0, 1, 2]])
    ignore = 4 if cut != 'padded' else None
    valid = None if cut == 'ignored' else np.array([1, 1, 0, 1])
    keep = np.ones_like(labels, bool)
    keep &= labels != 4 if ignore else True
    keep[2] &= valid is None
    plain = losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignore)
    assert float(loss(labels, logits, valid=valid)) == pytest.approx(float(np.mean(np.asarray(plain)[keep])), rel=1e-6)


@given(
    rows=st.integers(1, 4),
    padding=st.integers(0, 3),
    reduction=st.sampled_from(['sum_over_batch_size', 'sum', 'mean_with_sample_weight']),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None)
def test_the_masked_mean_is_the_mean_of_the_rest_whatever_the_order(rows, padding, reduction, seed):
    rng = np.random.default_rng(seed)
    valid = rng.permutation(np.concatenate([np.ones(rows), np.zeros(padding)])).astype(np.float32)
    values = np.where(valid > 0, rng.normal(size=rows + padding), np.nan).astype(np.float32)
    weights = rng.uniform(0.1, 2, rows + padding).astype(np.float32)
    got = reduce_values(jnp.asarray(values), weights, jnp.asarray(valid > 0), reduction)
    product = (values * weights)[valid > 0].astype(np.float64)
    divisor = {'sum': 1, 'sum_over_batch_size': rows, 'mean_with_sample_weight': weights[valid > 0].sum()}[reduction]
    np.testing.assert_allclose(got, product.sum() / divisor, rtol=1e-5, atol=1e-6)
