"""The file formats of the datasets, read so that nothing in a file can run: npz, idx, CIFAR's records, lists of numbers."""

import array
import gzip
import io
import pickle
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from lamina.core.errors import DataError

_MAX_MEMBER_BYTES = 1 << 30
_REMEDY = 'Remove the file and load again, or put a complete copy of the official file in its place.'
# What a damaged zip, gzip, tar, npy or pickle makes the standard library raise.
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    pickle.UnpicklingError,
)


def npz(path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """These arrays of an npz file; arrays of objects are refused.

    Raises:
        DataError: a damaged file, a missing array, or an array of objects; get the official file.
    """
    try:
        # Opened here, for np.load would leave a broken zip open.
        with open(path, 'rb') as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in names}
    except _DAMAGED as error:
        raise damaged(path, error, f'an npz file with the arrays {", ".join(names)}') from error


def idx(path: Path, dimensions: int) -> np.ndarray:
    """The uint8 array of a gzipped idx file (LeCun's format: two zero bytes, type 8, the number of axes, each axis as big-endian int32).

    Raises:
        DataError: a damaged file or another number of axes; get the official file.
    """
    expected = f'a gzipped idx file of uint8 with {dimensions} axes'
    try:
        with gzip.open(path) as file:
            data = file.read(_MAX_MEMBER_BYTES)
    except _DAMAGED as error:
        raise damaged(path, error, expected) from error
    head = 4 + 4 * dimensions
    if data[:4] != bytes((0, 0, 8, dimensions)) or len(data) < head:
        raise damaged(path, f'the first bytes {data[:4].hex()}', expected)
    shape = tuple(int(n) for n in np.frombuffer(data, '>i4', dimensions, 4))
    if min(shape) < 0 or len(data) - head != int(np.prod(shape, dtype=np.int64)):
        raise damaged(path, f'{len(data) - head} bytes for shape {shape}', expected)
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape).copy()


def records(path: Path, names: tuple[str, ...], label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of CIFAR's binary files, straight out of the tar archive, of which nothing is unpacked.

    Each record is `label_bytes` labels and then 3,072 pixels, one colour plane after the other.

    Args:
        path: the `.tar.gz`.
        names: the files in it, by their last name, in order.
        label_bytes: 1 for CIFAR-10, 2 (coarse, fine) for CIFAR-100.

    Returns:
        images `(n, 32, 32, 3)` and labels `(n, label_bytes)`, both uint8.

    Raises:
        DataError: a damaged archive or a missing file; get the official archive.
    """
    size = label_bytes + 3072
    found: dict[str, np.ndarray] = {}
    try:
        with tarfile.open(path, 'r:gz') as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isfile() and name in names and member.size <= _MAX_MEMBER_BYTES and (file := archive.extractfile(member)):
                    found[name] = np.frombuffer(file.read(), np.uint8).reshape(-1, size)
    except _DAMAGED as error:
        raise damaged(path, error, f'records of {size} bytes in a tar.gz archive') from error
    if missing := [name for name in names if name not in found]:
        raise damaged(path, f'no {", ".join(missing)} inside', f'the files {", ".join(names)}')
    table = np.concatenate([found[name] for name in names])
    images = table[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), table[:, :label_bytes].copy()


def number_lists(path: Path, name: str) -> list[list[int]]:
    """An array of lists of whole numbers from an npz file, where NumPy can only have stored it as a pickle.

    The pickle is read by a reader for which three names of NumPy stand for inert containers and every other name is refused, so that
    not even NumPy's own code runs on what the file says; whatever is not a list of whole numbers is refused afterwards.

    Raises:
        DataError: anything else is in it; get the official file.
    """
    expected = f'an npz file whose {name} is an array of lists of whole numbers'
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(f'{name}.npy').file_size > _MAX_MEMBER_BYTES:
                raise damaged(path, f'{name} of more than {_MAX_MEMBER_BYTES} bytes', expected)
            file = io.BytesIO(archive.read(f'{name}.npy'))
        read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[np.lib.format.read_magic(file)[0]](file)
        content = _InertUnpickler(file).load() if dtype.hasobject else None
        lists = getattr(content, 'items', None)
        if not isinstance(lists, list) or shape != (len(lists),):
            raise damaged(path, f'no such array in {name}', expected)
        for numbers in lists:
            if type(numbers) is not list:
                raise damaged(path, f'a {type(numbers).__name__} in {name}', expected)
            array.array('q', numbers)  # refuses, at C speed, all that is not a whole number of 64 bits
    except DataError:
        raise
    except (*_DAMAGED, OverflowError, AttributeError, MemoryError) as error:
        raise damaged(path, error, expected) from error
    return lists


def damaged(path: object, found: object, expected: str) -> DataError:
    """The error for a file that is not what its name says."""
    return DataError(str(path), str(found) or type(found).__name__, expected, _REMEDY)


class _Container:
    """Stands for the array and its dtype: keeps the list that the array was saved with, and does nothing."""

    items: object = None

    def __init__(self, *_: object):
        pass

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) == 5:  # (version, shape, dtype, is_fortran, items); a dtype's state is longer
            self.items = state[4]


_CONTAINERS = frozenset(
    {
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        ('numpy.core.multiarray', '_reconstruct'),
        ('numpy._core.multiarray', '_reconstruct'),
    }
)


class _InertUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[_Container]:
        if (module, name) in _CONTAINERS:
            return _Container
        raise pickle.UnpicklingError(f'the name {module}.{name}, which a list of numbers does not need')
