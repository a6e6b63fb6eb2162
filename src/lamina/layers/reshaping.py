"""Layers that move elements about and compute nothing."""

import math

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import setting, sizes
from lamina.layers.base import Layer


@described
class Flatten(Layer):
    """Every example as one row.

    Shapes:
        x: (batch, a, b, …) → (batch, a·b·…); (batch,) → (batch, 1).

    Example:
        >>> import lamina
        >>> lamina.layers.Flatten().output_shape((None, 28, 28))
        (None, 784)
    """

    def apply(self, variables, x, scope):
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@described
class Reshape(Layer):
    """Each example in another shape, its elements in the same order.

    Args:
        target_shape: of one example; one axis may be -1, and follows from the others.

    Shapes:
        x: (batch, …) → (batch, *target_shape).

    Raises:
        ShapeError: the number of elements differs.

    Example:
        >>> import lamina
        >>> lamina.layers.Reshape((7, -1)).output_shape((None, 784))
        (None, 7, 112)
    """

    target_shape: tuple[int, ...] = setting(sizes(wildcard=True))

    def apply(self, variables, x, scope):
        elements = math.prod(x.shape[1:])
        known = math.prod(n for n in self.target_shape if n != -1)
        fits = elements % known == 0 if -1 in self.target_shape else elements == known
        self.require(fits, (None, *x.shape[1:]), f'{known} elements an example, to fill {self.target_shape}', 'Change target_shape.')
        return x.reshape(x.shape[0], *self.target_shape)


@described
class Permute(Layer):
    """The axes of each example in another order.

    Args:
        dims: the new order, counted from 1 (axis 0 is the batch and stays).

    Shapes:
        x: (batch, a, b) with dims (2, 1) → (batch, b, a).

    Raises:
        ConfigError: dims is not an order of 1, 2, ….
        ShapeError: x has another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.Permute((2, 1)).output_shape((None, 10, 64))
        (None, 64, 10)
    """

    dims: tuple[int, ...] = setting(sizes())

    def validate(self) -> None:
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ConfigError(
                f"{self.label}, setting 'dims'", repr(self.dims), f'an order of 1 … {len(self.dims)}', 'Name each axis once, from 1.'
            )

    def apply(self, variables, x, scope):
        self.require(
            x.ndim == len(self.dims) + 1, (None, *x.shape[1:]), f'{len(self.dims)} axes after the batch', 'Name every axis in dims.'
        )
        return jnp.transpose(x, (0, *self.dims))
