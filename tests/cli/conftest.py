"""The command line as the tests call it: in this process, in a folder of its own, without any network."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from lamina.cli import app


@dataclass(frozen=True)
class Result:
    """What a verb left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; anything else there is an error."""
        return json.loads(self.out)


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name='lamina')
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def lamina():
    return call


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LAMINA_CACHE', str(tmp_path / 'cache'))
    for name in ('LAMINA_DATA', 'LAMINA_TRACEBACK'):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope='session')
def digits_model(tmp_path_factory):
    """A model of the 8 × 8 digits, trained by the command line once."""
    path = tmp_path_factory.mktemp('models') / 'digits.lamina'
    assert call('train', 'digits', '--epochs', 12, '--quiet', '--output', path).code == 0
    return path


@pytest.fixture(scope='session')
def table_file(tmp_path_factory):
    """Two well separated classes of rows."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 120)
    rows = (rng.normal(size=(120, 4)) + 6 * labels[:, None]).astype(np.float32)
    path = tmp_path_factory.mktemp('tables') / 'table.npz'
    np.savez(path, x_train=rows[:96], y_train=labels[:96], x_test=rows[96:], y_test=labels[96:])
    return path
