"""Layers that make one array of several."""

import functools
from collections.abc import Callable
from typing import ClassVar

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import axes, flag, setting, whole
from lamina.core.shapes import show
from lamina.layers.base import Layer


@described
class Merge(Layer):
    """The base of the elementwise merges. Inputs of fewer axes are broadcast after the batch axis, as in Keras.

    Shapes:
        each x: (batch, …), equal or broadcastable → the broadcast shape.
    """

    combine: ClassVar[Callable] = jnp.add
    count: ClassVar[tuple[int, int | None]] = (1, None)

    def apply(self, variables, *inputs, scope):
        self.require_count(inputs)
        return functools.reduce(type(self).combine, self.aligned(inputs))

    def require_count(self, inputs) -> None:
        """Raise a ShapeError unless the number of inputs is accepted."""
        least, most = self.count
        if len(inputs) < least or (most is not None and len(inputs) > most):
            wanted = f'{least} inputs' if most == least else f'at least {least} inputs'
            raise ShapeError(self.label, f'{len(inputs)} input(s)', wanted, f'Call {type(self).__name__}()([a, b]).')

    def aligned(self, inputs):
        """The inputs with equal numbers of axes, checked to broadcast."""
        rank = max(x.ndim for x in inputs)
        lifted = [x.reshape(x.shape[0], *(1,) * (rank - x.ndim), *x.shape[1:]) if 0 < x.ndim < rank else x for x in inputs]
        for n in zip(*(x.shape for x in lifted), strict=True):
            if len(set(n) - {1}) > 1:
                shapes = ' and '.join(show((None, *x.shape[1:])) for x in inputs)
                raise ShapeError(
                    self.label, f'inputs of shapes {shapes}', 'equal or broadcastable shapes', 'Make the shapes equal before merging.'
                )
        return lifted


@described
class Add(Merge):
    """The sum of its inputs: `Add()([a, b])`, or `a + b`. Source of every skip connection."""

    combine = staticmethod(jnp.add)


@described
class Subtract(Merge):
    """The first input less the second: `Subtract()([a, b])`, or `a - b`."""

    combine = staticmethod(jnp.subtract)
    count = (2, 2)


@described
class Multiply(Merge):
    """The product of its inputs, element by element: `Multiply()([a, b])`, or `a * b`."""

    combine = staticmethod(jnp.multiply)


@described
class Maximum(Merge):
    """The larger of its inputs, element by element."""

    combine = staticmethod(jnp.maximum)


@described
class Minimum(Merge):
    """The smaller of its inputs, element by element."""

    combine = staticmethod(jnp.minimum)


@described
class Average(Merge):
    """The mean of its inputs, element by element."""

    combine = staticmethod(jnp.add)

    def apply(self, variables, *inputs, scope):
        return super().apply(variables, *inputs, scope=scope) / len(inputs)


@described
class Concatenate(Merge):
    """Its inputs one after another along an axis.

    Args:
        axis: default -1; not the batch axis.

    Shapes:
        (batch, …, a) and (batch, …, b) → (batch, …, a + b).

    Raises:
        ShapeError: another axis differs.
    """

    axis: int = setting(whole(-8), default=-1)

    def apply(self, variables, *inputs, scope):
        self.require_count(inputs)
        ranks = {x.ndim for x in inputs}
        rank = max(ranks)
        axis = self.axis % rank
        others = {x.shape[:axis] + x.shape[axis + 1 :] for x in inputs}
        if len(ranks) > 1 or len(others) > 1 or axis == 0 or not -rank <= self.axis < rank:
            shapes = ' and '.join(show((None, *x.shape[1:])) for x in inputs)
            raise ShapeError(
                self.label, f'inputs of shapes {shapes}', f'shapes that differ on axis {self.axis} only', 'Reshape, or change axis.'
            )
        return jnp.concatenate(inputs, axis)


@described
class Dot(Merge):
    """The products of two inputs summed along one axis of each.

    Args:
        axes: the axis to sum over, or one for each input; not the batch axis.
        normalize: whether to scale both to length 1 along it first, which gives the cosine; default False.

    Shapes:
        (batch, a, n) and (batch, b, n) with axes=2 → (batch, a, b); (batch, n) twice with axes=1 → (batch, 1).

    Raises:
        ShapeError: the summed axes differ in size.
    """

    axes: int | tuple[int, int] = setting(axes())
    normalize: bool = setting(flag(), default=False)
    count = (2, 2)

    def validate(self) -> None:
        if isinstance(self.axes, tuple) and len(self.axes) != 2:
            raise ConfigError(
                f"{self.label}, setting 'axes'", repr(self.axes), 'one axis, or one for each of the two inputs', 'Write axes=(1, 2).'
            )

    def apply(self, variables, *inputs, scope):
        self.require_count(inputs)
        a, b = inputs
        left, right = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        known = -a.ndim <= left < a.ndim and -b.ndim <= right < b.ndim
        if not known or 0 in (left % a.ndim, right % b.ndim) or a.shape[left] != b.shape[right]:
            raise ShapeError(
                self.label,
                f'axes {left} and {right} of shapes {show((None, *a.shape[1:]))} and {show((None, *b.shape[1:]))}',
                'two axes of equal size, other than the batch',
                'Change axes.',
            )
        left, right = left % a.ndim, right % b.ndim
        if self.normalize:
            a, b = _unit_length(a, left), _unit_length(b, right)
        a, b = jnp.moveaxis(a, left, -1), jnp.moveaxis(b, right, -1)
        y = jnp.einsum('bin,bjn->bij', a.reshape(a.shape[0], -1, a.shape[-1]), b.reshape(b.shape[0], -1, b.shape[-1]))
        y = y.reshape(a.shape[0], *a.shape[1:-1], *b.shape[1:-1])
        return y[:, None] if y.ndim == 1 else y


def _unit_length(x, axis: int):
    return x / jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), 1e-12))
