"""Layers in any graph without cycles: the network of a functional model, found by following symbols back to their inputs."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import jax

from lamina.core.described import Described, FrozenDict, described
from lamina.core.errors import ConfigError
from lamina.core.fields import setting, whole
from lamina.core.shapes import Shape
from lamina.core.structure import leaves, map_leaves
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.compose import as_shapes, numbered_names
from lamina.layers.depth import FEWEST, Container, Stack, Use, parts, run
from lamina.layers.scope import Scope
from lamina.layers.symbolic import Call, Symbol, without_slots
from lamina.layers.weight import Weights


@described
class Reference(Described):
    """One value in a graph: output number `output` of entry `entry`, where entries are the inputs and then the nodes."""

    kind: ClassVar[str] = 'reference'
    entry: int = setting(whole(0))
    output: int = setting(whole(0), default=0)


@described
class Node(Described):
    """One use of a layer in a graph, on these values; `keywords` hold plain values, and `Slot`s for the last of the arguments."""

    kind: ClassVar[str] = 'node'
    layer: str = setting()
    arguments: tuple[Reference, ...] = setting()
    keywords: Mapping[str, Any] = setting(default=FrozenDict())


@described
class Graph(Container):
    """Layers in any graph without cycles; the network of a functional model. Built by `Graph.between`.

    Args:
        inputs: an InputLayer, or a tuple or dict of them.
        layers: by name, in the order of their weights; a layer used by several nodes shares its weights.
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

    def output_shape(self, *shapes: Shape, **keywords: Any) -> Any:
        return self._outputs(self._walk(shapes, _shapes_after))

    def uses(self, *shapes: Shape) -> list[Use]:
        values = self._walk(shapes, _shapes_after)
        times = Counter((r.entry, r.output) for node in self.nodes for r in node.arguments)
        shared = {key for key, count in times.items() if count >= FEWEST}
        return [
            Use(
                node.layer,
                self.layers[node.layer],
                tuple(values[r.entry][r.output] for r in node.arguments),
                tuple(self._link(number, r, shared) for r in node.arguments),
                node.keywords,
            )
            for number, node in enumerate(self.nodes)
        ]

    def results(self) -> tuple[tuple[int, int], ...]:
        return tuple((r.entry - len(self.input_names), r.output) for r in leaves(self.outputs))

    def _link(self, number: int, r: Reference, shared: set[tuple[int, int]]) -> tuple[str, int, int]:
        """How a node refers to a value: by its distance, or, where many nodes take it, as they do a mask, by its place."""
        source = r.entry - len(self.input_names)
        return ('at', source, r.output) if source < 0 or (r.entry, r.output) in shared else ('back', number - source, r.output)

    def apply(self, variables, *inputs, scope):
        values = {(i, 0): x for i, x in enumerate(inputs)}
        for number, stack in parts(len(self.nodes), scope):
            if stack is None:
                self._run(number, self.nodes[number].layer, values, variables, scope)
            else:
                self._run_stack(stack, values, variables, scope)
        return map_leaves(lambda r: values[r.entry, r.output], self.outputs)

    def _run(self, number: int, name: str, values: dict, variables: Mapping[str, Any], scope: Scope) -> None:
        """Add to the values what a node returns, executed under this name."""
        node, entry = self.nodes[number], len(self.input_names) + number
        inputs, keywords = without_slots(tuple(values[r.entry, r.output] for r in node.arguments), node.keywords)
        outputs = scope.call(self.layers[name], name, variables, *inputs, **keywords)
        values.update({(entry, i): y for i, y in enumerate(jax.tree.leaves(outputs))})

    def _run_stack(self, stack: Stack, values: dict, variables: Mapping[str, Any], scope: Scope) -> None:
        """Add to the values what the last of a run of equal pieces carries."""
        start = len(self.input_names) + stack.first
        before = [(start - stack.period + position, output) for position, output in stack.carried]
        after = [(start + position, output) for position, output in stack.carried]

        def segment(scope: Scope, variables: Mapping[str, Any], names: tuple[str, ...], carry: tuple) -> tuple:
            local = {**values, **dict(zip(before, carry, strict=True))}
            for position, name in enumerate(names):
                self._run(stack.first + position, name, local, variables, scope)
            return tuple(local[key] for key in after)

        results = run(stack, variables, tuple(values[key] for key in before), scope, segment)
        last = stack.end - stack.first - stack.period
        values.update({(entry + last, output): y for (entry, output), y in zip(after, results, strict=True)})

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        if len(inputs) == 1 and isinstance(inputs[0], dict):
            inputs = tuple(inputs[0][name] for name in self.input_names)
        return super().__call__(*inputs, **keywords)

    def _declare(self, weights: dict, node: Node, layer: Layer, inputs: list) -> list:
        if weights[node.layer] is None:
            weights[node.layer] = weights_of(layer, *without_slots(tuple(inputs), node.keywords)[0])
        return _shapes_after(node, layer, inputs)

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

        Its layers, and so its weights, come in Keras's order: those with the longest way to an output first, and among
        equals the one that a search back from the outputs meets first.

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
        self.met: dict[int, int] = {}

    def graph(self, inputs: Any, outputs: Any, name: str | None) -> Graph:
        for y in _by_key(outputs):
            self._visit(y)
        shared = self._layers()
        names = numbered_names(shared)
        name_of = {id(layer): n for layer, n in zip(shared, names, strict=True)}
        return Graph(
            inputs=self._named_inputs(inputs),
            layers={n: layer for layer, n in zip(shared, names, strict=True)},
            nodes=tuple(Node(name_of[id(c.layer)], tuple(self._reference(x) for x in c.arguments), c.keywords) for c in self.calls),
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

    def _layers(self) -> tuple[Layer, ...]:
        """The layers, deepest first; the depth of a layer is the longest way from its deepest use to an output."""
        depth_of_call: dict[int, int] = {}
        depth_of_layer: dict[int, int] = {}
        for call in reversed(self.calls):
            # As in Keras, a use whose layer was already met deeper down counts as that deep itself.
            depth = max(depth_of_call.get(id(call), 0), depth_of_layer.get(id(call.layer), 0))
            depth_of_layer[id(call.layer)] = depth
            for x in call.arguments:
                depth_of_call[id(x.origin)] = max(depth_of_call.get(id(x.origin), 0), depth + 1)
        shared = {id(call.layer): call.layer for call in self.calls}
        return tuple(shared[i] for i in sorted(shared, key=lambda i: (-depth_of_layer[i], self.met[i])))

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
                self.met.setdefault(id(origin.layer), len(self.met))
                stack.extend(missing)
            else:
                self.met.setdefault(id(origin.layer), len(self.met))
                self.entries[id(origin)] = len(self.inputs) + len(self.calls)
                self.calls.append(origin)
                stack.pop()


def _by_key(outputs: Any) -> list[Symbol]:
    """The outputs in the order in which Keras searches: those in a dict by their sorted keys."""
    entries = [outputs[key] for key in sorted(outputs, key=str)] if isinstance(outputs, dict) else outputs
    return [y for entry in entries for y in _by_key(entry)] if isinstance(entries, (list, tuple)) else [entries]


def _shapes_after(node: Node, layer: Layer, inputs: list) -> list[Shape]:
    """The shapes of what a node returns."""
    shapes, keywords = without_slots(tuple(inputs), node.keywords)
    return _as_list(layer.output_shape(*shapes, **keywords))


def _as_list(shapes: Any) -> list[Shape]:
    return list(as_shapes(shapes)) if not isinstance(shapes, dict) else [shapes[k] for k in sorted(shapes)]
