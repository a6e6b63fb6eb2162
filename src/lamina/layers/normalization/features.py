"""Normalizations of each example over its own features: the same in training and in inference, for any batch."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from lamina import constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.fields import axes, flag, real, setting
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.normalization.affine import affine_weights, features_axes, refuse_repeated
from lamina.layers.weight import Weight, Weights

_SHORTEST = 1e-12


@described
class LayerNormalization(Layer):
    """Each example to mean 0 and deviation 1 over its features; the same in training and inference.

    Formula: `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`.

    Args:
        axis: the axis or axes to normalize over; default -1.
        epsilon: added to the variance; default 0.001.
        center: whether `beta` is added.
        scale: whether `gamma` is multiplied.
        beta_initializer, gamma_initializer: default `'zeros'` and `'ones'`.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.

    Shapes:
        x: (batch, …, features) → the same. gamma, beta: the sizes of the normalized axes.

    Source: Ba, Kiros, Hinton (2016), section 3.

    Example:
        >>> import lamina
        >>> lamina.layers.LayerNormalization().output_shape((None, 10, 32))
        (None, 10, 32)
    """

    supports_masking: ClassVar[bool] = True

    axis: int | tuple[int, ...] = setting(axes(), default=-1)
    epsilon: float = setting(real(above=0), default=1e-3)
    center: bool = setting(flag(), default=True)
    scale: bool = setting(flag(), default=True)
    beta_initializer: Any = setting(convert=initializers.get, default='zeros')
    gamma_initializer: Any = setting(convert=initializers.get, default='ones')
    beta_regularizer: Any = setting(convert=regularizers.get, default=None)
    gamma_regularizer: Any = setting(convert=regularizers.get, default=None)
    beta_constraint: Any = setting(convert=constraints.get, default=None)
    gamma_constraint: Any = setting(convert=constraints.get, default=None)

    def validate(self) -> None:
        refuse_repeated(self, self.axis)

    def weights(self, shape: Shape) -> Weights:
        return affine_weights(self, tuple(self.known(shape, a) for a in features_axes(self, self.axis, shape)))

    def apply(self, variables, x, scope):
        over = features_axes(self, self.axis, x.shape)
        broadcast = tuple(n if a in over else 1 for a, n in enumerate(x.shape))
        mean = jnp.mean(x, over, keepdims=True)
        centered = x - mean
        variance = jnp.mean(jnp.square(centered), over, keepdims=True)
        y = centered * lax.rsqrt(variance + self.epsilon)
        if self.scale:
            y = y * variables['gamma'].reshape(broadcast)
        return y + variables['beta'].reshape(broadcast) if self.center else y


@described
class RMSNormalization(Layer):
    """Each example divided by the root of its mean square over its features: layer normalization without the mean.

    It passes a mask on; Keras's layer of this name loses it, and says so in a warning.

    Formula: `y = scale · x / sqrt(mean(x²) + epsilon)`.

    Args:
        axis: the axis or axes to normalize over; default -1.
        epsilon: added to the mean square; default 1e-6.

    Shapes:
        x: (batch, …, features) → the same. scale: the sizes of the normalized axes.

    Source: Zhang, Sennrich (2019), section 4.

    Example:
        >>> import lamina
        >>> lamina.layers.RMSNormalization().output_shape((None, 10, 32))
        (None, 10, 32)
    """

    supports_masking: ClassVar[bool] = True

    axis: int | tuple[int, ...] = setting(axes(), default=-1)
    epsilon: float = setting(real(above=0), default=1e-6)

    def validate(self) -> None:
        refuse_repeated(self, self.axis)

    def weights(self, shape: Shape) -> Weights:
        sizes = tuple(self.known(shape, a) for a in features_axes(self, self.axis, shape))
        return {'scale': Weight(sizes, 'ones')}

    def apply(self, variables, x, scope):
        over = features_axes(self, self.axis, x.shape)
        broadcast = tuple(n if a in over else 1 for a, n in enumerate(x.shape))
        y = x * lax.rsqrt(jnp.mean(jnp.square(x), over, keepdims=True) + self.epsilon)
        return y * variables['scale'].reshape(broadcast)


@described
class UnitNormalization(Layer):
    """Each example scaled to length 1 along an axis. Zeros stay zeros, and their gradient is finite.

    Formula: `y = x / max(‖x‖, 1e-12)`.

    Args:
        axis: the axis or axes along which the length is taken; default -1.

    Shapes:
        x: (batch, …, features) → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.UnitNormalization().output_shape((None, 32))
        (None, 32)
    """

    supports_masking: ClassVar[bool] = True

    axis: int | tuple[int, ...] = setting(axes(), default=-1)

    def validate(self) -> None:
        refuse_repeated(self, self.axis)

    def apply(self, variables, x, scope):
        squares = jnp.sum(jnp.square(x), features_axes(self, self.axis, x.shape), keepdims=True)
        return x * lax.rsqrt(jnp.maximum(squares, _SHORTEST**2))
