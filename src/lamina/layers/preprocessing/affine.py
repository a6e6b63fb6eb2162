"""Random changes of where things are in an image: flips, rotations, shifts, zooms, slants."""

import math
from typing import Any

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.fields import one_of, setting, whole
from lamina.layers.preprocessing import geometry
from lamina.layers.preprocessing.augmentation import Augmentation, between, per_image
from lamina.layers.preprocessing.ranges import FILL_VALUE, factor, symmetric

_FLIPS = ('horizontal', 'vertical', 'horizontal_and_vertical')


@described
class RandomFlip(Augmentation):
    """Mirrors each image at probability 1/2 in training; the identity in inference.

    Args:
        mode: 'horizontal' (left and right change places), 'vertical', or 'horizontal_and_vertical' (default), each of which is
            then drawn for itself.
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomFlip('horizontal').output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)

    Source: as `keras.layers.RandomFlip`, which draws both directions as one.
    """

    mode: str = setting(one_of(*_FLIPS), default='horizontal_and_vertical')
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        horizontal, vertical = (unit < 0.5 for unit in random.units(2))
        return {'horizontal': horizontal, 'vertical': vertical}

    def transform(self, images, horizontal, vertical):
        """`horizontal` and `vertical`: (batch,) booleans."""
        if 'horizontal' in self.mode:
            images = jnp.where(per_image(horizontal), images[:, :, ::-1], images)
        if 'vertical' in self.mode:
            images = jnp.where(per_image(vertical), images[:, ::-1], images)
        return images


@described
class RandomRotation(Augmentation):
    """Turns each image about its middle by an angle of its own in training; the identity in inference.

    Args:
        factor: the range of angles as parts of a full turn, counterclockwise where positive; a number f is (-f, f).
        fill_mode: what lies outside: 'reflect' (default), 'wrap', 'constant', 'nearest'.
        interpolation: 'bilinear' (default) or 'nearest'.
        seed: a stream of this layer's own; default None, that of the model.
        fill_value: for fill_mode='constant'; default 0.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a range outside [-1, 1], or whose lower bound is above its upper one.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomRotation(0.1, fill_mode='constant')
        RandomRotation(0.1, fill_mode='constant')
    """

    factor: Any = setting(factor(-1, 1))
    fill_mode: str = setting(one_of(*geometry.FILL_MODES), default='reflect')
    interpolation: str = setting(one_of(*geometry.INTERPOLATIONS), default='bilinear')
    seed: int | None = setting(whole(0), default=None)
    fill_value: float = setting(FILL_VALUE, default=0.0)

    def draw(self, random, images):
        (unit,) = random.units(1)
        return {'angle': between(unit, symmetric(self.factor)) * (2 * math.pi)}

    def transform(self, images, angle):
        """`angle`: (batch,) radians."""
        maps = geometry.rotation(angle, *images.shape[1:3])
        return geometry.warp(images, maps, self.interpolation, self.fill_mode, self.fill_value)


@described
class RandomTranslation(Augmentation):
    """Moves each image by a shift of its own in training; the identity in inference.

    Args:
        height_factor: the range of shifts downward as parts of the height; a number f is (-f, f).
        width_factor: the range of shifts to the right as parts of the width; a number f is (-f, f).
        fill_mode, interpolation, seed, fill_value: as in `RandomRotation`.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a range outside [-1, 1], or whose lower bound is above its upper one.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomTranslation(0.1, (-0.2, 0.0)).output_shape((None, 28, 28, 1))
        (None, 28, 28, 1)
    """

    height_factor: Any = setting(factor(-1, 1))
    width_factor: Any = setting(factor(-1, 1))
    fill_mode: str = setting(one_of(*geometry.FILL_MODES), default='reflect')
    interpolation: str = setting(one_of(*geometry.INTERPOLATIONS), default='bilinear')
    seed: int | None = setting(whole(0), default=None)
    fill_value: float = setting(FILL_VALUE, default=0.0)

    def draw(self, random, images):
        down, right = random.units(2)
        height, width = images.shape[1:3]
        return {
            'down': between(down, symmetric(self.height_factor)) * height,
            'right': between(right, symmetric(self.width_factor)) * width,
        }

    def transform(self, images, down, right):
        """`down`, `right`: (batch,) pixels."""
        return geometry.warp(images, geometry.translation(down, right), self.interpolation, self.fill_mode, self.fill_value)


@described
class RandomZoom(Augmentation):
    """Enlarges or shrinks each image about its middle, by a factor of its own, in training; the identity in inference.

    Args:
        height_factor: the range of what is added to the height shown: 0.2 shows 20 % more, which shrinks the image, -0.2 shows
            20 % less, which enlarges it; a number f is (-f, f).
        width_factor: likewise for the width; default None, always as much as the height.
        fill_mode, interpolation, seed, fill_value: as in `RandomRotation`.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a range outside (-1, 1], or whose lower bound is above its upper one.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomZoom((-0.2, 0.0)).output_shape((None, 28, 28, 1))
        (None, 28, 28, 1)
    """

    height_factor: Any = setting(factor(-1, 1, above=-1))
    width_factor: Any = setting(factor(-1, 1, above=-1), default=None)
    fill_mode: str = setting(one_of(*geometry.FILL_MODES), default='reflect')
    interpolation: str = setting(one_of(*geometry.INTERPOLATIONS), default='bilinear')
    seed: int | None = setting(whole(0), default=None)
    fill_value: float = setting(FILL_VALUE, default=0.0)

    def draw(self, random, images):
        vertical, horizontal = random.units(2)
        vertical = 1 + between(vertical, symmetric(self.height_factor))
        if self.width_factor is None:
            return {'vertical': vertical, 'horizontal': vertical}
        return {'vertical': vertical, 'horizontal': 1 + between(horizontal, symmetric(self.width_factor))}

    def transform(self, images, vertical, horizontal):
        """`vertical`, `horizontal`: (batch,) parts of the height and the width that are shown."""
        maps = geometry.zoom(vertical, horizontal, *images.shape[1:3])
        return geometry.warp(images, maps, self.interpolation, self.fill_mode, self.fill_value)


@described
class RandomShear(Augmentation):
    """Slants each image, by an amount and in a direction of its own, in training; the identity in inference.

    Args:
        x_factor: the range of shifts along x for each pixel of y; a number f is (-f, f), of a pair the sign is drawn; default 0.
        y_factor: likewise along y for each pixel of x; default 0.
        interpolation, fill_mode, fill_value, seed: as in `RandomRotation`.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a range outside [0, 1], or whose lower bound is above its upper one.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomShear(0.2).output_shape((None, 28, 28, 1))
        (None, 28, 28, 1)
    """

    x_factor: Any = setting(factor(0, 1), default=0.0)
    y_factor: Any = setting(factor(0, 1), default=0.0)
    interpolation: str = setting(one_of(*geometry.INTERPOLATIONS), default='bilinear')
    fill_mode: str = setting(one_of(*geometry.FILL_MODES), default='reflect')
    fill_value: float = setting(FILL_VALUE, default=0.0)
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        sign, along_x, along_y = random.units(3)
        sign = jnp.where(sign > 0.5, -1.0, 1.0)
        return {
            'along_x': sign * between(along_x, symmetric(self.x_factor)),
            'along_y': sign * between(along_y, symmetric(self.y_factor)),
        }

    def transform(self, images, along_x, along_y):
        """`along_x`, `along_y`: (batch,) pixels for each pixel of the other axis."""
        return geometry.warp(images, geometry.shear(along_x, along_y), self.interpolation, self.fill_mode, self.fill_value)
