"""What goes into a network and comes out of it, by name and in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.core.errors import DataError, ShapeError, unknown_name
from lamina.core.shapes import Shape, show
from lamina.core.structure import leaves, map_leaves
from lamina.data.strings import is_text
from lamina.layers.base import STRING, InputLayer, Layer, output_of
from lamina.layers.compose import Chain
from lamina.layers.graph import Graph
from lamina.models.host_part import HostPart, compiled_part, host_part


@dataclass(frozen=True)
class Ports:
    """The inputs and outputs of a network.

    Args:
        inputs: an InputLayer, or a tuple or dict of them, as the user gave them.
        outputs: the output names in the same kind of structure: a string, or a tuple or dict of strings.
        output_shapes: by position, with None for the batch axis.
        host: what prepares the arrays of the inputs for the compiled network; None where they enter as they are.
    """

    inputs: Any
    outputs: Any
    output_shapes: tuple[Shape, ...]
    host: HostPart | None = None

    @property
    def input_layers(self) -> list[InputLayer]:
        """The inputs in order."""
        return leaves(self.inputs)

    @property
    def output_names(self) -> list[str]:
        """The outputs in order."""
        return leaves(self.outputs)

    def bind_inputs(self, x: Any, where: str) -> tuple[Any, ...]:
        """The arrays of x in the order of the inputs, checked against their shapes, as the compiled network takes them.

        Raises:
            DataError: too few or too many arrays, a name that is no input's, or numbers where strings are due.
            ShapeError: an array's axes are not those of its input.
        """
        layers = self.input_layers
        arrays = _in_order(x, [layer.name or '' for layer in layers], f'{where}, x', 'input')
        for layer, array in zip(layers, arrays, strict=True):
            _check_kind(layer, array, where)
            _check_shape(layer, tuple(array.shape), where)
        bound = tuple(_with_declared_axes(layer, a) for layer, a in zip(layers, arrays, strict=True))
        return bound if self.host is None else self.host.prepared(bound)

    def bind_outputs(self, y: Any, where: str, unused: tuple[str, ...] = ()) -> tuple[Any, ...] | None:
        """The arrays of y in the order of the outputs; None stays None, and stands for `unused` outputs that a dict leaves out."""
        if isinstance(y, Mapping):
            y = {name: None for name in unused if name not in y} | dict(y)
        return None if y is None else _in_order(y, self.output_names, where, 'output')

    def structure(self, outputs: Any) -> Any:
        """Outputs in order, put back into the user's structure; several come as a list, as in Keras."""
        values = dict(zip(self.output_names, outputs, strict=True))
        shaped = map_leaves(lambda name: values[name], self.outputs)
        return list(shaped) if isinstance(shaped, tuple) else shaped


def ports_of(network: Layer, inputs: Any) -> Ports:
    """The ports of a network that takes these InputLayers.

    Raises:
        ShapeError: a layer of the network cannot take the shapes that reach it.
    """
    compiled, entering = compiled_part(network, inputs)
    layers = leaves(entering)
    network_outputs = output_of(compiled, tuple(i.batch_shape for i in layers), tuple(i.dtype for i in layers))
    shapes = tuple(a.shape for a in outputs_in_order(network_outputs))
    return Ports(inputs, _output_names(network, network_outputs), shapes, host_part(network, inputs))


def outputs_in_order(outputs: Any) -> list:
    """A network's outputs as a list: the entries of a tuple, or of a dict in its own order."""
    return leaves(outputs)


def _output_names(network: Layer, outputs: Any) -> Any:
    if isinstance(outputs, dict):
        return {key: key for key in outputs}
    if isinstance(network, Graph) and isinstance(network.outputs, tuple):
        entries = len(network.input_names)
        names = [network.nodes[r.entry - entries].layer if r.entry >= entries else network.input_names[r.entry] for r in network.outputs]
        return tuple(name if names.count(name) == 1 else f'{name}_{i}' for i, name in enumerate(names))
    if isinstance(outputs, tuple):
        return tuple(f'output_{i}' for i in range(len(outputs)))
    if isinstance(network, Graph):
        entries = len(network.input_names)
        return network.nodes[network.outputs.entry - entries].layer if network.outputs.entry >= entries else 'output'
    return (network.names or ('output',))[-1] if isinstance(network, Chain) else 'output'


def _in_order(values: Any, names: list[str], where: str, noun: str) -> tuple[Any, ...]:
    if isinstance(values, Mapping):
        if unknown := [key for key in values if key not in names]:
            raise unknown_name(where, unknown[0], names)
        if missing := [name for name in names if name not in values]:
            raise DataError(where, f'no array for the {noun} {missing[0]!r}', f'one for each of {names}', f'Add the key {missing[0]!r}.')
        return tuple(values[name] for name in names)
    values = tuple(values) if isinstance(values, (tuple, list)) else (values,)
    if len(values) != len(names):
        hint = 'Pass a list or a dict with one array for each.' if len(names) > 1 else 'Pass one array.'
        raise DataError(where, f'{len(values)} arrays', f'{len(names)} for the {noun}s {names}', hint)
    return values


def _check_kind(layer: InputLayer, array: Any, where: str) -> None:
    """Strings only where the input is of strings, numbers everywhere else."""
    place = f'{where}, input {layer.name!r}'
    if layer.dtype == STRING and not is_text(array):
        remedy = 'Pass the texts themselves; numbers become text by x.astype(str).'
        raise DataError(place, f'numbers of dtype {array.dtype}', 'strings', remedy)
    if layer.dtype != STRING and is_text(array):
        remedy = "Check the order of the inputs, or describe this one by Input(shape, dtype='string')."
        raise DataError(place, 'text', f'numbers, for {layer.dtype}', remedy)


def _check_shape(layer: InputLayer, shape: tuple[int, ...], where: str) -> None:
    wanted = layer.batch_shape
    if len(shape) == len(wanted) and all(w is None or n == w for n, w in zip(shape, wanted, strict=True)):
        return
    if len(shape) == 1 and wanted == (None, 1):
        return
    if shape == wanted[1:]:
        remedy = 'For a single example pass x[None], which adds the batch axis.'
    elif (*shape[1:], 1) == wanted[1:]:
        remedy = 'Add the channels axis: x[..., None].'
    elif int(np.prod(shape[1:])) == int(np.prod([n or 0 for n in wanted[1:]])):
        remedy = f'Reshape: x.reshape({", ".join(["-1", *(str(n) for n in wanted[1:])])}).'
    else:
        remedy = 'Pass arrays of the shape the model was described for, or describe the model for these.'
    raise ShapeError(f'{where}, input {layer.name!r}', f'shape {shape}', show(wanted), remedy)


def _with_declared_axes(layer: InputLayer, array: Any) -> Any:
    """A vector given for an input of one feature gets its features axis."""
    return array.reshape(-1, 1) if array.ndim == 1 and layer.batch_shape == (None, 1) else array
