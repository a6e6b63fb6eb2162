"""Layers that bring raw numbers to the size that networks train on."""

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError, DataError
from lamina.core.fields import Rule, axes, flag, real, setting
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.preprocessing.adapting import batches_of
from lamina.layers.preprocessing.augmentation import floating
from lamina.layers.preprocessing.rules import listed
from lamina.layers.preprocessing.vocabulary import unadapted
from lamina.layers.weight import Weights

_EPSILON = 1e-7
_number = real()


@described
class Rescaling(Layer):
    """Formula: `y = x · scale + offset`.

    Args:
        scale: for images of bytes, `1 / 255`.
        offset: added after scaling; default 0.

    Shapes:
        x: any → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.Rescaling(1 / 127.5, offset=-1).output_shape((None, 28, 28))
        (None, 28, 28)
    """

    scale: float = setting(real())
    offset: float = setting(real(), default=0.0)

    def apply(self, variables, x, scope):
        return x * self.scale + self.offset


def _finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return len(value) > 0 and all(map(_finite, value))
    return _number.accepts(value) and math.isfinite(value)


def _positive(value: Any) -> bool:
    return all(map(_positive, value)) if isinstance(value, tuple) else value >= 0


_MEAN = Rule(_finite, 'a finite number, or nested tuples of them', bad=('middle', (), (1.0, 'two')))
_VARIANCE = Rule(
    lambda v: _finite(v) and _positive(v), 'a finite number of at least 0, or nested tuples of them', bad=(-1.0, (1.0, -0.5), 'wide', ())
)


