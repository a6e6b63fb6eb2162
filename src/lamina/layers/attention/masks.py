"""Which steps may attend to which: what is said of queries, keys, values and pairs of them, as one mask."""

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from lamina.core.errors import ShapeError
from lamina.core.shapes import Shape, show
from lamina.kernels.attention import WeightsDropout


class AttendedAxes:
    """The axes over which attention goes, brought to one axis of time, and every other one to the batch.

    Args:
        label: of the layer, for errors.
        axes: of an array (batch, …, features), counted as in it; None for all but the first and the last.
        shape: of such an array.
    """

    def __init__(self, label: str, axes: tuple[int, ...] | None, shape: Shape):
        self.label, self.rank = label, len(shape)
        given = tuple(range(1, self.rank - 1)) if axes is None else axes
        self.axes = tuple(a + self.rank if a < 0 else a for a in given)
        if self.rank < 3 or not self.axes or len(set(self.axes)) < len(self.axes) or not all(0 < a < self.rank - 1 for a in self.axes):
            expected = 'at least (batch, time, features)' if axes is None else f'axes {axes} between the batch and the features'
            raise ShapeError(label, f'input shape {show((None, *shape[1:]))}', expected, 'Add a time axis, or change attention_axes.')
        self.others = tuple(a for a in range(self.rank - 1) if a not in self.axes)
        self.plain = self.axes == (1,) and self.rank == 3

    def flat(self, x: Any) -> Any:
        """(batch, …, *rest) → (batch and others, time, *rest), `rest` being what stands from the last axis on."""
        if self.plain:
            return x
        rest = range(self.rank - 1, x.ndim)
        moved = x.transpose(*self.others, *self.axes, *rest)
        return moved.reshape(-1, math.prod(x.shape[a] for a in self.axes), *x.shape[self.rank - 1 :])

    def restored(self, x: Any, shape: tuple[int, ...]) -> Any:
        """The inverse of `flat`, for an array that had this shape but for its last axes."""
        if self.plain:
            return x
        order = (*self.others, *self.axes)
        moved = x.reshape(*(shape[a] for a in order), *x.shape[2:])
        return moved.transpose(*(order.index(a) for a in range(self.rank - 1)), *range(self.rank - 1, moved.ndim))

    def padding(self, mask: Any, shape: tuple[int, ...]) -> Any:
        """(batch, time) booleans of an input of this shape, flattened as it is; None for None."""
        if mask is None:
            return None
        axes = shape[: self.rank - 1]
        if mask.ndim > len(axes) or any(m not in (1, n) for m, n in zip(mask.shape, axes, strict=False)):
            raise ShapeError(
                self.label, f'a mask of shape {show(mask.shape)}', f'(batch, time), as in {show((None, *shape[1:]))}',
                'Pass one boolean for each step.',
            )  # fmt: skip
        return self.flat(jnp.broadcast_to(mask.reshape(*mask.shape, *(1,) * (len(axes) - mask.ndim)), axes))

    def pairs(self, mask: Any, query: tuple[int, ...], value: tuple[int, ...], heads: int) -> Any:
        """An `attention_mask`, its missing axes of the batch and the heads added: (batch and others, heads, time, source)."""
        time, source = tuple(query[a] for a in self.axes), tuple(value[a] for a in self.axes)
        batch = tuple(query[a] for a in self.others)
        full, last = (*batch, heads, *time, *source), 2 * len(self.axes)
        mask = jnp.asarray(mask)
        if last <= mask.ndim < len(full):
            mask = mask.reshape(*mask.shape[: mask.ndim - last], *(1,) * (len(full) - mask.ndim), *mask.shape[mask.ndim - last :])
        if mask.ndim != len(full) or any(m not in (1, n) for m, n in zip(mask.shape, full, strict=True)):
            got, expected = show(mask.shape), show((*batch, *time, *source))
            raise ShapeError(self.label, f'attention_mask of shape {got}', expected, 'Pass one boolean for each pair of steps.')
        mask = mask != 0
        if self.plain:
            return mask
        mask = jnp.broadcast_to(mask, (*(batch if any(n > 1 for n in mask.shape[: len(batch)]) else mask.shape[: len(batch)]),
                                       mask.shape[len(batch)], *time, *source))  # fmt: skip
        return mask.reshape(-1, mask.shape[len(batch)], math.prod(time), math.prod(source))

    def scores(self, scores: Any, query: tuple[int, ...], value: tuple[int, ...]) -> Any:
        """(batch and others, heads, time, source) with every axis of its own again."""
        if self.plain:
            return scores
        time, source = (tuple(shape[a] for a in self.axes) for shape in (query, value))
        return scores.reshape(*(query[a] for a in self.others), scores.shape[1], *time, *source)


def together(*masks: Any) -> Any:
    """Where all of these masks are True; None where there are none."""
    given = [mask for mask in masks if mask is not None]
    merged = given[0] if given else None
    for mask in given[1:]:
        merged = merged & mask
    return merged


def window_mask(time: int, source: int, width: int | None) -> Any:
    """(time, source) booleans, True where the steps are fewer than `width` apart; None for None."""
    if width is None:
        return None
    rows, columns = (lax.broadcasted_iota(jnp.int32, (time, source), axis) for axis in (0, 1))
    return jnp.abs(rows - columns) < width


def dropped(scope: Any, shape: tuple[int, ...], rate: float, seed: int | None) -> WeightsDropout | None:
    """Which weights of attention a layer drops in this step; None in inference."""
    if not scope.training or rate == 0:
        return None
    return WeightsDropout(scope.random_bits(shape, seed=seed) >= jnp.uint32(rate * 2**32), rate)
