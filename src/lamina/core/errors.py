"""Every error a user can meet, as a tree. Each says where it happened, what was got, what was expected, what to do."""

import difflib
from collections.abc import Iterable


class LaminaError(Exception):
    """The root: catch it to catch everything Lamina raises on purpose.

    Args:
        where: the layer, argument, file or row at fault, by the name the user gave it.
        got: what was found there.
        expected: what would have been accepted.
        remedy: one or two sentences telling what to do.
    """

    def __init__(self, where: str, got: str, expected: str, remedy: str):
        self.where, self.got, self.expected, self.remedy = where, got, expected, remedy
        super().__init__(f'{where}: got {got}; expected {expected}. {remedy}')

    def __reduce__(self):
        return type(self), (self.where, self.got, self.expected, self.remedy)


class ConfigError(LaminaError, ValueError):
    """A setting of a layer, loss, metric, optimizer or function is outside its range."""


class UnknownNameError(ConfigError):
    """A name that no registry knows."""


class ShapeError(LaminaError, ValueError):
    """An array's rank or axes do not fit the layer, loss or metric that received it."""


class DataError(LaminaError, ValueError):
    """The values of a dataset cannot be trained on: not finite, out of range, empty, of unequal length."""


class StateError(LaminaError, RuntimeError):
    """A call came too early: a model without weights, or not compiled."""


class ArchiveError(LaminaError, ValueError):
    """A model file is damaged, hostile, or newer than this version can read. Nothing of it was used."""


class StorageError(LaminaError, OSError):
    """Writing failed (disk full, no permission). What stood at the destination before is untouched."""


class DownloadError(LaminaError, OSError):
    """A file could not be fetched, or is not the file that was expected. What was fetched so far is kept."""


class MissingDependencyError(LaminaError, ImportError):
    """An optional dependency is not installed; the message holds its install line."""


def unknown_name(where: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """An UnknownNameError that proposes the nearest valid name."""
    known = sorted(set(known))
    # 'he_nrmal' is nearer to HeNormal than to anything else once case and underscores are out of the way.
    plain = {k.replace('_', '').lower(): k for k in reversed(known)}
    near = [] if name is None else difflib.get_close_matches(str(name).replace('_', '').lower(), plain, n=1, cutoff=0.5)
    remedy = f"Did you mean '{plain[near[0]]}'?" if near else 'Check the spelling, or register your own first.'
    shown = ', '.join(known) if len(known) <= 40 else ', '.join(known[:40]) + ', …'
    return UnknownNameError(where, repr(name), f'one of {shown}', remedy)
