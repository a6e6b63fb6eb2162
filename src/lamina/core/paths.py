"""Weights live in nested dicts while a network runs and under flat 'layer/weight' paths everywhere else."""

from collections.abc import Mapping
from typing import Any

SEPARATOR = '/'


def flatten(tree: Mapping, prefix: str = '') -> dict[str, Any]:
    """`{'dense': {'kernel': k}}` → `{'dense/kernel': k}`, in the order of the tree."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        path = prefix + name
        if isinstance(value, Mapping):
            flat.update(flatten(value, path + SEPARATOR))
        else:
            flat[path] = value
    return flat


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`; a layer without weights has no entry."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split(SEPARATOR)
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = value
    return tree
