"""Settings that all recurrent layers and their cells have."""

from typing import Any

from lamina import activations, constraints, initializers, regularizers
from lamina.core.fields import real, setting, whole


def activation_setting(default: str) -> Any:
    """The setting of an activation."""
    return setting(convert=activations.name_of, default=default)


def initializer_setting(default: str) -> Any:
    """The setting of an initializer."""
    return setting(convert=initializers.get, default=default)


def regularizer_setting() -> Any:
    """The setting of a regularizer, none by default."""
    return setting(convert=regularizers.get, default=None)


def constraint_setting() -> Any:
    """The setting of a constraint, none by default."""
    return setting(convert=constraints.get, default=None)


def rate_setting() -> Any:
    """The setting of a dropout rate, 0 by default."""
    return setting(real(0, below=1), default=0.0)


def seed_setting() -> Any:
    """The setting of a seed, none by default."""
    return setting(whole(0), default=None)


def rows_setting() -> Any:
    """The setting of the batch size of a stateful layer, none by default."""
    return setting(whole(1), default=None, kw_only=True)
