"""The part of a network that leads up to one of its layers: an encoder from an autoencoder, features from a classifier."""

from lamina.core.errors import unknown_name
from lamina.layers.base import Layer
from lamina.layers.compose import Chain
from lamina.layers.graph import Graph, Reference


def network_up_to(network: Layer, name: str, where: str) -> Layer:
    """The network whose output is that of the layer of this name; layers that it does not need are left out.

    Raises:
        UnknownNameError: the outermost level has no such layer.
    """
    children = network.children()
    if name not in children or not isinstance(network, (Chain, Graph)):
        raise unknown_name(where, name, children)
    if isinstance(network, Chain):
        count = list(children).index(name) + 1
        return Chain(network.layers[:count], names=(network.names or ())[:count])
    return _graph_up_to(network, name)


def _graph_up_to(graph: Graph, name: str) -> Graph:
    entries = len(graph.input_names)
    last = max(i for i, node in enumerate(graph.nodes) if node.layer == name)
    needed, stack = set(), [last]
    while stack:
        number = stack.pop()
        if number not in needed:
            needed.add(number)
            stack.extend(r.entry - entries for r in graph.nodes[number].arguments if r.entry >= entries)
    kept = sorted(needed)
    renumbered = {entries + old: entries + new for new, old in enumerate(kept)} | {i: i for i in range(entries)}
    nodes = tuple(
        graph.nodes[i].replace(arguments=tuple(r.replace(entry=renumbered[r.entry]) for r in graph.nodes[i].arguments)) for i in kept
    )
    used = {node.layer for node in nodes}
    layers = {n: layer for n, layer in graph.layers.items() if n in used}
    return Graph(inputs=graph.inputs, layers=layers, nodes=nodes, outputs=Reference(renumbered[entries + last]))
