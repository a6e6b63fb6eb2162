"""Images brought to one size: resized, or cut out of larger ones."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, one_of, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.preprocessing import geometry
from lamina.layers.preprocessing.augmentation import Augmentation, ImageLayer, Random, floating
from lamina.layers.preprocessing.ranges import FILL_VALUE


@described
class Resizing(ImageLayer):
    """Images resized to one height and width.

    Args:
        height, width: of the output.
        interpolation: 'bilinear' (default), 'nearest', 'bicubic', 'lanczos3' or 'lanczos5'.
        crop_to_aspect_ratio: cut the largest window of the output's proportions out of the middle first; default False.
        pad_to_aspect_ratio: widen the image evenly to the output's proportions first; default False.
        fill_mode: of the padding: 'constant'.
        fill_value: of the padding; default 0.
        antialias: blur before shrinking, so that no pixel of the input is passed over; default False.

    Shapes:
        x: (batch, rows, columns, channels) → (batch, height, width, channels). Bytes stay bytes, rounded.

    Raises:
        ConfigError: both proportions are to be kept by cutting and by padding.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.Resizing(32, 32, antialias=True).output_shape((None, 480, 640, 3))
        (None, 32, 32, 3)
    """

    height: int = setting(whole())
    width: int = setting(whole())
    interpolation: str = setting(one_of('bilinear', 'nearest', 'bicubic', 'lanczos3', 'lanczos5'), default='bilinear')
    crop_to_aspect_ratio: bool = setting(flag(), default=False)
    pad_to_aspect_ratio: bool = setting(flag(), default=False)
    fill_mode: str = setting(one_of('constant'), default='constant')
    fill_value: float = setting(FILL_VALUE, default=0.0)
    antialias: bool = setting(flag(), default=False)

    def validate(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ConfigError(
                f'{self.label}, settings crop_to_aspect_ratio and pad_to_aspect_ratio',
                'both True',
                'at most one of them',
                'Set one to False.',
            )

    def apply(self, variables, x, scope):
        if self.crop_to_aspect_ratio:
            x = window(x, self.height, self.width)
        elif self.pad_to_aspect_ratio:
            x = self._padded(x)
        shape = (x.shape[0], self.height, self.width, x.shape[-1])
        return jax.image.resize(x, shape, method=self.interpolation, antialias=self.antialias)

    def _padded(self, x: jax.Array) -> jax.Array:
        rows, columns = x.shape[1:3]
        above = (max(rows, int(columns * self.height / self.width)) - rows) // 2
        left = (max(columns, int(rows * self.width / self.height)) - columns) // 2
        value = jnp.asarray(self.fill_value, x.dtype)
        return jnp.pad(x, ((0, 0), (above, above), (left, left), (0, 0)), constant_values=value)


def window(images: Any, height: int, width: int) -> Any:
    """The largest window of the proportions height : width in the middle of the images."""
    rows, columns = images.shape[1:3]
    inner_rows = max(min(rows, int(columns * height / width)), 1)
    inner_columns = max(min(columns, int(rows * width / height)), 1)
    top, left = (rows - inner_rows) // 2, (columns - inner_columns) // 2
    return images[:, top : top + inner_rows, left : left + inner_columns]


def fitted(images: jax.Array, height: int, width: int) -> jax.Array:
    """The largest window of these proportions, resized."""
    cut = window(images, height, width)
    return jax.image.resize(cut, (images.shape[0], height, width, images.shape[-1]), method='bilinear', antialias=False)


def check_crop(layer: Any, shape: Shape) -> None:
    """Refuse images that are smaller than the crop; unknown sizes pass, and are resized where they are smaller."""
    fits = all(n is None or n >= crop for n, crop in zip(shape[1:3], (layer.height, layer.width), strict=True))
    expected = f'images of at least ({layer.height}, {layer.width}), the size of the crop'
    layer.require(fits, shape, expected, f'Put Resizing({layer.height}, {layer.width}) in its place, or crop less.')


@described
class CenterCrop(ImageLayer):
    """The middle of each image.

    Args:
        height, width: of the output. Where one is odd and that of the image is even, the odd pixel is left out below and right.

    Shapes:
        x: (batch, rows, columns, channels) → (batch, height, width, channels).

    Raises:
        ShapeError: the images are smaller than the crop, or no images.

    Example:
        >>> import lamina
        >>> lamina.layers.CenterCrop(24, 24).output_shape((None, 28, 28, 1))
        (None, 24, 24, 1)
    """

    height: int = setting(whole())
    width: int = setting(whole())

    def check(self, shape: Shape) -> None:
        super().check(shape)
        check_crop(self, shape)

    def apply(self, variables, x, scope):
        images = floating(x)
        rows, columns = images.shape[1:3]
        if rows < self.height or columns < self.width:
            return fitted(images, self.height, self.width)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        return images[:, top : top + self.height, left : left + self.width]


@described
class RandomCrop(Augmentation):
    """A window of each image, at a place of its own, in training; in inference the largest window of its proportions, resized.

    Args:
        height, width: of the output.
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, rows, columns, channels) → (batch, height, width, channels).

    Raises:
        ShapeError: the images are smaller than the crop, or no images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomCrop(24, 24).output_shape((None, 28, 28, 1))
        (None, 24, 24, 1)

    Source: as `keras.layers.RandomCrop`, which cuts all images of a batch at one place.
    """

    height: int = setting(whole())
    width: int = setting(whole())
    seed: int | None = setting(whole(0), default=None)

    def check(self, shape: Shape) -> None:
        super().check(shape)
        check_crop(self, shape)

    def draw(self, random, images):
        rows, columns = images.shape[1:3]
        top, left = random.units(2)
        top, left = top * (rows - self.height + 1), left * (columns - self.width + 1)
        return {'top': top.astype(jnp.int32), 'left': left.astype(jnp.int32)}

    def transform(self, images, top, left):
        """`top`, `left`: (batch,) whole numbers, the first row and column of the window."""
        return geometry.crop(images, top, left, self.height, self.width)

    def apply(self, variables, x, scope):
        images = floating(x)
        rows, columns = images.shape[1:3]
        if not scope.training or rows < self.height or columns < self.width:
            return fitted(images, self.height, self.width)
        return self.transform(images, **self.draw(Random(scope, self.seed, images.shape[0]), images))
