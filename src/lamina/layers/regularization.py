"""Layers that make training harder so that the network generalizes better."""

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.fields import real, setting, whole
from lamina.layers.base import Layer


@described
class Dropout(Layer):
    """Sets a random part of its inputs to zero in training and scales the rest up; the identity in inference.

    Formula: `y = x · keep / (1 - rate)`, with `keep` 1 at probability `1 - rate`.

    Args:
        rate: probability of dropping, in [0, 1).
        noise_shape: shape of the mask, with 1 (or None) where it is shared along an axis and None for the batch; default the shape of x.
        seed: a stream of this layer's own, the same whatever the model's seed; default None.

    Shapes:
        x: any → the same.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), section 4; scaled in training, not in inference.

    Example:
        >>> import lamina
        >>> lamina.layers.Dropout(0.2).output_shape((None, 128))
        (None, 128)
    """

    rate: float = setting(real(0, below=1))
    noise_shape: tuple[int | None, ...] | None = setting(default=None)
    seed: int | None = setting(whole(0), default=None)

    def apply(self, variables, x, scope):
        if not scope.training or self.rate == 0:
            return x
        shape = x.shape if self.noise_shape is None else self._mask_shape(x, self.noise_shape)
        # 32 random bits against a whole-number threshold: exact to 2⁻³², and no conversion to floats.
        keep = scope.random_bits(shape, seed=self.seed) >= jnp.uint32(self.rate * 2**32)
        return jnp.where(keep, x / (1 - self.rate), 0)

    def _mask_shape(self, x, given: tuple[int | None, ...]) -> tuple[int, ...]:
        self.require(len(given) == x.ndim, x.shape, f'{len(given)} axes, as noise_shape has', 'Give noise_shape one entry per axis.')
        shape = tuple(n if g is None else g for g, n in zip(given, x.shape, strict=True))
        fits = all(g in (1, n) for g, n in zip(shape, x.shape, strict=True))
        self.require(fits, x.shape, f'axes that noise_shape {given} divides into 1 or all', 'Use 1 or None in noise_shape.')
        return shape
