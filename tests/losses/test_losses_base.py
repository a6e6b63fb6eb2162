"""The contract of a loss: alignment, shape errors, user-written losses and functions, and finding one by what a user writes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina import losses
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.core.serial import encode
from lamina.losses import FunctionLoss, Loss


def mean_fourth(y_true, y_pred):
    return jnp.mean((y_true - y_pred) ** 4)


def rows_fourth(y_true, y_pred):
    return jnp.mean((y_true - y_pred) ** 4, axis=-1)


class Cubic(Loss):
    def per_example(self, y_true, y_pred):
        return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)


class Everything(Loss):
    def per_example(self, y_true, y_pred):
        return jnp.sum(y_true - y_pred)


TRUE = np.array([[0.0, 1.0], [2.0, 2.0], [1.0, -1.0]], np.float32)
PRED = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]], np.float32)


@pytest.mark.parametrize(
    'spelling',
    ['mse', 'MSE', 'mean_squared_error', 'MeanSquaredError', losses.MeanSquaredError, losses.MeanSquaredError(), losses.mean_squared_error],
)
def test_get_takes_what_a_user_may_write(spelling):
    assert losses.get(spelling) == losses.MeanSquaredError()


@pytest.mark.parametrize(
    ('alias', 'name'),
    [
        ('mae', 'MeanAbsoluteError'),
        ('mape', 'MeanAbsolutePercentageError'),
        ('msle', 'MeanSquaredLogarithmicError'),
        ('bce', 'BinaryCrossentropy'),
        ('kld', 'KLDivergence'),
        ('kl_divergence', 'KLDivergence'),
        ('logcosh', 'LogCosh'),
        ('log_cosh', 'LogCosh'),
        ('huber_loss', 'Huber'),
        ('pinball', 'Quantile'),
    ],
)
def test_aliases(alias, name):
    assert losses.get(alias) == getattr(losses, name)()


def test_get_of_nothing_is_nothing():
    assert losses.get(None) is None


def test_get_proposes_the_nearest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'SparseCategoricalCrossentropy'"):
        losses.get('SparseCategoricalCrossentrpy')


@pytest.mark.parametrize('value', [3, int, ['mse']])
def test_get_refuses_what_is_no_loss(value):
    with pytest.raises(ConfigError, match='Pass for instance one of'):
        losses.get(value)


def test_get_refuses_optax_functions_whose_arguments_are_swapped():
    with pytest.raises(ConfigError, match=r'Pass lambda y_true, y_pred: optax.l2_loss\(y_pred, y_true\)'):
        losses.get(optax.l2_loss)


def test_get_wraps_functions_and_partial_functions():
    assert losses.get(mean_fourth) == FunctionLoss(mean_fourth)
    partial = functools.partial(losses.huber, delta=2.0)
    assert losses.get(partial)(TRUE, PRED) == losses.Huber(2.0)(TRUE, PRED)


@pytest.mark.parametrize('function', [mean_fourth, rows_fourth, lambda t, p: (t - p) ** 4], ids=['scalar', 'rows', 'elements'])
def test_functions_of_every_kind_agree(function):
    expected = np.mean((TRUE - PRED) ** 4)
    np.testing.assert_allclose(FunctionLoss(function)(TRUE, PRED), expected, rtol=1e-6)
    assert FunctionLoss(function, reduction='none')(TRUE, PRED).shape[0] == 3


@pytest.mark.parametrize('function', [mean_fourth, rows_fourth])
def test_padding_leaves_no_trace_in_a_function(function):
    loss = FunctionLoss(function)
    true = np.concatenate([TRUE, np.full((1, 2), np.nan, np.float32)])
    pred = np.concatenate([PRED, np.full((1, 2), np.inf, np.float32)])
    value, gradient = jax.value_and_grad(lambda p: loss(true, p, valid=jnp.array([1.0, 1.0, 1.0, 0.0])))(pred)
    expected, slope = jax.value_and_grad(lambda p: loss(TRUE, p))(PRED)
    np.testing.assert_allclose(value, expected, rtol=1e-7)
    np.testing.assert_allclose(gradient[:3], slope, rtol=1e-6)
    np.testing.assert_array_equal(gradient[3], 0)


def test_padding_is_safe_for_functions_with_infinite_slopes():
    loss = FunctionLoss(lambda t, p: jnp.sqrt(jnp.sum((t - p) ** 2, axis=-1)) + jnp.sum(jnp.log(p) / t, axis=-1))
    gradient = jax.grad(lambda p: loss(jnp.ones((2, 2)), p, valid=jnp.array([1.0, 0.0])))(jnp.array([[2.0, 3.0], [0.0, -1.0]]))
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[1], 0)


@pytest.mark.parametrize('function', [mean_fourth, rows_fourth])
def test_weights_of_a_function_are_per_example(function):
    weights = np.array([1.0, 0.0, 3.0])
    expected = np.mean(np.mean((TRUE - PRED) ** 4, -1) * weights)
    np.testing.assert_allclose(FunctionLoss(function)(TRUE, PRED, weights), expected, rtol=1e-6)


def test_functions_are_aligned_so_that_columns_do_not_spread():
    assert FunctionLoss(mean_fourth)(np.array([1.0, 2.0]), np.array([[1.0], [2.0]])) == 0


def test_functions_get_whole_numbers_as_whole_numbers():
    loss = FunctionLoss(lambda t, p: -jnp.take_along_axis(jax.nn.log_softmax(p), t[:, None], -1)[:, 0])
    labels = np.array([0, 1, 1])
    expected = losses.SparseCategoricalCrossentropy(from_logits=True)(labels, PRED)
    np.testing.assert_allclose(loss(labels, PRED), expected, rtol=1e-6)


def test_a_function_that_loses_the_batch_is_refused():
    with pytest.raises(ShapeError, match='Keep the batch axis: reduce with axis=-1'):
        FunctionLoss(lambda t, p: jnp.mean((t - p) ** 2, axis=0))(np.ones((2, 2)), np.ones((2, 2)))


def test_a_function_needs_as_many_targets_as_predictions():
    with pytest.raises(ShapeError, match='Pass as many targets as there are inputs'):
        FunctionLoss(rows_fourth)(TRUE[:2], PRED)


def test_equal_functions_are_equal_losses():
    assert FunctionLoss(mean_fourth) == FunctionLoss(mean_fourth) != FunctionLoss(rows_fourth)
    assert hash(FunctionLoss(mean_fourth)) == hash(FunctionLoss(mean_fourth))


def test_a_function_cannot_be_saved_and_says_what_can():
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        encode(FunctionLoss(mean_fourth))


@pytest.mark.parametrize('bad', FunctionLoss.__dataclass_fields__['function'].metadata['rule'].bad)
def test_what_is_no_function_is_refused(bad):
    with pytest.raises(ConfigError, match='Change function=… to such a value'):
        FunctionLoss(bad)


def test_a_loss_of_ones_own():
    assert Cubic()(TRUE, PRED) == pytest.approx(np.mean(np.abs(TRUE - PRED) ** 3))
    assert Cubic()(TRUE[:, 0], PRED[:, 0], valid=[1, 0, 1]) == pytest.approx(1.0)


def test_a_loss_of_ones_own_that_reduces_everything_is_told_so():
    with pytest.raises(ShapeError, match=r'Reduce over the last axis only: jnp.mean\(…, axis=-1\)'):
        Everything()(TRUE, PRED)


def test_the_base_cannot_be_made():
    with pytest.raises(TypeError, match='abstract'):
        Loss()


@pytest.mark.parametrize(
    ('loss', 'true', 'pred', 'remedy'),
    [
        (
            losses.CategoricalCrossentropy(),
            (4,),
            (4, 3),
            r'Use SparseCategoricalCrossentropy for whole-number labels, .* numpy\.eye\(3\)\[y\]',
        ),
        (losses.CategoricalCrossentropy(), (4, 1), (4, 3), 'Use SparseCategoricalCrossentropy for whole-number labels'),
        (losses.SparseCategoricalCrossentropy(), (4, 3), (4, 3), r'Use CategoricalCrossentropy for one-hot targets, or pass y\.argmax'),
        (losses.SparseCategoricalCrossentropy(), (4, 2), (4, 3), 'Pass one whole number, the number of its class, for each prediction'),
        (losses.BinaryCrossentropy(), (4,), (4, 3), r'end the network in Dense\(1\)'),
        (losses.MeanSquaredError(), (4, 2), (4, 3), 'change the last layer so that the output has the shape of y_true'),
        (losses.MeanSquaredError(), (3, 2), (4, 2), 'Pass as many targets as there are inputs'),
        (losses.Quantile((0.1, 0.9)), (4,), (4, 3), r'End the network in Dense\(2\)'),
        (losses.Quantile((0.1, 0.9)), (4, 2), (4, 2), 'Give y_true that shape'),
        (losses.CategoricalCrossentropy(axis=0), (4, 3), (4, 3), r'Set axis=-1\.'),
        (losses.CosineSimilarity(axis=2), (4, 3), (4, 3), r'Set axis=-1\.'),
        (losses.Dice(axis=(1, 2)), (4, 3), (4, 3), r'Set axis=None to sum over everything'),
        (losses.SparseCategoricalCrossentropy(), (), (3,), r'y_pred\[None\] for a single example'),
        (losses.MeanSquaredError(), (), (), r'Keep the batch axis first'),
    ],
)
def test_shapes_that_do_not_fit_are_explained_while_tracing(loss, true, pred, remedy):
    with pytest.raises(ShapeError, match=remedy) as caught:
        jax.eval_shape(loss, jax.ShapeDtypeStruct(true, np.float32), jax.ShapeDtypeStruct(pred, np.float32))
    assert type(loss).__name__ in str(caught.value)


def test_the_message_names_both_shapes():
    with pytest.raises(ShapeError, match=r"MeanSquaredError 'height': got y_true of shape \(4, 2\); expected shape \(4, 3\)"):
        losses.MeanSquaredError(name='height')(np.ones((4, 2)), np.ones((4, 3)))


def test_targets_and_predictions_of_one_axis_are_one_value_per_example():
    values = losses.MeanSquaredError(reduction='none')(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 0.0]))
    np.testing.assert_array_equal(values, [0.0, 4.0, 9.0])


def test_lists_and_booleans_are_taken():
    assert losses.BinaryCrossentropy()([True, False], [[0.5], [0.5]]) == pytest.approx(np.log(2), rel=1e-6)
