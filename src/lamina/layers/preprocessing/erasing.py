"""A rectangle of an image overwritten."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.fields import Rule, real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.preprocessing.augmentation import Augmentation, between, per_image
from lamina.layers.preprocessing.boxes import drawn_span, inside
from lamina.layers.preprocessing.ranges import factor, from_zero, pair, values

_number = real()
_FILL = Rule(
    lambda v: _number.accepts(v) or (isinstance(v, tuple) and len(v) > 0 and all(_number.accepts(n) for n in v)),
    'a number, or one number for each channel',
    bad=('noise', ()),
)


@described
class RandomErasing(Augmentation):
    """Overwrites a rectangle of some images in training; the identity in inference.

    Args:
        factor: the range from which each image's probability of being changed is drawn; a number f is (0, f), so that the
            default, 1, changes one image in two. (1, 1) changes every image.
        scale: the range of the squared parts of the height and of the width that the rectangle covers, drawn for each of them;
            default (0.02, 0.33).
        fill_value: what is written, a number or one for each channel; default None, noise: normal, times the highest value.
        value_range: the lowest and highest value of a pixel, to which what is written is cut; default (0, 255).
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        x: (batch, height, width, channels) → the same.

    Raises:
        ConfigError: a range outside [0, 1] or in the wrong order.
        ShapeError: the input is no batch of images, or has not as many channels as fill_value.

    Source: Zhong, Zheng, Kang, Li, Yang (2020), algorithm 1, with the rectangles of `keras.layers.RandomErasing`.

    Example:
        >>> import lamina
        >>> lamina.layers.RandomErasing((0.5, 0.5), fill_value=0.0).output_shape((None, 32, 32, 3))
        (None, 32, 32, 3)
    """

    factor: Any = setting(factor(0, 1), default=1.0)
    scale: tuple[float, float] = setting(pair(0, 1), default=(0.02, 0.33))
    fill_value: Any = setting(_FILL, default=None)
    value_range: tuple[float, float] = setting(values(), default=(0, 255))
    seed: int | None = setting(whole(0), default=None)

    def check(self, shape: Shape) -> None:
        super().check(shape)
        if isinstance(self.fill_value, tuple):
            expected = f'{len(self.fill_value)} channels, as fill_value has numbers'
            self.require(shape[-1] == len(self.fill_value), shape, expected, 'Give fill_value one number for each channel.')

    def draw(self, random, images):
        wide, high, x, y, probability, threshold = random.units(6)
        left, right = drawn_span(images.shape[2], jnp.sqrt(between(wide, self.scale)), x)
        top, bottom = drawn_span(images.shape[1], jnp.sqrt(between(high, self.scale)), y)
        chosen = threshold < between(probability, from_zero(self.factor))
        return {'chosen': chosen, 'top': top, 'bottom': bottom, 'left': left, 'right': right, 'fill': self._fill(random, images)}

    def _fill(self, random: Any, images: jax.Array) -> jax.Array:
        if self.fill_value is None:
            return jax.random.normal(random.key(), images.shape, images.dtype) * self.value_range[1]
        return jnp.asarray(self.fill_value, images.dtype)

    def transform(self, images, chosen, top, bottom, left, right, fill):
        """`chosen`: (batch,) booleans; the edges: (batch,) pixels; `fill`: broadcastable to the images."""
        erased = inside(images.shape, top, bottom, left, right) & per_image(chosen)
        return jnp.where(erased, jnp.clip(fill, *self.value_range).astype(images.dtype), images)
