"""A pair of pure functions, `init` and `apply`, as a layer: the common ground of every JAX library."""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import snake_case, unregistered
from lamina.core.fields import setting
from lamina.core.keys import host_stream
from lamina.core.paths import flatten, nest
from lamina.core.shapes import Shape
from lamina.external.held import Held, held, keywords, named_leaves
from lamina.initializers import Initializer
from lamina.layers.base import Layer, remembered
from lamina.layers.weight import Weight, Weights


@unregistered
class FunctionLayer(Layer):
    """Functions as a layer; made by `as_layer(init, apply)` or `as_layer(function)`.

    `init(rng, *shapes)` returns the parameters, any pytree of arrays, for input shapes whose first axis is None. `rng` is a NumPy
    generator; where the argument is called `key` it is a JAX key. Each array is drawn by a call of its own, from the stream of its
    path. Floating-point arrays are trained, others are not.

    `apply(params, *inputs)` returns the outputs. Where it has an argument `training` it is told whether the network trains, and
    where it has an argument `key` it gets this step's key in training and None in inference.

    Args:
        function: Held, `apply`, or a function of the inputs alone where there is no `init`.
        init: Held, or None for a function without weights.
    """

    function: Held = setting(held('a function'))
    init: Held | None = setting(held('a function'), default=None)

    def default_name(self) -> str:
        name = snake_case(self.function.name)
        return name if name.isidentifier() else 'function'

    def weights(self, *shapes: Shape) -> Weights:
        if self.init is None:
            return {}
        leaves, _ = _structure(self.init, shapes)
        return nest(
            {
                name: Weight(leaf.shape, DrawnLeaf(self.init, shapes, name), jnp.issubdtype(leaf.dtype, jnp.floating), dtype=leaf.dtype)
                for name, leaf in leaves.items()
            }
        )

    def apply(self, variables, *inputs, scope):
        options = {}
        accepted = keywords(self.function.value)
        if 'training' in accepted:
            options['training'] = scope.training
        if 'key' in accepted:
            options['key'] = scope.random_key() if scope.training else None
        if self.init is None:
            return self.function.value(*inputs, **options)
        leaves, structure = _structure(self.init, tuple((None, *x.shape[1:]) for x in inputs))
        values = flatten(variables)
        return self.function.value(jax.tree.unflatten(structure, [values[name] for name in leaves]), *inputs, **options)


@unregistered
class DrawnLeaf(Initializer):
    """Starts a weight from one array of what `init` returns.

    Args:
        init: Held, the function.
        shapes: of the layer's inputs.
        leaf: the array's name.
    """

    init: Held = setting(held('a function'))
    shapes: tuple[Shape, ...] = setting()
    leaf: str = setting()

    def __call__(self, rng, shape, dtype=np.float32):
        """The array of that name, drawn with this generator."""
        drawn = named_leaves(_drawn(self.init, rng, self.shapes), self.init.name)
        return np.array(drawn[self.leaf], dtype=dtype)


@remembered
def _structure(init: Held, shapes: tuple[Shape, ...]) -> tuple[dict[str, jax.ShapeDtypeStruct], Any]:
    """Shapes and dtypes of the parameters by name, and the structure that they are put back into."""
    params = _drawn(init, host_stream(0, 'structure'), shapes)
    leaves = {name: jax.ShapeDtypeStruct(np.shape(leaf), _dtype(leaf)) for name, leaf in named_leaves(params, init.name).items()}
    return leaves, jax.tree.structure(params)


def _drawn(init: Held, rng: np.random.Generator, shapes: tuple[Shape, ...]) -> Any:
    first = next(iter(inspect.signature(init.value).parameters), '')
    return init.value(jax.random.key(int(rng.integers(2**31))) if first == 'key' else rng, *shapes)


def _dtype(leaf: Any) -> np.dtype:
    """The dtype on the device: NumPy's 64 bits become 32 unless JAX was told otherwise."""
    return jax.dtypes.canonicalize_dtype(getattr(leaf, 'dtype', np.asarray(leaf).dtype))
