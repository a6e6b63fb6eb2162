"""Layers that keep activations at a steady scale, so that gradients neither vanish nor explode with depth."""

from typing import Any

import jax.numpy as jnp
from jax import lax

from lamina import constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import axes, flag, real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@described
class BatchNormalization(Layer):
    """Each feature to mean 0 and deviation 1 over the batch in training, by moving averages in inference.

    Formula: `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`; in training
    `moving = momentum · moving + (1 - momentum) · batch`. Rows that only pad the last batch do not count.
    With `trainable=False` it uses and keeps its moving averages in training too.

    Args:
        axis: of the features; default -1.
        momentum: of the moving averages, in [0, 1); default 0.99.
        epsilon: added to the variance; default 0.001.
        center: whether `beta` is added.
        scale: whether `gamma` is multiplied.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: of the four weights.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.

    Shapes:
        x: (batch, …, features) → the same. gamma, beta, moving_mean, moving_variance: (features,).

    Source: Ioffe, Szegedy (2015), algorithms 1 and 2; the moving variance is the biased one, as in Keras.

    Example:
        >>> import lamina
        >>> lamina.layers.BatchNormalization().output_shape((None, 32))
        (None, 32)
    """

    axis: int = setting(whole(-8), default=-1)
    momentum: float = setting(real(0, below=1), default=0.99)
    epsilon: float = setting(real(above=0), default=1e-3)
    center: bool = setting(flag(), default=True)
    scale: bool = setting(flag(), default=True)
    beta_initializer: Any = setting(convert=initializers.get, default='zeros')
    gamma_initializer: Any = setting(convert=initializers.get, default='ones')
    moving_mean_initializer: Any = setting(convert=initializers.get, default='zeros')
    moving_variance_initializer: Any = setting(convert=initializers.get, default='ones')
    beta_regularizer: Any = setting(convert=regularizers.get, default=None)
    gamma_regularizer: Any = setting(convert=regularizers.get, default=None)
    beta_constraint: Any = setting(convert=constraints.get, default=None)
    gamma_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        features = (self.known(shape, self._axis(len(shape), shape)),)
        weights = {}
        if self.scale:
            weights['gamma'] = Weight(features, self.gamma_initializer, True, self.gamma_regularizer, self.gamma_constraint)
        if self.center:
            weights['beta'] = Weight(features, self.beta_initializer, True, self.beta_regularizer, self.beta_constraint)
        weights['moving_mean'] = Weight(features, self.moving_mean_initializer, trainable=False)
        weights['moving_variance'] = Weight(features, self.moving_variance_initializer, trainable=False)
        return weights

    def apply(self, variables, x, scope):
        axis = self._axis(x.ndim, x.shape)
        others = tuple(a for a in range(x.ndim) if a != axis)
        mean, variance = variables['moving_mean'], variables['moving_variance']
        if scope.training and not scope.frozen:
            old_mean, old_variance = mean, variance
            mean = scope.mean(x, others)
            variance = scope.mean(jnp.square(x - _along(mean, axis, x.ndim)), others)
            scope.update('moving_mean', old_mean * self.momentum + mean * (1 - self.momentum))
            scope.update('moving_variance', old_variance * self.momentum + variance * (1 - self.momentum))
        factor = lax.rsqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * variables['gamma']
        offset = -mean * factor
        if self.center:
            offset = offset + variables['beta']
        return x * _along(factor, axis, x.ndim) + _along(offset, axis, x.ndim)

    def _axis(self, ndim: int, shape: Shape) -> int:
        self.require(-ndim <= self.axis < ndim and self.axis % ndim != 0, shape, f'a features axis at {self.axis}', 'Change axis.')
        return self.axis % ndim


def _along(vector, axis: int, ndim: int):
    """The vector as an array of `ndim` axes that varies along one of them."""
    return vector.reshape(tuple(-1 if a == axis else 1 for a in range(ndim)))


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
        if isinstance(self.axis, tuple) and len(set(self.axis)) != len(self.axis):
            raise ConfigError(f"{self.label}, setting 'axis'", repr(self.axis), 'each axis once', 'Remove the repeated axis.')

    def weights(self, shape: Shape) -> Weights:
        sizes = tuple(self.known(shape, a) for a in self._axes(len(shape), shape))
        weights = {}
        if self.scale:
            weights['gamma'] = Weight(sizes, self.gamma_initializer, True, self.gamma_regularizer, self.gamma_constraint)
        if self.center:
            weights['beta'] = Weight(sizes, self.beta_initializer, True, self.beta_regularizer, self.beta_constraint)
        return weights

    def apply(self, variables, x, scope):
        over = self._axes(x.ndim, x.shape)
        broadcast = tuple(n if a in over else 1 for a, n in enumerate(x.shape))
        mean = jnp.mean(x, over, keepdims=True)
        centered = x - mean
        variance = jnp.mean(jnp.square(centered), over, keepdims=True)
        y = centered * lax.rsqrt(variance + self.epsilon)
        if self.scale:
            y = y * variables['gamma'].reshape(broadcast)
        return y + variables['beta'].reshape(broadcast) if self.center else y

    def _axes(self, ndim: int, shape: Shape) -> tuple[int, ...]:
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        self.require(all(-ndim <= a < ndim and a % ndim != 0 for a in given), shape, f'axes {given} other than the batch', 'Change axis.')
        return tuple(sorted(a % ndim for a in given))
