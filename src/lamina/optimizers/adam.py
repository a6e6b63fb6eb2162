"""Adam and its family: moves by the mean gradient over the root of the mean square gradient.

Both means start at zero and are corrected for it by scalars computed once a step, so that the rule is elementwise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from lamina.core.described import described
from lamina.core.fields import flag, real, setting
from lamina.optimizers.base import Optimizer, Params, leafwise, transformation, zeros_like


class MomentsState(NamedTuple):
    """Moving means of the gradient and of its square (in Adamax its largest magnitude), one array each a weight."""

    momentum: Params
    velocity: Params


class AmsgradState(NamedTuple):
    """MomentsState with the largest velocity so far."""

    momentum: Params
    velocity: Params
    largest_velocity: Params


class NadamState(NamedTuple):
    """MomentsState with the product of the momentum schedule so far, a scalar."""

    momentum: Params
    velocity: Params
    schedule_product: jax.Array


def updates_so_far(step) -> jax.Array:
    """1 for the first update, as a float32 scalar."""
    return jnp.asarray(step, jnp.float32) + 1.0


def toward(mean: jax.Array, value: jax.Array, part: float) -> jax.Array:
    """The moving mean after one more value."""
    return mean + (value - mean) * part


def scale_by_adam(beta_1: float, beta_2: float, epsilon: float) -> optax.GradientTransformationExtraArgs:
    """m/(√v + ε) · √(1 − beta_2ᵗ)/(1 − beta_1ᵗ), with ε added before the correction.

    `optax.scale_by_adam` adds ε after it, which is another ε at each early step; the two agree for ε → 0.
    Kingma and Ba call this form's ε 'ε-hat'. The correction is one scalar a step.
    """

    def update(grads, state, params=None, *, step, **_):
        t = updates_so_far(step)
        correction = jnp.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)

        def move(g, m, v):
            m, v = toward(m, g, 1.0 - beta_1), toward(v, jnp.square(g), 1.0 - beta_2)
            return m * correction / (jnp.sqrt(v) + epsilon), m, v

        moves, m, v = leafwise(move, 3, grads, state.momentum, state.velocity)
        return moves, MomentsState(m, v)

    return transformation(lambda params: MomentsState(zeros_like(params), zeros_like(params)), update)


def scale_by_amsgrad(beta_1: float, beta_2: float, epsilon: float) -> optax.GradientTransformationExtraArgs:
    """`scale_by_adam` with the largest v so far in v's place; `optax.scale_by_amsgrad` takes the largest of the corrected ones."""

    def init(params):
        return AmsgradState(zeros_like(params), zeros_like(params), zeros_like(params))

    def update(grads, state, params=None, *, step, **_):
        t = updates_so_far(step)
        correction = jnp.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)

        def move(g, m, v, largest):
            m, v = toward(m, g, 1.0 - beta_1), toward(v, jnp.square(g), 1.0 - beta_2)
            largest = jnp.maximum(largest, v)
            return m * correction / (jnp.sqrt(largest) + epsilon), m, v, largest

        moves, *trees = leafwise(move, 4, grads, *state)
        return moves, AmsgradState(*trees)

    return transformation(init, update)


def scale_by_adamax(beta_1: float, beta_2: float, epsilon: float) -> optax.GradientTransformationExtraArgs:
    """m/((1 − beta_1ᵗ)(u + ε)) with u ← max(beta_2 · u, |g|); `optax.scale_by_adamax` adds ε to |g| instead."""

    def update(grads, state, params=None, *, step, **_):
        correction = 1.0 / (1.0 - beta_1 ** updates_so_far(step))

        def move(g, m, u):
            m, u = toward(m, g, 1.0 - beta_1), jnp.maximum(beta_2 * u, jnp.abs(g))
            return m * correction / (u + epsilon), m, u

        moves, m, u = leafwise(move, 3, grads, state.momentum, state.velocity)
        return moves, MomentsState(m, u)

    return transformation(lambda params: MomentsState(zeros_like(params), zeros_like(params)), update)


def scale_by_nadam(beta_1: float, beta_2: float, epsilon: float) -> optax.GradientTransformationExtraArgs:
    """(µ₊ m/(1 − Πµ·µ₊) + (1 − µ) g/(1 − Πµ)) / (√(v/(1 − beta_2ᵗ)) + ε), with µ = beta_1 (1 − ½ · 0.96ᵗ) and µ₊ the next µ.

    Dozat's momentum schedule µ, which Keras follows; `optax.scale_by_adam(nesterov=True)` holds µ at beta_1.
    """

    def init(params):
        return NadamState(zeros_like(params), zeros_like(params), jnp.ones((), jnp.float32))

    def update(grads, state, params=None, *, step, **_):
        t = updates_so_far(step)
        now, ahead = (beta_1 * (1.0 - 0.5 * 0.96**k) for k in (t, t + 1.0))
        product = state.schedule_product * now
        of_m, of_g = ahead / (1.0 - product * ahead), (1.0 - now) / (1.0 - product)
        of_v = 1.0 / (1.0 - beta_2**t)

        def move(g, m, v):
            m, v = toward(m, g, 1.0 - beta_1), toward(v, jnp.square(g), 1.0 - beta_2)
            return (of_m * m + of_g * g) / (jnp.sqrt(v * of_v) + epsilon), m, v

        moves, m, v = leafwise(move, 3, grads, state.momentum, state.velocity)
        return moves, NadamState(m, v, product)

    return transformation(init, update)


