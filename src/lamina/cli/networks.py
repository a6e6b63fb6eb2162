"""Networks as JSON files: the form that `lamina.core.serial.encode` gives, and a short one for people to write.

The short form is a list of layers in order: `[{"name": "Flatten"}, {"name": "Dense", "units": 128, "activation": "relu"}]`. `name` is
the layer's class; the other keys are its settings, and `as` is the layer's own name. Only registered classes are ever built.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from lamina.cli.data import Task
from lamina.core.described import lookup
from lamina.core.errors import ArchiveError, ConfigError, StorageError, unknown_name
from lamina.core.serial import decode
from lamina.layers import Chain, Graph, Input, Layer
from lamina.models import Model, Sequential

_LARGEST_BYTES = 16 * 2**20
_EXPECTED = 'a list of layers such as [{"name": "Dense", "units": 10}], or what lamina.core.serial.encode gives of a network'
_REMEDY = 'Start from what `lamina train DATASET --print-network` prints.'


def default_network(task: Task) -> list[dict[str, Any]]:
    """The network of `lamina train` in the short form: one hidden layer behind the preparation of raw values.

    Images begin with `Rescaling(1 / full scale)`, so that bytes go in and the model file holds its own preprocessing; rows of a table
    begin with `BatchNormalization`, which learns the scale of each column.
    """
    # A momentum below Keras's 0.99: small tables have too few steps for averages that slow.
    columns = {'name': 'BatchNormalization', 'momentum': 0.9}
    return [
        columns if task.full_scale is None else {'name': 'Rescaling', 'scale': 1 / task.full_scale},
        *([{'name': 'Flatten'}] if len(task.shape) > 1 else []),
        {'name': 'Dense', 'units': 128, 'activation': 'relu'},
        {'name': 'Dropout', 'rate': 0.2},
        {'name': 'Dense', 'units': task.outputs},
    ]


def read_network(path: Path) -> Any:
    """The JSON of a network file.

    Raises:
        StorageError: there is no such file, or it cannot be read.
        ConfigError: it is too large, or no JSON.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(str(path), error.strerror or str(error), 'a file that can be read', 'Check the path.') from error
    if len(content) > _LARGEST_BYTES:
        raise ConfigError(str(path), f'{len(content):,} bytes', f'at most {_LARGEST_BYTES:,}', _REMEDY)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), f'no valid JSON ({error})', _EXPECTED, _REMEDY) from error


def build(description: Any, shape: tuple[int, ...], *, seed: int, where: str) -> Model:
    """A model of a described network, its weights drawn.

    Args:
        description: the JSON of a network, in either form.
        shape: of one example, for networks that do not say it.
        seed: of the weights, shuffles and dropout.
        where: the file, for errors.

    Raises:
        ConfigError: the JSON describes no network, or a layer refuses a setting.
        UnknownNameError: no such layer or setting; the nearest is proposed.
        ShapeError: a layer cannot take the shape that reaches it.
    """
    network = _network(description, where)
    if isinstance(network, Graph):
        return Model.from_layer(network, network.inputs, seed=seed)
    layers = network.layers if isinstance(network, Chain) else (network,)
    model = Sequential(layers, seed=seed)
    return model if model.built else Sequential([Input(shape), *layers], seed=seed)


def _network(description: Any, where: str) -> Layer:
    if isinstance(description, list):
        layers = tuple(_layer(entry, f'{where}, layer {i}') for i, entry in enumerate(description, start=1))
        if not layers:
            raise ConfigError(where, 'no layers', _EXPECTED, _REMEDY)
        return Chain(layers)
    network = _decoded(description, where)
    if not isinstance(network, Layer):
        raise ConfigError(where, f'a {type(network).__name__}', _EXPECTED, _REMEDY)
    return network


def _layer(entry: Any, where: str) -> Layer:
    if not isinstance(entry, dict) or not isinstance(entry.get('name'), str):
        raise ConfigError(where, f'{json.dumps(entry)[:80]}', 'an object with "name", such as {"name": "Dense", "units": 10}', _REMEDY)
    if 'kind' in entry:
        layer = _decoded(entry, where)
        if isinstance(layer, Layer):
            return layer
        raise ConfigError(where, f'a {type(layer).__name__}', 'a layer', _REMEDY)
    kind = lookup('layer', entry['name'])
    settings = {key: _decoded(value, f'{where}, setting {key!r}') for key, value in entry.items() if key not in ('name', 'as')}
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in settings:
        if key not in fields:
            raise unknown_name(f'{where}, setting of {kind.__name__}', key, [*fields, 'as'])
    for name, field in fields.items():
        if name not in settings and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(where, f'{kind.__name__} without {name!r}', f'the setting {name!r}', f'Add "{name}": … to the object.')
    try:
        return kind(**settings, name=entry.get('as'))  # type: ignore[return-value]
    except TypeError as error:
        raise ConfigError(where, str(error), f'settings that {kind.__name__} accepts', _REMEDY) from error


def _decoded(value: Any, where: str) -> Any:
    """A value of the full form; what is wrong in it is the description's fault, not a model file's."""
    try:
        return decode(value, where)
    except ArchiveError as error:
        raise ConfigError(error.where, error.got, error.expected, _REMEDY) from error
