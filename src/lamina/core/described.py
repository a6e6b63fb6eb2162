"""Descriptions: frozen dataclasses of settings that can be compared, printed, edited, saved and found by name.

Layers, losses, metrics, optimizers, schedules, initializers, regularizers and constraints are all descriptions.
They hold settings and never weights, so `dataclasses.replace` edits a network as one edits a sentence.
"""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

from lamina.core.errors import ConfigError, UnknownNameError, unknown_name
from lamina.core.fields import setting

T = TypeVar('T', bound=type)
_REGISTRY: dict[str, dict[str, type['Described']]] = {}


class FrozenDict(dict):
    """A dict that can be hashed, so that descriptions which hold one can be compared and cached.

    Two of them are equal if their order is equal too: it decides the order of weights, inputs and outputs.
    """

    def __eq__(self, other: object) -> bool:
        return list(self.items()) == list(other.items()) if isinstance(other, FrozenDict) else dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self):  # type: ignore[override]
        return hash(tuple(self.items()))

    def _refuse(self, *_, **__):
        raise TypeError('a FrozenDict cannot be changed; build a new one')

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = __ior__ = _refuse  # type: ignore[assignment]

    def __reduce__(self):
        return type(self), (dict(self),)


def freeze(value: Any) -> Any:
    """The same value with lists as tuples and dicts as FrozenDicts, all the way down."""
    if isinstance(value, (list, tuple)) and not hasattr(value, '_fields'):
        return tuple(freeze(v) for v in value)
    if isinstance(value, dict):
        return FrozenDict({k: freeze(v) for k, v in value.items()})
    return value


@dataclass_transform(frozen_default=True, field_specifiers=(setting, dataclasses.field))
def unregistered(cls: T) -> T:
    """Class decorator for a description that no saved file names: a base class, or one that holds a function.

    The class is a dataclass whose comparison, hash, printing and refusal to change come from `Described`; having
    dataclasses generate them for each of a hundred classes would double the time that `import lamina` takes.
    """
    cls = dataclasses.dataclass(repr=False, eq=False)(cls)
    if '__init__' in cls.__dict__:
        cls.__init__ = _explaining(cls.__init__)
    return cls


def _explaining(init: Callable[..., None]) -> Callable[..., None]:
    """The same `__init__`, whose complaint about its arguments has four parts. Only a call that failed is looked into."""

    @functools.wraps(init)
    def __init__(self, *arguments, **settings):
        try:
            init(self, *arguments, **settings)
        except TypeError as error:
            problem = _misused(type(self), init, arguments, settings)
            if problem is None:
                raise
            raise problem from error

    return __init__


def _misused(cls: type, init: Callable[..., None], arguments: tuple, settings: Mapping[str, Any]) -> ConfigError | None:
    """What is wrong with the arguments of this call, or None where the fault lies deeper."""
    signature = inspect.signature(init)
    given = settings.get('name')
    where = f'{cls.__name__} {given!r}' if isinstance(given, str) and given else cls.__name__
    parameters = list(signature.parameters.values())[1:]
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    known = [p.name for p in parameters]
    for name in settings:
        if name not in known:
            return _unknown_setting(where, name, known)
    positional = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    if len(arguments) > len(positional):
        expected = f'at most {len(positional)}: {", ".join(positional)}' if positional else 'settings by name only'
        return ConfigError(where, f'{len(arguments)} settings without a name', expected, 'Write the others as name=value.')
    for name in positional[: len(arguments)]:
        if name in settings:
            return ConfigError(where, f'the setting {name!r} twice', 'each setting once', f'Remove {name}=….')
    passed = {*positional[: len(arguments)], *settings}
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in passed]
    if missing:
        return ConfigError(where, f'no {missing[0]!r}', f'the setting {missing[0]!r}, which has no default', f'Add {missing[0]}=….')
    return None


