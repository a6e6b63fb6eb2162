"""One file for a model: JSON of registered names, and arrays. Nothing in it can run, read a path or name a module."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from lamina.core import tensors
from lamina.core.errors import ArchiveError, ConfigError, LaminaError
from lamina.core.files import pack, unpack, write_atomically
from lamina.core.notices import notice
from lamina.core.paths import flatten
from lamina.core.serial import decode, encode
from lamina.core.structure import leaves
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.graph import Graph
from lamina.models.ports import ports_of
from lamina.models.settings import CompileSettings
from lamina.training.state import OptimizerState, owned
from lamina.version import __version__

FORMAT = 'lamina model'
FORMAT_VERSION = 1
DESCRIPTION, WEIGHTS, OPTIMIZER = 'model.json', 'weights.safetensors', 'optimizer.safetensors'
_LARGEST = {DESCRIPTION: 64 * 2**20, WEIGHTS: 2**40, OPTIMIZER: 2**41}
_MOST_LAYERS = 20_000
_LARGEST_RATE = float(np.finfo(np.float32).max)


class Stored(NamedTuple):
    """What a model file holds.

    Args:
        name, seed: of the model.
        network, inputs: its description.
        settings: what `compile` was told, or None.
        weights: values by path.
        optimizer: the optimizer's state, or None.
        step: how many steps were trained.
        learning_rate: the current one.
    """

    name: str
    seed: int
    network: Layer
    inputs: Any
    settings: CompileSettings | None
    weights: dict[str, Any]
    optimizer: Any
    step: int
    learning_rate: float


def write(stored: Stored, path: str | Path) -> Path:
    """Write a model to one file, whole or not at all; `.lamina` is added where the path has no suffix.

    Raises:
        ConfigError: the network holds a plain function, which has no saved form (decorate a small class instead), or is
            larger or more deeply nested than `read` takes.
        StorageError: the disk is full or the folder cannot be written; what stood there before is untouched.
    """
    path = Path(path)
    path = path if path.suffix else path.with_suffix('.lamina')
    settings = _saved_settings(stored.settings)
    if trouble := _too_many(stored.network) or _out_of_range(stored.seed, stored.step, stored.learning_rate):
        raise ConfigError(f'model {stored.name!r}', *trouble, 'Change it before you save the model.')
    description = {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'lamina_version': __version__,
        'name': stored.name,
        'seed': stored.seed,
        'inputs': encode(stored.inputs),
        'network': encode(stored.network),
        'compile': settings,
        'step': stored.step,
        'learning_rate': stored.learning_rate,
    }
    members = {DESCRIPTION: json.dumps(description, indent=1, allow_nan=False).encode(), WEIGHTS: tensors.dump(stored.weights)}
    if settings is not None and stored.optimizer is not None:
        members[OPTIMIZER] = tensors.dump(_named_leaves(stored.optimizer))
    write_atomically(path, pack(members))
    return path


def _saved_settings(settings: CompileSettings | None) -> Any:
    """The compile settings as JSON; a function of the user's own among them is said aloud and leaves them out."""
    if settings is None:
        return None
    try:
        return encode(settings)
    except ConfigError as error:
        notice(f'the model is saved without its compile settings, which hold {error.got}; compile again after loading.')
        return None


def read(path: str | Path) -> Stored:
    """Read what `write` wrote.

    Raises:
        ArchiveError: the file is damaged, hostile, or of a newer format; nothing of it was used.
        UnknownNameError: it names a class that is not registered.
        StorageError: there is no such file, or it cannot be read.
    """
    members = unpack(Path(path), _LARGEST)
    if missing := [name for name in (DESCRIPTION, WEIGHTS) if name not in members]:
        raise ArchiveError(str(path), f'no member {missing[0]!r}', 'a whole .lamina file', 'Copy or save it again.')
    description = _parsed(members[DESCRIPTION], str(path))
    try:
        return _stored(description, members, str(path))
    except LaminaError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ArchiveError(
            f'{path}, {DESCRIPTION}', f'{type(error).__name__}: {error}', 'a model description', 'Save the model again.'
        ) from error


