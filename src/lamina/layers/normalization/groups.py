"""Normalizations of each example over groups of its channels, for convolutional networks with small batches."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from lamina import constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.fields import Rule, flag, real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.normalization.affine import affine_weights, features_axis
from lamina.layers.weight import Weights

_positive = whole(1)
_GROUPS = Rule(
    lambda v: _positive.accepts(v) or (type(v) is int and v == -1), 'a whole number of at least 1, or -1', bad=(0, -2, 1.5, '32')
)


@described
class GroupNormalization(Layer):
    """Each group of channels of each example to mean 0 and deviation 1, over all its positions; the same in training and inference.

    All positions count, masked ones too, as in Keras.

    Formula: `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`, with mean and variance of the example's group.

    Args:
        groups: into how many the channels are divided, in their order; -1 for one channel each; default 32.
        axis: of the channels; default -1.
        epsilon: added to the variance; default 0.001.
        center: whether `beta` is added.
        scale: whether `gamma` is multiplied.
        beta_initializer, gamma_initializer: default `'zeros'` and `'ones'`.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.

    Shapes:
        x: (batch, …, channels) → the same. gamma, beta: (channels,).

    Raises:
        ShapeError: the channels cannot be divided into so many groups.

    Source: Wu, He (2018), section 3.1.

    Example:
        >>> import lamina
        >>> lamina.layers.GroupNormalization(groups=4).output_shape((None, 8, 8, 16))
        (None, 8, 8, 16)
    """

    supports_masking: ClassVar[bool] = True

    groups: int = setting(_GROUPS, default=32)
    axis: int = setting(whole(-8), default=-1)
    epsilon: float = setting(real(above=0), default=1e-3)
    center: bool = setting(flag(), default=True)
    scale: bool = setting(flag(), default=True)
    beta_initializer: Any = setting(convert=initializers.get, default='zeros')
    gamma_initializer: Any = setting(convert=initializers.get, default='ones')
    beta_regularizer: Any = setting(convert=regularizers.get, default=None)
    gamma_regularizer: Any = setting(convert=regularizers.get, default=None)
    beta_constraint: Any = setting(convert=constraints.get, default=None)
    gamma_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        channels = self.known(shape, features_axis(self, self.axis, shape))
        divides = self.groups == -1 or channels % self.groups == 0
        self.require(divides, shape, f'a number of channels that {self.groups} groups divide', 'Change groups.')
        return affine_weights(self, (channels,))

    def apply(self, variables, x, scope):
        axis = features_axis(self, self.axis, x.shape)
        return normalized_by_groups(self, variables, x, axis, x.shape[axis] if self.groups == -1 else self.groups)


@described
class InstanceNormalization(Layer):
    """Each channel of each example to mean 0 and deviation 1 over its positions: group normalization with a channel a group.

    Formula: `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`, with mean and variance of the example's channel.

    Args:
        axis: of the channels; default -1.
        epsilon: added to the variance; default 0.001.
        center: whether `beta` is added.
        scale: whether `gamma` is multiplied.
        beta_initializer, gamma_initializer: default `'zeros'` and `'ones'`.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.

    Shapes:
        x: (batch, …, channels), with at least one axis of positions → the same. gamma, beta: (channels,).

    Raises:
        ShapeError: x has no positions, (batch, channels): every value would be its own mean.

    Source: Ulyanov, Vedaldi, Lempitsky (2016), section 2.

    Example:
        >>> import lamina
        >>> lamina.layers.InstanceNormalization().output_shape((None, 8, 8, 16))
        (None, 8, 8, 16)
    """

    supports_masking: ClassVar[bool] = True

    axis: int = setting(whole(-8), default=-1)
    epsilon: float = setting(real(above=0), default=1e-3)
    center: bool = setting(flag(), default=True)
    scale: bool = setting(flag(), default=True)
    beta_initializer: Any = setting(convert=initializers.get, default='zeros')
    gamma_initializer: Any = setting(convert=initializers.get, default='ones')
    beta_regularizer: Any = setting(convert=regularizers.get, default=None)
    gamma_regularizer: Any = setting(convert=regularizers.get, default=None)
    beta_constraint: Any = setting(convert=constraints.get, default=None)
    gamma_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        self.require(len(shape) >= 3, shape, 'positions beside the channels', 'Use LayerNormalization for (batch, features).')
        return affine_weights(self, (self.known(shape, features_axis(self, self.axis, shape)),))

    def apply(self, variables, x, scope):
        axis = features_axis(self, self.axis, x.shape)
        return normalized_by_groups(self, variables, x, axis, x.shape[axis])


def normalized_by_groups(layer: Any, variables, x, axis: int, groups: int):
    """The example's groups of channels each to mean 0 and deviation 1, then scaled and shifted by channel."""
    parted = (*x.shape[:axis], groups, x.shape[axis] // groups, *x.shape[axis + 1 :])
    grouped = x.reshape(parted)
    over = tuple(a for a in range(1, grouped.ndim) if a != axis)
    broadcast = tuple(n if a in (axis, axis + 1) else 1 for a, n in enumerate(parted))
    centered = grouped - jnp.mean(grouped, over, keepdims=True)
    y = centered * lax.rsqrt(jnp.mean(jnp.square(centered), over, keepdims=True) + layer.epsilon)
    if layer.scale:
        y = y * variables['gamma'].reshape(broadcast)
    if layer.center:
        y = y + variables['beta'].reshape(broadcast)
    return y.reshape(x.shape)
