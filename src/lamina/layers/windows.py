"""What layers that slide a window over their input share: sizes by axis, padding, and whether the window fits at all."""

import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.fields import Rule, whole
from lamina.layers.base import Layer

Sizes = Any  # written as one whole number or one for each spatial axis, kept as a tuple
Pads = tuple[tuple[int, int], ...]


def per_axis(rank: int, at_least: int = 1) -> Rule:
    """One whole number of at least `at_least` for each of `rank` spatial axes."""
    one = whole(at_least)
    return Rule(
        lambda v: isinstance(v, tuple) and len(v) == rank and all(map(one.accepts, v)),
        f'{one.expected}, or a tuple of {rank} such',
        bad=(at_least - 1, at_least + 0.5, 'wide', (at_least + 1,) * (rank + 1)),
    )


def spread(rank: int) -> Callable[[Any], Any]:
    """A conversion from one whole number to a tuple of it for each axis; lists become tuples, anything else is left to the rule."""

    def convert(value: Any) -> Any:
        if isinstance(value, numbers.Integral) and not isinstance(value, bool):
            return (int(value),) * rank
        return tuple(value) if isinstance(value, list) else value

    return convert


def lower_case(value: Any) -> Any:
    """`'SAME'` → `'same'`; what is no string is left to the rule."""
    return value.lower() if isinstance(value, str) else value


def floating(x: jax.Array) -> jax.Array:
    """The array in floats: a mean of whole numbers is none."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)


def reach(window: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """How far a window of taps that stand `dilation` apart extends: `(window - 1) · dilation + 1`."""
    return tuple((k - 1) * d + 1 for k, d in zip(window, dilation, strict=True))


def require_rank(layer: Layer, shape: tuple, rank: int) -> None:
    """Raise a ShapeError unless the shape has a batch axis, `rank` spatial axes and channels."""
    axes = {1: '(batch, steps, channels)', 2: '(batch, height, width, channels)', 3: '(batch, depth, height, width, channels)'}[rank]
    remedy = f'Reshape to {rank + 2} axes, or use the layer for {len(shape) - 2} spatial axes.'
    layer.require(len(shape) == rank + 2, shape, axes, remedy if len(shape) > 2 else f'Reshape to {rank + 2} axes.')


def pads(layer: Layer, shape: tuple, padding: str, extent: tuple[int, ...], strides: tuple[int, ...]) -> Pads:
    """Elements to add before and after each spatial axis, such that the window, which reaches over `extent` elements, fits.

    Formula: for `'same'`, `ceil(length / stride)` windows are wanted; the odd element goes to the end, as in TensorFlow. `'causal'` puts
    all of `extent - 1` before, so that no output sees a later input.

    Raises:
        ShapeError: an axis, with its padding, is shorter than the window.
    """
    lengths = shape[1:-1]
    found = tuple(_pair(padding, n, k, s) for n, k, s in zip(lengths, extent, strides, strict=True))
    fits = all(low + n + high >= k for n, (low, high), k in zip(lengths, found, extent, strict=True))
    window = ' × '.join(map(str, extent))
    remedy = "Use a smaller window or padding='same', or pass longer inputs." if padding == 'valid' else 'Pass longer inputs.'
    layer.require(fits, (None, *shape[1:]), f'at least the window of {window} elements', remedy)
    return found


def _pair(padding: str, length: int, extent: int, stride: int) -> tuple[int, int]:
    if padding == 'valid':
        return 0, 0
    if padding == 'causal':
        return extent - 1, 0
    total = max((-(-length // stride) - 1) * stride + extent - length, 0)
    return total // 2, total - total // 2
