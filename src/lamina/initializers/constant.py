"""Initializers that draw nothing: zeros, ones, a constant, the identity."""

import math
import numbers
from typing import Any, ClassVar

import jax
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import Rule, real, setting
from lamina.initializers.base import Initializer


@described
class Zeros(Initializer):
    """All zeros.

    >>> Zeros()(np.random.default_rng(0), (2,)).tolist()
    [0.0, 0.0]
    """

    aliases: ClassVar[tuple[str, ...]] = ('zero',)

    def __call__(self, rng, shape, dtype=np.float32):
        """Zeros of the shape."""
        return np.zeros(shape, dtype)


@described
class Ones(Initializer):
    """All ones.

    >>> Ones()(np.random.default_rng(0), (2,)).tolist()
    [1.0, 1.0]
    """

    aliases: ClassVar[tuple[str, ...]] = ('one',)

    def __call__(self, rng, shape, dtype=np.float32):
        """Ones of the shape."""
        return np.ones(shape, dtype)


def _plain(value: Any) -> Any:
    """An array as nested tuples of Python numbers, which compare, hash and save; anything else as it is."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic, jax.Array)) else value


def _is_numeric(value: Any) -> bool:
    if isinstance(value, tuple):
        return len(value) > 0 and all(map(_is_numeric, value))
    return isinstance(value, numbers.Real)


@described
class Constant(Initializer):
    """One number everywhere, or given values.

    Args:
        value: a number, or an array or nested list that has, or broadcasts to, the shape of the weight; default 0.

    Raises:
        ShapeError: the given values do not broadcast to the shape of the weight.

    >>> Constant(0.5)(np.random.default_rng(0), (2,)).tolist()
    [0.5, 0.5]
    """

    value: Any = setting(Rule(_is_numeric, 'a number or an array of numbers', bad=('much', ('a',), {})), default=0.0, convert=_plain)

    def __call__(self, rng, shape, dtype=np.float32):
        """The value in every place."""
        values = np.asarray(self.value, dtype)
        try:
            return np.array(np.broadcast_to(values, shape))
        except ValueError as error:
            remedy = f'Pass one number, or an array of shape {tuple(shape)}.'
            raise ShapeError('Constant', f'values of shape {values.shape}', f'the shape of the weight, {tuple(shape)}', remedy) from error


@described
class Identity(Initializer):
    """The identity matrix; where it is not square, ones on the main diagonal.

    Source: Le et al., 2015, for recurrent kernels.

    Args:
        gain: the number on the diagonal; default 1.

    Raises:
        ShapeError: the weight is not a matrix.

    >>> Identity(2.0)(np.random.default_rng(0), (2, 2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    aliases: ClassVar[tuple[str, ...]] = ('IdentityInitializer',)

    gain: float = setting(real(below=math.inf), default=1.0)

    def __call__(self, rng, shape, dtype=np.float32):
        """`gain · I`."""
        if len(shape) != 2:
            raise ShapeError(
                'Identity', f'a weight of shape {tuple(shape)}', 'a matrix (rows, columns)', "Use 'orthogonal' for this weight."
            )
        return (self.gain * np.eye(*shape)).astype(dtype)