@described
class Adam(Optimizer):
    """Moves by the mean gradient over the root of the mean square gradient.

    m ← m + (1 − beta_1)(g − m), v ← v + (1 − beta_2)(g² − v),
    p ← p − rate · √(1 − beta_2ᵗ)/(1 − beta_1ᵗ) · m/(√v + ε), t counting from 1.
    With `amsgrad`, the largest v so far stands in v's place.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        beta_1: decay of the mean gradient (default 0.9).
        beta_2: decay of the mean square gradient (default 0.999).
        epsilon: added to the root (default 1e-7).
        amsgrad: use the largest v so far (default False).
        others: weight_decay, clipnorm, clipvalue, global_clipnorm, exclude_from_weight_decay, name; see `Optimizer`.

    >>> Adam(3e-4, clipnorm=1.0)
    Adam(learning_rate=0.0003, clipnorm=1.0)

    Source: Kingma and Ba, 2014; amsgrad: Reddi, Kale and Kumar, 2018.
    """

    elementwise = True

    beta_1: float = setting(real(0.0, below=1.0), default=0.9)
    beta_2: float = setting(real(0.0, below=1.0), default=0.999)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)
    amsgrad: bool = setting(flag(), default=False)

    def direction(self):
        return (scale_by_amsgrad if self.amsgrad else scale_by_adam)(self.beta_1, self.beta_2, self.epsilon)


@described
class AdamW(Adam):
    """Adam with weight decay on by default, applied to the weights and not through the gradient.

    p ← p − rate · weight_decay · p before Adam's move.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        weight_decay: at least 0 (default 0.004).
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        others: clipnorm, clipvalue, global_clipnorm, exclude_from_weight_decay, name; see `Optimizer`.

    >>> AdamW(3e-4, 0.1, exclude_from_weight_decay=['bias'])
    AdamW(learning_rate=0.0003, weight_decay=0.1, exclude_from_weight_decay=('bias',))

    Source: Loshchilov and Hutter, 2019.
    """

    weight_decay: float = setting(real(at_least=0.0), default=0.004)  # type: ignore[assignment]


@described
class Adamax(Optimizer):
    """Adam with the largest magnitude of the gradient in place of the root of its mean square.

    m ← m + (1 − beta_1)(g − m), u ← max(beta_2 · u, |g|), p ← p − rate/(1 − beta_1ᵗ) · m/(u + ε).

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        beta_1: decay of the mean gradient (default 0.9).
        beta_2: decay of the largest magnitude (default 0.999).
        epsilon: added to it (default 1e-7).
        others: see `Optimizer`.

    >>> Adamax(beta_1=0.8)
    Adamax(beta_1=0.8)

    Source: Kingma and Ba, 2014, section 7.1.
    """

    elementwise = True

    beta_1: float = setting(real(0.0, below=1.0), default=0.9)
    beta_2: float = setting(real(0.0, below=1.0), default=0.999)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)

    def direction(self):
        return scale_by_adamax(self.beta_1, self.beta_2, self.epsilon)


@described
class Nadam(Optimizer):
    """Adam with Nesterov's momentum, which rises over the first few hundred updates.

    With µₜ = beta_1 (1 − ½ · 0.96ᵗ) and Πₜ = µ₁ ⋯ µₜ:
    p ← p − rate · (µₜ₊₁ m/(1 − Πₜ₊₁) + (1 − µₜ) g/(1 − Πₜ)) / (√(v/(1 − beta_2ᵗ)) + ε), m and v as in Adam.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        beta_1: decay of the mean gradient (default 0.9).
        beta_2: decay of the mean square gradient (default 0.999).
        epsilon: added to the root (default 1e-7).
        others: see `Optimizer`.

    >>> Nadam(0.002)
    Nadam(learning_rate=0.002)

    Source: Dozat, 2016.
    """

    elementwise = True

    beta_1: float = setting(real(0.0, below=1.0), default=0.9)
    beta_2: float = setting(real(0.0, below=1.0), default=0.999)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)

    def direction(self):
        return scale_by_nadam(self.beta_1, self.beta_2, self.epsilon)


@described
class Lamb(Optimizer):
    """Adam whose move, layer by layer, is scaled to the norm of the weights: for very large batches.

    d = m̂/(√v̂ + ε) with Adam's corrected means, p ← p − rate · ‖p‖/‖d‖ · d; the ratio is 1 where a norm is 0.

    Args:
        learning_rate: a number, a schedule or a function of the step (default 0.001).
        beta_1: decay of the mean gradient (default 0.9).
        beta_2: decay of the mean square gradient (default 0.999).
        epsilon: added to the root (default 1e-7).
        others: see `Optimizer`; the decay is decoupled, as in Keras, and not part of d.

    >>> Lamb(weight_decay=0.01)
    Lamb(weight_decay=0.01)

    Source: You et al., 2019. `optax.scale_by_adam` and `optax.scale_by_trust_ratio`.
    """

    beta_1: float = setting(real(0.0, below=1.0), default=0.9)
    beta_2: float = setting(real(0.0, below=1.0), default=0.999)
    epsilon: float = setting(real(at_least=0.0), default=1e-7)

    def direction(self):
        return optax.chain(optax.scale_by_adam(self.beta_1, self.beta_2, self.epsilon), optax.scale_by_trust_ratio())
