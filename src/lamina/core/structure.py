"""One thing, or a list, tuple or dict of things: how users write several inputs, outputs, losses."""

from typing import Any


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
