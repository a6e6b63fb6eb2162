"""Distances between numbers: squared, absolute, relative, logarithmic, robust, and towards a quantile."""

import numbers
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import Rule, real, setting
from lamina.core.shapes import Shape, show
from lamina.losses.base import EPSILON, Loss, evaluate
from lamina.losses.targets import TargetRule


@described
class MeanSquaredError(Loss):
    """The mean squared difference; its best constant prediction is the mean.

    loss = mean((y_true - y_pred)²) over the last axis.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction; (batch,) targets fit (batch, 1) predictions.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(MeanSquaredError()(jnp.array([1.0, 2.0]), jnp.array([[1.0], [4.0]])))
    2.0
    """

    aliases: ClassVar[tuple[str, ...]] = ('mse',)
    targets: ClassVar[str] = 'real'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean square of each example's errors."""
        return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`MeanSquaredError` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(mean_squared_error(jnp.array([[0.0, 2.0]]), jnp.array([[1.0, 5.0]])))
    [5.]
    """
    return evaluate(MeanSquaredError(), y_true, y_pred)


@described
class MeanAbsoluteError(Loss):
    """The mean absolute difference; its best constant prediction is the median.

    loss = mean(|y_true - y_pred|) over the last axis.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(MeanAbsoluteError()(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
    1.0
    """

    aliases: ClassVar[tuple[str, ...]] = ('mae',)
    targets: ClassVar[str] = 'real'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of each example's absolute errors."""
        return jnp.mean(_absolute(y_true - y_pred), axis=-1)


def _absolute(error: jax.Array) -> jax.Array:
    """|error|, with slope 0 at 0, where `jnp.abs` has 1 and would push a perfect prediction away."""
    return error * jax.lax.stop_gradient(jnp.sign(error))


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`MeanAbsoluteError` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(mean_absolute_error(jnp.array([[0.0, 2.0]]), jnp.array([[1.0, 5.0]])))
    [2.]
    """
    return evaluate(MeanAbsoluteError(), y_true, y_pred)


@described
class MeanAbsolutePercentageError(Loss):
    """The mean absolute difference in per cent of the target.

    loss = 100 · mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis; targets near zero dominate it.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(MeanAbsolutePercentageError()(jnp.array([2.0, 4.0]), jnp.array([1.0, 4.0])))
    25.0
    """

    aliases: ClassVar[tuple[str, ...]] = ('mape',)
    targets: ClassVar[str] = 'real'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of each example's relative errors, in per cent."""
        return 100 * jnp.mean(_absolute(y_true - y_pred) / jnp.maximum(jnp.abs(y_true), EPSILON), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`MeanAbsolutePercentageError` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(mean_absolute_percentage_error(jnp.array([[2.0, 4.0]]), jnp.array([[1.0, 4.0]])))
    [25.]
    """
    return evaluate(MeanAbsolutePercentageError(), y_true, y_pred)


@described
class MeanSquaredLogarithmicError(Loss):
    """The mean squared difference of logarithms: relative errors, for quantities that cannot be negative.

    loss = mean((log(1 + y_true) - log(1 + y_pred))²) over the last axis; values below 1e-7 count as 1e-7.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{MeanSquaredLogarithmicError()(jnp.array([[1.0]]), jnp.array([[3.0]])):.4f}')
    0.4805
    """

    aliases: ClassVar[tuple[str, ...]] = ('msle',)
    targets: ClassVar[str] = 'non_negative'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean square of each example's logarithmic errors."""
        true, predicted = (jnp.log1p(jnp.maximum(y, EPSILON)) for y in (y_true, y_pred))
        return jnp.mean(jnp.square(true - predicted), axis=-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`MeanSquaredLogarithmicError` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(f'{mean_squared_logarithmic_error(jnp.array([[1.0]]), jnp.array([[3.0]]))[0]:.4f}')
    0.4805
    """
    return evaluate(MeanSquaredLogarithmicError(), y_true, y_pred)


@described
class Huber(Loss):
    """Squared for small errors, absolute for large ones: robust to outliers.

    With e = y_true - y_pred, loss = mean over the last axis of e² / 2 where |e| ≤ delta, else delta |e| - delta² / 2.

    Args:
        delta: above 0; where the one passes into the other, in the units of the target.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(Huber()(jnp.array([0.0, 0.0]), jnp.array([1.0, 3.0])))
    1.5

    Source: Huber, 1964, Robust Estimation of a Location Parameter.
    """

    aliases: ClassVar[tuple[str, ...]] = ('huber_loss',)
    targets: ClassVar[str] = 'real'

    delta: float = setting(real(above=0), default=1.0)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of each example's Huber errors."""
        error = jnp.abs(y_true - y_pred)
        small = error <= self.delta
        square = jnp.square(jnp.where(small, error, 0))
        return jnp.mean(jnp.where(small, square / 2, self.delta * error - self.delta**2 / 2), axis=-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> jax.Array:
    """`Huber` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(huber(jnp.array([[0.0, 0.0]]), jnp.array([[1.0, 3.0]])))
    [1.5]
    """
    return evaluate(Huber(delta), y_true, y_pred)


@described
class LogCosh(Loss):
    """A smooth absolute error: e² / 2 for small errors, |e| - log 2 for large ones.

    loss = mean(log(cosh(y_pred - y_true))) over the last axis, without overflow for any error.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{LogCosh()(jnp.array([0.0, 0.0]), jnp.array([1.0, 0.0])):.4f}')
    0.2169
    """

    targets: ClassVar[str] = 'real'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of each example's log-cosh errors."""
        error = jnp.abs(y_pred - y_true)
        return jnp.mean(error + jnp.log1p(jnp.exp(-2 * error)) - jnp.log(2.0), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`LogCosh` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(f'{log_cosh(jnp.array([[0.0]]), jnp.array([[1.0]]))[0]:.4f}')
    0.4338
    """
    return evaluate(LogCosh(), y_true, y_pred)


def _is_level(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 < float(value) < 1


_levels_rule = Rule(
    lambda v: len(v) > 0 and all(_is_level(q) for q in v) if isinstance(v, tuple) else _is_level(v),
    'a number in (0, 1), or a tuple of such numbers',
    bad=(0, 1.0, 'median', (), (0.5, 1.5)),
)


@described
class Quantile(Loss):
    """The pinball loss: its best constant prediction is a quantile of the targets.

    With e = y_true - y_pred, loss = mean over the last axis of max(q e, (q - 1) e). q = 0.5 is half the absolute error.
    With several quantiles, the last axis of the predictions holds one output for each, and every one meets the same target.

    Args:
        quantile: in (0, 1), or a tuple of such numbers.

    Shapes: one quantile: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.
        several: y_true: (batch, …) or (batch, …, 1), y_pred: (batch, …, quantiles) → (batch, …).

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{Quantile((0.1, 0.9))(jnp.array([10.0]), jnp.array([[8.0, 12.0]])):.2f}')
    0.20

    Source: Koenker and Bassett, 1978, Regression Quantiles.
    """

    aliases: ClassVar[tuple[str, ...]] = ('pinball', 'quantile_loss')
    targets: ClassVar[str] = 'real'

    quantile: float | tuple[float, ...] = setting(_levels_rule, default=0.5)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of each example's pinball errors."""
        error, level = y_true - y_pred, jnp.asarray(self.quantile, y_pred.dtype)
        return jnp.mean(jnp.maximum(level * error, (level - 1) * error), axis=-1)

    def target_rule(self, output_shape: Shape) -> TargetRule:
        """Numbers of the shape of the output, or one number for all quantiles."""
        if not isinstance(self.quantile, tuple):
            return super().target_rule(output_shape)
        if output_shape[-1:] != (len(self.quantile),):
            expected = f'shape (batch, …, {len(self.quantile)}), one output for each quantile'
            remedy = f'End the network in Dense({len(self.quantile)}).'
            raise ShapeError(self.label, f'y_pred of shape {show(output_shape)}', expected, remedy)
        return TargetRule('real', (*output_shape[:-1], 1))

    def match_ranks(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """With several quantiles, (batch, …) targets get a last axis of size 1."""
        if not isinstance(self.quantile, tuple):
            return super().match_ranks(y_true, y_pred)
        return (y_true[..., None] if y_true.ndim == y_pred.ndim - 1 else y_true), y_pred


def quantile(y_true: ArrayLike, y_pred: ArrayLike, quantile: float | tuple[float, ...] = 0.5) -> jax.Array:
    """`Quantile` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(quantile(jnp.array([[1.0]]), jnp.array([[3.0]]), quantile=0.25))
    [1.5]
    """
    return evaluate(Quantile(quantile), y_true, y_pred)
