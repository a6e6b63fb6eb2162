"""A lock file, so that two processes which want the same file fetch it once."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lamina.core.errors import StorageError
from lamina.core.notices import notice

if sys.platform == 'win32':
    import msvcrt

    def _try(file: IO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _release(file: IO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try(file: IO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(file: IO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


_POLL_S = 0.1


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock `path` while the block runs, waiting for its holder; the system frees it if the holder dies.

    The file stays behind: removing it would let a third process lock a file that a second is still waiting for.

    Raises:
        StorageError: the file cannot be made or this file system has no locks; set LAMINA_CACHE to a local folder.
    """
    try:
        file = open(path, 'a+b')  # noqa: SIM115 — closed below, after the lock is released
    except OSError as error:
        raise _no_lock(path, error) from error
    with file:
        _acquire(file, path)
        try:
            yield
        finally:
            _release(file)


def _acquire(file: IO, path: Path) -> None:
    told = False
    while True:
        try:
            return _try(file)
        except (BlockingIOError, PermissionError):
            if not told:
                notice(f'another process is fetching {path.stem}; waiting for it')
                told = True
            time.sleep(_POLL_S)
        except OSError as error:
            raise _no_lock(path, error) from error


def _no_lock(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f'lock file {path}',
        error.strerror or str(error),
        'a folder in which files can be made and locked',
        'Set LAMINA_CACHE to a writable folder on a local disk.',
    )
