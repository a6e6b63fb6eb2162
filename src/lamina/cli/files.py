"""The files a verb reads and writes: models, and the folder of a training run."""

import os
from pathlib import Path
from typing import Any

from lamina.cli.outcome import as_json
from lamina.core.errors import ArchiveError, ConfigError, LaminaError, StorageError
from lamina.core.files import write_atomically

MODEL, HISTORY, SETTINGS = 'model.lamina', 'history.json', 'settings.json'


def load_model(path: Path) -> Any:
    """The model in this file.

    Raises:
        ArchiveError: the file was refused, whatever the reason in it; nothing of it was used.
        StorageError: there is no such file, or it cannot be read.
    """
    from lamina.models import load

    try:
        return load(path)
    except (ArchiveError, StorageError):
        raise
    except LaminaError as error:
        # A setting that a file gets wrong is the file's fault here, not that of the options.
        raise ArchiveError(f'{path}, {error.where}', error.got, error.expected, error.remedy) from error


def destinations(dataset: str, output: Path | None, run_dir: Path | None) -> list[Path]:
    """Where the trained model will be written, checked before any training.

    Args:
        dataset: whose name is taken, numbered where such a file exists, when neither of the others is given.
        output: the file that was asked for; one that stands there is replaced.
        run_dir: the run's folder, made here.

    Raises:
        ConfigError: the folder already holds a run.
        StorageError: a folder is missing or cannot be written.
    """
    paths = []
    if run_dir is not None:
        paths.append(_started(run_dir) / MODEL)
    if output is not None:
        paths.append(output if output.suffix else output.with_suffix('.lamina'))
    if not paths:
        paths.append(_free(Path(dataset).stem))
    for path in paths:
        _check_writable(path)
    return paths


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document, whole or not at all."""
    write_atomically(path, as_json(document).encode() + b'\n')


def _started(run_dir: Path) -> Path:
    if (run_dir / MODEL).exists():
        raise ConfigError('option --run-dir', f'{str(run_dir)!r}, which holds {MODEL}', 'a folder without a run', 'Name another folder.')
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(run_dir, error.strerror or str(error)) from error
    return run_dir


def _free(stem: str) -> Path:
    path, number = Path(f'{stem}.lamina'), 1
    while path.exists():
        number += 1
        path = Path(f'{stem}-{number}.lamina')
    return path


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise _unwritable(path, 'a folder')
    if not path.parent.is_dir():
        raise _unwritable(path, f'no folder {str(path.parent)!r}')
    if not os.access(path.parent, os.W_OK):
        raise _unwritable(path, f'no permission to write in {str(path.parent)!r}')


def _unwritable(path: Path, got: str) -> StorageError:
    return StorageError(str(path), got, 'a place that can be written', 'Make the folder, or choose another with --output or --run-dir.')
