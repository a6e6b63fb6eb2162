"""Random changes of the colours of an image: contrast, brightness, hue, saturation, grey."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import described, unregistered
from lamina.core.fields import real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.preprocessing.augmentation import Augmentation, Random, between, floating, per_image
from lamina.layers.preprocessing.ranges import both, factor, from_zero, symmetric, values

_LUMINANCE = (0.2989, 0.5870, 0.1140)


@described
class RandomContrast(Augmentation):
    """Spreads or narrows the values of each image about its mean in training; the identity in inference.

    Formula: `y = clip((x - mean) · c + mean)`, the mean that of each channel, c drawn from `[1 - lower, 1 + upper]`.

    Args:
        factor: (lower, upper), each in [0, 1]; a number is both.
        value_range: the lowest and highest value of a pixel, to which the result is cut; default (0, 255).
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a factor outside [0, 1], or a value range whose lowest value is not the lower.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomContrast(0.2, value_range=(0, 1))
        RandomContrast(0.2, value_range=(0, 1))

    Source: as `keras.layers.RandomContrast` is documented; of a single number Keras 3.15 draws only `[1, 1 + factor]`.
    """

    factor: Any = setting(factor(0, 1, ordered=False))
    value_range: tuple[float, float] = setting(values(), default=(0, 255))
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        (unit,) = random.units(1)
        lower, upper = both(self.factor)
        return {'contrast': between(unit, (1 - lower, 1 + upper))}

    def transform(self, images, contrast):
        """`contrast`: (batch,) factors."""
        mean = jnp.mean(images, (1, 2), keepdims=True)
        return jnp.clip((images - mean) * per_image(contrast) + mean, *self.value_range)


@described
class RandomBrightness(Augmentation):
    """Adds a number of its own to each image in training; the identity in inference.

    Formula: `y = clip(x + b · (highest - lowest))`.

    Args:
        factor: the range of b in [-1, 1]; a number f is (-f, f).
        value_range: the lowest and highest value of a pixel, to which the result is cut; default (0, 255).
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a range outside [-1, 1] or in the wrong order.
        ShapeError: the input is no batch of images.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomBrightness((0.0, 0.1)).output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)
    """

    factor: Any = setting(factor(-1, 1))
    value_range: tuple[float, float] = setting(values(), default=(0, 255))
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        (unit,) = random.units(1)
        low, high = self.value_range
        return {'delta': between(unit, symmetric(self.factor)) * (high - low)}

    def transform(self, images, delta):
        """`delta`: (batch,) what is added."""
        return jnp.clip(images + per_image(delta), *self.value_range)


@described
class RandomGrayscale(Augmentation):
    """Takes the colour from some images in training, keeping their three channels; the identity in inference.

    Formula: `grey = 0.2989 · red + 0.587 · green + 0.114 · blue`.

    Args:
        factor: the probability for each image; default 0.5.
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, 3) → the same; images of one channel come back as they are.

    Raises:
        ShapeError: the images have neither one nor three channels.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomGrayscale(0.2).output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)
    """

    factor: float = setting(real(0, 1), default=0.5)
    seed: int | None = setting(whole(0), default=None)

    def check(self, shape: Shape) -> None:
        super().check(shape)
        self.require(shape[-1] in (1, 3), shape, 'images of one or three channels', 'Leave this layer out.')

    def draw(self, random, images):
        (unit,) = random.units(1)
        return {'chosen': unit < self.factor}

    def transform(self, images, chosen):
        """`chosen`: (batch,) booleans."""
        if images.shape[-1] == 1:
            return images
        grey = jnp.sum(images * jnp.asarray(_LUMINANCE, images.dtype), -1, keepdims=True)
        return jnp.where(per_image(chosen), grey, images)


@unregistered
class ColorAugmentation(Augmentation):
    """The base of the changes that need red, green and blue."""

    def check(self, shape: Shape) -> None:
        super().check(shape)
        self.require(shape[-1] == 3, shape, 'images of three channels: red, green, blue', 'Use it on colour images only.')


@described
class RandomHue(ColorAugmentation):
    """Turns the colours of each image around the colour wheel in training; the identity in inference.

    Args:
        factor: the range of turns, in [0, 1], of which 1 is half the wheel, either way; a number f is (0, f).
        value_range: the lowest and highest value of a pixel; default (0, 255).
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, 3) → the same.

    Raises:
        ConfigError: a range outside [0, 1] or in the wrong order.
        ShapeError: the images have no three channels.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomHue(0.1).output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)
    """

    factor: Any = setting(factor(0, 1))
    value_range: tuple[float, float] = setting(values(), default=(0, 255))
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        sign, unit = random.units(2)
        return {'turn': jnp.where(sign > 0.5, -0.5, 0.5) * between(unit, from_zero(self.factor))}

    def transform(self, images, turn):
        """`turn`: (batch,) parts of the colour wheel."""
        low, high = self.value_range
        hue, saturation, value = hue_saturation_value((images - low) / (high - low))
        changed = red_green_blue(hue + turn[:, None, None], saturation, value)
        return jnp.clip(changed, 0, 1) * (high - low) + low


@described
class RandomSaturation(ColorAugmentation):
    """Makes the colours of each image stronger or weaker in training; the identity in inference.

    Formula: the saturation times `f / (1 - f)`, at most 1: f = 0 is grey, 1/2 changes nothing, 1 is the fullest colour.

    Args:
        factor: the range of f in [0, 1]; a number g is (0, g).
        value_range: the lowest and highest value of a pixel; default (0, 255).
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, 3) → the same.

    Raises:
        ConfigError: a range outside [0, 1] or in the wrong order.
        ShapeError: the images have no three channels.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomSaturation((0.4, 0.6)).output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)

    Source: as `keras.layers.RandomSaturation` is documented; Keras 3.15 draws a number g from (-g, g), and lets the saturation
    exceed 1, which makes values below the lowest.
    """

    factor: Any = setting(factor(0, 1))
    value_range: tuple[float, float] = setting(values(), default=(0, 255))
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        (unit,) = random.units(1)
        drawn = between(unit, from_zero(self.factor))
        return {'strength': drawn / (1 - drawn + 1e-7)}

    def transform(self, images, strength):
        """`strength`: (batch,) what the saturation is multiplied with."""
        low, high = self.value_range
        hue, saturation, value = hue_saturation_value((images - low) / (high - low))
        changed = red_green_blue(hue, jnp.clip(saturation * strength[:, None, None], 0, 1), value)
        return changed * (high - low) + low


@described
class RandomColorJitter(ColorAugmentation):
    """Changes brightness, contrast, saturation and hue, in this order, in training; the identity in inference.

    Args:
        value_range: the lowest and highest value of a pixel; default (0, 255).
        brightness_factor, contrast_factor, saturation_factor, hue_factor: as in `RandomBrightness`, `RandomContrast`,
            `RandomSaturation` and `RandomHue`; default None, no such change.
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, 3) → the same.

    Raises:
        ConfigError: a factor outside its range.
        ShapeError: the images have no three channels.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomColorJitter(brightness_factor=0.1, hue_factor=0.05).output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)
    """

    value_range: tuple[float, float] = setting(values(), default=(0, 255))
    brightness_factor: Any = setting(factor(-1, 1), default=None)
    contrast_factor: Any = setting(factor(0, 1, ordered=False), default=None)
    saturation_factor: Any = setting(factor(0, 1), default=None)
    hue_factor: Any = setting(factor(0, 1), default=None)
    seed: int | None = setting(whole(0), default=None)

    def steps(self) -> tuple[Augmentation, ...]:
        """The changes that it makes, in order."""
        given = (
            (RandomBrightness, self.brightness_factor),
            (RandomContrast, self.contrast_factor),
            (RandomSaturation, self.saturation_factor),
            (RandomHue, self.hue_factor),
        )
        return tuple(cls(range_, self.value_range) for cls, range_ in given if range_ is not None)

    def apply(self, variables, x, scope):
        images = floating(x)
        if not scope.training:
            return images
        random = Random(scope, self.seed, images.shape[0])
        for step in self.steps():
            images = step.transform(images, **step.draw(random, images))
        return images


def hue_saturation_value(images: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Red, green and blue in [0, 1] on the last axis as hue, saturation and value, each in [0, 1] without that axis.

    Source: Smith (1978), 'Color gamut transform pairs'.
    """
    red, green, blue = images[..., 0], images[..., 1], images[..., 2]
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    coloured = spread > 0
    sixth = 1 / (6 * jnp.where(coloured, spread, 1))
    hue = jnp.where(value == green, (blue - red) * sixth + 1 / 3, (red - green) * sixth + 2 / 3)
    hue = jnp.where(value == red, (green - blue) * sixth, hue)
    saturation = jnp.where(coloured, spread / jnp.where(coloured, value, 1), 0)
    return jnp.where(coloured, hue - jnp.floor(hue), 0), saturation, value


def red_green_blue(hue: jax.Array, saturation: jax.Array, value: jax.Array) -> jax.Array:
    """The inverse of `hue_saturation_value`; hues differ by whole numbers where they are the same."""
    sixths = (hue - jnp.floor(hue)) * 6
    pure = (jnp.abs(sixths - 3) - 1, 2 - jnp.abs(sixths - 2), 2 - jnp.abs(sixths - 4))
    return jnp.stack([value * (1 - saturation * (1 - jnp.clip(c, 0, 1))) for c in pure], -1)
