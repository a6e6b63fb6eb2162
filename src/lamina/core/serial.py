"""Descriptions to JSON and back. Only registered names are ever built; nothing else in the JSON has any power."""

import dataclasses
import math
from typing import Any

import numpy as np

from lamina.core.described import Described, FrozenDict, lookup
from lamina.core.errors import ArchiveError, ConfigError, LaminaError

# A hundred networks within networks. About 500 calls are open at once while they are decoded, half of what Python allows.
MAX_DEPTH = 200


def encode(value: Any, where: str = 'description', depth: int = 0) -> Any:
    """A JSON-ready form of a description or a plain value.

    Raises:
        ConfigError: something in it has no saved form (a lambda, an array; register a class for it instead), or is
            nested deeper than `decode` takes.
    """
    if depth > MAX_DEPTH:
        raise ConfigError(
            where, f'a description nested deeper than {MAX_DEPTH} levels', 'fewer networks within networks', 'Put their layers in a row.'
        )
    if isinstance(value, Described):
        labelled = ((f.name, f'{value.label}, setting {f.name!r}') for f in dataclasses.fields(value))
        settings = {name: encode(getattr(value, name), label, depth + 1) for name, label in labelled}
        return {'kind': value.kind, 'name': type(value).__name__, 'settings': settings}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else {'float': repr(float(value))}
    if isinstance(value, (tuple, list)):
        return [encode(v, where, depth + 1) for v in value]
    if isinstance(value, dict):
        return {'items': {_key(k, where): encode(v, where, depth + 1) for k, v in value.items()}}
    raise ConfigError(
        where,
        f'{value!r}, which has no saved form',
        'a number, a string, a tuple, or an object of a class decorated with @lamina.described',
        'Write it as a small @lamina.described class; then it can be saved and loaded by name.',
    )


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise ConfigError(
            where, f'a dict with the key {key!r}', 'strings as keys', 'Use strings as keys, or a tuple of (key, value) pairs.'
        )
    return key


def decode(data: Any, where: str = 'description', depth: int = 0) -> Any:
    """The inverse of `encode`.

    Raises:
        ArchiveError: the JSON is not of that form, is nested too deep, or holds settings that its class refuses.
        UnknownNameError: it names a class that is not registered.
    """
    if depth > MAX_DEPTH:
        raise ArchiveError(where, f'JSON nested deeper than {MAX_DEPTH} levels', 'a model description', 'Do not load this file.')
    if isinstance(data, list):
        return tuple(decode(v, where, depth + 1) for v in data)
    if not isinstance(data, dict):
        return data
    keys = set(data)
    if keys == {'items'} and isinstance(data['items'], dict):
        return FrozenDict({k: decode(v, where, depth + 1) for k, v in data['items'].items()})
    if keys == {'float'} and data['float'] in ('inf', '-inf', 'nan'):
        return float(data['float'])
    if keys == {'kind', 'name', 'settings'} and isinstance(data['settings'], dict) and isinstance(data['kind'], str):
        return _build(data, where, depth)
    raise ArchiveError(
        where, f'an object with the keys {sorted(keys)[:6]}', "{'kind', 'name', 'settings'}", 'The file was not written by Lamina.'
    )


def _build(data: dict, where: str, depth: int) -> Described:
    cls = lookup(data['kind'], data['name'])
    settings = {k: decode(v, f'{where} → {data["name"]}', depth + 1) for k, v in data['settings'].items()}
    known = {f.name for f in dataclasses.fields(cls)}
    if extra := sorted(set(settings) - known):
        raise ArchiveError(
            f'{where} → {data["name"]}', f'the settings {extra}', f'only {sorted(known)}', 'Update Lamina, or re-save the model.'
        )
    absent = [f.name for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING and f.name not in settings]
    if absent:
        raise ArchiveError(f'{where} → {data["name"]}', f'no settings {absent}', 'every setting without a default', 'Re-save the model.')
    try:
        return cls(**settings)
    except LaminaError:
        raise
    except (TypeError, ValueError) as error:
        raise ArchiveError(f'{where} → {data["name"]}', str(error), 'settings that the class accepts', 'Re-save the model.') from error
