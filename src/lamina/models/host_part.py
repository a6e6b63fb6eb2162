"""A network divided in two: what the host prepares from strings and other raw values, and what is compiled.

Both keep the names of the layers, so weights, freezing and saved files never notice the division.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import ConfigError, ShapeError
from lamina.core.paths import SEPARATOR
from lamina.core.shapes import TypedShape, dtype_of, show
from lamina.core.structure import leaves, map_leaves
from lamina.data.strings import as_strings
from lamina.layers.base import STRING, InputLayer, Layer, holds_host_layers, no_host_layers_within, remembered
from lamina.layers.compose import Chain
from lamina.layers.graph import Graph, Node, Reference
from lamina.layers.host import HostLayer
from lamina.layers.symbolic import Slot, without_slots


@dataclass(frozen=True)
class Step:
    """One use of a layer on the host.

    Args:
        layer: whose `prepare` is called.
        path: where it stands in the network.
        arguments: the numbers of the values it takes: the network's inputs come first, then the output of each step.
        shape: of its output.
    """

    layer: HostLayer
    path: str
    arguments: tuple[int, ...]
    shape: TypedShape


@dataclass(frozen=True)
class HostPart:
    """What runs on the host before the compiled network, and what is compiled.

    Args:
        dtypes: of the whole network's inputs.
        steps: in order.
        network: the rest of the network.
        inputs: of the rest.
        taken: for each of these the number of the value it takes, counted as in `Step`.
    """

    dtypes: tuple[str, ...]
    steps: tuple[Step, ...]
    network: Layer
    inputs: tuple[InputLayer, ...]
    taken: tuple[int, ...]

    def prepared(self, arrays: Sequence[Any]) -> tuple[Any, ...]:
        """The arrays of the compiled network's inputs, from those of the whole network's."""
        values = list(arrays)
        for step in self.steps:
            given = [np.asarray(values[i]) for i in step.arguments]
            # As the compiled part does with what it takes.
            typed = [a.astype(self.dtypes[i]) if self._is_number(i) else a for i, a in zip(step.arguments, given, strict=True)]
            values.append(_prepared(step, typed))
        return tuple(values[i] for i in self.taken)

    def _is_number(self, value: int) -> bool:
        return value < len(self.dtypes) and self.dtypes[value] != STRING


def _prepared(step: Step, arrays: list[np.ndarray]) -> np.ndarray:
    output, wanted = np.asarray(step.layer.prepare(*arrays)), (len(arrays[0]), *step.shape[1:])
    if len(output.shape) != len(wanted) or any(w is not None and n != w for n, w in zip(output.shape, wanted, strict=True)):
        remedy = 'Let prepare and output_shape of its class agree.'
        raise ShapeError(step.layer.label, f'{output.shape} from prepare', f'{show(wanted)}, as its output_shape says', remedy)
    return output if step.shape.dtype == STRING else output.astype(step.shape.dtype, copy=False)


@remembered
def host_part(network: Layer, inputs: Any) -> HostPart | None:
    """How a network of these InputLayers is divided; None where nothing runs on the host.

    Raises:
        ConfigError: a layer of the host stands after one that is compiled, or an output would be strings.
    """
    if not holds_host_layers(network):
        return None
    given = [_Value(shape=layer.batch_shape, number=i) for i, layer in enumerate(leaves(inputs))]
    division = _Division(len(given))
    rest, taken = division.divide(network, '', given)
    if not division.steps:
        return None
    untouched = [taken[r.entry] for r in leaves(rest.outputs) if r.entry < len(taken)] if isinstance(rest, Graph) else _passed(rest, taken)
    if any(value.is_text for value in untouched or ()):
        remedy = 'Let the model end with numbers, and use the layer by itself on them: layer.prepare(indices).'
        raise ConfigError(network.label, 'an output of strings', 'outputs of numbers', remedy)
    names = [layer.name for layer in leaves(inputs)] + [step.path.replace(SEPARATOR, '_') for step in division.steps]
    entering = (InputLayer(tuple(v.shape)[1:], dtype_of(v.shape), name=names[v.number]) for v in taken)
    dtypes = tuple(layer.dtype for layer in leaves(inputs))
    return HostPart(dtypes, tuple(division.steps), rest, tuple(entering), tuple(v.number for v in taken))


def compiled_part(network: Layer, inputs: Any) -> tuple[Layer, Any]:
    """The network that is compiled and its InputLayers: all of it where nothing runs on the host."""
    part = host_part(network, inputs)
    return (network, inputs) if part is None else (part.network, part.inputs)


def text_or_arrays(inputs: Any) -> Any:
    """What a model is called on, with every list or array of strings as an array of them, and everything else as JAX arrays."""
    if isinstance(inputs, dict):
        return {name: text_or_arrays(value) for name, value in inputs.items()}
    if (text := as_strings(inputs, 'call')) is not None:
        return text
    return tuple(map(text_or_arrays, inputs)) if isinstance(inputs, (list, tuple)) else jnp.asarray(inputs)


@dataclass(eq=False, frozen=True)
class _Value:
    """A value in the network.

    Args:
        shape: its shape, where it is on the host.
        number: its number there, as in `Step`; None for a value of the compiled part.
        outer: the value it is in the network around.
        node: for one that is computed by a node of a compiled graph, the node and the number of its output.
    """

    shape: Any = None
    number: Any = None
    outer: '_Value | None' = None
    node: tuple[int, int] | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is an array of strings."""
        return self.shape is not None and dtype_of(self.shape) == STRING


