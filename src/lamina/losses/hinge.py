"""Hinge losses: zero once an example is on the right side by a margin of one."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import described
from lamina.losses.base import Loss, evaluate


def _signed(y_true: jax.Array) -> jax.Array:
    """Labels of -1 and 1, from those or from 0 and 1; told apart by the whole batch, as Keras does."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)


def _shortfall(y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
    return jnp.maximum(1 - _signed(y_true) * y_pred, 0)


@described
class Hinge(Loss):
    """How far each output falls short of a margin of 1 on its side.

    loss = mean(max(1 - y_true y_pred, 0)) over the last axis. Labels are -1 and 1; where all are 0 or 1, they are converted.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(Hinge()(jnp.array([-1, 1]), jnp.array([[-2.0], [0.5]])))
    0.25
    """

    targets: ClassVar[str] = 'signed'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean shortfall of each example."""
        return jnp.mean(_shortfall(y_true, y_pred), axis=-1)


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`Hinge` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(hinge(jnp.array([[1.0]]), jnp.array([[0.5]])))
    [0.5]
    """
    return evaluate(Hinge(), y_true, y_pred)


@described
class SquaredHinge(Loss):
    """The square of the hinge: smooth at the margin, harder on large violations.

    loss = mean(max(1 - y_true y_pred, 0)²) over the last axis. Labels as for `Hinge`.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(SquaredHinge()(jnp.array([-1, 1]), jnp.array([[-2.0], [0.5]])))
    0.125
    """

    targets: ClassVar[str] = 'signed'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean squared shortfall of each example."""
        return jnp.mean(jnp.square(_shortfall(y_true, y_pred)), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`SquaredHinge` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(squared_hinge(jnp.array([[1.0]]), jnp.array([[0.5]])))
    [0.25]
    """
    return evaluate(SquaredHinge(), y_true, y_pred)


@described
class CategoricalHinge(Loss):
    """How far the true class's score falls short of a margin of 1 above the best other score.

    loss = max(neg - pos + 1, 0), with pos = Σ y_true y_pred and neg = max((1 - y_true) y_pred) over the last axis.

    Shapes: y_true (one-hot) and y_pred: (batch, …, classes) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(CategoricalHinge()(jnp.array([[0, 1, 0]]), jnp.array([[0.5, 2.0, 1.5]])))
    0.5

    Source: as Keras defines it; where every other score is negative, neg is 0, from the true class's own place.
    """

    targets: ClassVar[str] = 'probabilities'
    needs_axis: ClassVar[bool] = True

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The shortfall of each example's true class."""
        positive = jnp.sum(y_true * y_pred, axis=-1)
        negative = jnp.max((1 - y_true) * y_pred, axis=-1)
        return jnp.maximum(negative - positive + 1, 0)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`CategoricalHinge` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(categorical_hinge(jnp.array([[0, 1, 0]]), jnp.array([[0.5, 2.0, 1.5]])))
    [0.5]
    """
    return evaluate(CategoricalHinge(), y_true, y_pred)
