"""Projections applied to a weight after every update. Each is a description that maps a weight to an allowed weight."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lamina.core.described import Described, described, resolve, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import Rule, axes, real, setting

_EPSILON = 1e-7  # Keras's, added to every norm that divides


class Constraint(Described):
    """The base of every constraint: override `__call__` and decorate with `@lamina.described`.

    >>> @described
    ... class Bounded(Constraint):
    ...     limit: float = 1.0
    ...
    ...     def __call__(self, weight):
    ...         return jnp.clip(weight, -self.limit, self.limit)
    >>> Bounded()(jnp.array([0.5, -3.0])).tolist()
    [0.5, -1.0]
    """

    kind: ClassVar[str] = 'constraint'

    def __call__(self, weight: Any) -> jax.Array:
        """The allowed weight.

        Args:
            weight: an array.

        Returns:
            An array of the same shape and dtype.
        """
        raise ConfigError(type(self).__name__, 'a constraint without __call__', '__call__(weight) → weight', 'Define it in the class.')


def _norms(constraint: Constraint, weight: jax.Array, axis: int | tuple[int, ...]) -> jax.Array:
    listed = axis if isinstance(axis, tuple) else (axis,)
    if any(not -weight.ndim <= a < weight.ndim for a in listed):
        raise ShapeError(
            constraint.label,
            f'a weight of shape {weight.shape}',
            f'one that has the axes {listed}',
            f'Pass axis=… within [{-weight.ndim}, {weight.ndim - 1}].' if weight.ndim else 'Use NonNeg for a scalar weight.',
        )
    return jnp.sqrt(jnp.sum(jnp.square(weight), axis=axis, keepdims=True))


@described
class MaxNorm(Constraint):
    """Scales down the weights of every unit whose norm exceeds a limit.

    Formula: `w · min(‖w‖, max_value) / (‖w‖ + 1e-7)`. Source: Srebro et al., 2005; Srivastava et al., 2014.

    Args:
        max_value: the largest norm, at least 0; default 2.
        axis: the axis or axes over which a norm is taken: 0 for a dense kernel `(inputs, units)`, `(0, 1, 2)` for a
            convolution kernel `(rows, columns, channels, filters)`; default 0.

    Raises:
        ShapeError: the weight has no such axis; pass another.

    >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    max_value: float = setting(real(0, below=math.inf), default=2)
    axis: int | tuple[int, ...] = setting(axes(), default=0)

    def __call__(self, weight: Any) -> jax.Array:
        """The weight with no norm above `max_value`."""
        weight = jnp.asarray(weight)
        norms = _norms(self, weight, self.axis)
        return weight * (jnp.clip(norms, 0, self.max_value) / (_EPSILON + norms))


@described
class NonNeg(Constraint):
    """Sets negative weights to zero.

    Formula: `max(w, 0)`.

    >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, weight: Any) -> jax.Array:
        """The weight without its negative values."""
        return jnp.maximum(weight, 0)


@described
class UnitNorm(Constraint):
    """Scales the weights of every unit to norm 1.

    Formula: `w / (‖w‖ + 1e-7)`.

    Args:
        axis: the axis or axes over which a norm is taken, as in `MaxNorm`; default 0.

    Raises:
        ShapeError: the weight has no such axis; pass another.

    >>> UnitNorm()(jnp.array([[3.0], [4.0]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    axis: int | tuple[int, ...] = setting(axes(), default=0)

    def __call__(self, weight: Any) -> jax.Array:
        """The weight with every norm 1."""
        weight = jnp.asarray(weight)
        return weight / (_EPSILON + _norms(self, weight, self.axis))


@described
class MinMaxNorm(Constraint):
    """Moves the norm of every unit's weights into an interval, at once or a part of the way at each update.

    Formula: `w · (rate · clip(‖w‖, min_value, max_value) + (1 - rate) · ‖w‖) / (‖w‖ + 1e-7)`.

    Args:
        min_value: the smallest norm, at least 0; default 0.
        max_value: the largest norm, at least `min_value`; default 1.
        rate: how much of the way to go at each update, in [0, 1]; default 1, all of it.
        axis: the axis or axes over which a norm is taken, as in `MaxNorm`; default 0.

    Raises:
        ConfigError: `max_value` is below `min_value`; exchange them.
        ShapeError: the weight has no such axis; pass another.

    >>> MinMaxNorm(1.0, 10.0)(jnp.array([[0.3], [0.4]])).round(3).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """

    min_value: float = setting(real(0, below=math.inf), default=0.0)
    max_value: float = setting(real(0, below=math.inf), default=1.0)
    rate: float = setting(real(0, 1), default=1.0)
    axis: int | tuple[int, ...] = setting(axes(), default=0)

    def validate(self) -> None:
        """The interval must not be empty."""
        if self.min_value > self.max_value:
            got = f'min_value={self.min_value!r} above max_value={self.max_value!r}'
            raise ConfigError(self.label, got, 'min_value ≤ max_value', 'Exchange the two values.')

    def __call__(self, weight: Any) -> jax.Array:
        """The weight with every norm within the interval, or nearer to it."""
        weight = jnp.asarray(weight)
        norms = _norms(self, weight, self.axis)
        desired = self.rate * jnp.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return weight * (desired / (_EPSILON + norms))


@unregistered
class FunctionConstraint(Constraint):
    """A plain function `weight → weight` as a constraint. It works everywhere but cannot be saved.

    Args:
        function: written with jax.numpy, so that it can be compiled; it keeps shape and dtype.

    >>> FunctionConstraint(jnp.abs)(jnp.array([-1.0, 2.0])).tolist()
    [1.0, 2.0]
    """

    function: Callable = setting(Rule(callable, 'a function weight → weight', bad=(3,)))

    def __call__(self, weight: Any) -> jax.Array:
        """What the function returns for the weight."""
        return self.function(weight)


def get(value: Any) -> Constraint | None:
    """A constraint from what a user may write for one.

    Args:
        value: a Constraint, its class, its name in any spelling (`'max_norm'`, `'NonNeg'`), a function
            `weight → weight`, or None.

    Returns:
        A Constraint, or None for None.

    Raises:
        UnknownNameError: no constraint has this name; the nearest one is proposed.
        ConfigError: the value is none of these; pass a name such as 'max_norm'.

    >>> get('non_neg')
    NonNeg()
    """
    found = resolve(Constraint.kind, value)
    if found is None or isinstance(found, Constraint):
        return found
    if callable(found) and not isinstance(found, (type, Described)):
        return FunctionConstraint(found)
    raise ConfigError('constraint', repr(value), 'a Constraint, a name, a function of a weight or None', "Pass a name such as 'max_norm'.")


max_norm = MaxNorm
non_neg = NonNeg
unit_norm = UnitNorm
min_max_norm = MinMaxNorm
