"""Networks from elsewhere as layers: Equinox modules, Flax NNX modules, plain functions. Each package is imported only when used."""

from lamina.external.adapt import as_layer
from lamina.external.equinox import EquinoxLayer
from lamina.external.flax import FlaxLayer
from lamina.external.functions import FunctionLayer

__all__ = ['EquinoxLayer', 'FlaxLayer', 'FunctionLayer', 'as_layer']