@described
class Normalization(Layer):
    """Shifts and scales each feature by the mean and variance of the training data.

    Both are settings: give them, or learn them with `adapt`, which returns a layer that has them. They are saved with the
    network, and never change while it trains.

    Formula: `y = (x - mean) / max(sqrt(variance), 1e-7)`; inverted, `y = mean + x · max(sqrt(variance), 1e-7)`.

    Args:
        axis: the axis or axes that have a mean and variance for each position; None for one of all values; default -1.
        mean, variance: numbers, or nested tuples of the shape of these axes; default None: to be learned by `adapt`.
        invert: whether normalized values are turned back; default False.

    Shapes:
        x: (batch, …) → the same.

    Raises:
        StateError: no mean and variance yet; the message says how to adapt.
        ConfigError: only one of them, or of unequal shapes.
        ShapeError: x has not the axes, or not as many features as the mean.

    Example:
        >>> import numpy as np
        >>> import lamina
        >>> layer = lamina.layers.Normalization()
        >>> layer = layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer
        Normalization(mean=(1.0, 8.0), variance=(1.0, 1.0))
        >>> lamina.Sequential([lamina.Input((2,)), layer]).predict([[2.0, 9.0]], verbose=0)
        array([[1., 1.]], dtype=float32)
    """

    supports_masking: ClassVar[bool] = True

    axis: int | tuple[int, ...] | None = setting(
        Rule(lambda v: v is None or axes().accepts(v), 'an axis, a tuple of axes, or None', bad=('last', 1.5, ())), default=-1
    )
    mean: Any = setting(_MEAN, convert=listed, default=None)
    variance: Any = setting(_VARIANCE, convert=listed, default=None)
    invert: bool = setting(flag(), default=False)

    def validate(self) -> None:
        if (self.mean is None) != (self.variance is None):
            lacking, given = ('mean', 'variance') if self.mean is None else ('variance', 'mean')
            raise ConfigError(f'{self.label}, setting {lacking!r}', 'None', f'a {lacking}, since {given} is given', 'Give both or neither.')
        if self.mean is None:
            return
        try:
            shapes = np.shape(self.mean), np.shape(self.variance)
        except ValueError as error:
            raise ConfigError(f"{self.label}, settings 'mean' and 'variance'", str(error), 'rows of equal length', 'Fill them.') from error
        if shapes[0] != shapes[1]:
            where, got = f"{self.label}, settings 'mean' and 'variance'", f'the shapes {shapes[0]} and {shapes[1]}'
            raise ConfigError(where, got, 'equal shapes', 'Give one variance for each mean.')
        if len(shapes[0]) > len(self._given_axes):
            where, expected = f"{self.label}, setting 'mean'", f'at most {len(self._given_axes)} axes, as `axis` names'
            raise ConfigError(where, f'the shape {shapes[0]}', expected, 'Name more axes, or flatten the mean.')

    @property
    def _given_axes(self) -> tuple[int, ...]:
        if self.axis is None:
            return ()
        return self.axis if isinstance(self.axis, tuple) else (self.axis,)

    def weights(self, shape: Shape) -> Weights:
        if self.mean is None:
            raise unadapted(self, 'mean and variance')
        self._broadcast(shape)
        return {}

    def apply(self, variables, x, scope):
        x = floating(x)
        shape = self._broadcast(x.shape)
        mean = jnp.asarray(np.reshape(self.mean, shape), x.dtype)
        deviation = jnp.asarray(np.maximum(np.sqrt(np.reshape(self.variance, shape)), _EPSILON), x.dtype)
        return mean + x * deviation if self.invert else (x - mean) / deviation

    def _kept(self, shape: Shape) -> tuple[int, ...]:
        """The axes with a mean of their own, in order."""
        ndim, given = len(shape), self._given_axes
        fits = all(-ndim <= a < ndim and a % ndim != 0 for a in given) and len({a % ndim for a in given}) == len(given)
        self.require(fits, shape, f'the axes {given}, other than the batch, each once', 'Change axis.')
        return tuple(sorted(a % ndim for a in given))

    def _broadcast(self, shape: Shape) -> tuple[int, ...]:
        """The shape of the mean with an axis for each of x's: its own axes are the last of those that are kept."""
        kept, sizes = self._kept(shape), np.shape(self.mean)
        full = [1] * len(shape)
        for axis, size in zip(reversed(kept), reversed(sizes), strict=False):
            full[axis] = size
        fits = all(full[a] in (1, n) or n is None for a, n in enumerate(shape))
        self.require(fits, shape, f'axes {kept} of the sizes {sizes}, those of the mean', 'Adapt the layer to data of this shape.')
        return tuple(full)

    def adapt(self, data: Any, steps: int | None = None) -> 'Normalization':
        """A layer with the mean and variance of these data; this one stays as it is.

        Args:
            data: an array, a list of numbers, a list of arrays, or any source of batches, of which the inputs count.
            steps: how many batches of a source to read; default None, all.

        Returns:
            The adapted layer.

        Raises:
            DataError: no data, or values that are not finite numbers.
            ShapeError: the data have not the axes.
        """
        count, mean, squares, kept = 0, np.zeros(()), np.zeros(()), None
        for batch in batches_of(data, f'{self.label}, adapt', steps):
            over = tuple(a for a in range(batch.ndim) if a not in self._kept(batch.shape))
            sizes = tuple(batch.shape[a] for a in self._kept(batch.shape))
            if kept not in (None, sizes):
                where, got = f'{self.label}, adapt', f'batches of {kept} and {sizes} features'
                raise DataError(where, got, 'the same features in each batch', 'Give every batch the same columns.')
            kept = sizes
            count, mean, squares = _merged(count, mean, squares, batch.astype(np.float64), over)
        if count == 0:
            raise DataError(f'{self.label}, adapt', 'no batches', 'at least one', 'Pass the training data.')
        return self.replace(mean=mean, variance=squares / count)


def _merged(count: int, mean: np.ndarray, squares: np.ndarray, batch: np.ndarray, over: Iterable[int]) -> tuple:
    """Count, mean and summed squared deviations with one more batch.

    Source: Chan, Golub, LeVeque (1979), equation 2.1: exact where sums of squares would cancel.
    """
    over = tuple(over)
    here = math.prod(batch.shape[a] for a in over)
    own = np.mean(batch, over, keepdims=True)
    own_squares = np.sum(np.square(batch - own), over)
    own = own.reshape(own_squares.shape)
    step = own - mean
    total = count + here
    return total, mean + step * (here / total), squares + own_squares + np.square(step) * (count * here / total)
