"""Errors: four parts, a tree, the nearest name, and a life beyond the process."""

import pickle

import pytest

from lamina.core import errors
from lamina.core.errors import LaminaError, unknown_name

CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, LaminaError)]


@pytest.mark.parametrize('cls', CLASSES)
def test_every_error_has_four_parts_and_survives_pickling(cls):
    error = cls("Dense 'head'", 'input shape (32, 10)', 'last axis 128', 'Build a new model.')
    assert str(error) == "Dense 'head': got input shape (32, 10); expected last axis 128. Build a new model."
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.remedy) == (cls, str(error), 'Build a new model.')
    assert isinstance(error, LaminaError)


@pytest.mark.parametrize(
    ('cls', 'builtin'),
    [
        (errors.ConfigError, ValueError),
        (errors.UnknownNameError, errors.ConfigError),
        (errors.ShapeError, ValueError),
        (errors.DataError, ValueError),
        (errors.StateError, RuntimeError),
        (errors.ArchiveError, ValueError),
        (errors.StorageError, OSError),
        (errors.DownloadError, OSError),
        (errors.MissingDependencyError, ImportError),
    ],
)
def test_each_is_also_the_builtin_that_users_expect(cls, builtin):
    assert issubclass(cls, builtin)


def test_every_error_is_in_the_tree():
    assert len(CLASSES) == 10


def test_a_misspelt_name_gets_the_nearest():
    assert unknown_name('optimizer', 'adm', ['sgd', 'adam']).remedy == "Did you mean 'adam'?"
    assert 'one of adam, sgd' in str(unknown_name('optimizer', 'zzz', ['sgd', 'adam', 'sgd']))
    assert unknown_name('optimizer', 'zzzzz', ['sgd']).remedy == 'Check the spelling, or register your own first.'
    assert '…' in unknown_name('layer', 'x', [f'name_{i}' for i in range(100)]).expected