def _parsed(content: bytes, path: str) -> dict[str, Any]:
    where = f'{path}, {DESCRIPTION}'
    try:
        description = json.loads(content, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(where, f'no valid JSON ({error})', 'a model description', 'Save the model again.') from error
    if not isinstance(description, dict) or description.get('format') != FORMAT:
        raise ArchiveError(where, 'another format', repr(FORMAT), 'Load it with the tool that wrote it.')
    version = description.get('format_version')
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ArchiveError(where, f'format version {version!r}', f'at most {FORMAT_VERSION}', 'Update Lamina: pip install -U lamina.')
    return description


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError('a key occurs twice')
    return dict(pairs)


def _refuse_constant(name: str) -> None:
    raise ValueError(f'the constant {name}')


def _stored(description: dict[str, Any], members: dict[str, bytes], path: str) -> Stored:
    network, inputs = decode(description['network']), decode(description['inputs'])
    if not isinstance(network, Layer) or not leaves(inputs) or not all(isinstance(i, InputLayer) for i in leaves(inputs)):
        raise ArchiveError(path, 'a network or inputs of another kind', 'layers', 'Save the model again.')
    settings = None if description['compile'] is None else decode(description['compile'])
    if settings is not None and not isinstance(settings, CompileSettings):
        raise ArchiveError(path, 'compile settings of another kind', 'CompileSettings', 'Save the model again.')
    numbers = description['seed'], description['step'], description['learning_rate']
    # Before anything is traced: a graph may use a graph many times, and so a small file describe endless work.
    if trouble := _too_many(network) or _out_of_range(*numbers):
        raise ArchiveError(f'{path}, {DESCRIPTION}', *trouble, 'Save the model again, or do not load this file.')
    declared = flatten(weights_of(network, *(layer.batch_shape for layer in leaves(inputs))))
    ports_of(network, inputs)  # traces the whole network, so that one which cannot run is refused here
    # Shapes are compared with the file before any array is made: a description cannot make us allocate more than it has.
    weights = tensors.load(members[WEIGHTS], f'{path}, {WEIGHTS}', {p: (w.shape, w.dtype) for p, w in declared.items()})
    trainable = {p: jax.ShapeDtypeStruct(w.shape, np.dtype(w.dtype)) for p, w in declared.items() if w.trainable}
    return Stored(
        name=str(description['name']),
        seed=numbers[0],
        network=network,
        inputs=inputs,
        settings=settings,
        weights=weights,
        optimizer=_optimizer_state(trainable, settings, members, path),
        step=numbers[1],
        learning_rate=float(numbers[2]),
    )


def _too_many(network: Layer) -> tuple[str, str] | None:
    """What was got and expected where a network describes more layers than a file may, or uses more in one pass; else None."""
    counts: dict[int, tuple[int, int]] = {}
    stack = [network]
    while stack:
        layer = stack[-1]
        children = layer.children()
        if unknown := [child for child in children.values() if id(child) not in counts]:
            stack.extend(unknown)
            continue
        uses = [node.layer for node in layer.nodes] if isinstance(layer, Graph) else list(children)
        described = 1 + sum(counts[id(child)][0] for child in children.values())
        executed = 1 + sum(counts[id(children[name])][1] for name in uses)
        counts[id(stack.pop())] = described, executed
    most = max(counts[id(network)])
    if most <= _MOST_LAYERS:
        return None
    return f'a network of {most:,} layers' if most < 10**12 else 'a network of endless layers', f'at most {_MOST_LAYERS:,}'


def _out_of_range(seed: Any, step: Any, rate: Any) -> tuple[str, str] | None:
    """What was got and expected where one of these numbers is none, or has no place in a state; else None."""
    if type(seed) is not int or not -(2**63) <= seed < 2**63:
        return f'the seed {seed!r:.40}', 'a whole number of 64 bits'
    if type(step) is not int or not 0 <= step < 2**31:
        return f'the step {step!r:.40}', 'a whole number from 0 to 2³¹ - 1'
    if type(rate) not in (int, float) or not abs(rate) <= _LARGEST_RATE:
        return f'the learning rate {rate!r:.40}', 'a finite number of 32 bits'
    return None


def _optimizer_state(trainable: dict[str, Any], settings: CompileSettings | None, members: dict[str, bytes], path: str) -> Any:
    if OPTIMIZER not in members or settings is None:
        return None
    like = jax.eval_shape(lambda t: OptimizerState.start(settings.optimizer, t), trainable)
    named = _named_leaves(like)
    arrays = tensors.load(members[OPTIMIZER], f'{path}, {OPTIMIZER}', {name: (a.shape, a.dtype) for name, a in named.items()})
    return jax.tree.unflatten(jax.tree.structure(like), [owned(arrays[name], arrays[name].dtype) for name in named])


def _named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves by their place in the tree, in its order."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}
