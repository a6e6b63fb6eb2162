"""Layers that make one array of several."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import axes, flag, setting, whole
from lamina.core.shapes import show
from lamina.layers.base import Layer


@described
class Merge(Layer):
    """The base of the elementwise merges. Inputs of fewer axes are broadcast after the batch axis, as in Keras.

    A time step of the output counts where it does in one of the inputs; where one input has no mask, the output has none.

    Shapes:
        each x: (batch, …), equal or broadcastable → the broadcast shape.
    """

    combine: ClassVar[Callable] = jnp.add
    count: ClassVar[tuple[int, int | None]] = (1, None)

    def apply(self, variables, *inputs, scope):
        self.require_count(inputs)
        lifted = self.aligned(inputs)
        # A mask says nothing of an array whose axes have moved.
        masks = [scope.mask_of(x) if x is whole else None for x, whole in zip(inputs, lifted, strict=True)]
        y = self.merged(lifted, masks)
        scope.set_mask(y, _either(masks))
        return y

    def merged(self, inputs: list, masks: list) -> Any:
        """What becomes of the inputs, all of one rank, of which each has a mask or None."""
        return functools.reduce(type(self).combine, inputs)

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
    """The product of its inputs, element by element: `Multiply()([a, b])`, or `a * b`. At a step that is masked, an input counts as 1."""

    combine = staticmethod(jnp.multiply)

    def merged(self, inputs: list, masks: list) -> Any:
        factors = [x if mask is None else jnp.where(_over(mask, x), x, 1) for x, mask in zip(inputs, masks, strict=True)]
        y = super().merged(factors, masks)
        mask = _either(masks)
        return y if mask is None else jnp.where(_over(mask, y), y, 0)


@unregistered
class Extremum(Merge):
    """The base of Maximum and Minimum: at a step that is masked in one input, the other is taken."""

    def merged(self, inputs: list, masks: list) -> Any:
        y, known = inputs[0], masks[0]
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            shape = jnp.broadcast_shapes(x.shape, y.shape)
            x, y = jnp.broadcast_to(x, shape), jnp.broadcast_to(y, shape)
            x = x if mask is None else jnp.where(_over(mask, x), x, y)
            y = y if known is None else jnp.where(_over(known, y), y, x)
            y, known = type(self).combine(y, x), _either([known, mask])
        return y


@described
class Maximum(Extremum):
    """The larger of its inputs, element by element. At a step that is masked in one input, the other is taken."""

    combine = staticmethod(jnp.maximum)


@described
class Minimum(Extremum):
    """The smaller of its inputs, element by element. At a step that is masked in one input, the other is taken."""

    combine = staticmethod(jnp.minimum)


@described
class Average(Merge):
    """The mean of its inputs, element by element."""

    combine = staticmethod(jnp.add)

    def merged(self, inputs: list, masks: list) -> Any:
        return super().merged(inputs, masks) / len(inputs)


@described
class Concatenate(Merge):
    """Its inputs one after another along an axis.

    Masks are joined along the axis of time; along any other, a step counts where it does in one of the inputs. An input without
    a mask counts everywhere; without any mask the output has none.

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
        y = jnp.concatenate(inputs, axis)
        masks = [scope.mask_of(x) for x in inputs]
        if any(mask is not None for mask in masks):
            every = [jnp.ones(x.shape[:2], bool) if mask is None else mask for x, mask in zip(inputs, masks, strict=True)]
            scope.set_mask(y, jnp.concatenate(every, 1) if axis == 1 else _either(every))
        return y


@described
class Dot(Merge):
    """The products of two inputs summed along one axis of each. The output has no mask.

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


def _either(masks: list) -> Any:
    """Where one of the masks is true; None where one of them is missing."""
    if any(mask is None for mask in masks):
        return None
    different = list({id(mask): mask for mask in masks}.values())
    return functools.reduce(jnp.logical_or, different)


def _over(mask, x):
    """The mask with an axis of size 1 for every axis of x beside."""
    return mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim))


def _unit_length(x, axis: int):
    return x / jnp.sqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), 1e-12))
