"""An Equinox module as a layer."""

from typing import Any

import jax

from lamina.core.described import snake_case, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, setting
from lamina.core.paths import flatten, nest
from lamina.core.shapes import Shape
from lamina.external.held import Held, OwnValue, held, keywords, named_leaves, required
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@unregistered
class EquinoxLayer(Layer):
    """An Equinox module as a layer; made by `lamina.external.as_layer(module)`.

    Its floating-point arrays are the layer's weights; everything else in it stays as it is. In training a module that takes `key=`
    gets one for each example, in inference None; `equinox.nn.inference_mode` is set accordingly.

    Args:
        module: Held, the module.
        vmap: whether it takes one example at a time, as those of `equinox.nn` do; default True.

    Raises:
        MissingDependencyError: Equinox is not installed.
        ConfigError: the module keeps state (`equinox.nn.StateIndex`), as `equinox.nn.BatchNorm` does.
    """

    module: Held = setting(held('an Equinox module'))
    vmap: bool = setting(flag(), default=True)

    def validate(self) -> None:
        eqx = _equinox()
        stateful = jax.tree.leaves(self.module.value, is_leaf=lambda leaf: isinstance(leaf, eqx.nn.StateIndex))
        if any(isinstance(leaf, eqx.nn.StateIndex) for leaf in stateful):
            raise ConfigError(
                self.label, f'{self.module.name}, which keeps state', 'a module without state', 'Use lamina.layers.BatchNormalization.'
            )

    def default_name(self) -> str:
        return snake_case(self.module.name)

    def weights(self, *shapes: Shape) -> Weights:
        values, _ = self._parts()
        return nest({n: Weight(a.shape, OwnValue(Held(a)), dtype=a.dtype) for n, a in named_leaves(values, self.label).items()})

    def apply(self, variables, *inputs, scope):
        eqx = _equinox()
        values, rest = self._parts()
        given = flatten(variables)
        leaves = [given[name] for name in named_leaves(values, self.label)]
        module = eqx.combine(jax.tree.unflatten(jax.tree.structure(values), leaves), rest)
        module = eqx.nn.inference_mode(module, value=not scope.training)
        return self._called(module, inputs, scope)

    def _called(self, module: Any, inputs: tuple, scope: Any) -> Any:
        if 'key' not in keywords(type(module).__call__):
            return (jax.vmap(module) if self.vmap else module)(*inputs)
        key = scope.random_key() if scope.training else None
        if not self.vmap:
            return module(*inputs, key=key)
        keys = None if key is None else jax.random.split(key, inputs[0].shape[0])
        return jax.vmap(lambda key, *x: module(*x, key=key))(keys, *inputs)

    def _parts(self) -> tuple[Any, Any]:
        """The module's floating-point arrays, and the rest of it."""
        eqx = _equinox()
        return eqx.partition(self.module.value, eqx.is_inexact_array)


def _equinox() -> Any:
    return required('equinox', 'equinox', 'equinox')
