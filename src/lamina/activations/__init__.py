"""Activation functions by name: those of jax.nn and of Keras 3, with Keras's defaults.

Each is a plain function of an array. A layer's setting holds the name, so that the layer can be compared, printed and
saved; `get` gives the function and `name_of` the name.
"""

from lamina.activations.functions import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    jax_gelu,
    jax_leaky_relu,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from lamina.activations.registry import get, name_of, names, register

identity = linear
swish = silu
hard_swish = hard_silu
soft_sign = softsign
gelu_tanh = jax_gelu

__all__ = [
    'celu',
    'elu',
    'exponential',
    'gelu',
    'gelu_tanh',
    'get',
    'glu',
    'hard_shrink',
    'hard_sigmoid',
    'hard_silu',
    'hard_swish',
    'hard_tanh',
    'identity',
    'jax_gelu',
    'jax_leaky_relu',
    'leaky_relu',
    'linear',
    'log_sigmoid',
    'log_softmax',
    'mish',
    'name_of',
    'names',
    'register',
    'relu',
    'relu6',
    'selu',
    'sigmoid',
    'silu',
    'soft_shrink',
    'soft_sign',
    'softmax',
    'softplus',
    'softsign',
    'sparse_plus',
    'sparse_sigmoid',
    'sparsemax',
    'squareplus',
    'swish',
    'tanh',
    'tanh_shrink',
    'threshold',
]
