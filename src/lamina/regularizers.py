"""Penalties on weights, added to the loss. Each is a description that maps a weight to a scalar inside the compiled step."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lamina.core.described import Described, described, resolve, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import Rule, one_of, real, setting

_EPSILON = 1e-7


def _factor() -> Rule:
    return real(0, below=math.inf)


class Regularizer(Described):
    """The base of every regularizer: override `__call__` and decorate with `@lamina.described`.

    >>> @described
    ... class Lasso(Regularizer):
    ...     rate: float = 0.1
    ...
    ...     def __call__(self, weight):
    ...         return self.rate * jnp.sum(jnp.abs(weight))
    >>> round(float(Lasso(rate=0.5)(jnp.array([1.0, -2.0]))), 6)
    1.5
    """

    kind: ClassVar[str] = 'regularizer'

    def __call__(self, weight: Any) -> jax.Array:
        """The penalty of a weight.

        Args:
            weight: an array of any shape.

        Returns:
            A scalar of the weight's dtype.
        """
        raise ConfigError(type(self).__name__, 'a regularizer without __call__', '__call__(weight) → scalar', 'Define it in the class.')


@described
class L1(Regularizer):
    """The sum of absolute values: drives weights to exactly zero.

    Formula: `l1 · Σ|w|`. Source: Tibshirani, 1996.

    Args:
        l1: the factor, at least 0; default 0.01.

    >>> round(float(L1(0.1)(jnp.array([1.0, -2.0]))), 6)
    0.3
    """

    l1: float = setting(_factor(), default=0.01)

    def __call__(self, weight: Any) -> jax.Array:
        """`l1 · Σ|weight|`."""
        return self.l1 * jnp.sum(jnp.abs(weight))


@described
class L2(Regularizer):
    """The sum of squares: keeps weights small. There is no factor of one half.

    Formula: `l2 · Σw²`. Source: Hoerl & Kennard, 1970.

    Args:
        l2: the factor, at least 0; default 0.01.

    >>> round(float(L2(0.1)(jnp.array([1.0, -2.0]))), 6)
    0.5
    """

    l2: float = setting(_factor(), default=0.01)

    def __call__(self, weight: Any) -> jax.Array:
        """`l2 · Σ weight²`."""
        return self.l2 * jnp.sum(jnp.square(weight))


@described
class L1L2(Regularizer):
    """Both penalties at once, the elastic net.

    Both factors are 0 unless given, also when it is called for by the name `'l1_l2'`.

    Formula: `l1 · Σ|w| + l2 · Σw²`. Source: Zou & Hastie, 2005.

    Args:
        l1: the factor of the absolute values, at least 0; default 0.
        l2: the factor of the squares, at least 0; default 0.

    >>> round(float(L1L2(l1=0.1, l2=0.1)(jnp.array([1.0, -2.0]))), 6)
    0.8
    """

    l1: float = setting(_factor(), default=0.0)
    l2: float = setting(_factor(), default=0.0)

    def __call__(self, weight: Any) -> jax.Array:
        """`l1 · Σ|weight| + l2 · Σ weight²`."""
        penalty = jnp.zeros((), jnp.result_type(weight))
        if self.l1:
            penalty += self.l1 * jnp.sum(jnp.abs(weight))
        if self.l2:
            penalty += self.l2 * jnp.sum(jnp.square(weight))
        return penalty


@described
class OrthogonalRegularizer(Regularizer):
    """Pushes the rows (or the columns) of a matrix to be orthogonal to each other.

    Formula: `factor ·` the mean over pairs `i < j` of `|⟨wᵢ, wⱼ⟩| / (‖wᵢ‖·‖wⱼ‖)`; 0 where there is only one row.
    The gradient of a row of zeros is finite here, where Keras's is not a number.

    Args:
        factor: the factor, at least 0; default 0.01.
        mode: `'rows'` or `'columns'`; default `'rows'`.

    Raises:
        ShapeError: the weight is not a matrix; use L2 for other ranks.

    >>> float(OrthogonalRegularizer(1.0)(jnp.array([[1.0, 0.0], [0.0, 2.0]])))
    0.0
    >>> round(float(OrthogonalRegularizer(1.0)(jnp.ones((3, 4)))), 6)
    1.0
    """

    factor: float = setting(_factor(), default=0.01)
    mode: str = setting(one_of('rows', 'columns'), default='rows')

    def __call__(self, weight: Any) -> jax.Array:
        """`factor ·` the mean absolute cosine between two rows (or columns)."""
        shape = jnp.shape(weight)
        if len(shape) != 2:
            raise ShapeError(self.label, f'a weight of shape {shape}', 'a matrix (rows, columns)', 'Use L1 or L2 for this weight.')
        vectors = jnp.asarray(weight) if self.mode == 'rows' else jnp.transpose(weight)
        squares = jnp.sum(jnp.square(vectors), axis=1, keepdims=True)
        vectors = vectors * jax.lax.rsqrt(jnp.maximum(squares, _EPSILON**2))
        count = vectors.shape[0]
        cosines = jnp.abs(vectors @ vectors.T) * (1 - jnp.eye(count, dtype=vectors.dtype))
        return self.factor * jnp.sum(cosines) / max(count * (count - 1), 1)


@unregistered
class FunctionRegularizer(Regularizer):
    """A plain function `weight → scalar` as a regularizer. It works everywhere but cannot be saved.

    Args:
        function: written with jax.numpy, so that it can be compiled.

    >>> float(FunctionRegularizer(jnp.max)(jnp.array([1.0, 3.0])))
    3.0
    """

    function: Callable = setting(Rule(callable, 'a function weight → scalar', bad=(3,)))

    def __call__(self, weight: Any) -> jax.Array:
        """What the function returns for the weight."""
        return self.function(weight)


def get(value: Any) -> Regularizer | None:
    """A regularizer from what a user may write for one.

    Args:
        value: a Regularizer, its class, its name in any spelling (`'l2'`, `'L1L2'`, `'l1_l2'`), a function
            `weight → scalar`, or None.

    Returns:
        A Regularizer, or None for None.

    Raises:
        UnknownNameError: no regularizer has this name; the nearest one is proposed.
        ConfigError: the value is none of these; pass a name such as 'l2'.

    >>> get('l2')
    L2()
    """
    found = resolve(Regularizer.kind, value)
    if found is None or isinstance(found, Regularizer):
        return found
    if callable(found) and not isinstance(found, (type, Described)):
        return FunctionRegularizer(found)
    raise ConfigError(
        'regularizer', repr(value), 'a Regularizer, a name, a function of a weight or None', "Pass a name such as 'l2', or L2(0.01)."
    )


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer
