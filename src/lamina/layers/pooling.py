"""Pooling: a window slides over the input and one number stands for what it sees, so that the next layer looks at more with less."""

from lamina.core.described import described, unregistered
from lamina.core.fields import one_of, setting
from lamina.kernels import pooling
from lamina.layers.base import Layer
from lamina.layers.windows import Pads, Sizes, floating, lower_case, pads, per_axis, require_rank, spread


@unregistered
class Pooling(Layer):
    """What the six layers share. Their spatial rank is the length of `pool_size`."""

    pool_size: Sizes = setting()
    strides: Sizes = setting(default=None)
    padding: str = setting(one_of('valid', 'same'), convert=lower_case, default='valid')

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides; those of None are the window's own size, so that windows neither overlap nor leave gaps."""
        return self.pool_size if self.strides is None else self.strides

    def pads(self, shape: tuple) -> Pads:
        """Elements that the padding adds before and after each spatial axis of an input of this shape, which is checked."""
        require_rank(self, shape, len(self.pool_size))
        return pads(self, shape, self.padding, self.pool_size, self.steps)


@unregistered
class MaxPooling(Pooling):
    """What `MaxPooling1D`, `MaxPooling2D` and `MaxPooling3D` share."""

    def apply(self, variables, x, scope):
        return pooling.max_pool(x, self.pool_size, self.steps, self.pads(x.shape))


@unregistered
class AveragePooling(Pooling):
    """What `AveragePooling1D`, `AveragePooling2D` and `AveragePooling3D` share."""

    def apply(self, variables, x, scope):
        return pooling.average_pool(floating(x), self.pool_size, self.steps, self.pads(x.shape))


@described
class MaxPooling1D(MaxPooling):
    """The largest value of each channel in windows that slide along time.

    Args:
        pool_size: steps of a window; default 2.
        strides: steps between neighbouring windows; default None, the size of the window.
        padding: `'valid'` (whole windows only, default) or `'same'` (`ceil(size / strides)` windows; an odd element is added at the end).

    Shapes:
        x: (batch, steps, channels) → (batch, new steps, channels).

    Raises:
        ShapeError: another number of axes, or an input smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.MaxPooling1D(2).output_shape((None, 10, 4))
        (None, 5, 4)
    """

    pool_size: Sizes = setting(per_axis(1), convert=spread(1), default=2)
    strides: Sizes = setting(per_axis(1), convert=spread(1), default=None)


@described
class MaxPooling2D(MaxPooling):
    """The largest value of each channel in windows that slide over images.

    Args:
        pool_size: height and width of a window; one number for both; default 2.
        strides: pixels between neighbouring windows; default None, the size of the window.
        padding: `'valid'` (whole windows only, default) or `'same'` (`ceil(size / strides)` windows; an odd element is added at the end).

    Shapes:
        x: (batch, height, width, channels) → (batch, new height, new width, channels).

    Raises:
        ShapeError: another number of axes, or an input smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.MaxPooling2D().output_shape((None, 28, 28, 32))
        (None, 14, 14, 32)
    """

    pool_size: Sizes = setting(per_axis(2), convert=spread(2), default=(2, 2))
    strides: Sizes = setting(per_axis(2), convert=spread(2), default=None)


@described
class MaxPooling3D(MaxPooling):
    """The largest value of each channel in windows that slide over volumes.

    Args:
        pool_size: depth, height and width of a window; one number for all; default 2.
        strides: voxels between neighbouring windows; default None, the size of the window.
        padding: `'valid'` (whole windows only, default) or `'same'` (`ceil(size / strides)` windows; an odd element is added at the end).

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).

    Raises:
        ShapeError: another number of axes, or an input smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.MaxPooling3D(2, padding='same').output_shape((None, 5, 8, 8, 4))
        (None, 3, 4, 4, 4)
    """

    pool_size: Sizes = setting(per_axis(3), convert=spread(3), default=(2, 2, 2))
    strides: Sizes = setting(per_axis(3), convert=spread(3), default=None)


@described
class AveragePooling1D(AveragePooling):
    """The mean of each channel in windows that slide along time; padding does not count.

    Args:
        pool_size: steps of a window.
        strides: steps between neighbouring windows; default None, the size of the window.
        padding: `'valid'` (whole windows only, default) or `'same'` (`ceil(size / strides)` windows; an odd element is added at the end).

    Shapes:
        x: (batch, steps, channels) → (batch, new steps, channels).

    Raises:
        ShapeError: another number of axes, or an input smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.AveragePooling1D(3, strides=1, padding='same').output_shape((None, 10, 4))
        (None, 10, 4)
    """

    pool_size: Sizes = setting(per_axis(1), convert=spread(1))
    strides: Sizes = setting(per_axis(1), convert=spread(1), default=None)


@described
class AveragePooling2D(AveragePooling):
    """The mean of each channel in windows that slide over images; padding does not count.

    Args:
        pool_size: height and width of a window; one number for both.
        strides: pixels between neighbouring windows; default None, the size of the window.
        padding: `'valid'` (whole windows only, default) or `'same'` (`ceil(size / strides)` windows; an odd element is added at the end).

    Shapes:
        x: (batch, height, width, channels) → (batch, new height, new width, channels).

    Raises:
        ShapeError: another number of axes, or an input smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.AveragePooling2D(2).output_shape((None, 28, 28, 32))
        (None, 14, 14, 32)
    """

    pool_size: Sizes = setting(per_axis(2), convert=spread(2))
    strides: Sizes = setting(per_axis(2), convert=spread(2), default=None)


@described
class AveragePooling3D(AveragePooling):
    """The mean of each channel in windows that slide over volumes; padding does not count.

    Args:
        pool_size: depth, height and width of a window; one number for all.
        strides: voxels between neighbouring windows; default None, the size of the window.
        padding: `'valid'` (whole windows only, default) or `'same'` (`ceil(size / strides)` windows; an odd element is added at the end).

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, new depth, new height, new width, channels).

    Raises:
        ShapeError: another number of axes, or an input smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.AveragePooling3D(2).output_shape((None, 4, 8, 8, 4))
        (None, 2, 4, 4, 4)
    """

    pool_size: Sizes = setting(per_axis(3), convert=spread(3))
    strides: Sizes = setting(per_axis(3), convert=spread(3), default=None)
