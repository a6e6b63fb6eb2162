"""Which layers a name pattern means, and the description with them frozen."""

import fnmatch

from lamina.core import paths
from lamina.layers.base import Layer


def with_trainable(layer: Layer, pattern: str, trainable: bool, path: str, matched: list[str]) -> Layer:
    """The layer with `trainable` set on every layer within whose name or path matches."""
    children = {}
    for name, child in layer.children().items():
        where = f'{path}{paths.SEPARATOR}{name}' if path else name
        child = with_trainable(child, pattern, trainable, where, matched)
        if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(where, pattern):
            matched.append(where)
            child = child.replace(trainable=trainable)
        children[name] = child
    return layer.with_children(children) if children else layer


def layer_paths(layer: Layer, path: str = '') -> list[str]:
    """The paths of all layers within."""
    found = []
    for name, child in layer.children().items():
        where = f'{path}{paths.SEPARATOR}{name}' if path else name
        found += [where, *layer_paths(child, where)]
    return found
