"""Activations by name: from a name to its function, from a function to its name."""

import re
from collections.abc import Callable
from typing import Any

from lamina.core.described import normalized
from lamina.core.errors import ConfigError, unknown_name

_BY_NAME: dict[str, tuple[str, Callable]] = {}  # normalized spelling → (canonical name, function)
_NAMES: dict[Callable, str] = {}  # a function, ours or its equal elsewhere → canonical name
_BUILT_IN: set[str] = set()


def get(value: Any) -> Callable:
    """The activation function for a name, a function or None.

    Args:
        value: a name in any spelling (`'relu'`, `'LeakyReLU'`, `'log_softmax'`), a callable, which is returned as it
            is, or None for `linear`.

    Returns:
        A function of an array.

    Raises:
        UnknownNameError: no activation has this name; the nearest one is proposed.

    >>> get('swish') is get('silu')
    True
    """
    if value is None:
        return _find('linear')[1]
    if callable(value):
        return value
    return _find(value)[1]


def name_of(value: Any) -> str | Callable | None:
    """The canonical name of an activation: what a layer keeps of the setting a user wrote.

    Args:
        value: None, a name in any spelling, or a callable.

    Returns:
        None for None, the canonical name where there is one, any other callable unchanged (such a layer works but
        cannot be saved until the function is registered).

    Raises:
        UnknownNameError: no activation has this name; the nearest one is proposed.

    >>> import jax
    >>> name_of('Swish'), name_of(jax.nn.relu), name_of(None)
    ('silu', 'relu', None)
    """
    if value is None:
        return None
    if callable(value):
        return _known_name(value) or value
    return _find(value)[0]


def names() -> list[str]:
    """The canonical names, those a user registered included, in alphabetical order."""
    return sorted({name for name, _ in _BY_NAME.values()})


def register(function: Callable | str | None = None, name: str | None = None) -> Callable:
    """Give a function of one's own a name, so that a layer that uses it can be saved and loaded.

    It works as a decorator, with or without a name, and as a call. A function defined again in the same module (a
    notebook cell run twice) takes the place of the earlier one.

    Args:
        function: a function of an array.
        name: what to call it; default its `__name__`.

    Returns:
        The function, unchanged.

    Raises:
        ConfigError: the name is not an identifier (a lambda has none), or belongs to another activation.

    >>> import jax.numpy as jnp
    >>> @register
    ... def bent_identity(x):
    ...     return (jnp.sqrt(x * x + 1) - 1) / 2 + x
    >>> name_of(bent_identity)
    'bent_identity'
    """
    if function is None or isinstance(function, str):
        chosen = name or function
        return lambda f: register(f, chosen)
    name = str(name or getattr(function, '__name__', ''))
    if not re.fullmatch(r'[A-Za-z_]\w*', name) or not callable(function):
        raise ConfigError('register', f'{function!r} named {name!r}', 'a function with a name of letters, digits and _', "Pass name='…'.")
    spelling = normalized(name)
    if spelling in _BUILT_IN or (spelling in _BY_NAME and not _same_place(_BY_NAME[spelling][1], function)):
        raise ConfigError('register', f'the name {name!r}', 'a name no other activation has', "Pass another name, name='…'.")
    _BY_NAME[spelling] = (name, function)
    _NAMES[function] = name
    return function


def _find(name: Any) -> tuple[str, Callable]:
    found = _BY_NAME.get(normalized(name)) if isinstance(name, str) else None
    if found is None:
        raise unknown_name('activation', name, names())
    return found


def _known_name(function: Any) -> str | None:
    try:
        return _NAMES.get(function)
    except TypeError:  # a callable object that cannot be hashed
        return None


def _same_place(one: Callable, other: Callable) -> bool:
    def place(f: Callable) -> tuple:
        return (getattr(f, '__module__', None), getattr(f, '__qualname__', None))

    return one is other or ('<lambda>' not in str(place(one)[1]) and place(one) == place(other))


def built_in(*aliases: str, equals: tuple[Callable, ...] = ()) -> Callable[[Callable], Callable]:
    """Enter one of Lamina's own; `equals` are functions elsewhere that compute the same with their defaults."""

    def enter(function: Callable) -> Callable:
        name = function.__name__
        for spelling in map(normalized, (name, *aliases)):
            _BY_NAME[spelling] = (name, function)
            _BUILT_IN.add(spelling)
        _NAMES.update(dict.fromkeys((function, *equals), name))
        return function

    return enter
