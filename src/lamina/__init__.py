"""Lamina: deep learning that trains at the hardware's speed and can say why a network does or does not learn."""

from lamina import (
    activations,
    callbacks,
    constraints,
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
from lamina.version import __version__

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
