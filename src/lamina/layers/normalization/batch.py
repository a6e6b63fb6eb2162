"""Normalization over the batch: the one layer whose training and inference differ by what it remembers."""

from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from lamina import constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.fields import flag, real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.normalization.affine import affine_weights, along, features_axis
from lamina.layers.weight import Weight, Weights


@described
class BatchNormalization(Layer):
    """Each feature to mean 0 and deviation 1 over the batch in training, by moving averages in inference.

    Rows that only pad the last batch, and time steps that a mask leaves out, do not count in training; a batch in which
    nothing counts has mean and variance 0. With `trainable=False` it uses and keeps its moving averages in training too.

    Formula: `y = gamma · (x - mean) / sqrt(variance + epsilon) + beta`; in training
    `moving = momentum · moving + (1 - momentum) · batch`.

    Args:
        axis: of the features; default -1.
        momentum: of the moving averages, in [0, 1); default 0.99.
        epsilon: added to the variance; default 0.001.
        center: whether `beta` is added.
        scale: whether `gamma` is multiplied.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: of the four weights.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: default None.
        synchronized: whether the batch is that of all devices; default False. One compiled program sees one batch, however it is
            spread over devices, and its mean is that of all of it: both values of this setting compute the same.

    Shapes:
        x: (batch, …, features) → the same. gamma, beta, moving_mean, moving_variance: (features,).

    Raises:
        ShapeError: x has no such axis, or a mask as many axes as x.

    Source: Ioffe, Szegedy (2015), algorithms 1 and 2; the moving variance is the biased one, as in Keras.

    Example:
        >>> import lamina
        >>> lamina.layers.BatchNormalization().output_shape((None, 32))
        (None, 32)
    """

    supports_masking: ClassVar[bool] = True

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
    synchronized: bool = setting(flag(), default=False)

    def weights(self, shape: Shape) -> Weights:
        features = (self.known(shape, features_axis(self, self.axis, shape)),)
        return {
            **affine_weights(self, features),
            'moving_mean': Weight(features, self.moving_mean_initializer, trainable=False),
            'moving_variance': Weight(features, self.moving_variance_initializer, trainable=False),
        }

    def apply(self, variables, x, scope):
        axis = features_axis(self, self.axis, x.shape)
        mean, variance = variables['moving_mean'], variables['moving_variance']
        if scope.training and not scope.frozen:
            old_mean, old_variance = mean, variance
            mean, variance = self._moments(x, axis, scope)
            scope.update('moving_mean', old_mean * self.momentum + mean * (1 - self.momentum))
            scope.update('moving_variance', old_variance * self.momentum + variance * (1 - self.momentum))
        factor = lax.rsqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * variables['gamma']
        offset = -mean * factor
        if self.center:
            offset = offset + variables['beta']
        return x * along(factor, axis, x.ndim) + along(offset, axis, x.ndim)

    def _moments(self, x, axis: int, scope):
        """The mean and the variance of each feature over all that counts."""
        others = tuple(a for a in range(x.ndim) if a != axis)
        mask = scope.mask_of(x)
        if mask is None:
            mean = scope.mean(x, others)
            return mean, scope.mean(jnp.square(x - along(mean, axis, x.ndim)), others)
        counts = self._counts(x, mask, scope.valid)
        number = jnp.maximum(jnp.sum(counts, others), 1)
        mean = jnp.sum(jnp.where(counts, x, 0), others) / number
        distance = jnp.where(counts, x - along(mean, axis, x.ndim), 0)
        return mean, jnp.sum(jnp.square(distance), others) / number

    def _counts(self, x, mask, valid):
        """Which elements of x count, as booleans of its shape."""
        fits = mask.ndim < x.ndim and mask.shape == x.shape[: mask.ndim]
        self.require(fits, x.shape, f'a shape that begins with {mask.shape}, that of its mask', 'Pass a mask (batch, time).')
        counts = jnp.asarray(mask, bool)
        if valid is not None:
            counts = counts & (valid > 0).reshape(-1, *(1,) * (mask.ndim - 1))
        return jnp.broadcast_to(counts.reshape(*counts.shape, *(1,) * (x.ndim - mask.ndim)), x.shape)
