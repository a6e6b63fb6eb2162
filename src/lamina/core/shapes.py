"""Shapes with an unknown batch axis, `(None, 28, 28)`, and what can be computed about them without running anything."""

from collections.abc import Callable
from typing import Any

import jax

Shape = tuple[int | None, ...]

# Two sizes for every unknown axis: an output axis that differs between the two traces is unknown as well.
_PROBES = (61, 67)


def abstract_outputs(function: Callable, variables: Any, shapes: tuple[Shape, ...], dtypes: tuple[Any, ...]) -> Any:
    """What `function(variables, *inputs)` returns, as ShapeDtypeStructs whose unknown axes are None, by tracing only."""
    traces = []
    for probe in _PROBES:
        inputs = [jax.ShapeDtypeStruct(tuple(probe if n is None else n for n in s), d) for s, d in zip(shapes, dtypes, strict=True)]
        traces.append(jax.eval_shape(function, variables, *inputs))
    return jax.tree.map(_merge, *traces)


def _merge(first: jax.ShapeDtypeStruct, second: jax.ShapeDtypeStruct) -> 'Abstract':
    shape = tuple(a if a == b else None for a, b in zip(first.shape, second.shape, strict=True))
    return Abstract(shape, first.dtype)


class Abstract:
    """A value that is known only by its shape, whose axes may be None, and its dtype."""

    __slots__ = ('dtype', 'shape')

    def __init__(self, shape: Shape, dtype: Any):
        self.shape, self.dtype = shape, dtype

    def __repr__(self) -> str:
        return f'Abstract(shape={self.shape}, dtype={self.dtype})'


def show(shape: Shape) -> str:
    """`(None, 28, 28)` as users read it: `(batch, 28, 28)`."""
    return '(' + ', '.join('batch' if n is None and i == 0 else '?' if n is None else str(n) for i, n in enumerate(shape)) + ')'


def size(shape: Shape) -> int:
    """The number of elements per example or per weight; unknown axes count as one."""
    total = 1
    for n in shape:
        total *= 1 if n is None else n
    return total
