"""Where in a sequence each step stands, which attention alone cannot tell: added to the features, or turned into them."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from lamina import initializers
from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, real, setting, whole
from lamina.core.shapes import Shape
from lamina.kernels.embedding import lookup
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@unregistered
class PositionEncoding(Layer):
    """The base of encodings that depend on the position alone, the same for every example.

    Args:
        add: whether the output is x plus the encoding instead of the encoding alone; default False.
    """

    supports_masking: ClassVar[bool] = True

    add: bool = setting(flag(), default=False, kw_only=True)

    def encoding(self, variables: Any, shape: tuple[int, ...], start_index: Any) -> Any:
        """(time, dim) for an input of this shape whose first step has the position `start_index`."""
        raise ConfigError(type(self).__name__, 'no method encoding', 'encoding(self, variables, shape, start_index)', 'Define it.')

    def apply(self, variables, x, *, scope, start_index=0):
        """As in `Layer`; `start_index` is the position of the first step, a whole number or an array of one."""
        self.check((None, *x.shape[1:]))
        encoding = self.encoding(variables, x.shape, start_index).astype(x.dtype)
        return x + encoding if self.add else jnp.broadcast_to(encoding, x.shape)

    def check(self, shape: Shape) -> None:
        """Raise a ShapeError unless x has axes of time and features."""
        self.require(len(shape) >= 3, shape, 'at least (batch, time, dim)', 'Put it after an Embedding, or add a features axis.')


def _positions(time: int, start_index: Any) -> Any:
    return jnp.arange(time, dtype=jnp.float32) + start_index


@described
class SinusoidalPositionEncoding(PositionEncoding):
    """Positions as sines and cosines of geometrically growing wavelengths; nothing is learned, and any length has one.

    As in Keras Hub's layer of this kind the output is the encoding alone, to be added to x; with `add=True` it is their sum.

    Formula: `y[t, 2i] = sin(t / max_wavelength^(2i / dim))`, `y[t, 2i + 1] = cos(t / max_wavelength^(2i / dim))`.

    Args:
        max_wavelength: the longest wavelength over 2π; default 10000.
        add: whether the output is x plus the encoding; default False.

    Call:
        start_index: the position of the first step; default 0.

    Shapes:
        x: (batch, time, dim) → the same.

    Raises:
        ShapeError: x has fewer than three axes.

    Source: Vaswani et al. (2017), section 3.5.

    Example:
        >>> import lamina
        >>> lamina.layers.SinusoidalPositionEncoding().output_shape((None, 10, 32))
        (None, 10, 32)
    """

    max_wavelength: float = setting(real(above=0), default=10000)

    def encoding(self, variables, shape, start_index):
        time, dim = shape[-2:]
        features = np.arange(dim)
        # Found on the host in double precision; a wavelength is a constant of the program.
        frequencies = (float(self.max_wavelength) ** (-2.0 * (features // 2) / dim)).astype(np.float32)
        angles = _positions(time, start_index)[:, None] * frequencies
        return jnp.where(features % 2 == 0, jnp.sin(angles), jnp.cos(angles))


@described
class LearnedPositionEmbedding(PositionEncoding):
    """A learned vector for each position, as Keras Hub's `PositionEmbedding`; the output is the vectors alone, to be added to x.

    Formula: `y[t] = embeddings[start_index + t]`.

    Args:
        sequence_length: how many positions there are.
        initializer: default `'glorot_uniform'`.
        add: whether the output is x plus the vectors; default False.

    Call:
        start_index: the position of the first step; default 0. Where it is an array, positions after the last get zeros.

    Shapes:
        x: (batch, time, dim) with time of at most sequence_length → the same. embeddings: (sequence_length, dim).

    Raises:
        ShapeError: x is longer than `sequence_length`, or has fewer than three axes.

    Source: Gehring et al. (2017), section 3.1; Devlin et al. (2019), section 3.

    Example:
        >>> import lamina
        >>> lamina.layers.LearnedPositionEmbedding(50).output_shape((None, 10, 32))
        (None, 10, 32)
    """

    sequence_length: int = setting(whole(1))
    initializer: Any = setting(convert=initializers.get, default='glorot_uniform')

    def weights(self, shape: Shape) -> Weights:
        self.check(shape)
        return {'embeddings': Weight((self.sequence_length, self.known(shape, -1)), self.initializer)}

    def encoding(self, variables, shape, start_index):
        time, embeddings = shape[-2], variables['embeddings']
        first = start_index if isinstance(start_index, int) else 0
        self.require(
            0 <= first <= self.sequence_length - time, (None, *shape[1:]),
            f'at most {self.sequence_length} steps, counted from {first}', 'Raise sequence_length, or shorten the sequences.',
        )  # fmt: skip
        if isinstance(start_index, int):
            return embeddings[first : first + time]
        return lookup(embeddings, jnp.asarray(start_index) + jnp.arange(time))


@described
class RotaryEmbedding(Layer):
    """Positions as rotations of pairs of features, so that products of queries and keys depend on their distance alone.

    It is applied to the projected queries and keys, not to values, and keeps their lengths.

    Formula: for each pair of features, with `a = (t / scaling_factor) · max_wavelength^(-2i / dim)`:
    `y_1 = x_1 cos a - x_2 sin a`, `y_2 = x_2 cos a + x_1 sin a`.

    Args:
        max_wavelength: the longest wavelength over 2π; default 10000.
        scaling_factor: positions are divided by it, which stretches a trained range; default 1.
        sequence_axis: of the steps; default 1.
        feature_axis: of the features; default -1.
        interleaved: whether a pair is two neighbouring features, as in the paper, instead of one of the first half and one of the
            second, as in Keras Hub; default False.

    Call:
        start_index: the position of the first step; default 0.
        positions: (time,) positions, instead of those that follow from start_index; default None.

    Shapes:
        x: (batch, time, dim) or (batch, time, heads, dim) → the same.

    Raises:
        ShapeError: dim is odd, or x has fewer than three axes.

    Source: Su, Lu, Pan, Murtadha, Wen, Liu (2021), section 3.2.2; scaled positions: Chen, Wong, Chen, Tian (2023).

    Example:
        >>> import lamina
        >>> lamina.layers.RotaryEmbedding().output_shape((None, 10, 4, 8))
        (None, 10, 4, 8)
    """

    supports_masking: ClassVar[bool] = True

    max_wavelength: float = setting(real(above=0), default=10000)
    scaling_factor: float = setting(real(above=0), default=1.0)
    sequence_axis: int = setting(whole(-8), default=1)
    feature_axis: int = setting(whole(-8), default=-1)
    interleaved: bool = setting(flag(), default=False, kw_only=True)

    def apply(self, variables, x, *, scope, start_index=0, positions=None):
        """As in `Layer`; the keywords are those of the class."""
        time, features = self._axes(x)
        moved = jnp.moveaxis(x, (time, features), (1, -1))
        steps, dim = moved.shape[1], moved.shape[-1]
        if positions is None:
            positions = _positions(steps, start_index)
        positions = jnp.asarray(positions, jnp.float32)
        self.require(
            positions.shape == (steps,), (None, *x.shape[1:]), f'{steps} positions, one for each step', 'Pass positions of shape (time,).'
        )
        frequencies = (float(self.max_wavelength) ** (-np.arange(0, dim, 2) / dim)).astype(np.float32)
        angles = (positions / self.scaling_factor)[:, None] * frequencies
        angles = angles.reshape(steps, *(1,) * (moved.ndim - 3), dim // 2)
        y = self._rotated(moved, jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype))
        return jnp.moveaxis(y, (1, -1), (time, features))

    def _axes(self, x: Any) -> tuple[int, int]:
        shape, rank = (None, *x.shape[1:]), x.ndim
        self.require(rank >= 3, shape, '(batch, time, dim) or (batch, time, heads, dim)', 'Add the axis that is missing.')
        given = (self.sequence_axis, self.feature_axis)
        time, features = (axis % rank for axis in given)
        known = all(-rank <= axis < rank for axis in given) and 0 not in (time, features) and time != features
        self.require(known, shape, f'axes {given} of steps and features', 'Change sequence_axis or feature_axis.')
        self.require(x.shape[features] % 2 == 0, shape, 'an even number of features', 'Change the size of the heads, or feature_axis.')
        return time, features

    def _rotated(self, x: Any, cosine: Any, sine: Any) -> Any:
        if self.interleaved:
            first, second = x[..., 0::2], x[..., 1::2]
        else:
            first, second = jnp.split(x, 2, -1)
        turned = first * cosine - second * sine, second * cosine + first * sine
        return jnp.stack(turned, -1).reshape(x.shape) if self.interleaved else jnp.concatenate(turned, -1)
