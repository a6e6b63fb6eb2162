"""A border taken away from the input, or put around it."""

import numbers
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from lamina.core.described import described, unregistered
from lamina.core.fields import Rule, setting, whole
from lamina.layers.base import Layer
from lamina.layers.windows import Pads, require_rank


def _borders(rank: int) -> Rule:
    """A pair of whole numbers of at least 0, before and after, for each spatial axis."""
    one = whole(0)

    def is_pair(v: Any) -> bool:
        return isinstance(v, tuple) and len(v) == 2 and all(map(one.accepts, v))

    form = 'a pair (before, after)' if rank == 1 else f'one for each of {rank} axes, or a pair (before, after) for each'
    return Rule(
        is_pair if rank == 1 else lambda v: isinstance(v, tuple) and len(v) == rank and all(map(is_pair, v)),
        f'{one.expected}, or {form}',
        bad=(-1, 0.5, 'wide', (1,) * (rank + 2), (0, -1), ((1, 1), (1, -1), (1, 1))),
    )


def _paired(rank: int) -> Callable[[Any], Any]:
    """A conversion: one number for all axes and ends, or one for both ends of an axis, becomes pairs."""

    def both(value: Any) -> Any:
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            return (int(value), int(value))
        return tuple(value) if isinstance(value, list) else value

    def convert(value: Any) -> Any:
        if rank == 1:
            return both(value)
        if isinstance(value, (list, tuple)):
            return tuple(map(both, value))
        pair = both(value)
        return (pair,) * rank if isinstance(pair, tuple) else value

    return convert


@unregistered
class Cropping(Layer):
    """What `Cropping1D`, `Cropping2D` and `Cropping3D` share."""

    cropping: Any = setting()

    @property
    def borders(self) -> Pads:
        """(before, after) for each spatial axis."""
        return (self.cropping,) if isinstance(self.cropping[0], numbers.Integral) else self.cropping

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, len(self.borders))
        left = [n - before - after for n, (before, after) in zip(x.shape[1:-1], self.borders, strict=True)]
        lost = ' × '.join(str(before + after) for before, after in self.borders)
        self.require(min(left) > 0, (None, *x.shape[1:]), f'more than the {lost} elements to crop', 'Crop less, or pass larger inputs.')
        kept = (slice(before, before + n) for n, (before, _) in zip(left, self.borders, strict=True))
        return x[(slice(None), *kept)]


@unregistered
class ZeroPadding(Layer):
    """What `ZeroPadding1D`, `ZeroPadding2D` and `ZeroPadding3D` share."""

    padding: Any = setting()

    @property
    def borders(self) -> Pads:
        """(before, after) for each spatial axis."""
        return (self.padding,) if isinstance(self.padding[0], numbers.Integral) else self.padding

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, len(self.borders))
        return jnp.pad(x, ((0, 0), *self.borders, (0, 0)))


@described
class Cropping1D(Cropping):
    """Takes steps away at the beginning and the end of sequences.

    Args:
        cropping: steps taken away at both ends, or (beginning, end); default 1.

    Shapes:
        x: (batch, steps, channels) → (batch, new steps, channels).

    Raises:
        ConfigError: a negative number; to add use ZeroPadding1D.
        ShapeError: another number of axes, or nothing left of one.

    Example:
        >>> import lamina
        >>> lamina.layers.Cropping1D(2).output_shape((None, 10, 4))
        (None, 6, 4)
    """

    cropping: Any = setting(_borders(1), convert=_paired(1), default=(1, 1))


@described
class Cropping2D(Cropping):
    """Takes pixels away at the edges of images.

    Args:
        cropping: pixels taken away at every edge, or (top and bottom, left and right), or ((top, bottom), (left, right)); default 0.

    Shapes:
        x: (batch, height, width, channels) → (batch, new height, new width, channels).

    Raises:
        ConfigError: a negative number; to add use ZeroPadding2D.
        ShapeError: another number of axes, or nothing left of one.

    Example:
        >>> import lamina
        >>> lamina.layers.Cropping2D((2, 4)).output_shape((None, 28, 28, 3))
        (None, 24, 20, 3)
    """

    cropping: Any = setting(_borders(2), convert=_paired(2), default=((0, 0), (0, 0)))


@described
class Cropping3D(Cropping):
    """Takes voxels away at the faces of volumes.

    Args:
        cropping: voxels taken away at every face, or one number or pair (before, after) for each of the three axes; default 1.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).

    Raises:
        ConfigError: a negative number; to add use ZeroPadding3D.
        ShapeError: another number of axes, or nothing left of one.

    Example:
        >>> import lamina
        >>> lamina.layers.Cropping3D(1).output_shape((None, 8, 8, 8, 3))
        (None, 6, 6, 6, 3)
    """

    cropping: Any = setting(_borders(3), convert=_paired(3), default=((1, 1), (1, 1), (1, 1)))


@described
class ZeroPadding1D(ZeroPadding):
    """Adds steps of zeros at the beginning and the end of sequences.

    Args:
        padding: steps added at both ends, or (beginning, end); default 1.

    Shapes:
        x: (batch, steps, channels) → (batch, new steps, channels).

    Raises:
        ConfigError: a negative number; to take away use Cropping1D.
        ShapeError: another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.ZeroPadding1D((4, 0)).output_shape((None, 10, 4))
        (None, 14, 4)
    """

    padding: Any = setting(_borders(1), convert=_paired(1), default=1)


@described
class ZeroPadding2D(ZeroPadding):
    """Adds pixels of zeros at the edges of images.

    Args:
        padding: pixels added at every edge, or (top and bottom, left and right), or ((top, bottom), (left, right)); default 1.

    Shapes:
        x: (batch, height, width, channels) → (batch, new height, new width, channels).

    Raises:
        ConfigError: a negative number; to take away use Cropping2D.
        ShapeError: another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.ZeroPadding2D(2).output_shape((None, 28, 28, 3))
        (None, 32, 32, 3)
    """

    padding: Any = setting(_borders(2), convert=_paired(2), default=(1, 1))


@described
class ZeroPadding3D(ZeroPadding):
    """Adds voxels of zeros at the faces of volumes.

    Args:
        padding: voxels added at every face, or one number or pair (before, after) for each of the three axes; default 1.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).

    Raises:
        ConfigError: a negative number; to take away use Cropping3D.
        ShapeError: another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.ZeroPadding3D().output_shape((None, 8, 8, 8, 3))
        (None, 10, 10, 10, 3)
    """

    padding: Any = setting(_borders(3), convert=_paired(3), default=((1, 1), (1, 1), (1, 1)))
