"""Activations with settings or weights, and the layers that carry masks."""

from parity import Row

from lamina import layers

V, M, C = (4,), (3, 4), (2, 3, 4)
ROWS = [
    Row(layers.Activation(activation='tanh'), (M,), masked=True),
    Row(layers.Dense(units=5), (M,), masked=True),
    Row(layers.ELU(), (M,), masked=True),
    Row(layers.ELU(alpha=0.5), (V,)),
    Row(layers.Identity(), (M,), masked=True),
    Row(layers.LeakyReLU(), (M,), masked=True),
    Row(layers.LeakyReLU(negative_slope=0.1), (V,)),
    Row(layers.Masking(), (M,)),
    Row(layers.Masking(mask_value=1.0), (M,), draw=3, differentiable=False),
    Row(layers.PReLU(), (V,)),
    Row(layers.PReLU(shared_axes=(1,)), (M,), masked=True),
    Row(layers.PReLU(shared_axes=(1, 2), alpha_initializer='ones', alpha_regularizer='l2'), (C,)),
    Row(layers.ReLU(), (M,), masked=True),
    Row(layers.ReLU(max_value=0.5), (V,)),
    Row(layers.ReLU(negative_slope=0.2, threshold=0.3, max_value=0.9), (M,)),
    Row(layers.Softmax(), (M,)),
    Row(layers.Softmax(), (V,), masked=True),
    Row(layers.Softmax(axis=1), (C,)),
    Row(layers.Softmax(axis=(1, 2)), (M,)),
]
