"""Symbols stand for arrays while a functional network is being described. Calling a layer on them records the call."""

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
        source: the model whose weights the layer starts from, where it is a model's network.
    """

    __slots__ = ('arguments', 'layer', 'source')

    def __init__(self, layer: 'Layer', arguments: tuple['Symbol', ...]):
        self.layer, self.arguments, self.source = layer, arguments, None


class Symbol:
    """An array that is known by shape and dtype only.

    Args:
        shape: with None for the batch axis.
        dtype: of its elements.
        origin: the InputLayer or the Call it comes from.
        index: which of the outputs of that call it is.
    """

    __slots__ = ('dtype', 'index', 'origin', 'shape')

    def __init__(self, shape: Shape, dtype: Any, origin: Any, index: int = 0):
        self.shape, self.dtype, self.origin, self.index = shape, dtype, origin, index

    def __repr__(self) -> str:
        return f'Symbol(shape={show(self.shape)}, dtype={self.dtype})'

    def _merge(self, other: Any, name: str) -> 'Symbol':
        return lookup('layer', name)()(self, other) if isinstance(other, Symbol) else NotImplemented  # type: ignore[operator]

    def __add__(self, other: Any) -> 'Symbol':
        return self._merge(other, 'Add')

    def __sub__(self, other: Any) -> 'Symbol':
        return self._merge(other, 'Subtract')

    def __mul__(self, other: Any) -> 'Symbol':
        return self._merge(other, 'Multiply')
