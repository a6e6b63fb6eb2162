"""Files that are either written whole or not at all, and archives that can hold nothing but what was expected."""

import contextlib
import errno
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from lamina.core.errors import ArchiveError, StorageError


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name, flush to the disk, rename. Whatever stood at `path` stays until the rename.

    Raises:
        StorageError: the folder is missing, the disk is full, or writing is not permitted; `path` is as it was.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f'.{path.name}.', suffix='.part', dir=path.parent)
        with os.fdopen(handle, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise StorageError(
            str(path), error.strerror or str(error), 'a folder that exists, room on the disk and permission to write',
            'Free some space or choose another path; nothing at this path was changed.',
        ) from error  # fmt: skip
    _sync_folder(path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable; not every system lets a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def pack(members: Mapping[str, bytes]) -> bytes:
    """A zip archive of these members, stored without compression; equal members give equal bytes."""
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def unpack(path: Path, expected: Mapping[str, int]) -> dict[str, bytes]:
    """The members of an archive that `pack` made, checked before anything is read into memory.

    Args:
        path: of the archive.
        expected: the names that may occur, each with the most bytes it may have.

    Raises:
        ArchiveError: not a zip file, a name that is not expected or occurs twice, a compressed or encrypted member, a
            declared size beyond the file's own, a checksum that is wrong.
        StorageError: the file cannot be read.
    """
    where = str(path)
    try:
        size_bytes = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _check_members(where, infos, expected, size_bytes)
            return {info.filename: archive.read(info) for info in infos}
    except FileNotFoundError as error:
        raise StorageError(where, 'no such file', 'a saved model', 'Check the path.') from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        if isinstance(error, ArchiveError):
            raise
        raise ArchiveError(where, f'a damaged archive ({error})', 'a whole .lamina file', 'Copy or save it again.') from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a directory that points before the start of the file
            raise ArchiveError(where, f'a damaged archive ({error})', 'a whole .lamina file', 'Copy or save it again.') from error
        raise StorageError(where, error.strerror or str(error), 'a file that can be read', 'Check the path and its permissions.') from error


def _check_members(where: str, infos: list[zipfile.ZipInfo], expected: Mapping[str, int], size_bytes: int) -> None:
    names = [info.filename for info in infos]

    def refuse(got: str, wanted: str) -> None:
        raise ArchiveError(where, got, wanted, 'Do not use this file; it was not written by Lamina, or was changed since.')

    for info in infos:
        shown = repr(info.filename[:80])
        if info.filename not in expected:
            refuse(f'the member {shown}', f'only {", ".join(expected)}')
        if names.count(info.filename) > 1:
            refuse(f'the member {shown} twice', 'each member once')
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 0x1:
            refuse(f'the member {shown} compressed or encrypted', 'stored members')
        if info.file_size != info.compress_size or info.file_size > size_bytes:
            refuse(f'the member {shown} of {info.file_size:,} declared bytes', f'at most the {size_bytes:,} bytes of the file')
        if info.file_size > expected[info.filename]:
            refuse(f'the member {shown} of {info.file_size:,} bytes', f'at most {expected[info.filename]:,}')
    if sum(info.file_size for info in infos) > size_bytes:
        refuse('members that overlap', 'members one after another')
