"""Distances between distributions: Kullback-Leibler divergence and the Poisson likelihood of counts."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import described
from lamina.losses.base import EPSILON, Loss, evaluate


@described
class KLDivergence(Loss):
    """The information lost when `y_pred` stands for the distribution `y_true`.

    loss = Σ y_true log(y_true / y_pred) over the last axis; both are first kept within [1e-7, 1].

    Shapes: y_true and y_pred: (batch, …, classes), probabilities → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{KLDivergence()(jnp.array([[0.5, 0.5]]), jnp.array([[0.25, 0.75]])):.4f}')
    0.1438

    Source: Kullback and Leibler, 1951, On Information and Sufficiency.
    """

    aliases: ClassVar[tuple[str, ...]] = ('kld', 'kullback_leibler_divergence')
    targets: ClassVar[str] = 'probabilities'
    needs_axis: ClassVar[bool] = True

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """Σ y_true log(y_true / y_pred)."""
        y_true, y_pred = jnp.clip(y_true, EPSILON, 1), jnp.clip(y_pred, EPSILON, 1)
        return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`KLDivergence` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(f'{kl_divergence(jnp.array([[0.5, 0.5]]), jnp.array([[0.25, 0.75]]))[0]:.4f}')
    0.1438
    """
    return evaluate(KLDivergence(), y_true, y_pred)


@described
class Poisson(Loss):
    """The negative log-likelihood of counts under the predicted rates, up to a constant.

    loss = mean(y_pred - y_true log(y_pred + 1e-7)) over the last axis. Rates must be positive: end the network in
    softplus or exp; a negative one gives NaN.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{Poisson()(jnp.array([[2.0]]), jnp.array([[1.0]])):.4f}')
    1.0000
    """

    targets: ClassVar[str] = 'non_negative'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean of each example's negative log-likelihoods."""
        return jnp.mean(y_pred - y_true * jnp.log(y_pred + EPSILON), axis=-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """`Poisson` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(jnp.round(poisson(jnp.array([[2.0]]), jnp.array([[1.0]])), 4))
    [1.]
    """
    return evaluate(Poisson(), y_true, y_pred)
