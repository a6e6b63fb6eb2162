"""Layers that compute nothing: one says which time steps count, the other says nothing at all."""

from typing import ClassVar

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.fields import real, setting
from lamina.layers.base import Layer


@described
class Masking(Layer):
    """Leaves out the time steps at which every feature has one value: they become 0 and carry a mask that says so.

    Args:
        mask_value: of the features at a step that does not count; default 0.

    Shapes:
        x: (batch, time, …) → the same; mask: (batch, time).

    Raises:
        ShapeError: x has no features: (batch, time) alone.

    Example:
        >>> import lamina
        >>> lamina.layers.Masking(-1.0).output_shape((None, 10, 3))
        (None, 10, 3)
    """

    mask_value: float = setting(real(), default=0.0)

    def apply(self, variables, x, scope):
        self.require(x.ndim >= 3, (None, *x.shape[1:]), '(batch, time, features)', 'Add a features axis, or use Embedding(mask_zero=True).')
        mask = jnp.any(x != self.mask_value, axis=tuple(range(2, x.ndim)))
        y = jnp.where(mask.reshape(*mask.shape, *(1,) * (x.ndim - 2)), x, 0)
        scope.set_mask(y, mask)
        return y


@described
class Identity(Layer):
    """Its input, unchanged: a place to name or to look at.

    Shapes:
        x: any → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.Identity().output_shape((None, 5))
        (None, 5)
    """

    supports_masking: ClassVar[bool] = True

    def apply(self, variables, *inputs, scope):
        return inputs[0] if len(inputs) == 1 else inputs
