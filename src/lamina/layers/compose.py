"""Layers made of layers: one after another, or in any graph without cycles."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import jax

from lamina.core.described import Described, FrozenDict, described
from lamina.core.errors import ConfigError
from lamina.core.fields import setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.symbolic import Call, Symbol
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
            shapes = _as_shapes(layer.output_shape(*shapes))
        return {name: declared for name, declared in weights.items() if declared}

    def output_shape(self, *shapes: Shape) -> Any:
        for layer in self.layers:
            shapes = _as_shapes(layer.output_shape(*shapes))
        return shapes[0] if len(shapes) == 1 else shapes

    def apply(self, variables, *inputs, scope):
        for name, layer in self.children().items():
            outputs = scope.call(layer, name, variables, *inputs)
            inputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return inputs[0] if len(inputs) == 1 else inputs


def _as_shapes(shapes: Any) -> tuple[Shape, ...]:
    """One shape or a tuple of shapes, as a tuple of shapes."""
    several = isinstance(shapes, tuple) and len(shapes) > 0 and isinstance(shapes[0], tuple)
    return shapes if several else (shapes,)


@described
class Reference(Described):
    """One value in a graph: output number `output` of entry `entry`, where entries are the inputs and then the nodes."""

    kind: ClassVar[str] = 'reference'
    entry: int = setting(whole(0))
    output: int = setting(whole(0), default=0)


@described
class Node(Described):
    """One use of a layer in a graph, on these values."""

    kind: ClassVar[str] = 'node'
    layer: str = setting()
    arguments: tuple[Reference, ...] = setting()


@described
class Graph(Layer):
    """Layers in any graph without cycles; the network of a functional model. Built by `Graph.between`.

    Args:
        inputs: an InputLayer, or a tuple or dict of them.
        layers: by name; a layer used by several nodes shares its weights.
        nodes: the uses of the layers, each after what it needs.
        outputs: a Reference, or a tuple or dict of them.
    """

    inputs: Any = setting()
    layers: dict[str, Layer] = setting()
    nodes: tuple[Node, ...] = setting()
    outputs: Any = setting()

    def validate(self) -> None:
        named = {name: layer if layer.name == name else layer.replace(name=name) for name, layer in self.layers.items()}
        object.__setattr__(self, 'layers', FrozenDict(named))
        entries = len(self.input_names)
        for i, node in enumerate(self.nodes):
            if node.layer not in self.layers or any(r.entry >= entries + i for r in node.arguments):
                raise ConfigError(self.label, f'node {i} ({node.layer})', 'a known layer and earlier values', 'Build it with lamina.Model.')
        for r in leaves(self.outputs):
            if not isinstance(r, Reference) or r.entry >= entries + len(self.nodes):
                raise ConfigError(self.label, f'the output {r!r}', 'a value of an input or a node', 'Build it with lamina.Model.')

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in the order in which `apply` takes them."""
        return tuple(layer.name for layer in leaves(self.inputs))

    def default_name(self) -> str:
        return 'model'

    def children(self) -> dict[str, Layer]:
        return dict(self.layers)

    def with_children(self, children: Mapping[str, Layer]) -> 'Graph':
        return self.replace(layers={name: children[name] for name in self.layers})

    def weights(self, *shapes: Shape) -> Weights:
        weights: dict[str, Any] = dict.fromkeys(self.layers)
        self._walk(shapes, lambda node, layer, inputs: self._declare(weights, node, layer, inputs))
        return {name: declared for name, declared in weights.items() if declared}

    def output_shape(self, *shapes: Shape) -> Any:
        values = self._walk(shapes, lambda node, layer, inputs: _as_list(layer.output_shape(*inputs)))
        return self._outputs(values)

    def apply(self, variables, *inputs, scope):
        def run(node: Node, layer: Layer, arguments: list) -> list:
            return jax.tree.leaves(scope.call(layer, node.layer, variables, *arguments))

        return self._outputs(self._walk(inputs, run))

    def __call__(self, *inputs: Any) -> Any:
        if len(inputs) == 1 and isinstance(inputs[0], dict):
            inputs = tuple(inputs[0][name] for name in self.input_names)
        return super().__call__(*inputs)

    def _declare(self, weights: dict, node: Node, layer: Layer, inputs: list) -> list:
        if weights[node.layer] is None:
            weights[node.layer] = weights_of(layer, *inputs)
        return _as_list(layer.output_shape(*inputs))

    def _walk(self, inputs: tuple, visit) -> list[list]:
        """Visit the nodes in order; the values of every entry, inputs first."""
        values: list[list] = [[x] for x in inputs]
        for node in self.nodes:
            values.append(visit(node, self.layers[node.layer], [values[r.entry][r.output] for r in node.arguments]))
        return values

    def _outputs(self, values: list[list]) -> Any:
        return map_leaves(lambda r: values[r.entry][r.output], self.outputs)

    @classmethod
    def between(cls, inputs: Any, outputs: Any, name: str | None = None) -> 'Graph':
        """The graph from input symbols to output symbols, each a symbol or a list, tuple or dict of symbols.

        Raises:
            ConfigError: as `traced`.
        """
        return cls.traced(inputs, outputs, name)[0]

    @classmethod
    def traced(cls, inputs: Any, outputs: Any, name: str | None = None) -> tuple['Graph', list[Call]]:
        """The same graph, and for each of its nodes the call it was made from.

        Raises:
            ConfigError: an input is not an `Input`, or an output depends on an input that was not listed.
        """
        sources = leaves(inputs)
        for x in (*sources, *leaves(outputs)):
            if not isinstance(x, Symbol):
                raise ConfigError(
                    'Model',
                    f'a {type(x).__name__}',
                    'symbols made from lamina.Input',
                    'Write x = lamina.Input(shape) and call layers on it.',
                )
        for x in sources:
            if not isinstance(x.origin, InputLayer):
                raise ConfigError(
                    'Model, inputs', f'the output of {x.origin.layer.label}', 'an Input', 'List what lamina.Input(…) returned.'
                )
        tracer = _Tracer(sources)
        return tracer.graph(inputs, outputs, name), tracer.calls


