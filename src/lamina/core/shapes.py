"""Shapes with an unknown batch axis, `(None, 28, 28)`, and what can be computed about them without running anything."""

from collections.abc import Callable
from typing import Any

import jax

Shape = tuple[int | None, ...]


class TypedShape(tuple):
    """A shape that remembers the dtype of its array, so that layers of whole numbers are described as well.

    Args:
        shape: the axes.
        dtype: the name of the dtype.
    """

    dtype: str

    def __new__(cls, shape: Any, dtype: Any) -> 'TypedShape':
        typed = super().__new__(cls, shape)
        typed.dtype = str(dtype)
        return typed


def dtype_of(shape: Any) -> str:
    """The dtype that a shape remembers; float32 for a plain tuple."""
    return getattr(shape, 'dtype', 'float32')


# Two sizes for every unknown axis: an output axis that differs between the two traces is unknown as well. Primes, far apart and large,
# so that neither strides nor windows make one size of them.
_PROBES = (1009, 2503)


def abstract_outputs(function: Callable, variables: Any, shapes: tuple[Shape, ...], dtypes: tuple[Any, ...]) -> Any:
    """What `function(variables, *inputs)` returns, as ShapeDtypeStructs whose unknown axes are None, by tracing only."""
    traces, returned = [], []

    def run(variables, *inputs):
        returned.append(function(variables, *inputs))
        return returned[-1]

    for probe in _PROBES:
        inputs = [jax.ShapeDtypeStruct(tuple(probe if n is None else n for n in s), d) for s, d in zip(shapes, dtypes, strict=True)]
        traces.append(jax.eval_shape(run, variables, *inputs))
    return _in_order(returned[0], jax.tree.map(_merge, *traces))


def _in_order(written: Any, values: Any) -> Any:
    """JAX sorts the keys of dicts; the order in which the function wrote them is that of a network's outputs."""
    if isinstance(written, dict):
        return {key: _in_order(inner, values[key]) for key, inner in written.items()}
    if type(written) in (tuple, list):
        return type(written)(map(_in_order, written, values))
    return values


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
