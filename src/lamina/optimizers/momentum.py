"""Rules that keep one moving sum of gradients: gradient descent with momentum, and Lion, which keeps only its sign."""

from typing import NamedTuple

import optax

from lamina.core.described import described
from lamina.core.fields import flag, real, setting
from lamina.optimizers.base import Optimizer, Params, leafwise, transformation, zeros_like
from lamina.optimizers.schedules import Schedule, as_learning_rate, learning_rate_rule


class VelocityState(NamedTuple):
    """The moving sum of scaled updates, one array a weight."""

    velocity: Params


def velocity(momentum: float, *, nesterov: bool = False) -> optax.GradientTransformationExtraArgs:
    """Momentum over updates that already contain the learning rate: v ← momentum · v + rate · d, move by v.

    With `nesterov`, move by momentum · v + rate · d. `optax.trace` sums the gradients and multiplies the sum by today's
    rate; this sums the products, as Keras does. The two are equal only while the rate is constant.
    """

    def update(grads, state, params=None, *, learning_rate, **_):
        def move(g, v):
            v = momentum * v + (learning_rate * g).astype(v.dtype)
            return (momentum * v + learning_rate * g if nesterov else v), v

        moves, new = leafwise(move, 2, grads, state.velocity)
        return moves, VelocityState(new)

    return transformation(lambda params: VelocityState(zeros_like(params)), update)


@described
class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    p ← p − rate · g. With momentum: v ← momentum · v − rate · g, p ← p + v. With Nesterov's: p ← p + momentum · v − rate · g.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.01).
        momentum: the part of the last move that is kept, 0 to 1 (default 0).
        nesterov: look ahead along the momentum (default False); without effect at momentum 0.
        others: weight_decay, clipnorm, clipvalue, global_clipnorm, exclude_from_weight_decay, name; see `Optimizer`.

    >>> import jax.numpy as jnp
    >>> optimizer, params = SGD(0.1), {'dense/bias': jnp.array([1.0])}
    >>> params, state = optimizer.update({'dense/bias': jnp.array([2.0])}, optimizer.init(params), params, optimizer.rate(0), 0)
    >>> print(params['dense/bias'])
    [0.8]

    Source: Robbins and Monro, 1951; Polyak, 1964; Sutskever et al., 2013.
    """

    elementwise = True

    learning_rate: float | Schedule = setting(learning_rate_rule(), convert=as_learning_rate, default=0.01)
    momentum: float = setting(real(0.0, 1.0), default=0.0)
    nesterov: bool = setting(flag(), default=False)

    @property
    def includes_rate(self):
        return self.momentum > 0

    def direction(self):
        return velocity(self.momentum, nesterov=self.nesterov) if self.momentum > 0 else optax.identity()


@described
class Lion(Optimizer):
    """The sign of an interpolation between momentum and gradient: every weight moves by the same amount.

    p ← p − rate · sign(beta_1 · m + (1 − beta_1) · g), then m ← beta_2 · m + (1 − beta_2) · g. Rates are usually 3 to 10
    times smaller, and weight decays larger, than Adam's.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        beta_1: weight of the momentum in the move, above 0 (default 0.9).
        beta_2: decay of the momentum (default 0.99).
        others: see `Optimizer`.

    >>> Lion(1e-4, weight_decay=0.1)
    Lion(learning_rate=0.0001, weight_decay=0.1)

    Source: Chen et al., 2023. `optax.scale_by_lion`.
    """

    elementwise = True

    beta_1: float = setting(real(above=0.0, at_most=1.0), default=0.9)
    beta_2: float = setting(real(0.0, 1.0), default=0.99)

    def direction(self):
        return optax.scale_by_lion(self.beta_1, self.beta_2)
