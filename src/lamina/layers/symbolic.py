"""Symbols stand for arrays while a functional network is being described. Calling a layer on them records the call."""

import numbers
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lamina.core.described import Described, FrozenDict, described, lookup
from lamina.core.fields import setting, whole
from lamina.core.shapes import Shape, show
from lamina.core.structure import leaves, map_leaves

if TYPE_CHECKING:
    from lamina.layers.base import Layer


@described
class Slot(Described):
    """Where a symbol stands in the keywords of a call: number `index` of the call's arguments."""

    kind: ClassVar[str] = 'slot'
    index: int = setting(whole(0))


def with_slots(positional: tuple, keywords: Mapping[str, Any], is_array: Callable[[Any], bool]) -> tuple[tuple, FrozenDict]:
    """The arrays of a call in one row, and its keywords with a `Slot` in the place of each array."""
    arguments = list(positional)

    def slot(value: Any) -> Any:
        if not is_array(value):
            return value
        arguments.append(value)
        return Slot(len(arguments) - 1)

    named = FrozenDict({name: _map(slot, value, is_array) for name, value in keywords.items()})
    return tuple(arguments), named


def without_slots(arguments: tuple, keywords: Mapping[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """The positional arguments and the keywords of a call, from what `with_slots` made of them."""
    if not keywords:
        return tuple(arguments), {}
    count = len(arguments) - sum(isinstance(value, Slot) for value in leaves(dict(keywords)))
    named = {name: map_leaves(lambda v: arguments[v.index] if isinstance(v, Slot) else v, value) for name, value in keywords.items()}
    return tuple(arguments[:count]), named


def _map(function: Callable[[Any], Any], value: Any, is_leaf: Callable[[Any], bool]) -> Any:
    """As `map_leaves`, for leaves that may themselves be tuples."""
    if isinstance(value, dict):
        return FrozenDict({key: _map(function, v, is_leaf) for key, v in value.items()})
    if isinstance(value, (list, tuple)) and not is_leaf(value):
        return tuple(_map(function, v, is_leaf) for v in value)
    return function(value)


class Call:
    """One use of a layer on symbols. The same layer object in two calls shares its weights.

    Args:
        layer: the layer that is used.
        arguments: the symbols it is used on, those within `keywords` last.
        keywords: what else the call says, as `Slot`s, which stand for symbols, and plain values.
        source: what has values for its weights: the model whose network the layer is, or the part of a model that has the same call.
    """

    __slots__ = ('arguments', 'keywords', 'layer', 'source')

    def __init__(self, layer: 'Layer', arguments: tuple['Symbol', ...], keywords: Mapping[str, Any] | None = None):
        self.layer, self.arguments, self.keywords = layer, arguments, FrozenDict(keywords or {})
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
