"""Agreement of whole vectors and regions: cosine similarity, Dice and Tversky overlap."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import described, unregistered
from lamina.core.errors import ShapeError
from lamina.core.fields import axes, real, setting
from lamina.core.shapes import Shape, show
from lamina.losses.base import EPSILON, Loss, axis_rule, evaluate
from lamina.losses.reduction import combine_masks, fill_rows, reduce_values


@described
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between target and prediction: -1 same direction, 0 at right angles, 1 opposed.

    loss = -Σ y_true y_pred / (‖y_true‖ ‖y_pred‖) along `axis`; a vector of zeros gives 0.

    Args:
        axis: the axis of the vectors.

    Shapes: y_true and y_pred: (batch, …, features) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(CosineSimilarity()(jnp.array([[0.0, 1.0]]), jnp.array([[0.0, 5.0]])))
    -1.0
    """

    targets: ClassVar[str] = 'real'
    needs_axis: ClassVar[bool] = True

    axis: int = setting(axis_rule, default=-1)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """Minus the cosine of each pair of vectors."""
        return -jnp.sum(_unit(y_true, self.axis) * _unit(y_pred, self.axis), axis=self.axis)


def _unit(vectors: jax.Array, axis: int) -> jax.Array:
    """The vectors at length 1; the floor under the root gives a vector of zeros a finite gradient."""
    square = jnp.sum(jnp.square(vectors), axis=axis, keepdims=True)
    return vectors * jax.lax.rsqrt(jnp.maximum(square, EPSILON**2))


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> jax.Array:
    """`CosineSimilarity` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(cosine_similarity(jnp.array([[0.0, 1.0]]), jnp.array([[0.0, 5.0]])))
    [-1.]
    """
    return evaluate(CosineSimilarity(axis), y_true, y_pred)


@unregistered
class Overlap(Loss):
    """The base of the losses that compare two regions by sums over `axis`, which may include the batch.

    Where it does, padded rows are emptied before the sums, so that they add nothing to any of them.
    """

    targets: ClassVar[str] = 'binary'

    axis: int | tuple[int, ...] | None = setting(axes(), default=None, kw_only=True)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        valid: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> jax.Array:
        """The loss of a batch; see `Loss.__call__`."""
        true, predicted = self._as_batch(*self.align(y_true, y_pred))
        if not self._spans_batch(predicted.ndim):
            return super().__call__(true, predicted, sample_weight, valid, mask)
        if valid is not None:
            true, predicted = fill_rows(valid, true, 0), fill_rows(valid, predicted, 0)
        values = self.per_example(true, predicted)
        if sample_weight is None:
            return reduce_values(values, reduction=self.reduction, label=self.label)
        if values.ndim:
            remedy = 'Leave the batch out of axis, or leave out sample_weight.'
            raise ShapeError(self.label, f'sample_weight with axis={self.axis}', 'sums that keep the examples apart', remedy)
        values = jnp.broadcast_to(values, predicted.shape[:1])
        return reduce_values(values, sample_weight, combine_masks(None, valid, 1), self.reduction, self.label)

    def _spans_batch(self, ndim: int) -> bool:
        chosen = (self.axis,) if isinstance(self.axis, int) else self.axis
        return chosen is None or any(a % ndim == 0 for a in chosen)

    def _axis(self, shape: Shape) -> int:
        chosen, ndim = (self.axis,) if isinstance(self.axis, int) else self.axis or (), len(shape)
        if any(not -ndim <= a < ndim for a in chosen):
            got = f'axis={self.axis} for predictions of shape {show(shape)}'
            raise ShapeError(f'{self.label}, setting axis', got, 'axes they have', 'Set axis=None to sum over everything.')
        return ndim - 1


@described
class Dice(Overlap):
    """One minus twice the overlap of two regions over the sum of their sizes.

    loss = 1 - 2 Σ y_true y_pred / (Σ y_true + Σ y_pred + 1e-7), the sums over `axis`.

    Args:
        axis: an axis or several; None (default) for all, the batch included, which gives one number for the batch.

    Shapes: y_true and y_pred: (batch, …), in [0, 1] → the axes that are not summed over.

    Raises:
        ShapeError: the shapes do not fit, or sample weights with sums over the batch and not over everything.

    >>> import jax.numpy as jnp
    >>> print(f'{Dice()(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]])):.4f}')
    0.3333

    Source: Milletari et al., 2016, V-Net.
    """

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """One minus the Dice coefficient."""
        both = jnp.sum(y_true * y_pred, axis=self.axis)
        return 1 - 2 * both / (jnp.sum(y_true, axis=self.axis) + jnp.sum(y_pred, axis=self.axis) + EPSILON)


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: int | tuple[int, ...] | None = None) -> jax.Array:
    """`Dice` as a function: one value, or the axes not summed over.

    >>> import jax.numpy as jnp
    >>> print(f'{dice(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]])):.4f}')
    0.3333
    """
    return evaluate(Dice(axis=axis), y_true, y_pred)


@described
class Tversky(Overlap):
    """Dice with a weight of its own for each kind of mistake; alpha = beta = 0.5 is Dice.

    loss = 1 - o / (o + alpha Σ (1 - y_pred) y_true + beta Σ y_pred (1 - y_true) + 1e-7), with o = Σ y_true y_pred.

    Args:
        alpha: at least 0; the weight of what was missed.
        beta: at least 0; the weight of false alarms.
        axis: as for `Dice`.

    Shapes: y_true and y_pred: (batch, …), in [0, 1] → the axes that are not summed over.

    Raises:
        ShapeError: as for `Dice`.

    >>> import jax.numpy as jnp
    >>> print(f'{Tversky(beta=1.0)(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]])):.4f}')
    0.5000

    Source: Salehi et al., 2017, Tversky Loss Function for Image Segmentation. Which mistake alpha weighs follows Keras.
    """

    alpha: float = setting(real(0), default=0.5)
    beta: float = setting(real(0), default=0.5)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """One minus the Tversky index."""
        both = jnp.sum(y_true * y_pred, axis=self.axis)
        missed = jnp.sum((1 - y_pred) * y_true, axis=self.axis)
        invented = jnp.sum(y_pred * (1 - y_true), axis=self.axis)
        return 1 - both / (both + self.alpha * missed + self.beta * invented + EPSILON)


def tversky(
    y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5, beta: float = 0.5, axis: int | tuple[int, ...] | None = None
) -> jax.Array:
    """`Tversky` as a function: one value, or the axes not summed over.

    >>> import jax.numpy as jnp
    >>> print(f'{tversky(jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]]), beta=1.0):.4f}')
    0.5000
    """
    return evaluate(Tversky(alpha, beta, axis=axis), y_true, y_pred)
