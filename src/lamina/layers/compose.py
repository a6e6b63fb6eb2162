"""Layers made of layers, one after another, and the names they have there."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import setting
from lamina.core.shapes import Shape
from lamina.layers.base import Layer, weights_of
from lamina.layers.weight import Weights


def numbered_names(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """A name for each layer, its own or its class in snake case, numbered where it would repeat: dense, dense_1.

    Raises:
        ConfigError: two layers were given the same name.
    """
    given = Counter(layer.name for layer in layers if layer.name)
    if repeated := [name for name, times in given.items() if times > 1]:
        raise ConfigError('layers', f'the name {min(repeated)!r} twice', 'a name of its own for each layer', 'Rename one of them.')
    taken, next_number = set(given), Counter()
    return tuple(layer.name or _unused_name(layer.default_name(), taken, next_number) for layer in layers)


def _unused_name(base: str, taken: set[str], next_number: Counter) -> str:
    """The base, or the base with the next number that makes it unused, which is then taken."""
    name = None
    while name is None or name in taken:
        name = f'{base}_{next_number[base]}' if next_number[base] else base
        next_number[base] += 1
    taken.add(name)
    return name


def as_layer(value: Any, where: str) -> Layer:
    """The layer that a user put into a container: a layer, or a model, whose network is taken.

    Raises:
        ConfigError: it is neither; the message tells what to write.
    """
    value = getattr(value, 'network', value)
    if isinstance(value, type) and issubclass(value, Layer):
        raise ConfigError(where, f'the class {value.__name__}', 'a layer', f'Write {value.__name__}(…), with parentheses.')
    if not isinstance(value, Layer):
        raise ConfigError(where, f'a {type(value).__name__}', 'a layer or a model', 'Wrap a function with lamina.external.as_layer(…).')
    return value


@described
class Chain(Layer):
    """Layers one after another; the network of a `Sequential`. Each position has weights of its own.

    Args:
        layers: in order; a layer may return several outputs, which the next one takes as its inputs.
        names: one for each layer; by default its own name, or its class numbered.

    Shapes:
        those of the first layer's input → those of the last layer's output.

    Raises:
        ConfigError: an entry is not a layer, or two have the same name.
    """

    layers: tuple[Layer, ...] = setting(default=())
    names: tuple[str, ...] | None = setting(default=None, kw_only=True, repr=False)

    def validate(self) -> None:
        layers = tuple(as_layer(layer, f'{self.label}, position {i}') for i, layer in enumerate(self.layers))
        names = self.names or numbered_names(layers)
        if len(names) != len(layers):
            raise ConfigError(f"{self.label}, setting 'names'", f'{len(names)} names', f'{len(layers)}, one per layer', 'Leave names out.')
        named = tuple(layer if layer.name == name else layer.replace(name=name) for layer, name in zip(layers, names, strict=True))
        object.__setattr__(self, 'layers', named)
        object.__setattr__(self, 'names', names)

    def default_name(self) -> str:
        return 'sequential'

    def children(self) -> dict[str, Layer]:
        return dict(zip(self.names or (), self.layers, strict=True))

    def with_children(self, children: Mapping[str, Layer]) -> 'Chain':
        return self.replace(layers=tuple(children[name] for name in self.names or ()))

    def weights(self, *shapes: Shape) -> Weights:
        weights = {}
        for name, layer in self.children().items():
            weights[name] = weights_of(layer, *shapes)
            shapes = as_shapes(layer.output_shape(*shapes))
        return {name: declared for name, declared in weights.items() if declared}

    def output_shape(self, *shapes: Shape, **keywords: Any) -> Any:
        for layer in self.layers:
            shapes = as_shapes(layer.output_shape(*shapes))
        return shapes[0] if len(shapes) == 1 else shapes

    def apply(self, variables, *inputs, scope):
        for name, layer in self.children().items():
            outputs = scope.call(layer, name, variables, *inputs)
            inputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return inputs[0] if len(inputs) == 1 else inputs


def as_shapes(shapes: Any) -> tuple[Shape, ...]:
    """One shape or a tuple of shapes, as a tuple of shapes."""
    several = isinstance(shapes, tuple) and len(shapes) > 0 and isinstance(shapes[0], tuple)
    return shapes if several else (shapes,)
