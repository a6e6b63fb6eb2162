"""Dropout in its forms: what is dropped, alone or together, differs. All are the identity in inference."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp

from lamina.core.described import described, unregistered
from lamina.core.fields import Rule, real, setting, whole
from lamina.layers.base import Layer

_size = whole(1)
_NOISE_SHAPE = Rule(
    lambda v: isinstance(v, tuple) and all(n is None or _size.accepts(n) for n in v),
    'a tuple of sizes and None',
    bad=('wide', (0,), (1.5,)),
)
# Of the self-normalizing exponential linear unit, to whose lowest output AlphaDropout drops.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _kept(scope, shape: tuple[int, ...], rate: float, seed: int | None):
    """True at probability `1 - rate`, for each element by itself."""
    # 32 random bits against a whole-number threshold: exact to 2⁻³², and no conversion to floats.
    return scope.random_bits(shape, seed=seed) >= jnp.uint32(rate * 2**32)


@unregistered
class NoiseShaped(Layer):
    """The base of layers whose random decisions may be shared along some axes.

    Args:
        rate: probability of dropping, in [0, 1).
        noise_shape: the shape of the decisions, with 1 where one is shared along an axis and None for the size of x.
        seed: a stream of this layer's own.
    """

    supports_masking: ClassVar[bool] = True

    rate: float = setting(real(0, below=1))
    noise_shape: tuple[int | None, ...] | None = setting(_NOISE_SHAPE, default=None)
    seed: int | None = setting(whole(0), default=None)

    def decisions(self, x: Any) -> tuple[int, ...]:
        """The shape of the random decisions for x."""
        given = self.noise_shape
        if given is None:
            return x.shape
        self.require(len(given) == x.ndim, x.shape, f'{len(given)} axes, as noise_shape has', 'Give noise_shape one entry per axis.')
        shape = tuple(n if g is None else g for g, n in zip(given, x.shape, strict=True))
        fits = all(g in (1, n) for g, n in zip(shape, x.shape, strict=True))
        self.require(fits, x.shape, f'axes that noise_shape {given} divides into 1 or all', 'Use 1 or None in noise_shape.')
        return shape


@described
class Dropout(NoiseShaped):
    """Sets a random part of its inputs to zero in training and scales the rest up; the identity in inference.

    Formula: `y = x · keep / (1 - rate)`, with `keep` 1 at probability `1 - rate`.

    Args:
        rate: probability of dropping, in [0, 1).
        noise_shape: shape of the mask, with 1 (or None) where it is shared along an axis and None for the batch; default the shape of x.
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: any → the same.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), section 4; scaled in training, not in inference.

    Example:
        >>> import lamina
        >>> lamina.layers.Dropout(0.2).output_shape((None, 128))
        (None, 128)
    """

    def apply(self, variables, x, scope):
        if not scope.training or self.rate == 0:
            return x
        return jnp.where(_kept(scope, self.decisions(x), self.rate, self.seed), x / (1 - self.rate), 0)


@described
class AlphaDropout(NoiseShaped):
    """Dropout for networks of `selu`: it drops to that function's lowest value, and keeps mean and deviation; the identity in inference.

    Formula: `y = a · (x · keep + α' · (1 - keep)) + b`, with `α' = -1.7581`, `a = ((1 - rate)(1 + rate · α'²))^-½` and
    `b = -a · α' · rate`.

    Args:
        rate: probability of dropping, in [0, 1).
        noise_shape: as in `Dropout`; default the shape of x.
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: any → the same.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter (2017), section 3.

    Example:
        >>> import lamina
        >>> lamina.layers.AlphaDropout(0.1).output_shape((None, 128))
        (None, 128)
    """

    def apply(self, variables, x, scope):
        if not scope.training or self.rate == 0:
            return x
        lowest = -_SELU_ALPHA * _SELU_SCALE
        factor = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * lowest**2))
        keep = _kept(scope, self.decisions(x), self.rate, self.seed)
        return factor * jnp.where(keep, x, lowest) - factor * lowest * self.rate


@unregistered
class SpatialDropout(Layer):
    """The base of dropout of whole channels: where neighbours say the same, dropping one of them alone changes little."""

    supports_masking: ClassVar[bool] = True
    #: how many axes lie between the batch and the channels
    spatial: ClassVar[int] = 1

    rate: float = setting(real(0, below=1))
    seed: int | None = setting(whole(0), default=None)

    def apply(self, variables, x, scope):
        shape = (None, *x.shape[1:])
        remedy = f'Use SpatialDropout{x.ndim - 2}D.' if 3 <= x.ndim <= 5 else 'Use Dropout.'
        self.require(x.ndim == self.spatial + 2, shape, f'the batch, {self.spatial} axes of positions, and channels', remedy)
        if not scope.training or self.rate == 0:
            return x
        decisions = (x.shape[0], *(1,) * self.spatial, x.shape[-1])
        return jnp.where(_kept(scope, decisions, self.rate, self.seed), x / (1 - self.rate), 0)


@described
class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of sequences; the identity in inference.

    Args:
        rate: probability of dropping, in [0, 1).
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: (batch, time, channels) → the same.

    Raises:
        ShapeError: x has another number of axes.

    Source: Tompson, Goroshin, Jain, LeCun, Bregler (2015), section 3.2.

    Example:
        >>> import lamina
        >>> lamina.layers.SpatialDropout1D(0.2).output_shape((None, 10, 3))
        (None, 10, 3)
    """

    spatial: ClassVar[int] = 1


@described
class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of images; the identity in inference.

    Args:
        rate: probability of dropping, in [0, 1).
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: (batch, rows, columns, channels) → the same.

    Raises:
        ShapeError: x has another number of axes.

    Source: Tompson, Goroshin, Jain, LeCun, Bregler (2015), section 3.2.

    Example:
        >>> import lamina
        >>> lamina.layers.SpatialDropout2D(0.2).output_shape((None, 8, 8, 3))
        (None, 8, 8, 3)
    """

    spatial: ClassVar[int] = 2


@described
class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels of volumes; the identity in inference.

    Args:
        rate: probability of dropping, in [0, 1).
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: (batch, depth, rows, columns, channels) → the same.

    Raises:
        ShapeError: x has another number of axes.

    Source: Tompson, Goroshin, Jain, LeCun, Bregler (2015), section 3.2.

    Example:
        >>> import lamina
        >>> lamina.layers.SpatialDropout3D(0.2).output_shape((None, 4, 8, 8, 3))
        (None, 4, 8, 8, 3)
    """

    spatial: ClassVar[int] = 3


@described
class StochasticDepth(Layer):
    """Drops whole examples in training and scales the others up: at the end of a residual block, the block is left out for them.

    Formula: `y = x · keep / (1 - rate)`, with one `keep` for each example, 1 at probability `1 - rate`.

    Args:
        rate: probability of dropping, in [0, 1); where it grows from block to block, the paper lets the last one have 0.5.
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: (batch, …) → the same.

    Source: Huang, Sun, Liu, Sedra, Weinberger (2016), section 3; scaled in training, not in inference.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, Residual, StochasticDepth
        >>> Residual([Dense(8, activation='relu'), StochasticDepth(0.2)]).output_shape((None, 8))
        (None, 8)
    """

    supports_masking: ClassVar[bool] = True

    rate: float = setting(real(0, below=1))
    seed: int | None = setting(whole(0), default=None)

    def apply(self, variables, x, scope):
        if not scope.training or self.rate == 0:
            return x
        keep = _kept(scope, (x.shape[0], *(1,) * (x.ndim - 1)), self.rate, self.seed)
        return jnp.where(keep, x / (1 - self.rate), 0)
