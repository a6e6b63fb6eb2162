"""Symbols stand for arrays while a functional network is being described. Calling a layer on them records the call."""

import numbers
from typing import TYPE_CHECKING, Any

from lamina.core.described import lookup
from lamina.core.shapes import Shape, show

if TYPE_CHECKING:
    from lamina.layers.base import Layer


class Call:
    """One use of a layer on symbols. The same layer object in two calls shares its weights.

    Args:
        layer: the layer that is used.
        arguments: the symbols it is used on.
        source: what has values for its weights: the model whose network the layer is, or the part of a model that has the same call.
    """

    __slots__ = ('arguments', 'layer', 'source')

    def __init__(self, layer: 'Layer', arguments: tuple['Symbol', ...]):
        self.layer, self.arguments = layer, arguments
        self.source: Any = None


class Symbol:
    """An array that is known by shape and dtype only.

    `+`, `-` and `*` of two symbols are the layers `Add`, `Subtract` and `Multiply`; `+`, `-`, `*` and `/` with a number, and `-x`,
    are a `Rescaling`, which computes in float32.

    Args:
        shape: with None for the batch axis.
        dtype: of its elements.
        origin: the InputLayer or the Call it comes from.
        index: which of the outputs of that call it is.
    """

    __slots__ = ('dtype', 'index', 'origin', 'shape')
    # NumPy's scalars leave `np.float32(2) * x` to this class instead of making an array of objects.
    __array_ufunc__ = None

    def __init__(self, shape: Shape, dtype: Any, origin: Any, index: int = 0):
        self.shape, self.dtype, self.origin, self.index = shape, dtype, origin, index

    def __repr__(self) -> str:
        return f'Symbol(shape={show(self.shape)}, dtype={self.dtype})'

    def _merge(self, other: Any, name: str) -> 'Symbol':
        return lookup('layer', name)()(self, other) if isinstance(other, Symbol) else NotImplemented  # type: ignore[operator]

    def _rescaled(self, scale: float, offset: float = 0.0) -> 'Symbol':
        return lookup('layer', 'Rescaling')(scale, offset=offset)(self)  # type: ignore[operator, call-arg]

    def __add__(self, other: Any) -> 'Symbol':
        return self._rescaled(1.0, float(other)) if _is_number(other) else self._merge(other, 'Add')

    def __sub__(self, other: Any) -> 'Symbol':
        return self._rescaled(1.0, -float(other)) if _is_number(other) else self._merge(other, 'Subtract')

    def __mul__(self, other: Any) -> 'Symbol':
        return self._rescaled(float(other)) if _is_number(other) else self._merge(other, 'Multiply')

    def __truediv__(self, other: Any) -> 'Symbol':
        return self._rescaled(1.0 / float(other)) if _is_number(other) else NotImplemented

    def __rsub__(self, other: Any) -> 'Symbol':
        return self._rescaled(-1.0, float(other)) if _is_number(other) else NotImplemented

    def __neg__(self) -> 'Symbol':
        return self._rescaled(-1.0)

    __radd__ = __add__
    __rmul__ = __mul__


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
