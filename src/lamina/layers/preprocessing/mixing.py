"""Examples mixed with one another, and their labels with them.

Inside a network a layer sees inputs only, so these take images and one-hot labels as two inputs and return both. Labels enter
the loss as targets and do not pass through the network; therefore mix the batches before they reach `fit`, on a source of
batches, with `on_batch`.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.described import described, unregistered
from lamina.core.errors import ShapeError
from lamina.core.fields import real, setting, whole
from lamina.core.keys import device_key
from lamina.core.shapes import Shape, show
from lamina.layers.preprocessing.augmentation import ImageLayer, Random, between, floating, per_image
from lamina.layers.preprocessing.boxes import drawn_span, inside
from lamina.layers.preprocessing.ranges import factor, from_zero
from lamina.layers.scope import Scope
from lamina.layers.weight import Weights


@unregistered
class Mixing(ImageLayer):
    """The base of the layers that mix examples and labels."""

    def weights(self, *shapes: Shape) -> Weights:
        if len(shapes) != 2:
            raise ShapeError(
                self.label, f'{len(shapes)} input(s)', 'images and one-hot labels', f'Call {type(self).__name__}()([images, labels]).'
            )
        self.check(shapes[0])
        if len(shapes[1]) != 2:
            remedy = 'Make class numbers one-hot first: lamina.utils.to_categorical(y).'
            raise ShapeError(self.label, f'labels of shape {show(shapes[1])}', 'labels of shape (batch, classes)', remedy)
        return {}

    def draw(self, random: Random, images: jax.Array) -> dict[str, Any]:
        """The quantities of each example."""
        return {}

    def transform(self, images: jax.Array, labels: jax.Array, partner: jax.Array, **drawn: Any) -> tuple[jax.Array, jax.Array]:
        """The mixed images and labels; `partner`: (batch,) the example that each is mixed with."""
        return images, labels

    def apply(self, variables, images, labels, scope):
        images, labels = floating(images), floating(labels)
        if not scope.training:
            return images, labels
        random = Random(scope, self.seed, images.shape[0])  # type: ignore[attr-defined]
        return self.transform(images, labels, partners(random, scope.valid), **self.draw(random, images))

    def on_batch(self, images: Any, labels: Any, step: int) -> tuple[jax.Array, jax.Array]:
        """A batch mixed as in training, for a source of batches.

        Args:
            images: (batch, height, width, channels).
            labels: (batch, classes), one-hot.
            step: the number of the batch, so that each is mixed in another way.

        Returns:
            The mixed images and labels.

        Raises:
            ShapeError: the images or labels have other shapes.

        Example:
            >>> import numpy as np
            >>> import lamina
            >>> mix_up = lamina.layers.MixUp(0.2, seed=1)
            >>> x, y = np.ones((8, 4, 4, 1), 'float32'), lamina.utils.to_categorical(np.arange(8) % 2)
            >>> def batches():
            ...     for step in range(3):
            ...         yield mix_up.on_batch(x, y, step)
            >>> [labels.shape for images, labels in batches()]
            [(8, 2), (8, 2), (8, 2)]
        """
        images, labels = jnp.asarray(images), jnp.asarray(labels)
        self.weights(images.shape, labels.shape)
        scope = Scope(training=True, key=device_key(self.seed or 0), step=step)  # type: ignore[attr-defined]
        return self.apply({}, images, labels, scope=scope)


def partners(random: Random, valid: jax.Array | None) -> jax.Array:
    """A random order of the examples, in which those that only pad the batch change places among themselves alone.

    Shapes:
        valid: (batch,) ones and zeros → (batch,) whole numbers.
    """
    (unit,) = random.units(1)
    place = jnp.arange(random.batch, dtype=jnp.int32)
    if valid is None:
        return lax.sort((unit, place), num_keys=1)[1]
    padding = (valid == 0).astype(jnp.int32)
    shuffled = lax.sort((padding, unit, place), num_keys=2)[2]
    ordered = lax.sort((padding, place), num_keys=2)[1]
    return jnp.zeros_like(place).at[ordered].set(shuffled)


def symmetric_beta(unit: jax.Array, turn: jax.Array, alpha: Any) -> jax.Array:
    """A number of the distribution Beta(alpha, alpha) from two independent uniform ones.

    Formula: `½ + ½ sign(c) / sqrt(1 + 1 / ((u^(-1/alpha) - 1) c²))` with `c = cos(2π turn)`.

    Source: Student's t by Bailey's polar method (1994), `t`, with 2 alpha degrees of freedom, of which `½ + ½ t / sqrt(2 alpha + t²)`
    is Beta(alpha, alpha); no rejection, so that a batch is one expression.
    """
    cosine = jnp.cos(2 * math.pi * turn)
    weight = jnp.expm1(-jnp.log(unit + 2.0**-25) / alpha) * jnp.square(cosine)
    return 0.5 + 0.5 * jnp.sign(cosine) / jnp.sqrt(1 + 1 / weight)


@described
class MixUp(Mixing):
    """Each example blended with another of its batch in training, labels included; the identity in inference.

    Formula: `y = λ · x + (1 - λ) · other`, for images and labels alike, λ from Beta(alpha, alpha). Rows that only pad the last batch
    are mixed into no example.

    Args:
        alpha: of the Beta distribution: near 0 hardly mixes, 1 mixes in every proportion; default 0.2.
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        images: (batch, height, width, channels), labels: (batch, classes) → the same two.

    Raises:
        ShapeError: the labels are not one-hot, or the images no images.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz (2018), section 2.

    Example:
        >>> import lamina
        >>> lamina.layers.MixUp(0.4).output_shape((None, 32, 32, 3), (None, 10))
        ((None, 32, 32, 3), (None, 10))
    """

    alpha: float = setting(real(above=0, at_least=0), default=0.2)
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        unit, turn = random.units(2)
        return {'weight': symmetric_beta(unit, turn, self.alpha)}

    def transform(self, images, labels, partner, weight):
        """`weight`: (batch,) the part of each example that stays."""
        images = per_image(weight) * images + per_image(1 - weight) * images[partner]
        return images, weight[:, None] * labels + (1 - weight)[:, None] * labels[partner]


@described
class CutMix(Mixing):
    """A rectangle of each example comes from another of its batch in training, labels by its area; the identity in inference.

    Rows that only pad the last batch are mixed into no example.

    Args:
        factor: the range from which alpha is drawn; the area kept is Beta(alpha, alpha); a number f is (0, f); default 1.
        seed: a stream of this layer's own; default None, that of the model.

    Shapes:
        images: (batch, height, width, channels), labels: (batch, classes) → the same two.

    Raises:
        ConfigError: a range outside [0, 1] or in the wrong order.
        ShapeError: the labels are not one-hot, or the images no images.

    Source: Yun, Han, Oh, Chun, Choe, Yoo (2019), section 3.

    Example:
        >>> import lamina
        >>> lamina.layers.CutMix().output_shape((None, 32, 32, 3), (None, 10))
        ((None, 32, 32, 3), (None, 10))
    """

    factor: Any = setting(factor(0, 1), default=1.0)
    seed: int | None = setting(whole(0), default=None)

    def draw(self, random, images):
        alpha, unit, turn, x, y = random.units(5)
        kept = symmetric_beta(unit, turn, between(alpha, from_zero(self.factor)) + 1e-6)
        part = jnp.sqrt(1 - kept)
        left, right = drawn_span(images.shape[2], part, x)
        top, bottom = drawn_span(images.shape[1], part, y)
        return {'top': top, 'bottom': bottom, 'left': left, 'right': right}

    def transform(self, images, labels, partner, top, bottom, left, right):
        """The edges: (batch,) pixels."""
        area = (bottom - top) * (right - left) / (images.shape[1] * images.shape[2])
        mixed = jnp.where(inside(images.shape, top, bottom, left, right), images[partner], images)
        return mixed, (1 - area)[:, None] * labels + area[:, None] * labels[partner]
