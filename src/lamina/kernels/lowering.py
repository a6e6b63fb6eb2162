"""What the lowerings share: which platform they are traced for, and the words for windows."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.devices import prepare

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def on_cpu() -> bool:
    """Whether the program being traced will run on a CPU; other platforms keep XLA's own operations, which reach cuDNN there."""
    prepare()
    return jax.default_backend() == 'cpu'


def channels_last(spatial: int) -> tuple[str, str, str]:
    """The dimension numbers of an operation over so many spatial axes.

    >>> channels_last(2)
    ('NXYC', 'XYIO', 'NXYC')
    """
    axes = 'XYZUVW'[:spatial]
    return f'N{axes}C', f'{axes}IO', f'N{axes}C'


def pairs(padding: Iterable[Iterable[int]]) -> Padding:
    """Padding as tuples, so that it can be hashed."""
    return tuple((low, high) for low, high in padding)


def reach(window: int, dilation: int) -> int:
    """The elements from the first tap of a window to its last."""
    return (window - 1) * dilation + 1


def output_size(size: int, window: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """The number of places that a window has on a padded axis."""
    return max((size + sum(padding) - reach(window, dilation)) // stride + 1, 0)


def padded(x: jax.Array, axis: int, pair: tuple[int, int], value: float = 0) -> jax.Array:
    """The array with so many values before and after one axis; negative numbers cut."""
    if pair == (0, 0):
        return x
    return lax.pad(x, jnp.array(value, x.dtype), [(*pair, 0) if a == axis else (0, 0, 0) for a in range(x.ndim)])


def met(x: jax.Array, tap: Sizes, places: Sizes, strides: Sizes, dilation: Sizes) -> jax.Array:
    """The elements of a padded input that one tap of the window meets at all places: `(batch, *places, channels)`."""
    starts = [i * d for i, d in zip(tap, dilation, strict=True)]
    stops = [a + (p - 1) * s + 1 if p else a for a, p, s in zip(starts, places, strides, strict=True)]
    return lax.slice(x, (0, *starts, 0), (x.shape[0], *stops, x.shape[-1]), (1, *strides, 1))
