"""What a description may hold of another library's object: a reference, compared by identity, and its arrays by name."""

import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import numpy as np

from lamina.core.described import unregistered
from lamina.core.errors import ConfigError, MissingDependencyError
from lamina.core.fields import Rule, setting
from lamina.core.paths import SEPARATOR
from lamina.initializers import Initializer


class Held:
    """A reference to any object; two are equal if they refer to the same one.

    Modules and functions of other libraries compare by value or not at all, and some cannot be hashed.

    Args:
        value: the object.
    """

    __slots__ = ('__weakref__', 'value')

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f'<{self.name}>'

    @property
    def name(self) -> str:
        """The function's own name, or that of the object's class."""
        return getattr(self.value, '__name__', None) or type(self.value).__name__


def held(expected: str) -> Rule:
    """A Held object."""
    return Rule(lambda v: isinstance(v, Held), f'{expected}; use lamina.external.as_layer', bad=('module', 3))


@unregistered
class OwnValue(Initializer):
    """Starts a weight from the value that a module already has.

    Args:
        array: Held, the value.
    """

    array: Held = setting(held('an array'))

    def __call__(self, rng, shape, dtype=np.float32):
        """A copy of the value."""
        return np.array(self.array.value, dtype=dtype)


def required(package: str, submodule: str, install: str) -> ModuleType:
    """An optional package, imported now.

    Raises:
        MissingDependencyError: it is not installed; the message holds its install line.
    """
    try:
        return importlib.import_module(submodule)
    except ImportError as error:
        raise MissingDependencyError(
            'lamina.external', f'no package {package!r}', f'{package} installed', f'Install it: pip install {install}'
        ) from error


def named_leaves(tree: Any, where: str) -> dict[str, Any]:
    """The leaves of a pytree by path, `'layers/0/weight'`, in its order.

    Raises:
        ConfigError: two leaves come by one path (the keys 1 and '1' of a dict).
    """
    named: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        name = SEPARATOR.join(_part(key) for key in path) or 'value'
        if name in named:
            raise ConfigError(where, f'two arrays called {name!r}', 'a name of its own for each', 'Use strings as keys, without /.')
        named[name] = leaf
    return named


def keywords(function: Callable) -> set[str]:
    """The names of the parameters that a callable takes by keyword; empty where it does not tell, as some written in C."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return set()
    return {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def _part(key: Any) -> str:
    """One step of a pytree's path as part of a name."""
    for attribute in ('name', 'key', 'idx'):
        if hasattr(key, attribute):
            return str(getattr(key, attribute)).replace(SEPARATOR, '_')
    return str(key).replace(SEPARATOR, '_')
