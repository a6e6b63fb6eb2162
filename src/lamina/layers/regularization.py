"""Noise on activations, and penalties on their size, against memorizing. Noise is for training; in inference all are the identity."""

import math
from typing import ClassVar

import jax.numpy as jnp
from jax import lax

from lamina import regularizers
from lamina.core.described import described
from lamina.core.fields import real, setting, whole
from lamina.layers.base import Layer
from lamina.layers.core import add_activity_loss


def _normal(scope, shape: tuple[int, ...], seed: int | None):
    """Values from the standard normal distribution."""
    # The middles of 2²³ equal parts of (-1, 1), every one of them exact in float32, through the inverse of the distribution.
    uniform = (scope.random_bits(shape, seed=seed) >> 9).astype(jnp.float32) * 2.0**-22 + (2.0**-23 - 1)
    return math.sqrt(2) * lax.erf_inv(uniform)


@described
class GaussianNoise(Layer):
    """Adds normal noise of mean 0 in training; the identity in inference.

    Args:
        stddev: of the noise, at least 0.
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: any → the same.

    Source: Bishop (1995), who shows that it amounts to a penalty on the derivatives.

    Example:
        >>> import lamina
        >>> lamina.layers.GaussianNoise(0.1).output_shape((None, 128))
        (None, 128)
    """

    supports_masking: ClassVar[bool] = True

    stddev: float = setting(real(0, below=math.inf))
    seed: int | None = setting(whole(0), default=None)

    def apply(self, variables, x, scope):
        if not scope.training or self.stddev == 0:
            return x
        return x + (self.stddev * _normal(scope, x.shape, self.seed)).astype(x.dtype)


@described
class GaussianDropout(Layer):
    """Multiplies by normal noise of mean 1 in training, with the deviation that dropout of this rate has; the identity in inference.

    Formula: `y = x · n`, with n normal of mean 1 and deviation `sqrt(rate / (1 - rate))`.

    Args:
        rate: of the dropout it stands for, in [0, 1).
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: any → the same.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), section 10.

    Example:
        >>> import lamina
        >>> lamina.layers.GaussianDropout(0.2).output_shape((None, 128))
        (None, 128)
    """

    supports_masking: ClassVar[bool] = True

    rate: float = setting(real(0, below=1))
    seed: int | None = setting(whole(0), default=None)

    def apply(self, variables, x, scope):
        if not scope.training or self.rate == 0:
            return x
        deviation = math.sqrt(self.rate / (1 - self.rate))
        return x * (1 + deviation * _normal(scope, x.shape, self.seed)).astype(x.dtype)


@described
class ActivityRegularization(Layer):
    """Its input, on which it puts a penalty: the sum over the batch divided by its size, rows that only pad it left out.

    Formula: `l1 · Σ|x| + l2 · Σx²`, per example.

    Args:
        l1: the factor of the absolute values, at least 0; default 0.
        l2: the factor of the squares, at least 0; default 0.

    Shapes:
        x: any → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.ActivityRegularization(l2=0.01).output_shape((None, 128))
        (None, 128)
    """

    supports_masking: ClassVar[bool] = True

    l1: float = setting(real(0, below=math.inf), default=0.0)
    l2: float = setting(real(0, below=math.inf), default=0.0)

    def apply(self, variables, x, scope):
        add_activity_loss(regularizers.L1L2(self.l1, self.l2), x, scope)
        return x
