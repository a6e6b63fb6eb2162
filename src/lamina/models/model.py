"""A model: a network's description together with the values of its weights."""

import fnmatch
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from lamina.core import paths
from lamina.core.described import snake_case
from lamina.core.errors import ShapeError, StateError, unknown_name
from lamina.core.keys import next_seed
from lamina.core.structure import leaves
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.graph import Graph
from lamina.layers.symbolic import Symbol
from lamina.layers.weight import Weight, initial_values
from lamina.models import archive
from lamina.models.ports import Ports, ports_of
from lamina.models.summary import Summary
from lamina.models.trainer import Trainer
from lamina.training.state import State, owned


class Model(Trainer):
    """A network with weights: described by symbols here, or as a list in `Sequential`.

    Args:
        inputs: a symbol from `Input`, or a list or dict of them.
        outputs: what layers returned for them, or a list or dict.
        name: default the class's name in snake case.
        seed: of initial weights, shuffles and dropout; by default taken from `lamina.utils.set_random_seed`.

    Raises:
        ConfigError: an output does not follow from the inputs.
        ShapeError: a layer cannot take the shape that reaches it.

    Example:
        >>> import lamina
        >>> x = lamina.Input((784,))
        >>> hidden = lamina.layers.Dense(32, activation='relu')(x)
        >>> model = lamina.Model(x, lamina.layers.Dense(10)(hidden))
        >>> model.count_params()
        25450
    """

    def __init__(self, inputs: Any, outputs: Any, *, name: str | None = None, seed: int | None = None):
        graph, calls = Graph.traced(inputs, outputs, name)
        self._start(graph, graph.inputs, name, seed)
        for node, call in zip(graph.nodes, calls, strict=True):
            if call.source is not None:
                self._carried |= prefixed(node.layer, call.source)
        self.build()

    @classmethod
    def from_layer(cls, layer: Layer, inputs: Any, *, name: str | None = None, seed: int | None = None) -> 'Model':
        """A model whose network is any layer.

        Args:
            layer: the whole network.
            inputs: the shape of one example, an `InputLayer`, or a tuple or dict of InputLayers.
        """
        model = Model.__new__(cls if cls.__init__ is Model.__init__ else Model)
        if isinstance(inputs, tuple) and all(n is None or isinstance(n, int) for n in inputs):
            inputs = InputLayer(inputs, name='input')
        model._start(layer, inputs, name, seed)
        model.build()
        return model

    def _start(self, network: Layer | None, inputs: Any, name: str | None, seed: int | None) -> None:
        self._given_name = name
        self.name = name or snake_case(type(self).__name__)
        self.seed = next_seed() if seed is None else int(seed)
        self._network, self.inputs = network, inputs
        self._state: State | None = None
        self._carried: dict[str, Any] = {}
        self._start_training()

    # --- what it is ---

    @property
    def network(self) -> Layer:
        """The description; assign an edited one (`dataclasses.replace`) of equal weights to change how the model computes."""
        if self._network is None:
            raise StateError(f'{type(self).__name__} {self.name!r}', 'no layers', 'at least one layer', 'Call model.add(layer) first.')
        return self._network

    @network.setter
    def network(self, network: Layer) -> None:
        values = self.state.variables
        declared = self._declared(network)
        if set(declared) != set(values) or any(tuple(values[p].shape) != w.shape for p, w in declared.items()):
            raise StateError(
                f'{type(self).__name__} {self.name!r}',
                'a network with other weights',
                'the same weights by name and shape',
                'Build a new model.',
            )
        self._network = network
        self._install(values, step=self.state.step)

    @property
    def built(self) -> bool:
        """Whether the weights have values."""
        return self._state is not None

    @property
    def ports(self) -> Ports:
        """The inputs and outputs, by name and shape."""
        self._require_built()
        return ports_of(self.network, self.inputs)

    @property
    def layers(self) -> list[Layer]:
        """The layers of the outermost level, in order."""
        return list(self.network.children().values())

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        shapes = [layer.batch_shape for layer in leaves(self.inputs)]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        shapes = list(self.ports.output_shapes)
        return shapes[0] if len(shapes) == 1 else shapes

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name (a path such as `'encoder/dense_1'` reaches inside) or by index.

        Raises:
            UnknownNameError: no layer has this name.
        """
        if index is not None:
            return self.layers[index]
        layer = self.network
        for part in (name or '').split(paths.SEPARATOR):
            children = layer.children()
            if part not in children:
                raise unknown_name(f'get_layer of {self.name!r}', part, children)
            layer = children[part]
        return layer

    # --- weights ---

    def build(self) -> Self:
        """Give every weight its initial value; done by itself as soon as the input shape is known."""
        declared = self._declared()
        values = initial_values(paths.nest(declared), self.seed)
        for path, value in self._carried.items():
            if path in values:
                values[path] = np.asarray(value)
        self._carried = {}
        self._install(values)
        return self

    def _declared(self, network: Layer | None = None) -> dict[str, Weight]:
        network = network or self.network
        shapes = tuple(layer.batch_shape for layer in leaves(self.inputs))
        ports_of(network, self.inputs)
        return paths.flatten(weights_of(network, *shapes))

    def _install(self, values: dict[str, Any], step: Any = 0) -> None:
        """Make these the weights, each where its description says, trainable or not."""
        declared = self._declared()
        arrays = {path: owned(values[path], w.dtype) for path, w in declared.items()}
        self.state = State(
            trainable={path: arrays[path] for path, w in declared.items() if w.trainable},
            other={path: arrays[path] for path, w in declared.items() if not w.trainable},
            optimizer=None,
            step=owned(step, np.int32),
            learning_rate=owned(self._initial_learning_rate(), np.float32),
        )

    @property
    def variables(self) -> dict[str, np.ndarray]:
        """Copies of all weights by path, in the order of the layers."""
        values = jax.device_get(self.state.variables)
        return {path: np.array(values[path]) for path in self._declared()}

    @property
    def weights(self) -> list[np.ndarray]:
        """Copies of all weights, as `get_weights` returns them."""
        return self.get_weights()

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights as a list, in Keras's order and shapes."""
        return list(self.variables.values())

    def set_weights(self, weights: list[Any]) -> None:
        """Set all weights from a list in the order of `get_weights`, which is that of Keras.

        Raises:
            ShapeError: the number of arrays or the shape of one differs; no weight was changed.
        """
        declared = self._declared()
        if len(weights) != len(declared):
            raise ShapeError(
                f'set_weights of {self.name!r}',
                f'{len(weights)} arrays',
                f'{len(declared)}',
                'Pass what get_weights of an equal model returns.',
            )
        given = dict(zip(declared, (np.asarray(w) for w in weights), strict=True))
        for path, value in given.items():
            if value.shape != declared[path].shape:
                raise ShapeError(
                    f'set_weights of {self.name!r}, weight {path!r}',
                    f'shape {value.shape}',
                    f'{declared[path].shape}',
                    'Check the order of the list.',
                )
        self.set_variables(given)

    def set_variables(self, values: dict[str, Any]) -> None:
        """Set some weights by path; the others, and what the optimizer remembers, stay.

        Raises:
            UnknownNameError: no weight has this path.
            ShapeError: a shape differs; no weight was changed.
        """
        state, declared = self.state, self._declared()
        for path, value in values.items():
            if path not in declared:
                raise unknown_name(f'set_variables of {self.name!r}', path, declared)
            if np.shape(value) != declared[path].shape:
                raise ShapeError(f'weight {path!r}', f'shape {np.shape(value)}', f'{declared[path].shape}', 'Pass an array of that shape.')
        new = {path: owned(value, declared[path].dtype) for path, value in values.items()}
        self.state = state._replace(
            trainable={path: new.get(path, value) for path, value in state.trainable.items()},
            other={path: new.get(path, value) for path, value in state.other.items()},
        )

    def count_params(self) -> int:
        """The number of elements in all weights."""
        return sum(weight.size for weight in self._declared().values())

    # --- freezing ---

    def freeze(self, pattern: str = '*') -> list[str]:
        """Freeze the layers whose name or path matches (`'conv*'`, `'encoder/*'`); their names are returned.

        Raises:
            UnknownNameError: no layer matches.
        """
        return self._set_trainable(pattern, False)

    def unfreeze(self, pattern: str = '*') -> list[str]:
        """The opposite of `freeze`."""
        return self._set_trainable(pattern, True)

    def _set_trainable(self, pattern: str, trainable: bool) -> list[str]:
        matched: list[str] = []
        network = _edited(self.network, pattern, trainable, '', matched)
        if not matched:
            raise unknown_name(f'freeze in {self.name!r}', pattern, _layer_paths(self.network))
        self.network = network
        return matched

    # --- the face ---

    def save(self, path: str | Path, *, include_optimizer: bool = True) -> Path:
        """Write the model to one file, whole or not at all; `lamina.load(path)` reads it.

        Args:
            path: of the file; `.lamina` is added where it has no suffix.
            include_optimizer: whether the optimizer's state goes along, so that training can go on where it stood.

        Raises:
            StorageError: the disk is full or the folder cannot be written; what stood there before is untouched.
            ConfigError: the network holds a plain function, which has no saved form.
        """
        state = self.state
        stored = archive.Stored(
            name=self.name,
            seed=self.seed,
            network=self.network,
            inputs=self.inputs,
            settings=self.settings,
            weights=self.variables,
            optimizer=state.optimizer if include_optimizer else None,
            step=int(state.step),
            learning_rate=float(state.learning_rate),
        )
        return archive.write(stored, path)

    def summary(self, print_fn: Any = None) -> None:
        """Print the layers with output shapes, parameters, floating-point operations per example, and bytes."""
        self._require_built()
        (print_fn or print)(str(self.describe()))

    def describe(self) -> Summary:
        """The summary as an object: rows, totals, text, HTML."""
        self._require_built()
        return Summary.of(self.network, self.inputs, self.name)

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """Use the model as a layer on symbols, sharing its weights' values; or compute its outputs on arrays."""
        entries = leaves(inputs)
        if entries and all(isinstance(x, Symbol) for x in entries):
            outputs = self.network(inputs)
            for symbol in leaves(outputs):
                symbol.origin.source = self
            return outputs
        return self._compute(inputs, training)

    def __repr__(self) -> str:
        if not self.built:
            return f'{type(self).__name__}({self.name!r}, not built)'
        return f'{type(self).__name__}({self.name!r}, {self.input_shape} → {self.output_shape}, {self.count_params():,} parameters)'

    def _repr_html_(self) -> str:
        return self.describe().html() if self.built else f'<pre>{self!r}</pre>'

    def _require_built(self) -> None:
        if not self.built:
            raise StateError(
                f'{type(self).__name__} {self.name!r}',
                'no weights yet',
                'a known input shape',
                'Add Input(shape) first, give input_shape=, or call fit.',
            )


def prefixed(name: str, model: Model) -> dict[str, Any]:
    """A model's weights by the paths they have where it stands as the layer of this name."""
    return {f'{name}{paths.SEPARATOR}{path}': value for path, value in model.variables.items()} if model.built else {}


def _edited(layer: Layer, pattern: str, trainable: bool, path: str, matched: list[str]) -> Layer:
    """The layer with `trainable` set on every layer within whose name or path matches."""
    children = {}
    for name, child in layer.children().items():
        where = f'{path}{paths.SEPARATOR}{name}' if path else name
        child = _edited(child, pattern, trainable, where, matched)
        if fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(where, pattern):
            matched.append(where)
            child = child.replace(trainable=trainable)
        children[name] = child
    return layer.with_children(children) if children else layer


def _layer_paths(layer: Layer, path: str = '') -> list[str]:
    found = []
    for name, child in layer.children().items():
        where = f'{path}{paths.SEPARATOR}{name}' if path else name
        found += [where, *_layer_paths(child, where)]
    return found
