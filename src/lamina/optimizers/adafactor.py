"""Adafactor: Adam's second moment at the memory of its row and column means."""

import jax
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.fields import flag, real, setting
from lamina.optimizers.adam import updates_so_far
from lamina.optimizers.base import Optimizer, leafwise, transformation


def root_mean_square(x: jax.Array) -> jax.Array:
    """√(mean of squares) over all elements."""
    return jnp.sqrt(jnp.mean(jnp.square(x)))


@described
class Adafactor(Optimizer):
    """Divides by the root of a mean square gradient that is kept factored, and moves in proportion to the weights' size.

    With t from 1, β = 1 − t^beta_2_decay, s = g² + epsilon_1. For two or more axes: r ← βr + (1 − β) · (mean of s over the last axis),
    c ← βc + (1 − β) · (mean of s over the one before), v = r cᵀ / (mean of r). For fewer: v ← βv + (1 − β)s. Then
    u = g/√v, p ← p − max(epsilon_2, rms(p)) · ρ · u / max(1, rms(u)/clip_threshold), ρ = min(rate, 1/√t) or rate.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        beta_2_decay: exponent of the decay, at most 0 (default -0.8).
        epsilon_1: added to the squared gradient (default 1e-30).
        epsilon_2: least size of the weights (default 0.001).
        clip_threshold: largest root mean square of u (default 1).
        relative_step: hold the rate below 1/√t (default True).
        others: weight_decay, clipnorm, clipvalue, global_clipnorm, exclude_from_weight_decay, name; see `Optimizer`.

    >>> Adafactor(0.01, relative_step=False)
    Adafactor(learning_rate=0.01, relative_step=False)

    Source: Shazeer and Stern, 2018. `optax.scale_by_factored_rms` factors only axes of 128 and more. In Keras 3
    `relative_step=False` is without effect, the rate being held below 1/√t all the same; here it does what it says.
    """

    beta_2_decay: float = setting(real(at_most=0.0), default=-0.8)
    epsilon_1: float = setting(real(at_least=0.0), default=1e-30)
    epsilon_2: float = setting(real(at_least=0.0), default=1e-3)
    clip_threshold: float = setting(real(above=0.0), default=1.0)
    relative_step: bool = setting(flag(), default=True)

    @property
    def includes_rate(self):
        return True

    def direction(self):
        def update(grads, state, params=None, *, learning_rate, step, **_):
            t = updates_so_far(step)
            rate = jnp.minimum(learning_rate, 1.0 / jnp.sqrt(t)) if self.relative_step else learning_rate
            new = t**self.beta_2_decay
            return leafwise(lambda *leaf: self._step(rate, new, *leaf), 2, grads, state, params)

        return transformation(lambda params: jax.tree.map(self._moments, params), update)

    def _moments(self, p):
        if p.ndim < 2:
            return {'full': jnp.zeros_like(p)}
        return {'row': jnp.zeros_like(p[..., 0]), 'column': jnp.zeros_like(p[..., 0, :])}

    def _step(self, rate, new, g, moments, p):
        square = jnp.square(g) + self.epsilon_1
        means = {'full': square} if p.ndim < 2 else {'row': jnp.mean(square, -1), 'column': jnp.mean(square, -2)}
        moments = {k: ((1.0 - new) * moments[k] + new * mean).astype(mean.dtype) for k, mean in means.items()}
        u = g / jnp.sqrt(moments['full'] if p.ndim < 2 else self._outer(**moments))
        u = u / jnp.maximum(1.0, root_mean_square(u) / self.clip_threshold)
        return jnp.maximum(self.epsilon_2, root_mean_square(p)) * rate * u, moments

    def _outer(self, row, column):
        return (row / jnp.mean(row, -1, keepdims=True))[..., :, None] * column[..., None, :]
