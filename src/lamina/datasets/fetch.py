"""A dataset's file, from wherever it is: the folder LAMINA_DATA, the cache, or its official source."""

import hashlib
import hmac
import os
import shutil
from pathlib import Path, PurePosixPath

from lamina.core.errors import ConfigError, DownloadError, StorageError
from lamina.core.folders import cache_folder, data_folder
from lamina.core.notices import notice
from lamina.datasets.download import OfflineError, download, storage_error
from lamina.datasets.locks import locked
from lamina.datasets.progress import megabytes


def fetch(name: str, url: str, sha256: str, size_bytes: int | None = None, *, offline: bool = False) -> Path:
    """The path of a file whose content is known by its hash, downloading it only where it is not yet at hand.

    Looked for in this order: a file of this name in the folder `LAMINA_DATA`; the cache; the network. A file in `LAMINA_DATA` is
    the user's word: where its hash is not the official one it is used all the same, and that is said on stderr. `LAMINA_DATA_MIRROR`
    replaces everything before the name in the URL, for a mirror within a firm.

    Args:
        name: its name below those folders, such as `'mnist.npz'` or `'fashion-mnist/train-images-idx3-ubyte.gz'`.
        url: where it comes from.
        sha256: the SHA-256 of its content in hexadecimal; `'md5:…'` where the source publishes only that.
        size_bytes: its size, where known: checked against the free space before and against the answer during the download.
        offline: do not use the network.

    Returns:
        The path of a complete file.

    Raises:
        OfflineError: it is not at hand and cannot be fetched; save it by hand and set LAMINA_DATA.
        DownloadError: the server refused, broke off (what has arrived is kept), or sent another file (which is removed).
        StorageError: the cache cannot be written; free space, or set LAMINA_CACHE.

    Example:
        >>> from lamina.datasets.fetch import fetch
        >>> fetch('mnist.npz', 'https://example.org/mnist.npz', '731c5ac6', offline=True)  # doctest: +SKIP
        PosixPath('/home/me/.cache/lamina/datasets/mnist.npz')
    """
    _check_name(name)
    if (own := _own(name)) is not None:
        if not matches(own, sha256):
            notice(f'{own} is not the official {name} (another hash); it is used as it is, because LAMINA_DATA names its folder')
        return own
    target = cached_path(name)
    if target.is_file() and matches(target, sha256):
        return target
    remedy = f'Save {url} as {PurePosixPath(name)} in a folder and set LAMINA_DATA to that folder.'
    if offline:
        raise OfflineError(f'dataset file {name}', 'no copy at hand', f'it in LAMINA_DATA or {target.parent}', remedy)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(target.parent, error) from error
    with locked(target.with_name(target.name + '.lock')):
        if not (target.is_file() and matches(target, sha256)):
            _fetch_into(target, name, _mirrored(url, name), sha256, size_bytes, remedy)
    return target


def cached_path(name: str) -> Path:
    """Where the cache keeps, or would keep, this file."""
    return cache_folder() / 'datasets' / name


def whereabouts(name: str) -> str:
    """`'LAMINA_DATA'`, `'cached'` or `'not fetched'`, without reading or fetching anything."""
    if _own(name) is not None:
        return 'LAMINA_DATA'
    return 'cached' if cached_path(name).is_file() else 'not fetched'


def matches(path: Path, digest: str) -> bool:
    """Whether the file has this SHA-256, or this MD5 where `digest` begins with `'md5:'`."""
    kind, _, value = digest.rpartition(':')
    with open(path, 'rb') as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(kind or 'sha256', usedforsecurity=False)).hexdigest()
    return hmac.compare_digest(found, value.lower())


def _own(name: str) -> Path | None:
    folder = data_folder()
    return folder / name if folder is not None and (folder / name).is_file() else None


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or '..' in path.parts or '\\' in name or ':' in name:
        raise ConfigError(
            'dataset file', repr(name), 'a name below the data folder', "Give a name such as 'mnist.npz', and the folder by LAMINA_DATA."
        )


def _mirrored(url: str, name: str) -> str:
    base = os.environ.get('LAMINA_DATA_MIRROR')
    return f'{base.rstrip("/")}/{name}' if base else url


def _fetch_into(target: Path, name: str, url: str, sha256: str, size_bytes: int | None, remedy: str) -> None:
    part = target.with_name(target.name + '.part')
    _check_space(part, size_bytes)
    resumed = download(url, part, name, size_bytes, remedy)
    if resumed and not matches(part, sha256):
        # The beginning came from an earlier attempt and may belong to another version of the file: once more, from its start.
        part.unlink()
        download(url, part, name, size_bytes, remedy)
    if not matches(part, sha256):
        part.unlink()
        raise DownloadError(
            f'download of {name} from {url}',
            'another content than expected',
            f'the hash {sha256}',
            f'The bad file was removed; try later. {remedy}',
        )
    try:
        os.replace(part, target)
    except OSError as error:
        raise storage_error(target, error) from error


def _check_space(part: Path, size_bytes: int | None) -> None:
    if size_bytes is None:
        return
    missing = size_bytes - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(part.parent).free
    if missing > free:
        raise StorageError(
            str(part.parent),
            f'{megabytes(free)} free',
            f'{megabytes(missing)} for the download',
            'Free some space, or set LAMINA_CACHE to another disk.',
        )
