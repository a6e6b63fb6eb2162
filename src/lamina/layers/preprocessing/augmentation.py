"""The frame of every random change of images: drawn for each example while training, the identity afterwards.

A subclass writes `draw`, which turns random numbers into quantities with a meaning (an angle, a shift), one per example, and
`transform`, which applies them and has no randomness left: given the same quantities it gives the same images.
"""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import unregistered
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.scope import Scope
from lamina.layers.weight import Weights

Drawn = dict[str, Any]


@unregistered
class ImageLayer(Layer):
    """The base of the layers that take images, (batch, height, width, channels)."""

    def weights(self, *shapes: Shape) -> Weights:
        self.check(shapes[0])
        return {}

    def check(self, shape: Shape) -> None:
        """Refuse what is no batch of images. Here the unknown axes are None, as they no longer are where layers compute."""
        expected = 'images of shape (batch, height, width, channels)'
        remedy = 'Give grey images a last axis of size 1: x[..., None].' if len(shape) == 3 else 'Reshape to (height, width, channels).'
        self.require(len(shape) == 4, shape, expected, remedy)


@unregistered
class Augmentation(ImageLayer):
    """The base of the random changes of images."""

    def draw(self, random: 'Random', images: jax.Array) -> Drawn:
        """The quantities of each example of a batch."""
        return {}

    def transform(self, images: jax.Array, **drawn: Any) -> jax.Array:
        """The images changed by these quantities."""
        return images

    def apply(self, variables, x, scope):
        images = floating(x)
        if not scope.training:
            return images
        return self.transform(images, **self.draw(Random(scope, getattr(self, 'seed', None), images.shape[0]), images))


class Random:
    """Random numbers of this step and this layer, one for each example.

    Args:
        scope: where the layer runs.
        seed: of a stream of its own, or None for that of the model.
        batch: the number of examples.
    """

    def __init__(self, scope: Scope, seed: int | None, batch: int):
        self.scope, self.seed, self.batch, self.drawn = scope, seed, batch, 0

    def units(self, count: int) -> list[jax.Array]:
        """`count` numbers in [0, 1) for each example, each an array (batch,), none of which was drawn before."""
        bits = self.scope.random_bits((self.drawn + count, self.batch), seed=self.seed)[self.drawn :]
        self.drawn += count
        numbers = (bits >> 8).astype(jnp.float32) * jnp.float32(2**-24)
        return list(numbers)

    def key(self) -> jax.Array:
        """A key for `jax.random`, where each pixel needs a number of its own."""
        if self.seed is None:
            return self.scope.random_key('augmentation')
        words = self.scope.random_bits((4,), seed=self.seed)
        return jax.random.fold_in(jax.random.wrap_key_data(words, impl='rbg'), 1)


def floating(x: Any) -> jax.Array:
    """Bytes and other whole numbers as float32; floats as they are."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def between(unit: jax.Array, bounds: tuple[float, float]) -> jax.Array:
    """A number in [0, 1) as a number between two bounds."""
    return bounds[0] + (bounds[1] - bounds[0]) * unit


def per_image(values: jax.Array) -> jax.Array:
    """One number per example, (batch,), as one that goes with whole images."""
    return values[:, None, None, None]
