"""One file for a model: JSON of registered names, and arrays. Nothing in it can run, read a path or name a module."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from lamina.core import tensors
from lamina.core.errors import ArchiveError, ConfigError, LaminaError
from lamina.core.files import pack, unpack, write_atomically
from lamina.core.notices import notice
from lamina.core.paths import flatten
from lamina.core.serial import decode, encode
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.compose import Chain, leaves
from lamina.models.settings import CompileSettings
from lamina.training.state import State
from lamina.version import __version__

if TYPE_CHECKING:
    from lamina.models.model import Model

FORMAT = 'lamina model'
FORMAT_VERSION = 1
DESCRIPTION, WEIGHTS, OPTIMIZER = 'model.json', 'weights.safetensors', 'optimizer.safetensors'
_LARGEST = {DESCRIPTION: 64 * 2**20, WEIGHTS: 2**40, OPTIMIZER: 2**41}


def save(model: 'Model', path: str | Path, *, include_optimizer: bool = True) -> Path:
    """Write a model to one file, whole or not at all.

    Args:
        model: a built model.
        path: of the file; `.lamina` is added where it has no suffix.
        include_optimizer: whether the optimizer's state goes along, so that training can go on where it stood.

    Returns:
        The path written.

    Raises:
        StateError: the model has no weights yet.
        ConfigError: the network holds a plain function, which has no saved form; decorate a small class instead.
        StorageError: the disk is full or the folder cannot be written; what stood there before is untouched.
    """
    path = Path(path)
    path = path if path.suffix else path.with_suffix('.lamina')
    state = model.state
    description, with_settings = _described(model)
    members = {DESCRIPTION: json.dumps(description, indent=1, allow_nan=False).encode(), WEIGHTS: tensors.dump(model.variables)}
    if include_optimizer and with_settings and state.optimizer is not None:
        members[OPTIMIZER] = tensors.dump(_named_leaves(state.optimizer))
    write_atomically(path, pack(members))
    return path


def _described(model: 'Model') -> tuple[dict[str, Any], bool]:
    """The JSON of a model, and whether what `compile` was told is in it."""
    settings = None
    if model.settings is not None:
        try:
            settings = encode(model.settings)
        except ConfigError as error:
            notice(f'the model is saved without its compile settings, which hold {error.got}; compile again after loading.')
    description = {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'lamina_version': __version__,
        'name': model.name,
        'seed': model.seed,
        'inputs': encode(model.inputs),
        'network': encode(model.network),
        'compile': settings,
        'step': int(model.state.step),
        'learning_rate': float(model.state.learning_rate),
    }
    return description, settings is not None


def load(path: str | Path, *, compile: bool = True) -> 'Model':
    """Read a model that `save` wrote. Its predictions are equal, bit for bit, on the same machine.

    Classes of your own must be defined (with `@lamina.described`) before a model that uses them is loaded.

    Args:
        path: of the file.
        compile: whether to restore what `compile` was told and the optimizer's state.

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
        return _restored(description, members, str(path), compile)
    except LaminaError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise ArchiveError(f'{path}, {DESCRIPTION}', f'{type(error).__name__}: {error}', 'a model description', 'Save the model again.') from error


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


def _restored(description: dict[str, Any], members: dict[str, bytes], path: str, compile: bool) -> 'Model':
    from lamina.models.model import Model
    from lamina.models.sequential import Sequential

    network, inputs = decode(description['network']), decode(description['inputs'])
    if not isinstance(network, Layer) or not leaves(inputs) or not all(isinstance(i, InputLayer) for i in leaves(inputs)):
        raise ArchiveError(path, 'a network or inputs of another kind', 'layers', 'Save the model again.')
    declared = flatten(weights_of(network, *(layer.batch_shape for layer in leaves(inputs))))
    # Shapes are compared with the file before any array is made: a description cannot make us allocate more than it has.
    values = tensors.load(members[WEIGHTS], f'{path}, {WEIGHTS}', {p: (w.shape, w.dtype) for p, w in declared.items()})
    model: Model = Sequential.__new__(Sequential) if isinstance(network, Chain) else Model.__new__(Model)
    model._start(network, inputs, str(description['name']), int(description['seed']))
    if isinstance(model, Sequential):
        model._entries = list(model.layers)
    settings = decode(description['compile']) if compile and description['compile'] is not None else None
    if settings is not None and not isinstance(settings, CompileSettings):
        raise ArchiveError(path, 'compile settings of another kind', 'CompileSettings', 'Save the model again.')
    model.settings = settings
    model._install(values, step=int(description['step']))
    if settings is not None:
        rate = jnp.float32(float(description['learning_rate']))
        model.state = model.state._replace(learning_rate=rate, optimizer=_optimizer_state(model.state, settings, members, path))
    return model


def _optimizer_state(state: State, settings: CompileSettings, members: dict[str, bytes], path: str) -> Any:
    if OPTIMIZER not in members:
        return None
    like = jax.eval_shape(settings.optimizer.init, state.trainable)
    named = _named_leaves(like)
    arrays = tensors.load(members[OPTIMIZER], f'{path}, {OPTIMIZER}', {name: (a.shape, a.dtype) for name, a in named.items()})
    return jax.tree.unflatten(jax.tree.structure(like), [jnp.array(arrays[name]) for name in named])


def _named_leaves(tree: Any) -> dict[str, Any]:
    """The leaves by their place in the tree, in its order."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}
