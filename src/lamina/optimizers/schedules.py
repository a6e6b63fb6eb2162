"""Learning rates that depend on the step. A schedule is a description that can be called inside a compiled step.

Every schedule takes the number of updates made so far (0 for the first) as an int or float, a scalar or an array
of any shape, and returns a float32 rate of the same shape, so that `schedule(jnp.arange(1000))` draws its curve.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import Described, described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import Rule, flag, one_of, real, setting, text, whole


def _rate() -> Rule:
    return real(at_least=0.0, below=math.inf)


def _name() -> Any:
    return setting(text(), default=None, compare=False)


def _ascending(value: Any) -> bool:
    rule = real()
    return isinstance(value, tuple) and all(rule.accepts(v) for v in value) and list(value) == sorted(set(value))


def _rates(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(_rate().accepts(v) for v in value)


@unregistered
class Schedule(Described):
    """The base of every learning-rate schedule. Subclass it, decorate with `@described`, and write `at`.

    Args of `__call__`:
        step: number of updates made so far; int or float, any shape, traced or not.

    Returns:
        The learning rate, float32, of the shape of `step`.
    """

    kind = 'schedule'

    def __call__(self, step: Any) -> jax.Array:
        return jnp.asarray(self.at(jnp.asarray(step, jnp.float32)), jnp.float32)

    def at(self, step: jax.Array) -> Any:
        """The rate at a float32 step; every subclass writes this one method."""
        raise ConfigError(self.label, 'a schedule without a formula', 'a method at(self, step)', 'Define at(self, step) in the class.')


@described
class ExponentialDecay(Schedule):
    """The rate is multiplied by `decay_rate` every `decay_steps` updates.

    rate(t) = initial_learning_rate · decay_rate^(t / decay_steps), the exponent rounded down if `staircase`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: number of updates over which the factor is applied once.
        decay_rate: the factor.
        staircase: hold the rate constant between multiples of `decay_steps` (default False).
        name: what to call it in messages.

    >>> schedule = ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    >>> print(schedule(20))
    0.025
    """

    initial_learning_rate: float = setting(_rate())
    decay_steps: int = setting(whole())
    decay_rate: float = setting(real(at_least=0.0))
    staircase: bool = setting(flag(), default=False)
    name: str | None = _name()

    def at(self, step):
        periods = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (jnp.floor(periods) if self.staircase else periods)


@described
class InverseTimeDecay(Schedule):
    """The rate falls as one over time.

    rate(t) = initial_learning_rate / (1 + decay_rate · t / decay_steps), the quotient rounded down if `staircase`.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: number of updates that count as one unit of time.
        decay_rate: how much each unit of time adds to the divisor.
        staircase: hold the rate constant between multiples of `decay_steps` (default False).
        name: what to call it in messages.

    >>> print(InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10))
    0.05
    """

    initial_learning_rate: float = setting(_rate())
    decay_steps: int = setting(whole())
    decay_rate: float = setting(real(at_least=0.0))
    staircase: bool = setting(flag(), default=False)
    name: str | None = _name()

    def at(self, step):
        periods = step / self.decay_steps
        return self.initial_learning_rate / (1.0 + self.decay_rate * (jnp.floor(periods) if self.staircase else periods))


@described
class PolynomialDecay(Schedule):
    """The rate goes from one value to another along a power of the remaining fraction.

    rate(t) = (initial − end) · (1 − t/T)^power + end with T = decay_steps and t held at T afterwards. With `cycle`,
    T is instead the smallest multiple of decay_steps not below t, so that the rate rises again after each period.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: number of updates until `end_learning_rate`.
        end_learning_rate: the last rate (default 0.0001).
        power: 1 is linear (default), 2 quadratic.
        cycle: start again after each period (default False).
        name: what to call it in messages.

    >>> print(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5))
    0.05
    """

    initial_learning_rate: float = setting(_rate())
    decay_steps: int = setting(whole())
    end_learning_rate: float = setting(_rate(), default=0.0001)
    power: float = setting(real(above=0.0), default=1.0)
    cycle: bool = setting(flag(), default=False)
    name: str | None = _name()

    def at(self, step):
        if self.cycle:
            periods = jnp.maximum(jnp.ceil(step / self.decay_steps), 1.0)
            done = step / (self.decay_steps * periods)
        else:
            done = jnp.minimum(step, self.decay_steps) / self.decay_steps
        return (self.initial_learning_rate - self.end_learning_rate) * (1.0 - done) ** self.power + self.end_learning_rate


@described
class PiecewiseConstantDecay(Schedule):
    """The rate is constant between boundaries.

    rate(t) = values[i] for boundaries[i−1] < t ≤ boundaries[i].

    Args:
        boundaries: steps in ascending order; a boundary itself still has the value before it.
        values: one rate more than there are boundaries.
        name: what to call it in messages.

    Raises:
        ConfigError: the numbers of boundaries and values do not fit; give one value more.

    >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> print(schedule(100), schedule(101))
    0.1 0.01
    """

    boundaries: tuple[float, ...] = setting(Rule(_ascending, 'a list of steps in ascending order', bad=((2, 1), (1, 1), ('a',), 3)))
    values: tuple[float, ...] = setting(Rule(_rates, 'a non-empty list of rates of at least 0', bad=((), ('a',), (-1.0,), 0.1)))
    name: str | None = _name()

    def validate(self):
        if len(self.values) != len(self.boundaries) + 1:
            raise ConfigError(
                f'{self.label}, setting {"values"!r}',
                f'{len(self.values)} values for {len(self.boundaries)} boundaries',
                f'{len(self.boundaries) + 1} values',
                'Give one value more than there are boundaries.',
            )

    def at(self, step):
        passed = jnp.sum(step[..., None] > jnp.asarray(self.boundaries, jnp.float32), axis=-1)
        return jnp.asarray(self.values, jnp.float32)[passed]


@described
class CosineDecay(Schedule):
    """The rate rises linearly to a target, if one is given, and then falls along half a cosine.

    Warm-up, t < W = warmup_steps: rate(t) = initial + (warmup_target − initial) · t / W. Then, with peak =
    warmup_target, or initial_learning_rate without one, and u = min(t − W, decay_steps) / decay_steps:
    rate(t) = peak · ((1 − alpha) · ½(1 + cos πu) + alpha).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: number of updates of the decay, the warm-up not counted.
        alpha: the last rate as a fraction of the peak (default 0).
        name: what to call it in messages.
        warmup_target: the peak; None (default) means no warm-up, and `warmup_steps` is then without effect.
        warmup_steps: number of updates of the warm-up (default 0).

    >>> schedule = CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)
    >>> [f'{schedule(step):.2f}' for step in (5, 10, 60, 110)]
    ['0.05', '0.10', '0.05', '0.00']

    Source: Loshchilov and Hutter, 2016 (SGDR); the warm-up: Goyal et al., 2017.
    """

    initial_learning_rate: float = setting(_rate())
    decay_steps: int = setting(whole())
    alpha: float = setting(real(at_least=0.0), default=0.0)
    name: str | None = _name()
    warmup_target: float | None = setting(_rate(), default=None)
    warmup_steps: int = setting(whole(0), default=0)

    def at(self, step):
        if self.warmup_target is None:
            return self._decayed(self.initial_learning_rate, step)
        rising = self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * step / max(self.warmup_steps, 1)
        return jnp.where(step < self.warmup_steps, rising, self._decayed(self.warmup_target, step - self.warmup_steps))

    def _decayed(self, peak, step):
        cosine = 0.5 * (1.0 + jnp.cos(math.pi * jnp.minimum(step, self.decay_steps) / self.decay_steps))
        return peak * ((1.0 - self.alpha) * cosine + self.alpha)


@described
class CosineDecayRestarts(Schedule):
    """Cosine decays one after the other, each `t_mul` times longer and `m_mul` times as high as the one before.

    With n the number of restarts so far and u the part of the current period that is done:
    rate(t) = initial_learning_rate · ((1 − alpha) · m_mul^n · ½(1 + cos πu) + alpha).

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: number of updates of the first period.
        t_mul: factor on the length of each next period, at least 1 (default 2).
        m_mul: factor on the height of each next period (default 1).
        alpha: the lowest rate as a fraction of the initial one (default 0).
        name: what to call it in messages.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> [f'{schedule(step):.2f}' for step in (5, 10, 20)]
    ['0.05', '0.10', '0.05']

    Source: Loshchilov and Hutter, 2016 (SGDR). At the exact step of a restart the period is found by comparing steps,
    not by the rounding of a logarithm, which in Keras can put a late restart one step later.
    """

    initial_learning_rate: float = setting(_rate())
    first_decay_steps: int = setting(whole())
    t_mul: float = setting(real(at_least=1.0), default=2.0)
    m_mul: float = setting(real(at_least=0.0), default=1.0)
    alpha: float = setting(real(at_least=0.0), default=0.0)
    name: str | None = _name()

    def at(self, step):
        restarts, done = self._period(step / self.first_decay_steps)
        cosine = 0.5 * (1.0 + jnp.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * self.m_mul**restarts * cosine + self.alpha)

    def _period(self, periods):
        if self.t_mul == 1.0:
            return jnp.floor(periods), periods - jnp.floor(periods)

        def start(n):
            return (self.t_mul**n - 1.0) / (self.t_mul - 1.0)

        n = jnp.floor(jnp.log(1.0 + periods * (self.t_mul - 1.0)) / math.log(self.t_mul))
        n = jnp.where(periods >= start(n + 1.0), n + 1.0, n)
        return n, (periods - start(n)) / self.t_mul**n


@described
class OneCycle(Schedule):
    """One rise to a high rate and one fall to a far lower one than at the start: for short training at large rates.

    Over the first `warmup_fraction` of total_steps from max/div_factor up to max_learning_rate, over the rest down
    to max/(div_factor · final_div_factor), where it stays. Between two rates a and b, with u from 0 to 1:
    b + (a − b) · ½(1 + cos πu) for `'cosine'`, a + (b − a) · u for `'linear'`.

    Args:
        max_learning_rate: the peak.
        total_steps: number of updates of the whole training.
        warmup_fraction: the part of them in which the rate rises (default 0.3).
        div_factor: the peak over the first rate (default 25).
        final_div_factor: the first rate over the last (default 10,000).
        anneal: `'cosine'` (default) or `'linear'`.
        name: what to call it in messages.

    >>> schedule = OneCycle(0.1, total_steps=100)
    >>> [f'{schedule(step):.3f}' for step in (0, 30, 100)]
    ['0.004', '0.100', '0.000']

    Source: Smith and Topin, 2018 (super-convergence). The momentum, which they lower while the rate rises, stays as set.
    """

    max_learning_rate: float = setting(_rate())
    total_steps: int = setting(whole())
    warmup_fraction: float = setting(real(0.0, 1.0), default=0.3)
    div_factor: float = setting(real(above=0.0), default=25.0)
    final_div_factor: float = setting(real(above=0.0), default=10_000.0)
    anneal: str = setting(one_of('cosine', 'linear'), default='cosine')
    name: str | None = _name()

    def at(self, step):
        first = self.max_learning_rate / self.div_factor
        summit = int(self.warmup_fraction * self.total_steps)
        rising = self._between(first, self.max_learning_rate, step / max(summit, 1))
        fallen = jnp.minimum((step - summit) / max(self.total_steps - summit, 1), 1.0)
        return jnp.where(step < summit, rising, self._between(self.max_learning_rate, first / self.final_div_factor, fallen))

    def _between(self, a, b, done):
        return b + (a - b) * (0.5 * (1.0 + jnp.cos(math.pi * done)) if self.anneal == 'cosine' else 1.0 - done)


@unregistered
class FunctionSchedule(Schedule):
    """Any function of the step as a schedule: a plain Python function, or one of `optax.schedules`.

    It is called with a float32 JAX value inside the compiled step, so it must be written with `jax.numpy`. It has no
    saved form; to save it, write it as a `@described` subclass of `Schedule`. Two are equal where the function is the same object.

    Args:
        function: step → rate.

    >>> print(FunctionSchedule(lambda step: 0.1 / (1 + step))(1))
    0.05
    """

    function: Callable[[Any], Any] = setting(Rule(callable, 'a function of the step', bad=(0.1, None, 'cosine')))

    def at(self, step):
        return self.function(step)


def as_learning_rate(value: Any) -> Any:
    """A schedule or a Python float from what a user may write as `learning_rate=`; anything else as it is, for the rule to refuse."""
    if isinstance(value, Described | type):
        return value
    if callable(value):
        return FunctionSchedule(value)
    return float(value) if _rate().accepts(value) else value


def learning_rate_rule() -> Rule:
    """A rate of at least 0, or a schedule."""
    return Rule(
        lambda value: isinstance(value, Schedule) or _rate().accepts(value),
        'a number of at least 0, a schedule, or a function of the step',
        bad=(-0.1, math.nan, math.inf, 'fast', None, ExponentialDecay),
    )
