"""Wrappers that keep the scale of a layer's kernel, instead of that of its outputs, under control."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina import initializers
from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import setting, whole
from lamina.core.paths import SEPARATOR
from lamina.core.shapes import Shape
from lamina.layers.weight import Weight, Weights, frozen
from lamina.layers.wrappers import Wrapper

_KERNELS = ('kernel', 'embeddings')
_SHORTEST = 1e-7


@unregistered
class KernelWrapper(Wrapper):
    """The base of wrappers that compute a layer's kernel from what is stored, and from a weight of their own."""

    def weights(self, *shapes: Shape) -> Weights:
        declared = self.inner_weights(*shapes)
        name = next((n for n in _KERNELS if isinstance(declared.get(n), Weight)), None)
        if name is None:
            raise ConfigError(
                f'{self.label} of {self.layer.label}',
                f'the weights {", ".join(declared) or "none"}',
                "a layer with a weight 'kernel' or 'embeddings'",
                'Wrap a Dense or a convolution, not what is around it.',
            )
        own = self.own_weight(declared[name])
        beside: Weights = own if self.layer.trainable else frozen(own)
        # Beside the kernel, as the weights are ordered in Keras.
        return {self.inner_name: {k: v for n, w in declared.items() for k, v in ((n, w), *(beside.items() if n == name else ()))}}

    def own_weight(self, kernel: Weight) -> dict[str, Weight]:
        """The weight that is stored beside the kernel."""
        return {}


@described
class SpectralNormalization(KernelWrapper):
    """A layer with its kernel divided by the kernel's largest singular value, so that it stretches nothing.

    In training a vector is carried from step to step by which power iterations find that value; inference runs the same
    iterations from it and keeps nothing. Gradients pass through the division, and take the vectors as given.

    Keras divides in training only: on its TensorFlow back end the quotient takes the place of the kernel, on its JAX back end
    `fit` forgets it, and `predict` runs with the kernel as it is. Here both divide, and training computes what Keras's does.

    Formula: `W / σ` with `v = u Wᵀ / ‖u Wᵀ‖`, `u = v W / ‖v W‖`, `σ = v W uᵀ`, W the kernel as a matrix (…, units).

    Args:
        layer: a layer with a weight `kernel` or `embeddings`.
        power_iterations: for each step; default 1.

    Shapes:
        those of the layer. vector_u: (1, units).

    Raises:
        ConfigError: the layer has no such weight.

    Source: Miyato, Kataoka, Koyama, Yoshida (2018), algorithm 1.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, SpectralNormalization
        >>> SpectralNormalization(Dense(5)).output_shape((None, 3))
        (None, 5)
    """

    power_iterations: int = setting(whole(1), default=1)

    def own_weight(self, kernel: Weight) -> dict[str, Weight]:
        return {'vector_u': Weight((1, kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02), trainable=False, dtype=kernel.dtype)}

    def merged(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The values with which the wrapped layer alone computes what this one does in inference."""
        return self._divided(dict(variables[self.inner_name]))[0]

    def apply(self, variables, *inputs, scope, **keywords):
        path = f'{self.inner_name}{SEPARATOR}vector_u'
        stored = dict(variables[self.inner_name])
        # A shared layer goes on from what its last use found.
        stored['vector_u'] = scope.records.updates.get(scope.join(path), stored['vector_u'])
        values, u = self._divided(stored)
        if scope.training and not scope.frozen:
            scope.update(path, u)
        return scope.call(self.layer, self.inner_name, {self.inner_name: values}, *inputs, **keywords)

    def _divided(self, values: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """The values with the kernel divided and without the vector, and the next vector."""
        name = next(n for n in _KERNELS if n in values)
        kernel, u = values[name], values.pop('vector_u')
        matrix = kernel.reshape(-1, kernel.shape[-1])
        steady, next_u, v = lax.stop_gradient(matrix), u, None
        for _ in range(self.power_iterations):
            v = _unit(next_u @ steady.T)
            next_u = _unit(v @ steady)
        sigma = (v @ matrix @ next_u.T)[0, 0]
        empty = sigma == 0  # a kernel of zeros stays one
        values[name] = kernel / jnp.where(empty, 1, sigma)
        return values, jnp.where(empty, u, next_u)


def _unit(vector):
    return vector * jnp.minimum(lax.rsqrt(jnp.sum(jnp.square(vector))), 1 / _SHORTEST)


@described
class WeightNormalization(KernelWrapper):
    """A layer whose kernel is stored as directions and lengths: training changes the one without the other.

    Formula: `W = g · V / ‖V‖`, with the norm taken for each unit over all its inputs.

    The lengths start as the norms of another kernel drawn by the kernel's initializer, so that the layer starts in the same
    distribution as without the wrapper. A regularizer or constraint of the kernel acts on V.

    Args:
        layer: a layer with a weight `kernel` or `embeddings`, which holds V.

    Shapes:
        those of the layer. g: (units,), the last axis of the kernel.

    Raises:
        ConfigError: the layer has no such weight.

    Source: Salimans, Kingma (2016), section 2.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, WeightNormalization
        >>> WeightNormalization(Dense(5)).output_shape((None, 3))
        (None, 5)
    """

    def own_weight(self, kernel: Weight) -> dict[str, Weight]:
        def norms(rng, shape, dtype):
            drawn = np.asarray(kernel.initializer(rng, kernel.shape, kernel.dtype))
            return np.sqrt(np.sum(np.square(drawn), axis=tuple(range(drawn.ndim - 1)))).astype(dtype)

        return {'g': Weight(kernel.shape[-1:], norms, dtype=kernel.dtype)}

    def merged(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The values with which the wrapped layer alone computes what this one does."""
        values = dict(variables[self.inner_name])
        name = next(n for n in _KERNELS if n in values)
        g, directions = values.pop('g'), values[name]
        squares = jnp.sum(jnp.square(directions), tuple(range(directions.ndim - 1)))
        values[name] = directions * (g * lax.rsqrt(jnp.maximum(squares, _SHORTEST**2)))
        return values
