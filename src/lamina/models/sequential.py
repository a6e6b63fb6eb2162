"""A model whose layers follow one another."""

from collections.abc import Iterable
from typing import Any

from lamina.core.errors import ConfigError
from lamina.layers.base import InputLayer, Layer
from lamina.layers.compose import Chain, as_layer
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
        for entry in layers:
            self._append(entry)
        self._rebuild()

    def _start(self, network: Layer | None, inputs: Any, name: str | None, seed: int | None) -> None:
        super()._start(network, inputs, name, seed)
        self._entries: list[Any] = [] if network is None else list(network.children().values())

    def add(self, layer: Any) -> None:
        """Put a layer, a model or an `Input` at the end; the weights of the other layers stay."""
        self._append(layer)
        self._rebuild()

    def pop(self) -> Layer:
        """Take the last layer away and return it; the weights of the other layers stay."""
        if not self._entries:
            raise ConfigError(f'Sequential {self.name!r}', 'no layer to pop', 'at least one layer', 'Add one first.')
        layer = self.layers[-1]
        self._entries.pop()
        self._rebuild()
        return layer

    def _append(self, entry: Any) -> None:
        if isinstance(entry, Symbol) and isinstance(entry.origin, InputLayer):
            entry = entry.origin
        if isinstance(entry, InputLayer):
            if self._entries or self.inputs is not None:
                raise ConfigError(f'Sequential {self.name!r}', 'an Input after other layers', 'an Input at the start', 'Put Input first.')
            self.inputs = entry.replace(name=entry.name or entry.default_name())
            return
        layer = as_layer(entry, f'Sequential {self.name!r}, position {len(self._entries)}')
        if self.inputs is None and not self._entries:
            self.inputs = _input_of(entry, layer)
        self._entries.append(entry)

    def _rebuild(self) -> None:
        """Describe the network anew; weights that are there keep their values."""
        kept = self.variables if self.built and self._network is not None else {}
        if not self._entries:
            self._network, self._state = None, None
            return
        chain = Chain(tuple(as_layer(e, 'Sequential') for e in self._entries), name=self._given_name)
        for name, entry in zip(chain.names or (), self._entries, strict=True):
            if isinstance(entry, Model):
                self._carried |= prefixed(name, entry)
        self._carried |= kept
        self._network = chain
        if self.inputs is not None:
            self.build()

    def _infer_inputs(self, x: Any) -> None:
        """Take the shape of an example from the first data."""
        if self.built or not hasattr(x, 'shape'):
            return
        shape = tuple(x.shape[1:]) or (1,)
        self.inputs = InputLayer(shape, name='input')
        self.build()


def _input_of(entry: Any, layer: Layer) -> InputLayer | None:
    """The input that the first entry implies: its own input_shape, or a nested model's input."""
    if isinstance(entry, Model) and isinstance(entry.inputs, InputLayer):
        return entry.inputs
    while layer.input_shape is None and layer.children():
        layer = next(iter(layer.children().values()))
    return None if layer.input_shape is None else InputLayer(layer.input_shape, name='input')
