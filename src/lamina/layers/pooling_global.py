"""Pooling over the whole input: of each channel one number, whatever the size of the input, as the last step before a classifier."""

from typing import ClassVar

import jax.numpy as jnp

from lamina.core.described import described, unregistered
from lamina.core.fields import flag, setting
from lamina.layers.base import Layer
from lamina.layers.windows import floating, require_rank


@unregistered
class GlobalPooling(Layer):
    """What the six layers share."""

    rank: ClassVar[int] = 0

    keepdims: bool = setting(flag(), default=False)

    def spatial_axes(self, x) -> tuple[int, ...]:
        """The axes to pool over, once the input is known to have the right number of them and an element in each."""
        require_rank(self, x.shape, self.rank)
        self.require(min(x.shape[1:-1]) > 0, (None, *x.shape[1:]), 'an element on each spatial axis', 'Pass longer inputs.')
        return tuple(range(1, x.ndim - 1))


@unregistered
class GlobalMaxPooling(GlobalPooling):
    """What `GlobalMaxPooling1D`, `GlobalMaxPooling2D` and `GlobalMaxPooling3D` share."""

    def apply(self, variables, x, scope):
        return jnp.max(x, self.spatial_axes(x), keepdims=self.keepdims)


@unregistered
class GlobalAveragePooling(GlobalPooling):
    """What `GlobalAveragePooling1D`, `GlobalAveragePooling2D` and `GlobalAveragePooling3D` share."""

    def apply(self, variables, x, scope):
        return jnp.mean(floating(x), self.spatial_axes(x), keepdims=self.keepdims)


@described
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest value of each channel over all steps.

    Masked steps count too, as in Keras.

    Args:
        keepdims: whether the pooled axis stays, with length 1; default False.

    Shapes:
        x: (batch, steps, channels) → (batch, channels), or (batch, 1, channels) with keepdims.

    Raises:
        ShapeError: another number of axes, or no step.

    Example:
        >>> import lamina
        >>> lamina.layers.GlobalMaxPooling1D().output_shape((None, 100, 8))
        (None, 8)
    """

    rank = 1


@described
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest value of each channel over all pixels.

    Args:
        keepdims: whether the pooled axes stay, with length 1; default False.

    Shapes:
        x: (batch, height, width, channels) → (batch, channels), or (batch, 1, 1, channels) with keepdims.

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.GlobalMaxPooling2D().output_shape((None, 7, 7, 64))
        (None, 64)
    """

    rank = 2


@described
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest value of each channel over all voxels.

    Args:
        keepdims: whether the pooled axes stay, with length 1; default False.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, channels), or (batch, 1, 1, 1, channels) with keepdims.

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.GlobalMaxPooling3D().output_shape((None, 4, 7, 7, 64))
        (None, 64)
    """

    rank = 3


@described
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean of each channel over all steps, masked ones left out.

    Of an input whose steps are all masked the mean is 0.

    Args:
        keepdims: whether the pooled axis stays, with length 1; default False.

    Shapes:
        x: (batch, steps, channels) → (batch, channels), or (batch, 1, channels) with keepdims.

    Raises:
        ShapeError: another number of axes, or no step.

    Example:
        >>> import lamina
        >>> lamina.layers.GlobalAveragePooling1D().output_shape((None, 100, 8))
        (None, 8)
    """

    rank = 1

    def apply(self, variables, x, scope):
        mask = scope.mask_of(x)
        if mask is None:
            return super().apply(variables, x, scope)
        axes, x = self.spatial_axes(x), floating(x)
        counts = mask.astype(bool)[:, :, None]
        steps = jnp.sum(counts, axes, keepdims=self.keepdims)
        return jnp.sum(jnp.where(counts, x, 0), axes, keepdims=self.keepdims) / jnp.maximum(steps, 1).astype(x.dtype)


@described
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean of each channel over all pixels.

    Args:
        keepdims: whether the pooled axes stay, with length 1; default False.

    Shapes:
        x: (batch, height, width, channels) → (batch, channels), or (batch, 1, 1, channels) with keepdims.

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.GlobalAveragePooling2D().output_shape((None, 7, 7, 64))
        (None, 64)

    Source: Lin, Chen, Yan (2014), section 3.2.
    """

    rank = 2


@described
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean of each channel over all voxels.

    Args:
        keepdims: whether the pooled axes stay, with length 1; default False.

    Shapes:
        x: (batch, depth, height, width, channels) → (batch, channels), or (batch, 1, 1, 1, channels) with keepdims.

    Raises:
        ShapeError: another number of axes, or a spatial axis without elements.

    Example:
        >>> import lamina
        >>> lamina.layers.GlobalAveragePooling3D().output_shape((None, 4, 7, 7, 64))
        (None, 64)
    """

    rank = 3