def _unknown_setting(where: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a setting that the class does not have; `lr` is near to `learning_rate` by its initials."""
    error = unknown_name(f'{where}, name of a setting', name, known)
    full = next((k for k in known if '_' in k and ''.join(word[:1] for word in k.split('_')) == name.lower()), None)
    if full is not None:
        remedy = f"Did you mean '{full}'?"
    else:
        remedy = error.remedy if error.remedy.startswith('Did you mean') else f'Remove {name}=….'
    return UnknownNameError(error.where, error.got, error.expected, remedy)


@unregistered
class Described:
    """The base of every description: a frozen dataclass. A subclass sets `kind` and is decorated with `@described`."""

    kind: ClassVar[str] = ''
    aliases: ClassVar[tuple[str, ...]] = ()
    #: what the error says to one who assigns to the setting `{name}`
    assignment_advice: ClassVar[str] = 'Use .replace({name}=…), which returns a changed copy.'

    def __post_init__(self):
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if (convert := f.metadata.get('convert')) is not None:
                value = convert(value)
            value = freeze(value)
            object.__setattr__(self, f.name, value)
            self._check(f, value)
        self.validate()

    def _check(self, f: dataclasses.Field, value: Any) -> None:
        rule = f.metadata.get('rule')
        if rule is None or (value is None and f.default is None) or rule.accepts(value):
            return
        raise ConfigError(f'{self.label}, setting {f.name!r}', repr(value), rule.expected, f'Change {f.name}=… to such a value.')

    def validate(self) -> None:
        """Check settings against one another; override where a single field's rule cannot tell."""

    @property
    def label(self) -> str:
        """How errors and tables call it: `Dense 'head'`, or `Dense` where it has no name."""
        name = getattr(self, 'name', None)
        return f'{type(self).__name__} {name!r}' if name else type(self).__name__

    def __setattr__(self, name: str, value: Any) -> None:
        # The generated __init__ sets each field once; after that a description never changes.
        if name in self.__dict__ or name not in self.__dataclass_fields__:
            raise dataclasses.FrozenInstanceError(
                f'{self.label}: cannot set {name!r}; a description never changes. {self.assignment_advice.format(name=name)}'
            )
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f'{self.label}: cannot delete {name!r}; a description never changes.')

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(self) is type(other) and all(_same(getattr(self, n), getattr(other, n)) for n in _compared(type(self)))

    def __hash__(self) -> int:
        if '_hash' not in self.__dict__:
            object.__setattr__(self, '_hash', hash((type(self), *(getattr(self, n) for n in _compared(type(self))))))
        return self.__dict__['_hash']

    def __getstate__(self) -> dict[str, Any]:
        # Hashes of strings differ from process to process, so a pickled description must not carry its own.
        return {name: value for name, value in self.__dict__.items() if name != '_hash'}

    def replace(self, **changes: Any) -> Self:
        """A copy with some settings changed."""
        return dataclasses.replace(self, **changes)

    def __repr__(self) -> str:
        positional, keywords, in_order = [], [], True
        for f in dataclasses.fields(self):
            if not f.repr:
                continue
            value = getattr(self, f.name)
            required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            in_order = in_order and (required or f.kw_only)
            if in_order and not f.kw_only:
                positional.append(repr(value))
            elif required or value != _default(f):
                keywords.append(f'{f.name}={value!r}')
        return f'{type(self).__name__}({", ".join(positional + keywords)})'


@functools.cache
def _compared(cls: type) -> tuple[str, ...]:
    """The names of the fields that decide equality."""
    return tuple(f.name for f in dataclasses.fields(cls) if f.compare)


def _same(a: Any, b: Any) -> bool:
    """Equal and of one type: 1, 1.0 and True are three settings, since they may compile to three programs."""
    return a is b or (type(a) is type(b) and a == b)


def _default(f: dataclasses.Field) -> Any:
    value = f.default if f.default is not dataclasses.MISSING else f.default_factory()  # type: ignore[misc]
    convert = f.metadata.get('convert')
    return freeze(convert(value) if convert else value)


@dataclass_transform(frozen_default=True, field_specifiers=(setting, dataclasses.field))
def described(cls: T) -> T:
    """Class decorator: make it a frozen dataclass and register its name, so that a saved file can refer to it.

    Raises:
        ConfigError: another class of the same kind already has this name; choose another name.
    """
    cls = unregistered(cls)
    family = _REGISTRY.setdefault(cls.kind, {})
    for name in (cls.__name__, *cls.__dict__.get('aliases', ())):
        known = family.get(normalized(name))
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigError(
                f'@described class {cls.__name__}', f'the name {name!r}', f'a {cls.kind} name not yet taken', 'Rename the class.'
            )
        family[normalized(name)] = cls
    return cls


def normalized(name: str) -> str:
    """`'GlorotUniform'`, `'glorot_uniform'` and `'glorotuniform'` are one name."""
    return name.replace('_', '').lower()


def snake_case(name: str) -> str:
    """`'BatchNormalization'` → `'batch_normalization'`, as Keras names its layers."""
    name = re.sub(r'(.)([A-Z][a-z]+)', r'\1_\2', name)
    return re.sub(r'([a-z])([A-Z])', r'\1_\2', name).lower()


def lookup(kind: str, name: object) -> type[Described]:
    """The class registered under this name, in CamelCase, snake_case or by an alias.

    Raises:
        UnknownNameError: no such name; the nearest valid one is proposed.
    """
    family = _REGISTRY.get(kind, {})
    found = family.get(normalized(name)) if isinstance(name, str) else None
    if found is None:
        raise unknown_name(kind, name, (c.__name__ for c in family.values()))
    return found


def registered(kind: str) -> dict[str, type[Described]]:
    """Every registered class of a kind by its own name."""
    return {c.__name__: c for c in _REGISTRY.get(kind, {}).values()}


def resolve(kind: str, value: Any) -> Any:
    """A description from what a user may write for it: itself, its class, its name, or None."""
    if value is None or isinstance(value, Described):
        return value
    if isinstance(value, type) and issubclass(value, Described):
        return value()
    return lookup(kind, value)() if isinstance(value, str) else value
