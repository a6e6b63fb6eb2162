"""A model whose layers follow one another."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from lamina.core.errors import ConfigError, LaminaError
from lamina.data.strings import is_text
from lamina.layers.base import STRING, InputLayer, Layer
from lamina.layers.compose import Chain, as_layer
from lamina.layers.host import HostLayer
from lamina.layers.symbolic import Symbol
from lamina.models.model import Model, prefixed


class Sequential(Model):
    """A model of layers one after another.

    The shape of an example is known from an `Input` at the start, from `input_shape=` of the first layer, or else from
    the first data that `fit` or `predict` receives.

    Args:
        layers: layers, or models, whose weights are taken along.
        name: default `'sequential'`.
        seed: of initial weights, shuffles and dropout; by default taken from `lamina.utils.set_random_seed`.

    Example:
        >>> import lamina
        >>> model = lamina.Sequential([
        ...     lamina.layers.Flatten(input_shape=(28, 28)),
        ...     lamina.layers.Dense(128, activation='relu'),
        ...     lamina.layers.Dropout(0.2),
        ...     lamina.layers.Dense(10),
        ... ])
        >>> model
        Sequential('sequential', (None, 28, 28) → (None, 10), 101,770 parameters)
    """

    def __init__(self, layers: Iterable[Any] = (), *, name: str | None = None, seed: int | None = None):
        self._start(None, None, name, seed)
        self._extend(list(layers))

    def add(self, layer: Any) -> None:
        """Put a layer, a model or an `Input` at the end; the weights of the other layers stay."""
        self._extend([layer])

    def pop(self) -> Layer:
        """Take the last layer away and return it; the weights of the other layers stay."""
        if self._network is None:
            raise ConfigError(f'Sequential {self.name!r}', 'no layer to pop', 'at least one layer', 'Add one first.')
        *rest, last = self.layers
        self._become(rest, {})
        return last

    def _extend(self, entries: list[Any]) -> None:
        self._refuse_while_training('add layers')
        layers = [] if self._network is None else self.layers
        models: dict[int, Model] = {}
        for entry in entries:
            if isinstance(entry, Symbol) and isinstance(entry.origin, InputLayer):
                entry = entry.origin
            if isinstance(entry, InputLayer):
                self._take_input(entry, layers)
                continue
            layer = as_layer(entry, f'Sequential {self.name!r}, position {len(layers)}')
            if self.inputs is None and not layers:
                self.inputs = _input_of(entry, layer)
            if isinstance(entry, Model):
                models[len(layers)] = entry
            layers = [*layers, layer]
        self._become(layers, models)

    def _take_input(self, entry: InputLayer, layers: list[Layer]) -> None:
        if layers or self.inputs is not None:
            raise ConfigError(f'Sequential {self.name!r}', 'an Input after other layers', 'an Input at the start', 'Put Input first.')
        self.inputs = entry.replace(name=entry.name or entry.default_name())

    def _become(self, layers: list[Layer], models: dict[int, Model]) -> None:
        """Consist of these layers; weights that were there, and those of models, keep their values."""
        if not layers:
            self._network, self._state = None, None
            return
        before = self._network
        chain = Chain(tuple(layers), name=self._given_name)
        carried = self.variables if self.built else {}
        for position, model in models.items():
            carried |= prefixed((chain.names or ())[position], model)
        try:
            self._network, self._carried = chain, self._carried | carried
            if self.inputs is not None:
                self.build()
        except LaminaError:
            self._network = before
            raise

    def _infer_inputs(self, x: Any) -> None:
        """Take the shape of an example from the first data."""
        if self.built or not hasattr(x, 'shape'):
            return
        shape = tuple(x.shape[1:]) or (1,)
        # Whole numbers of 32 bits may be indices, which float32 cannot hold; smaller ones are pixels.
        dtype = STRING if is_text(x) else 'int32' if x.dtype == np.int32 else 'float32'
        self.inputs = InputLayer(shape, dtype, name='input')
        self.build()


def _input_of(entry: Any, layer: Layer) -> InputLayer | None:
    """The input that the first entry implies: its own input_shape, or a nested model's input."""
    if isinstance(entry, Model) and isinstance(entry.inputs, InputLayer):
        return entry.inputs
    while layer.input_shape is None and layer.children():
        layer = next(iter(layer.children().values()))
    dtype = layer.input_dtype if isinstance(layer, HostLayer) else 'float32'
    return None if layer.input_shape is None else InputLayer(layer.input_shape, dtype, name='input')
