"""Errors become four parts, one document and an exit code; nothing else reaches stdout under --json."""

import json

import pytest
import typer

from lamina.cli.outcome import as_json, exit_code, in_four_parts, outcome
from lamina.core import errors

CODES = {
    errors.ConfigError: 2,
    errors.UnknownNameError: 2,
    errors.StateError: 2,
    errors.ShapeError: 3,
    errors.DataError: 3,
    errors.DownloadError: 4,
    errors.MissingDependencyError: 4,
    errors.ArchiveError: 5,
    errors.StorageError: 6,
}


@pytest.mark.parametrize('kind', CODES)
def test_each_error_has_its_code(kind, capsys):
    def verb():
        with outcome(json=True, traceback=False) as result:
            result.say('for people')
            raise kind('a place', 'this', 'that', 'Do so.')

    with pytest.raises(typer.Exit) as stopped:
        verb()
    printed = capsys.readouterr()
    assert stopped.value.exit_code == exit_code(kind('a', 'b', 'c', 'd')) == CODES[kind]
    expected = {'kind': kind.__name__, 'where': 'a place', 'got': 'this', 'expected': 'that', 'remedy': 'Do so.'}
    assert json.loads(printed.out) == {'error': expected, 'exit_code': CODES[kind]}
    assert 'for people' in printed.err
    assert 'Traceback' not in printed.err


def test_every_public_error_has_a_code_of_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LaminaError)]
    assert set(kinds) - {errors.LaminaError} == set(CODES)


def test_the_four_parts_each_have_a_line():
    assert in_four_parts(errors.DataError('x', 'one', 'two', 'Add one.')).splitlines() == [
        'error:    x',
        'got:      one',
        'expected: two',
        'do this:  Add one.',
    ]


@pytest.mark.parametrize(('option', 'variable', 'shown'), [(True, '', True), (False, '1', True), (False, '0', False), (False, '', False)])
def test_traceback_only_where_asked(option, variable, shown, monkeypatch, capsys):
    monkeypatch.setenv('LAMINA_TRACEBACK', variable)
    with pytest.raises(typer.Exit), outcome(json=False, traceback=option):
        raise errors.DataError('x', 'one', 'two', 'Add one.')
    assert ('Traceback' in capsys.readouterr().err) is shown


def test_interrupt_is_130(capsys):
    with pytest.raises(typer.Exit) as stopped, outcome(json=True, traceback=False):
        raise KeyboardInterrupt
    assert stopped.value.exit_code == 130
    assert json.loads(capsys.readouterr().out)['exit_code'] == 130


def test_a_fault_of_lamina_is_not_hidden():
    with pytest.raises(ZeroDivisionError), outcome(json=True, traceback=False):
        raise ZeroDivisionError


def test_json_holds_only_what_json_can():
    import numpy as np

    text = as_json({'a': np.float32(1.5), 'b': np.arange(3), 'c': float('nan'), 4: (True, None), 'd': [np.inf], 'e': 'é'})
    assert json.loads(text) == {'a': 1.5, 'b': [0, 1, 2], 'c': None, '4': [True, None], 'd': [None], 'e': 'é'}
