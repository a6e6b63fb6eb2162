"""Layers that hold other layers: sums, frozen and adapted ones. Keras has none of them; test_layers_structure.py compares."""

from parity import Row

from lamina import layers

V, M = (4,), (3, 4)
ROWS = [
    Row(layers.Frozen(layer=layers.Dense(units=3)), (M,), keras=None),
    Row(layers.LoRA(layer=layers.Dense(units=3), rank=2, alpha=4.0), (M,), keras=None),
    Row(layers.LoRA(layer=layers.Chain((layers.Dense(units=3), layers.Dense(units=2))), rank=1), (V,), keras=None),
    Row(layers.Residual(block=layers.Dense(units=4)), (M,), keras=None),
    Row(layers.Residual(layers.Dense(units=2), layers.Dense(units=2, use_bias=False), 'relu', scale=0.5), (M,), keras=None),
    Row(layers.Residual(layers.Dense(units=4), scale=0, learn_scale=True), (V,), keras=None),
]
