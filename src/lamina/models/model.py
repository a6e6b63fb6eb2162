"""A model: a network's description together with the values of its weights."""

from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from lamina.core import paths
from lamina.core.described import freeze, snake_case
from lamina.core.errors import ShapeError, StateError, unknown_name
from lamina.core.keys import next_seed
from lamina.core.notices import notice
from lamina.core.structure import leaves
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.graph import Graph
from lamina.layers.symbolic import Call, Symbol
from lamina.layers.weight import Weight, initial_values
from lamina.models import archive
from lamina.models.freezing import layer_paths, with_trainable
from lamina.models.ports import Ports, ports_of
from lamina.models.submodel import network_up_to
from lamina.models.summary import Summary
from lamina.models.trainer import Trainer
from lamina.training.state import State, all_owned, owned, restricted


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
        self._tell_of_shared(calls)
        for node, call in zip(graph.nodes, calls, strict=True):
            call.source = call.source or _Part(self, node.layer)

    def _tell_of_shared(self, calls: list[Call]) -> None:
        """Say aloud that models of common symbols do not share weights, as they do in Keras."""
        owners = {call.source.model.name for call in calls if isinstance(call.source, _Part) and call.source.variables}
        if owners:
            notice(
                f'{self.name!r} has layers in common with {", ".join(sorted(map(repr, owners)))} and starts from their weights; from here '
                "on each model has its own. To use a part of a trained model, call its submodel('layer')."
            )

    def submodel(self, layer: str, *, name: str | None = None) -> 'Model':
        """A model of the layers that lead up to one of the outermost level, with copies of their weights.

        Args:
            layer: whose output becomes the output.
            name: of the new model; default this one's with the layer's.

        Raises:
            UnknownNameError: there is no such layer.

        Example:
            >>> import lamina
            >>> x = lamina.Input((8,))
            >>> code = lamina.layers.Dense(2, name='code')(x)
            >>> autoencoder = lamina.Model(x, lamina.layers.Dense(8)(code))
            >>> autoencoder.submodel('code').output_shape
            (None, 2)
        """
        network = network_up_to(self.network, layer, f'submodel of {self.name!r}')
        values = self.variables
        model = type(self).__new__(type(self))
        model._start(network, self.inputs, name or f'{self.name}_{layer}', self.seed)
        model._carried = values
        return model.build()

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
        model._start(layer, freeze(inputs), name, seed)
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
        self._refuse_while_training('change the network')
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
        self._install(values)

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
        kept = {path: v for path, v in self._carried.items() if path in declared and np.shape(v) == declared[path].shape}
        drawn = initial_values(paths.nest({path: w for path, w in declared.items() if path not in kept}), self.seed)
        self._carried = {}
        self._install(drawn | kept)
        return self

    def _declared(self, network: Layer | None = None) -> dict[str, Weight]:
        network = network or self.network
        shapes = tuple(layer.batch_shape for layer in leaves(self.inputs))
        ports_of(network, self.inputs)
        return paths.flatten(weights_of(network, *shapes))

    def _install(self, values: dict[str, Any]) -> None:
        """Make these the weights, each where its description says, trainable or not.

        What was learned about training stays: the step, the rate, and the optimizer's state unless new weights are to be trained,
        for which it would count too many updates.
        """
        declared, before = self._declared(), self._state
        arrays = all_owned({path: np.asarray(values[path], w.dtype) for path, w in declared.items()})
        trainable = {path: arrays[path] for path, w in declared.items() if w.trainable}
        self.state = State(
            trainable=trainable,
            other={path: arrays[path] for path, w in declared.items() if not w.trainable},
            optimizer=None if before is None or self.settings is None else restricted(before, self.settings.optimizer, trainable),
            step=owned(0, np.int32) if before is None else before.step,
            learning_rate=owned(self._initial_learning_rate(), np.float32) if before is None else before.learning_rate,
        )

    @property
    def variables(self) -> dict[str, np.ndarray]:
        """Copies of all weights by path, in the order of the layers."""
        with self._lock:
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
        declared = self._declared()
        for path, value in values.items():
            if path not in declared:
                raise unknown_name(f'set_variables of {self.name!r}', path, declared)
            if np.shape(value) != declared[path].shape:
                raise ShapeError(f'weight {path!r}', f'shape {np.shape(value)}', f'{declared[path].shape}', 'Pass an array of that shape.')
        new = {path: owned(value, declared[path].dtype) for path, value in values.items()}
        with self._lock:
            state = self.state
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
        """The opposite of `freeze`; the optimizer's state begins anew."""
        return self._set_trainable(pattern, True)

    @property
    def trainable(self) -> bool:
        """Whether any weight is trained; assign to freeze or unfreeze every layer, as in Keras."""
        return any(weight.trainable for weight in self._declared().values())

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        self._set_trainable('*', bool(trainable))

    def _set_trainable(self, pattern: str, trainable: bool) -> list[str]:
        matched: list[str] = []
        network = with_trainable(self.network, pattern, trainable, '', matched)
        if not matched:
            raise unknown_name(f'freeze in {self.name!r}', pattern, layer_paths(self.network))
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
        with self._lock:
            stored = self._stored(include_optimizer)
        return archive.write(stored, path)

    def _stored(self, include_optimizer: bool) -> archive.Stored:
        state = self.state
        return archive.Stored(
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

    def summary(self, print_fn: Any = None) -> None:
        """Print the layers with output shapes, parameters, floating-point operations per example, and bytes."""
        self._require_built()
        (print_fn or print)(str(self.describe()))

    def describe(self) -> Summary:
        """The summary as an object: rows, totals, text, HTML."""
        self._require_built()
        return Summary.of(self.network, self.inputs, self.name)

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """Use the model as a layer on symbols, starting from its weights' values; or compute its outputs on arrays.

        Args:
            inputs: symbols, or arrays.
            training: on arrays, whether dropout drops and so on (default False); on symbols False keeps the part in inference mode
                whatever the whole network does.
        """
        entries = leaves(inputs)
        if entries and all(isinstance(x, Symbol) for x in entries):
            outputs = self.network(inputs, training=training)
            for symbol in leaves(outputs):
                symbol.origin.source = self
            return outputs
        return self._compute(inputs, bool(training))

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


class _Part:
    """A layer of a model as the source of weights for another model made from the same symbols."""

    built = True

    def __init__(self, model: Model, name: str):
        self.model, self.name = model, name

    @property
    def variables(self) -> dict[str, Any]:
        """The layer's weights by their path within it."""
        prefix = self.name + paths.SEPARATOR
        return {path.removeprefix(prefix): value for path, value in self.model.variables.items() if path.startswith(prefix)}


def prefixed(name: str, model: Model | _Part) -> dict[str, Any]:
    """A model's weights by the paths they have where it stands as the layer of this name."""
    return {f'{name}{paths.SEPARATOR}{path}': value for path, value in model.variables.items()} if model.built else {}
