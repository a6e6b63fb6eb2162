"""A Flax NNX module as a layer."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import snake_case, unregistered
from lamina.core.fields import setting
from lamina.core.paths import SEPARATOR, flatten, nest
from lamina.core.shapes import Shape
from lamina.external.held import Held, OwnValue, held, required
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@unregistered
class FlaxLayer(Layer):
    """A Flax NNX module as a layer; made by `lamina.external.as_layer(module)`.

    Its `nnx.Param`s are trained. Its other variables, such as the averages of `nnx.BatchNorm`, are weights that are not trained;
    what the module makes of them in training is kept. Its random streams are replaced by this layer's. It runs in its `train()` mode
    in training and in its `eval()` mode in inference. Rows that only pad the last batch are seen by the module as rows of data.

    Args:
        module: Held, the module.

    Raises:
        MissingDependencyError: Flax is not installed.
    """

    module: Held = setting(held('a Flax NNX module'))

    def validate(self) -> None:
        _nnx()

    def default_name(self) -> str:
        return snake_case(self.module.name)

    def weights(self, *shapes: Shape) -> Weights:
        nnx = _nnx()
        _, _, state = self._parts()
        return nest(
            {
                name: Weight(variable[...].shape, OwnValue(Held(variable[...])), isinstance(variable, nnx.Param), dtype=variable[...].dtype)
                for name, variable in _named(state).items()
            }
        )

    def apply(self, variables, *inputs, scope):
        nnx = _nnx()
        definition, streams, state = self._parts()
        given = flatten(variables)
        flat = [(path, variable.replace(given[name])) for (path, variable), name in zip(_flat(state), _named(state), strict=True)]
        module = nnx.merge(definition, self._streams(streams, scope), nnx.from_flat_state(flat))
        if scope.training:
            module.train()
        else:
            module.eval()
        outputs = module(*inputs)
        if scope.training and not scope.frozen:
            after = _named(nnx.state(module, nnx.Not(nnx.RngState)))
            for name, variable in after.items():
                if name in given and not isinstance(variable, nnx.Param):
                    scope.update(name, variable[...])
        return outputs

    def _streams(self, streams: Any, scope: Any) -> Any:
        """The module's random streams, new ones that it may count up; in training each with a key of this step's."""

        def value(path: tuple, variable: Any) -> Any:
            is_key = jnp.issubdtype(variable[...].dtype, jax.dtypes.prng_key)
            return scope.random_key(_name(path)) if is_key and scope.training else variable[...]

        return _nnx().from_flat_state([(path, variable.replace(value(path, variable))) for path, variable in _flat(streams)])

    def _parts(self) -> tuple[Any, Any, Any]:
        """The module's definition, its random streams, and all its other variables."""
        nnx = _nnx()
        return nnx.split(self.module.value, nnx.RngState, ...)


def _flat(state: Any) -> list[tuple[tuple, Any]]:
    return list(_nnx().to_flat_state(state))


def _named(state: Any) -> dict[str, Any]:
    return {_name(path): variable for path, variable in _flat(state)}


def _name(path: tuple) -> str:
    return SEPARATOR.join(str(part).replace(SEPARATOR, '_') for part in path)


def _nnx() -> Any:
    return required('flax', 'flax.nnx', 'flax')