class _Tracer:
    """Follows symbols back to their inputs and numbers what it meets."""

    def __init__(self, sources: list[Symbol]):
        self.entries: dict[int, int] = {id(x.origin): i for i, x in enumerate(sources)}
        names = numbered_names(tuple(x.origin for x in sources))
        self.inputs = {id(x.origin): x.origin.replace(name=name) for x, name in zip(sources, names, strict=True)}
        self.calls: list[Call] = []

    def graph(self, inputs: Any, outputs: Any, name: str | None) -> Graph:
        for y in leaves(outputs):
            self._visit(y)
        shared = list({id(c.layer): c.layer for c in self.calls}.values())
        names = numbered_names(tuple(shared))
        name_of = {id(layer): n for layer, n in zip(shared, names, strict=True)}
        return Graph(
            inputs=self._named_inputs(inputs),
            layers={n: layer for layer, n in zip(shared, names, strict=True)},
            nodes=tuple(Node(name_of[id(c.layer)], tuple(self._reference(x) for x in c.arguments)) for c in self.calls),
            outputs=map_leaves(self._reference, outputs),
            name=name,
        )

    def _named_inputs(self, inputs: Any) -> Any:
        """The input layers in the user's structure; in a dict each takes its key as its name."""
        if isinstance(inputs, dict):
            return {key: self.inputs[id(x.origin)].replace(name=key) for key, x in inputs.items()}
        return map_leaves(lambda x: self.inputs[id(x.origin)], inputs)

    def _reference(self, x: Symbol) -> Reference:
        return Reference(self.entries[id(x.origin)], x.index)

    def _visit(self, symbol: Symbol) -> None:
        # An explicit stack: networks of a thousand layers outrun Python's recursion limit.
        stack = [symbol]
        while stack:
            origin = stack[-1].origin
            if id(origin) in self.entries:
                stack.pop()
            elif isinstance(origin, InputLayer):
                raise ConfigError(
                    'Model', f'an output that depends on {origin!r}', 'dependence on the listed inputs only', 'Add it to inputs.'
                )
            elif missing := [x for x in reversed(origin.arguments) if id(x.origin) not in self.entries]:
                stack.extend(missing)
            else:
                self.entries[id(origin)] = len(self.inputs) + len(self.calls)
                self.calls.append(origin)
                stack.pop()


def leaves(structure: Any) -> list:
    """The entries of one thing, or of a list, tuple or dict of things, in order."""
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in leaves(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in leaves(value)]
    return [structure]


def map_leaves(function, structure: Any) -> Any:
    """The same structure with the function applied to each entry; lists become tuples."""
    if isinstance(structure, dict):
        return {key: map_leaves(function, value) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return tuple(map_leaves(function, value) for value in structure)
    return function(structure)


def _as_list(shapes: Any) -> list[Shape]:
    return list(_as_shapes(shapes)) if not isinstance(shapes, dict) else [shapes[k] for k in sorted(shapes)]
