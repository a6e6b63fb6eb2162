"""Layers that make an input larger without weights, by saying each element again or by reading between elements."""

import jax
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.fields import one_of, setting, whole
from lamina.layers.base import Layer
from lamina.layers.windows import Sizes, floating, lower_case, per_axis, require_rank, spread


def _repeated(x: jax.Array, size: tuple[int, ...]) -> jax.Array:
    """Each element `size` times along the spatial axes."""
    for axis, times in enumerate(size, start=1):
        x = jnp.repeat(x, times, axis) if times > 1 else x
    return x


@described
class UpSampling1D(Layer):
    """Each step several times in a row.

    Args:
        size: how often; default 2.

    Shapes:
        x: (batch, steps, channels) → (batch, steps · size, channels).

    Raises:
        ShapeError: another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.UpSampling1D(3).output_shape((None, 10, 4))
        (None, 30, 4)
    """

    size: int = setting(whole(1), default=2)

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, 1)
        return _repeated(x, (self.size,))


@described
class UpSampling2D(Layer):
    """Larger images: each pixel several times, or values interpolated between pixels.

    Args:
        size: factors for height and width; one number for both; default 2.
        interpolation: `'nearest'` (repetition, default), `'bilinear'`, `'bicubic'`, `'lanczos3'` or `'lanczos5'`. Pixels are squares:
            the centre of the first output pixel lies at `0.5 / size - 0.5` of the input's.

    Shapes:
        x: (batch, height, width, channels) → (batch, height · size[0], width · size[1], channels).

    Raises:
        ShapeError: another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.UpSampling2D((2, 3), interpolation='bilinear').output_shape((None, 7, 7, 16))
        (None, 14, 21, 16)
    """

    size: Sizes = setting(per_axis(2), convert=spread(2), default=(2, 2))
    interpolation: str = setting(one_of('nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5'), convert=lower_case, default='nearest')

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, 2)
        if self.interpolation == 'nearest':
            return _repeated(x, self.size)
        batch, height, width, channels = x.shape
        wanted = (batch, height * self.size[0], width * self.size[1], channels)
        return jax.image.resize(floating(x), wanted, self.interpolation)


@described
class UpSampling3D(Layer):
    """Each voxel several times along the three axes.

    Args:
        size: how often along depth, height and width; one number for all; default 2.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, depth · size[0], height · size[1], width · size[2], channels).

    Raises:
        ShapeError: another number of axes.

    Example:
        >>> import lamina
        >>> lamina.layers.UpSampling3D((1, 2, 2)).output_shape((None, 4, 7, 7, 16))
        (None, 4, 14, 14, 16)
    """

    size: Sizes = setting(per_axis(3), convert=spread(3), default=(2, 2, 2))

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, 3)
        return _repeated(x, self.size)


@described
class RepeatVector(Layer):
    """Each example's vector as a sequence of itself, to start a decoder with.

    Args:
        n: how many steps.

    Shapes:
        x: (batch, features) → (batch, n, features).

    Raises:
        ShapeError: x has not exactly one axis after the batch.

    Example:
        >>> import lamina
        >>> lamina.layers.RepeatVector(3).output_shape((None, 32))
        (None, 3, 32)
    """

    n: int = setting(whole(1))

    def apply(self, variables, x, scope):
        self.require(x.ndim == 2, (None, *x.shape[1:]), '(batch, features)', 'Put a Flatten before this layer.')
        return jnp.broadcast_to(x[:, None], (x.shape[0], self.n, x.shape[1]))