class _NodeOutputs:
    """The outputs of a node of a compiled graph; how many there are is not known here."""

    def __init__(self, node: int):
        self.node = node

    def __getitem__(self, output: int) -> _Value:
        return _Value(node=(self.node, output))


class _Division:
    """Takes the layers of the host out of a network, level by level, and lines them up.

    Args:
        inputs: how many inputs the network has.
    """

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.steps: list[Step] = []

    def divide(self, layer: Layer, path: str, arguments: list[_Value]) -> tuple[Layer, list[_Value]]:
        """The layer without what runs on the host, and the values it then takes.

        A layer of which nothing is left has become an empty Chain, or a Graph without nodes.
        """
        if not holds_host_layers(layer, any(value.is_text for value in arguments)):
            return layer, arguments
        if isinstance(layer, HostLayer):
            return Chain(()), [self._step(layer, path, arguments)]
        if isinstance(layer, Chain):
            return self._chain(layer, path, arguments)
        if isinstance(layer, Graph):
            return self._graph(layer, path, arguments)
        raise no_host_layers_within(layer)

    def _step(self, layer: HostLayer, path: str, arguments: list[_Value]) -> _Value:
        if any(value.number is None for value in arguments):
            raise _misplaced(layer)
        shape = layer.output_shape(*(value.shape for value in arguments))
        self.steps.append(Step(layer, path or layer.default_name(), tuple(value.number for value in arguments), shape))
        return _Value(shape=shape, number=self.inputs + len(self.steps) - 1)

    def _chain(self, chain: Chain, path: str, values: list[_Value]) -> tuple[Layer, list[_Value]]:
        kept: dict[str, Layer] = {}
        for name, layer in chain.children().items():
            if kept:
                if holds_host_layers(layer, False):
                    raise _misplaced(layer)
                kept[name] = layer
                continue
            rest, values = self.divide(layer, _join(path, name), values)
            passed = _passed(rest, values)
            if passed is None:
                kept[name] = rest
            else:
                values = passed
        return chain.replace(layers=tuple(kept.values()), names=tuple(kept)), values

    def _graph(self, graph: Graph, path: str, arguments: list[_Value]) -> tuple[Layer, list[_Value]]:
        # Values of their own for the inputs, so that a graph which is used twice is divided alike each time.
        inputs = [_Value(shape=value.shape, number=value.number, outer=value) for value in arguments]
        values: list[Any] = [[value] for value in inputs]
        nodes: list[tuple[Node, list[_Value]]] = []
        layers: dict[str, Layer] = {}
        for node in graph.nodes:
            given = [values[r.entry][r.output] for r in node.arguments]
            layer = graph.layers[node.layer]
            if holds_host_layers(layer, any(value.is_text for value in given)):
                positional, _ = without_slots(tuple(given), node.keywords)
                layer, taken = self.divide(layer, _join(path, node.layer), list(positional))
                passed = _passed(layer, taken)
                if passed is not None:
                    values.append(passed)
                    continue
                keywords = _shifted(node.keywords, len(taken) - len(positional))
                node, given = node.replace(keywords=keywords), [*taken, *given[len(positional) :]]
            layers[node.layer] = layer
            values.append(_NodeOutputs(len(nodes)))
            nodes.append((node, given))
        return self._rebuilt(graph, nodes, layers, map_leaves(lambda r: values[r.entry][r.output], graph.outputs))

    def _rebuilt(self, graph: Graph, nodes: list, layers: dict[str, Layer], outputs: Any) -> tuple[Layer, list[_Value]]:
        """The graph of these nodes, and the values that enter it."""
        used = [value for _, given in nodes for value in given] + leaves(outputs)
        entering = {id(value): value for value in used if value.node is None}
        places = {key: i for i, key in enumerate(entering)}

        def reference(value: _Value) -> Reference:
            return Reference(places[id(value)]) if value.node is None else Reference(len(places) + value.node[0], value.node[1])

        rest = graph.replace(
            inputs=tuple(InputLayer((), name=f'input_{i}') for i in range(len(places))),
            layers={name: layers[name] for name in graph.layers if name in layers},
            nodes=tuple(node.replace(arguments=tuple(map(reference, given))) for node, given in nodes),
            outputs=map_leaves(reference, outputs),
        )
        return rest, [value.outer or value for value in entering.values()]


def _passed(rest: Layer, taken: list[_Value]) -> list[_Value] | None:
    """The outputs of a layer of which nothing is left to compile, in the order in which JAX flattens them; else None."""
    if isinstance(rest, Chain) and not rest.layers:
        return taken
    if isinstance(rest, Graph) and not rest.nodes:
        # As plain containers: JAX takes a FrozenDict for a leaf.
        return [taken[r.entry] for r in jax.tree.leaves(map_leaves(lambda r: r, rest.outputs))]
    return None


def _shifted(keywords: Any, by: int) -> dict[str, Any]:
    """The keywords of a call whose positional arguments became more or fewer."""
    return {
        name: map_leaves(lambda v: Slot(v.index + by) if isinstance(v, Slot) else v, value) if by else value
        for name, value in keywords.items()
    }


def _join(path: str, name: str) -> str:
    return f'{path}{SEPARATOR}{name}' if path else name


def _misplaced(layer: Layer) -> ConfigError:
    while not isinstance(layer, HostLayer):
        layer = next(child for child in layer.children().values() if holds_host_layers(child, False))
    return ConfigError(
        layer.label,
        'a place after layers that are compiled',
        'one at the start: it runs on the host, before the compiled program',
        'Call it on an Input of its own, or on the output of another such layer.',
    )
