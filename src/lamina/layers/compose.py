"""Layers made of layers, one after another, and the names they have there."""

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import setting, whole
from lamina.core.shapes import Shape, show
from lamina.layers.base import Layer, remembered, weights_of
from lamina.layers.depth import Container, Use, parts, run
from lamina.layers.scope import Scope
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


@unregistered
class Sequence(Container):
    """The base of layers one after another; a layer may return several outputs, which the next one takes as its inputs."""

    def weights(self, *shapes: Shape) -> Weights:
        weights = {use.name: weights_of(use.layer, *use.shapes) for use in self.uses(*shapes)}
        return {name: declared for name, declared in weights.items() if declared}

    def output_shape(self, *shapes: Shape, **keywords: Any) -> Any:
        for layer in self.children().values():
            shapes = as_shapes(layer.output_shape(*shapes))
        return shapes[0] if len(shapes) == 1 else shapes

    def uses(self, *shapes: Shape) -> list[Use]:
        found = []
        for name, layer in self.children().items():
            found.append(Use(name, layer, shapes, tuple(('back', 1, i) for i in range(len(shapes)))))
            shapes = as_shapes(layer.output_shape(*shapes))
        return found

    def apply(self, variables, *inputs, scope):
        layers = self.children()
        names = tuple(layers)
        segment = functools.partial(_in_order, layers)
        for i, stack in parts(len(names), scope):
            alone = stack is None
            inputs = segment(scope, variables, (names[i],), inputs) if alone else run(stack, variables, inputs, scope, segment)
        return inputs[0] if len(inputs) == 1 else inputs


def _in_order(layers: Mapping[str, Layer], scope: Scope, variables: Mapping[str, Any], names: tuple[str, ...], inputs: tuple) -> tuple:
    """The outputs of the layers of these names, one after another."""
    for name in names:
        outputs = scope.call(layers[name], name, variables, *inputs)
        inputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return inputs


@described
class Chain(Sequence):
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


@described
class Repeat(Sequence):
    """A block so many times, one after another, each with weights of its own; eight or more run as one loop.

    Compiling it takes the same time however often it is repeated. The layers are called like those of a `Sequential` of the
    same blocks: `dense`, `dense_1`, …

    Args:
        block: a layer, a `Chain` or a model, whose output has the shape of its input.
        count: how often.

    Shapes:
        those of the block.

    Raises:
        ShapeError: the block's output has another shape than its input.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, Repeat
        >>> network = lamina.Sequential([lamina.Input((16,)), Repeat(Dense(16, activation='tanh'), 500)])
        >>> network.count_params()
        136000
    """

    block: Layer = setting(convert=lambda block: as_layer(block, 'Repeat, setting block'))
    count: int = setting(whole(1))
    #: the block's own name; unlike the name of a layer it decides equality, since the weights are called by it
    block_name: str | None = setting(default=None, kw_only=True, repr=False)

    def validate(self) -> None:
        object.__setattr__(self, 'block_name', self.block_name or self.block.name)

    def children(self) -> dict[str, Layer]:
        return dict(_copies(self))

    def with_children(self, children: Mapping[str, Layer]) -> Layer:
        """A copy with other layers within; a `Chain` of them where they are no longer all the same."""
        first, *others = children.values()
        if all(layer == first for layer in others):
            return self.replace(block=first.replace(name=self.block_name))
        return Chain(tuple(children.values()), names=tuple(children), name=self.name, trainable=self.trainable)

    def weights(self, *shapes: Shape) -> Weights:
        after = as_shapes(self.block.output_shape(*shapes))
        same = [tuple(s) for s in after] == [tuple(s) for s in shapes]
        self.require(same, shapes[0], f'a block that keeps it, not one that returns {show(after[0])}', 'Put the change of shape before it.')
        own = weights_of(self.block, *shapes)
        return dict.fromkeys(self.children(), own) if own else {}

    def output_shape(self, *shapes: Shape, **keywords: Any) -> Any:
        return self.block.output_shape(*shapes)


@remembered
def _copies(layer: Repeat) -> tuple[tuple[str, Layer], ...]:
    blocks = (layer.block.replace(name=None),) * layer.count
    plain = numbered_names(blocks) if layer.block_name is None else tuple(_numbered(layer.block_name, layer.count))
    return tuple((name, layer.block.replace(name=name)) for name in plain)


def _numbered(base: str, count: int) -> list[str]:
    return [f'{base}_{i}' if i else base for i in range(count)]


def as_shapes(shapes: Any) -> tuple[Shape, ...]:
    """One shape or a tuple of shapes, as a tuple of shapes."""
    several = isinstance(shapes, tuple) and len(shapes) > 0 and isinstance(shapes[0], tuple)
    return shapes if several else (shapes,)
