"""DATASET on the command line: a name of `lamina.datasets`, or an .npz file; and what it asks of a network."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lamina import datasets
from lamina.core.errors import ConfigError, DataError, DownloadError, StorageError, unknown_name
from lamina.datasets import Listing, readers

_MOST_CLASSES = 10_000
_PARTS = ('train', 'test')
# Booleans, whole numbers and floats, as NumPy's dtypes call them.
_NUMBERS = 'biuf'


@dataclass(frozen=True)
class Task:
    """What a network for a dataset takes and gives.

    Args:
        shape: of one example.
        classes: how many labels there are; None where the targets are numbers to be approximated.
        outputs: numbers a network gives for one example.
        full_scale: the value of full brightness in images, 255 for bytes; None where examples are rows of a table.
    """

    shape: tuple[int, ...]
    classes: int | None
    outputs: int
    full_scale: float | None


@dataclass(frozen=True)
class Data:
    """A dataset that was read: `(x, y)` by the name of the part, and the task it sets."""

    name: str
    task: Task
    parts: dict[str, tuple[np.ndarray, np.ndarray]]

    def part(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """One part.

        Raises:
            DataError: the file has no such part.
        """
        if name not in self.parts:
            got, wanted = f'the parts {sorted(self.parts)}', f'the arrays x_{name} and y_{name}'
            raise DataError(self.name, got, wanted, f'Save them too: np.savez(file, x_{name}=…, y_{name}=…).')
        return self.parts[name]


def load_dataset(name: str, *, offline: bool = False) -> Data:
    """The arrays of a dataset.

    Args:
        name: as `lamina datasets` lists it, or the path of an .npz file.
        offline: use no network.

    Raises:
        UnknownNameError: no such name; the nearest is proposed.
        DownloadError: offline, and the files are not at hand.
        DataError: the file's arrays cannot be trained on.
        StorageError: there is no such file.
    """
    if _is_file(name):
        return _from_npz(Path(name))
    listing = _listing(name)
    task = _known_task(listing)
    if name == 'mnist':
        train, test = datasets.mnist.load_data(offline=offline)
    else:
        if offline and listing.where == 'not fetched':
            raise DownloadError(
                name, 'no files at hand, and --offline', 'its files in LAMINA_DATA or the cache', 'Run once without --offline.'
            )
        train, test = getattr(datasets, name).load_data()
    return Data(name, task, {'train': train, 'test': test})


def task_of(name: str) -> Task:
    """The task a dataset sets; nothing is fetched for one that is known by name."""
    return _from_npz(Path(name)).task if _is_file(name) else _known_task(_listing(name))


def _is_file(name: str) -> bool:
    return name.endswith('.npz') or '/' in name


def _listing(name: str) -> Listing:
    known = {listing.name: listing for listing in datasets.catalogue()}
    if name not in known:
        raise unknown_name('DATASET', name, known)
    return known[name]


def _known_task(listing: Listing) -> Task:
    if listing.shape is None:
        remedy = 'Train on it from Python: make its texts rows of numbers first, or save such rows as an .npz file.'
        raise ConfigError(f'DATASET {listing.name!r}', 'texts of varying length', 'images, or rows of a table', remedy)
    return Task(listing.shape, listing.classes, listing.classes, 16.0 if listing.name == 'digits' else 255.0)


def _from_npz(path: Path) -> Data:
    if not path.is_file():
        raise StorageError(str(path), 'no such file', 'an .npz file, or a name that `lamina datasets` lists', 'Check the path.')
    parts = _parts_within(path)
    arrays = readers.npz(path, tuple(f'{axis}_{part}' for part in parts for axis in 'xy'))
    data = {part: (arrays[f'x_{part}'], arrays[f'y_{part}']) for part in parts}
    for part, (x, y) in data.items():
        _check(path, part, x, y)
    return Data(path.stem, _observed_task(path, *data['train' if 'train' in data else 'test']), data)


def _parts_within(path: Path) -> list[str]:
    """The parts that the file has; both where it cannot be told, so that reading them says what is wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return list(_PARTS)
    return [part for part in _PARTS if f'x_{part}.npy' in names] or list(_PARTS)


def _check(path: Path, part: str, x: np.ndarray, y: np.ndarray) -> None:
    where = f'{path}, x_{part}'
    if x.ndim < 2 or len(x) == 0 or x.dtype.kind not in _NUMBERS:
        raise DataError(
            where, f'{x.dtype} {x.shape}', 'numbers (n, features) or (n, height, width[, channels])', 'Save one row per example.'
        )
    if y.ndim == 0 or y.dtype.kind not in _NUMBERS:
        remedy = 'Number the classes from 0: np.unique(y, return_inverse=True)[1].'
        raise DataError(f'{path}, y_{part}', f'{y.dtype} {y.shape}', 'one number for each example', remedy)
    if len(x) != len(y):
        raise DataError(where, f'{len(x)} examples and {len(y)} targets', 'as many targets as examples', 'Save them in pairs.')


def _observed_task(path: Path, x: np.ndarray, y: np.ndarray) -> Task:
    image = x.ndim > 2
    full_scale = _full_scale(x) if image else None
    if np.issubdtype(y.dtype, np.floating):
        if y.ndim > 2:
            raise DataError(f'{path}, y', f'targets {y.shape}', 'numbers (n,) or (n, outputs)', 'Flatten the targets of each example.')
        return Task(x.shape[1:], None, 1 if y.ndim == 1 else y.shape[1], full_scale)
    if y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1):
        remedy = 'Save y.argmax(axis=1) where the rows are one-hot, or floats where numbers are to be approximated.'
        raise DataError(f'{path}, y', f'whole numbers {y.shape}', 'class numbers (n,)', remedy)
    classes = int(y.max()) + 1
    if y.min() < 0 or classes > _MOST_CLASSES:
        remedy = 'Number the classes from 0, or save y as float32 where it is a quantity.'
        raise DataError(f'{path}, y', f'labels from {y.min()} to {y.max()}', f'classes from 0 to at most {_MOST_CLASSES - 1}', remedy)
    return Task(x.shape[1:], classes, classes, full_scale)


def _full_scale(x: np.ndarray) -> float:
    """255 for bytes that use their range, else the largest value, and 1 where that is no more."""
    peak = float(np.abs(x.astype(np.float64) if x.dtype == bool else x).max())
    return 255.0 if x.dtype == np.uint8 and peak > 127 else peak if np.isfinite(peak) and peak > 1 else 1.0


def describe(data: Data) -> dict[str, Any]:
    """A dataset in a few numbers, for the record of a run."""
    return {'name': data.name, 'shape': data.task.shape, 'classes': data.task.classes} | {
        part: len(x) for part, (x, _) in data.parts.items()
    }
