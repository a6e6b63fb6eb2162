"""Rules that give each weight a rate of its own from the squares of its gradients: Adagrad and what followed it."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from lamina.core.described import described
from lamina.core.fields import flag, real, setting
from lamina.optimizers.base import Optimizer, Params, leafwise, transformation, zeros_like
from lamina.optimizers.momentum import velocity


class CenteredState(NamedTuple):
    """Moving means of the gradient and of its square."""

    mean: Params
    mean_square: Params


class FtrlState(NamedTuple):
    """The sum of squared gradients and the linear term, one array each a weight."""

    accumulator: Params
    linear: Params


def scale_by_deviation(rho: float, epsilon: float) -> optax.GradientTransformation:
    """g/√(max(E[g²] − E[g]², 0) + ε). `optax.scale_by_stddev` has no max: where the gradient hardly changes,
    the difference rounds to a negative number and its root is not a number.
    """

    def update(grads, state, params=None, **_):
        def move(g, mean, square):
            mean, square = rho * mean + (1.0 - rho) * g, rho * square + (1.0 - rho) * jnp.square(g)
            return g / jnp.sqrt(jnp.maximum(square - jnp.square(mean), 0.0) + epsilon), mean, square

        moves, *trees = leafwise(move, 3, grads, *state)
        return moves, CenteredState(*trees)

    return transformation(lambda params: CenteredState(zeros_like(params), zeros_like(params)), update)


@described
class RMSprop(Optimizer):
    """Divides the gradient by the root of the moving mean of its square.

    v ← rho · v + (1 − rho) · g², d = g/√(v + ε), p ← p − rate · d. With `centered`, the variance v − E[g]² stands in v's
    place. With momentum: u ← momentum · u + rate · d, p ← p − u.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        rho: decay of the means (default 0.9).
        momentum: the part of the last move that is kept (default 0).
        epsilon: added under the root (default 1e-7).
        centered: divide by the standard deviation (default False).
        others: weight_decay, clipnorm, clipvalue, global_clipnorm, exclude_from_weight_decay, name; see `Optimizer`.

    >>> RMSprop(1e-4, rho=0.95)
    RMSprop(learning_rate=0.0001, rho=0.95)

    Source: Hinton, 2012 (lecture 6e); centered: Graves, 2013. `optax.scale_by_rms` where not centered.
    """

    elementwise = True

    rho: float = setting(real(0.0, below=1.0), default=0.9)
    momentum: float = setting(real(0.0, 1.0), default=0.0)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)
    centered: bool = setting(flag(), default=False)

    @property
    def includes_rate(self):
        return self.momentum > 0

    def direction(self):
        rule = scale_by_deviation(self.rho, self.epsilon) if self.centered else optax.scale_by_rms(self.rho, self.epsilon)
        return optax.chain(rule, velocity(self.momentum)) if self.momentum > 0 else rule


@described
class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of all its squares so far.

    s ← s + g², p ← p − rate · g/√(s + ε).

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001; the paper's is 1.0).
        initial_accumulator_value: s before the first update (default 0.1).
        epsilon: added under the root (default 1e-7).
        others: see `Optimizer`.

    >>> Adagrad(0.1)
    Adagrad(learning_rate=0.1)

    Source: Duchi, Hazan and Singer, 2011. `optax.scale_by_rss`.
    """

    elementwise = True

    initial_accumulator_value: float = setting(real(at_least=0.0), default=0.1)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)

    def direction(self):
        return optax.scale_by_rss(self.initial_accumulator_value, self.epsilon)


@described
class Adadelta(Optimizer):
    """Adagrad with moving means, in units of the weights themselves.

    a ← rho · a + (1 − rho) · g², d = √(x + ε)/√(a + ε) · g, x ← rho · x + (1 − rho) · d², p ← p − rate · d.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001; the paper's is 1.0).
        rho: decay of the means (default 0.95).
        epsilon: added under both roots (default 1e-7).
        others: see `Optimizer`.

    >>> Adadelta(1.0)
    Adadelta(learning_rate=1.0)

    Source: Zeiler, 2012. `optax.scale_by_adadelta`.
    """

    elementwise = True

    rho: float = setting(real(0.0, below=1.0), default=0.95)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)

    def direction(self):
        return optax.scale_by_adadelta(self.rho, self.epsilon)


@described
class Ftrl(Optimizer):
    """Follows the regularized leader: keeps weights at exactly 0 where the evidence is below an L1 threshold.

    With k = −learning_rate_power, l2 = l2_regularization_strength + beta/(2 · rate):
    h = g + 2 · l2_shrinkage_regularization_strength · p, n′ = n + g², z ← z + h − (n′ᵏ − nᵏ)/rate · p, n ← n′,
    p ← (clip(z, −l1, l1) − z) / (nᵏ/rate + 2 · l2). A step at rate 0 changes nothing.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        learning_rate_power: how the rate falls with n, at most 0 (default -0.5, the root).
        initial_accumulator_value: n before the first update (default 0.1).
        l1_regularization_strength: l1, at least 0 (default 0).
        l2_regularization_strength: at least 0 (default 0).
        l2_shrinkage_regularization_strength: adds to the gradient only, at least 0 (default 0).
        beta: at least 0 (default 0).
        others: see `Optimizer`.

    >>> Ftrl(0.05, l1_regularization_strength=0.01)
    Ftrl(learning_rate=0.05, l1_regularization_strength=0.01)

    Source: McMahan et al., 2013. Optax has no such rule.
    """

    elementwise = True

    learning_rate_power: float = setting(real(at_most=0.0), default=-0.5)
    initial_accumulator_value: float = setting(real(at_least=0.0), default=0.1)
    l1_regularization_strength: float = setting(real(at_least=0.0), default=0.0)
    l2_regularization_strength: float = setting(real(at_least=0.0), default=0.0)
    l2_shrinkage_regularization_strength: float = setting(real(at_least=0.0), default=0.0)
    beta: float = setting(real(at_least=0.0), default=0.0)

    @property
    def includes_rate(self):
        return True

    def direction(self):
        def init(params):
            return FtrlState(jax.tree.map(lambda p: jnp.full_like(p, self.initial_accumulator_value), params), zeros_like(params))

        def update(grads, state, params=None, *, learning_rate, **_):
            moves, *trees = leafwise(lambda *leaf: self._step(learning_rate, *leaf), 3, grads, *state, params)
            return moves, FtrlState(*trees)

        return transformation(init, update)

    def _step(self, rate, g, accumulator, linear, p):
        moving = rate > 0
        rate = jnp.where(moving, rate, 1.0)
        total = accumulator + jnp.square(g)
        root = self._power(total)
        slope = g + 2.0 * self.l2_shrinkage_regularization_strength * p - (root - self._power(accumulator)) / rate * p
        sum_ = linear + slope.astype(linear.dtype)
        clipped = jnp.clip(sum_, -self.l1_regularization_strength, self.l1_regularization_strength)
        target = (clipped - sum_) / (root / rate + 2.0 * self.l2_regularization_strength + self.beta / rate)
        return jnp.where(moving, p - target, 0.0), jnp.where(moving, total, accumulator), jnp.where(moving, sum_, linear)

    def _power(self, x):
        return jnp.sqrt(x) if self.learning_rate_power == -0.5 else x**-self.learning_rate_power
