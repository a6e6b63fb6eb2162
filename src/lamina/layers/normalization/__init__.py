"""Layers that keep activations, or weights, at a steady scale, so that gradients neither vanish nor explode with depth."""

from lamina.layers.normalization.batch import BatchNormalization
from lamina.layers.normalization.features import LayerNormalization, RMSNormalization, UnitNormalization
from lamina.layers.normalization.groups import GroupNormalization, InstanceNormalization
from lamina.layers.normalization.kernels import SpectralNormalization, WeightNormalization

__all__ = [
    'BatchNormalization',
    'GroupNormalization',
    'InstanceNormalization',
    'LayerNormalization',
    'RMSNormalization',
    'SpectralNormalization',
    'UnitNormalization',
    'WeightNormalization',
]
