"""Lamina: deep learning that trains at the hardware's speed and can say why a network does or does not learn."""

import importlib
from typing import TYPE_CHECKING, Any

from lamina.version import __version__

if TYPE_CHECKING:
    from lamina import (
        activations,
        callbacks,
        constraints,
        data,
        datasets,
        external,
        initializers,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        regularizers,
        utils,
    )
    from lamina.core.config import config
    from lamina.core.described import described
    from lamina.layers import Input, Layer, Scope, Weight
    from lamina.models import Model, Sequential, load

# Where each public name lives. Rooms are imported when first used: `lamina --help` and `import lamina` wait for none of them.
_ROOMS = (
    'activations',
    'callbacks',
    'constraints',
    'data',
    'datasets',
    'external',
    'initializers',
    'layers',
    'losses',
    'metrics',
    'models',
    'optimizers',
    'regularizers',
    'utils',
)
_NAMES = {
    'Input': 'lamina.layers',
    'Layer': 'lamina.layers',
    'Model': 'lamina.models',
    'Scope': 'lamina.layers',
    'Sequential': 'lamina.models',
    'Weight': 'lamina.layers',
    'config': 'lamina.core.config',
    'described': 'lamina.core.described',
    'load': 'lamina.models',
}

__all__ = [
    'Input',
    'Layer',
    'Model',
    'Scope',
    'Sequential',
    'Weight',
    '__version__',
    'activations',
    'callbacks',
    'config',
    'constraints',
    'data',
    'datasets',
    'described',
    'external',
    'initializers',
    'layers',
    'load',
    'losses',
    'metrics',
    'models',
    'optimizers',
    'regularizers',
    'utils',
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f'lamina.{name}')
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    return __all__
