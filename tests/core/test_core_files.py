"""Files are whole or not there; archives hold what was expected or are refused."""

import errno
import io
import os
import resource
import stat
import struct
import subprocess
import sys
import zipfile

import pytest

from lamina.core import files
from lamina.core.errors import ArchiveError, StorageError
from lamina.core.files import pack, unpack, write_atomically

EXPECTED = {'a.json': 100, 'b.bin': 1000}
MEMBERS = {'a.json': b'{"x": 1}', 'b.bin': bytes(range(256))}


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_written_is_there_with_the_permissions_of_the_process(tmp_path):
    path = tmp_path / 'model.lamina'
    write_atomically(path, b'first')
    write_atomically(path, b'second')
    assert path.read_bytes() == b'second'
    assert [p.name for p in tmp_path.iterdir()] == ['model.lamina']
    plain = tmp_path / 'plain'
    plain.write_bytes(b'')
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize('call', ['fsync', 'replace', 'chmod', 'fdopen'])
def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / 'model.lamina'
    path.write_bytes(b'old')
    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(StorageError, match=r'No space left.*Free some space or choose another path; nothing at this path was changed'):
        write_atomically(path, b'new')
    monkeypatch.undo()
    assert path.read_bytes() == b'old'
    assert [p.name for p in tmp_path.iterdir()] == ['model.lamina']


def test_a_disk_that_fills_up_while_writing(tmp_path):
    """A real failure of write(2), in a process whose files may not grow beyond 1,000 bytes."""
    path = tmp_path / 'model.lamina'
    path.write_bytes(b'old')
    code = """
import resource, signal, sys
from pathlib import Path
from lamina.core.errors import StorageError
from lamina.core.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path(sys.argv[1]), bytes(100_000))
except StorageError as error:
    sys.exit(0 if 'nothing at this path was changed' in str(error) else 3)
"""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    assert limit == resource.RLIM_INFINITY or limit > 1000
    subprocess.run([sys.executable, '-B', '-c', code, str(path)], check=True)
    assert path.read_bytes() == b'old'
    assert [p.name for p in tmp_path.iterdir()] == ['model.lamina']


def test_a_folder_that_is_missing_or_is_a_file(tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    for path in (tmp_path / 'no' / 'model.lamina', tmp_path / 'file' / 'model.lamina'):
        with pytest.raises(StorageError, match='Free some space or choose another path'):
            write_atomically(path, b'x')


def test_equal_members_give_equal_bytes_and_come_back(tmp_path):
    assert pack(MEMBERS) == pack(dict(MEMBERS))
    path = tmp_path / 'a.lamina'
    path.write_bytes(pack(MEMBERS))
    assert unpack(path, EXPECTED) == MEMBERS
    assert unpack(path, {**EXPECTED, 'optional': 5}) == MEMBERS


def zipped(*entries, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def header_changed(content, offset, value, size=4):
    """The bytes with a field of the first central directory record changed."""
    at = content.index(b'PK\x01\x02') + offset
    return content[:at] + struct.pack({2: '<H', 4: '<I'}[size], value) + content[at + size :]


GOOD = pack(MEMBERS)
BAD = {
    'empty': b'',
    'no zip': b'hello' * 100,
    'truncated': GOOD[:-30],
    'cut at the front': GOOD[10:],
    'extra member': zipped(('a.json', b'{}'), ('evil.py', b'')),
    'path upwards': zipped(('../a.json', b'{}')),
    'absolute path': zipped(('/a.json', b'{}')),
    'compressed': zipped(('a.json', b'{}' * 30), compression=zipfile.ZIP_DEFLATED),
    'bomb': zipped(('b.bin', bytes(10**6)), compression=zipfile.ZIP_DEFLATED),
    'too large': zipped(('a.json', b'x' * 101)),
    'encrypted': header_changed(GOOD, 8, 1, 2),
    'declares another size': header_changed(GOOD, 24, 2**31),
    'declares both sizes large': header_changed(header_changed(GOOD, 24, 2**31), 20, 2**31),
    'wrong checksum': GOOD.replace(b'{"x": 1}', b'{"x": 2}'),
    'unknown compression': header_changed(GOOD, 10, 99, 2),
    'directory': zipped(('a.json/', b'')),
}


@pytest.mark.parametrize('case', BAD)
def test_what_is_not_such_an_archive_is_refused(tmp_path, case):
    path = tmp_path / 'bad.lamina'
    path.write_bytes(BAD[case])
    with pytest.raises(ArchiveError, match=r'Do not use this file|Copy or save it again'):
        unpack(path, EXPECTED)


def test_a_member_twice_is_refused(tmp_path):
    path = tmp_path / 'twice.lamina'
    with pytest.warns(UserWarning, match='Duplicate name'):
        path.write_bytes(zipped(('a.json', b'{}'), ('a.json', b'[]')))
    with pytest.raises(ArchiveError, match=r'twice.*Do not use this file'):
        unpack(path, EXPECTED)


def test_members_that_overlap_are_refused(tmp_path):
    """Two directory entries that point at the same bytes, the trick of quadratic bombs."""
    content = zipped(('a.json', b'x' * 90), ('b.bin', b'y' * 90))
    second = content.index(b'PK\x01\x02', content.index(b'PK\x01\x02') + 4)
    overlapping = content[: second + 42] + struct.pack('<I', 0) + content[second + 46 :]
    path = tmp_path / 'overlap.lamina'
    path.write_bytes(overlapping)
    with pytest.raises(ArchiveError, match=r'Do not use this file|Copy or save it again'):
        unpack(path, EXPECTED)


def test_a_file_that_is_missing_or_a_folder_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match='Check the path'):
        unpack(tmp_path / 'nothing.lamina', EXPECTED)
    with pytest.raises(StorageError, match='Check the path and its permissions'):
        unpack(tmp_path, EXPECTED)
