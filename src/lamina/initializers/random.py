"""Initializers that draw from one distribution whatever the shape, and the orthogonal one."""

import math
from typing import Any, ClassVar

import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import real, setting, whole
from lamina.core.keys import host_stream
from lamina.initializers.base import Initializer


def seed_setting() -> Any:
    """The field `seed`, which every random initializer has."""
    return setting(whole(0), default=None)


class RandomInitializer(Initializer):
    """An initializer with a `seed`; `draw` gives float32 values, or float64 where the weight is."""

    seed: int | None

    def __call__(self, rng, shape, dtype=np.float32):
        """Random values of the shape."""
        source = rng if self.seed is None else host_stream(self.seed, 'initializer')
        drawn = np.float64 if np.dtype(dtype) == np.float64 else np.float32
        return self.draw(source, tuple(shape), drawn).astype(dtype, copy=False)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Values of the shape from the generator, in float32 or float64."""
        raise ConfigError(type(self).__name__, 'an initializer without draw', 'draw(rng, shape, dtype)', 'Define it in the class.')


def draw_normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, mean: float, stddev: float) -> np.ndarray:
    values = np.asarray(rng.standard_normal(shape, dtype=dtype))
    values *= dtype(stddev)
    return values if mean == 0 else values + dtype(mean)


def draw_truncated(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, mean: float, stddev: float) -> np.ndarray:
    values = np.asarray(rng.standard_normal(math.prod(shape), dtype=dtype))
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = rng.standard_normal(outside.size, dtype=dtype)
        outside = outside[np.abs(values[outside]) > 2]
    values *= dtype(stddev)
    return (values if mean == 0 else values + dtype(mean)).reshape(shape)


def draw_uniform(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, low: float, high: float) -> np.ndarray:
    values = np.asarray(rng.random(shape, dtype=dtype))
    values *= dtype(high - low)
    values += dtype(low)
    return values


@described
class RandomNormal(RandomInitializer):
    """Values from a normal distribution.

    Args:
        mean: default 0.
        stddev: the standard deviation, at least 0; default 0.05.
        seed: a whole number of at least 0 gives the same values at every use; default None.

    >>> RandomNormal(seed=1)(np.random.default_rng(0), (2, 3)).shape
    (2, 3)
    """

    aliases: ClassVar[tuple[str, ...]] = ('normal',)

    mean: float = setting(real(below=math.inf), default=0.0)
    stddev: float = setting(real(0, below=math.inf), default=0.05)
    seed: int | None = seed_setting()

    def draw(self, rng, shape, dtype):
        """Normal values."""
        return draw_normal(rng, shape, dtype, self.mean, self.stddev)


@described
class RandomUniform(RandomInitializer):
    """Values from a uniform distribution.

    Args:
        minval: the smallest value; default -0.05.
        maxval: the largest value, at least `minval`; default 0.05.
        seed: a whole number of at least 0 gives the same values at every use; default None.

    Raises:
        ConfigError: `maxval` is below `minval`; exchange them.

    >>> bool(abs(RandomUniform(seed=1)(np.random.default_rng(0), (100,))).max() <= 0.05)
    True
    """

    aliases: ClassVar[tuple[str, ...]] = ('uniform',)

    minval: float = setting(real(below=math.inf), default=-0.05)
    maxval: float = setting(real(below=math.inf), default=0.05)
    seed: int | None = seed_setting()

    def validate(self) -> None:
        """The interval must not be empty."""
        if self.minval > self.maxval:
            got = f'minval={self.minval!r} above maxval={self.maxval!r}'
            raise ConfigError(self.label, got, 'minval ≤ maxval', 'Exchange the two values.')

    def draw(self, rng, shape, dtype):
        """Uniform values."""
        return draw_uniform(rng, shape, dtype, self.minval, self.maxval)


@described
class TruncatedNormal(RandomInitializer):
    """Values from a normal distribution, drawn again where they fall beyond two standard deviations.

    `stddev` is that of the whole distribution; what is left after the cut has 0.88 of it.

    Args:
        mean: default 0.
        stddev: the standard deviation before the cut, at least 0; default 0.05.
        seed: a whole number of at least 0 gives the same values at every use; default None.

    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)(np.random.default_rng(0), (100,))).max() <= 2)
    True
    """

    mean: float = setting(real(below=math.inf), default=0.0)
    stddev: float = setting(real(0, below=math.inf), default=0.05)
    seed: int | None = seed_setting()

    def draw(self, rng, shape, dtype):
        """Normal values within two standard deviations."""
        return draw_truncated(rng, shape, dtype, self.mean, self.stddev)


@described
class Orthogonal(RandomInitializer):
    """A random orthogonal matrix, uniform over all of them.

    All axes but the last are taken together as rows. With at most as many columns as rows the columns are orthonormal,
    otherwise the rows are. Source: Saxe et al., 2014; the uniform distribution by Mezzadri, 2007.

    Args:
        gain: multiplies the matrix; default 1.
        seed: a whole number of at least 0 gives the same values at every use; default None.

    Raises:
        ShapeError: the weight has fewer than two axes.

    >>> w = Orthogonal(seed=1)(np.random.default_rng(0), (4, 4))
    >>> bool(np.allclose(w @ w.T, np.eye(4), atol=1e-6))
    True
    """

    aliases: ClassVar[tuple[str, ...]] = ('OrthogonalInitializer',)

    gain: float = setting(real(below=math.inf), default=1.0)
    seed: int | None = seed_setting()

    def draw(self, rng, shape, dtype):
        """The Q of a random matrix, its signs fixed by R's diagonal."""
        if len(shape) < 2:
            raise ShapeError('Orthogonal', f'a weight of shape {shape}', 'at least two axes', "Use 'random_normal' for this weight.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        q, r = np.linalg.qr(rng.standard_normal(tall, dtype=dtype))
        q = q * np.where(np.diagonal(r) < 0, -1, 1).astype(dtype)  # without it the distribution is not uniform
        return (dtype(self.gain) * (q if rows >= columns else q.T)).reshape(shape)
