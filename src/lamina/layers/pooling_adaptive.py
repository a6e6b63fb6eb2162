"""Pooling to a size of one's choice: the windows follow from the input, so that inputs of any size meet a layer of fixed size."""

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import described, unregistered
from lamina.core.fields import setting
from lamina.kernels import pooling
from lamina.layers.base import Layer
from lamina.layers.windows import Sizes, floating, per_axis, require_rank, spread


@unregistered
class AdaptivePooling(Layer):
    """What the six layers share. Their spatial rank is the length of `output_size`."""

    output_size: Sizes = setting()

    def even_windows(self, x: jax.Array) -> tuple[int, ...] | None:
        """The size of the windows where those of an axis are equal and do not overlap, else None."""
        require_rank(self, x.shape, len(self.output_size))
        lengths = x.shape[1:-1]
        self.require(min(lengths) > 0, (None, *x.shape[1:]), 'an element on each spatial axis', 'Pass longer inputs.')
        even = all(n % wanted == 0 for n, wanted in zip(lengths, self.output_size, strict=True))
        return tuple(n // wanted for n, wanted in zip(lengths, self.output_size, strict=True)) if even else None


@unregistered
class AdaptiveMaxPooling(AdaptivePooling):
    """What `AdaptiveMaxPooling1D`, `AdaptiveMaxPooling2D` and `AdaptiveMaxPooling3D` share."""

    def apply(self, variables, x, scope):
        if (even := self.even_windows(x)) is not None:
            return pooling.max_pool(x, even, even, ((0, 0),) * len(even))
        lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
        for axis, size in enumerate(self.output_size, start=1):
            seen, inside, _ = _windows(x, axis, size)
            x = jnp.max(jnp.where(inside, seen, jnp.array(lowest, x.dtype)), axis + 1)
        return x


@unregistered
class AdaptiveAveragePooling(AdaptivePooling):
    """What `AdaptiveAveragePooling1D`, `AdaptiveAveragePooling2D` and `AdaptiveAveragePooling3D` share."""

    def apply(self, variables, x, scope):
        x = floating(x)
        if (even := self.even_windows(x)) is not None:
            return pooling.average_pool(x, even, even, ((0, 0),) * len(even))
        for axis, size in enumerate(self.output_size, start=1):
            seen, inside, sizes = _windows(x, axis, size)
            x = jnp.sum(jnp.where(inside, seen, 0), axis + 1) / sizes.astype(x.dtype)
        return x


def _windows(x: jax.Array, axis: int, count: int) -> tuple[jax.Array, np.ndarray, np.ndarray]:
    """The elements of `count` windows on an axis that is split in two, (windows, widest); which of them are inside; how many are.

    Window i begins at `floor(i · length / count)` and ends before `ceil((i + 1) · length / count)`: a mean or a maximum over several axes
    is that over one after another.
    """
    length = x.shape[axis]
    numbers = np.arange(count)
    starts, ends = numbers * length // count, -(-(numbers + 1) * length // count)
    sizes = ends - starts
    offsets = np.arange(sizes.max())
    positions = np.minimum(starts[:, None] + offsets, length - 1)
    trailing = (1,) * (x.ndim - axis - 1)
    inside = (offsets < sizes[:, None]).reshape(*positions.shape, *trailing)
    return jnp.take(x, positions, axis), inside, sizes.reshape(-1, *trailing)


@described
class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest value of each channel in windows that divide time into `output_size`.

    Formula: window i of n on an axis of length L is `[floor(i · L / n), ceil((i + 1) · L / n))`; windows overlap where n does not divide L.

    Args:
        output_size: number of windows.

    Shapes:
        x: (batch, steps, channels) → (batch, output_size, channels).

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.AdaptiveMaxPooling1D(4).output_shape((None, 10, 8))
        (None, 4, 8)
    """

    output_size: Sizes = setting(per_axis(1), convert=spread(1))


@described
class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest value of each channel in windows that divide images into `output_size`.

    Formula: window i of n on an axis of length L is `[floor(i · L / n), ceil((i + 1) · L / n))`; windows overlap where n does not divide L.

    Args:
        output_size: windows along height and width; one number for both.

    Shapes:
        x: (batch, height, width, channels) → (batch, *output_size, channels).

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.AdaptiveMaxPooling2D((3, 2)).output_shape((None, 10, 7, 8))
        (None, 3, 2, 8)
    """

    output_size: Sizes = setting(per_axis(2), convert=spread(2))


@described
class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest value of each channel in windows that divide volumes into `output_size`.

    Formula: window i of n on an axis of length L is `[floor(i · L / n), ceil((i + 1) · L / n))`; windows overlap where n does not divide L.

    Args:
        output_size: windows along depth, height and width; one number for all.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, *output_size, channels).

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.AdaptiveMaxPooling3D(2).output_shape((None, 5, 6, 7, 8))
        (None, 2, 2, 2, 8)
    """

    output_size: Sizes = setting(per_axis(3), convert=spread(3))


@described
class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean of each channel in windows that divide time into `output_size`.

    Formula: window i of n on an axis of length L is `[floor(i · L / n), ceil((i + 1) · L / n))`; windows overlap where n does not divide L.

    Args:
        output_size: number of windows.

    Shapes:
        x: (batch, steps, channels) → (batch, output_size, channels).

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.AdaptiveAveragePooling1D(4).output_shape((None, 10, 8))
        (None, 4, 8)
    """

    output_size: Sizes = setting(per_axis(1), convert=spread(1))


@described
class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean of each channel in windows that divide images into `output_size`.

    Formula: window i of n on an axis of length L is `[floor(i · L / n), ceil((i + 1) · L / n))`; windows overlap where n does not divide L.

    Args:
        output_size: windows along height and width; one number for both.

    Shapes:
        x: (batch, height, width, channels) → (batch, *output_size, channels).

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.AdaptiveAveragePooling2D((3, 2)).output_shape((None, 10, 7, 8))
        (None, 3, 2, 8)
    """

    output_size: Sizes = setting(per_axis(2), convert=spread(2))


@described
class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean of each channel in windows that divide volumes into `output_size`.

    Formula: window i of n on an axis of length L is `[floor(i · L / n), ceil((i + 1) · L / n))`; windows overlap where n does not divide L.

    Args:
        output_size: windows along depth, height and width; one number for all.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, *output_size, channels).

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.AdaptiveAveragePooling3D(2).output_shape((None, 5, 6, 7, 8))
        (None, 2, 2, 2, 8)
    """

    output_size: Sizes = setting(per_axis(3), convert=spread(3))
