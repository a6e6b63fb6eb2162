"""Fetching: where a file is looked for, and every way in which a download can go wrong."""

import errno
import hashlib
import os
import subprocess
import sys

import pytest

from lamina.core.errors import ConfigError, DownloadError, StorageError
from lamina.datasets import download as downloads
from lamina.datasets.download import OfflineError
from lamina.datasets.fetch import cached_path, fetch, whereabouts

CONTENT = bytes(range(256)) * 4096  # 1 MiB: several reads
NAME = 'numbers.bin'


@pytest.fixture
def get(site):
    """Fetch the file of the site."""
    site.files[NAME] = CONTENT

    def call(**options):
        size_bytes = options.pop('size_bytes', len(CONTENT))
        return fetch(NAME, f'{site.url}/{NAME}', options.pop('sha256', site.sha256(NAME)), size_bytes, **options)

    return call


def part():
    return cached_path(NAME + '.part')


def leave(content):
    part().parent.mkdir(parents=True)
    part().write_bytes(content)


def test_a_file_is_fetched_once(site, get):
    assert whereabouts(NAME) == 'not fetched'
    path = get()
    assert path.read_bytes() == CONTENT
    assert get() == path == cached_path(NAME)
    assert len(site.asked) == 1
    assert whereabouts(NAME) == 'cached'
    assert not part().exists()


def test_the_folder_of_the_user_comes_first(site, get, data_folder, capsys):
    (data_folder / NAME).write_bytes(CONTENT)
    assert get() == data_folder / NAME
    assert whereabouts(NAME) == 'LAMINA_DATA'
    assert site.asked == []
    assert capsys.readouterr().err == ''


def test_another_file_of_the_user_is_used_and_said(site, get, data_folder, capsys):
    (data_folder / NAME).write_bytes(b'mine')
    assert get().read_bytes() == b'mine'
    assert 'not the official numbers.bin' in capsys.readouterr().err
    assert site.asked == []


def test_a_folder_of_the_user_without_the_file(get, data_folder):
    assert get() == cached_path(NAME)
    assert list(data_folder.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(get):
    get().write_bytes(b'damaged')
    assert get().read_bytes() == CONTENT


def test_md5_where_nothing_better_is_published(site, get):
    assert get(sha256='md5:' + hashlib.md5(CONTENT).hexdigest()).read_bytes() == CONTENT
    with pytest.raises(DownloadError, match='The bad file was removed'):
        fetch('other.bin', f'{site.url}/{NAME}', 'md5:' + '0' * 32)


def test_a_mirror_replaces_the_site(site, get, monkeypatch):
    monkeypatch.setenv('LAMINA_DATA_MIRROR', site.url + '/')
    path = fetch(NAME, 'https://nowhere.invalid/numbers.bin', site.sha256(NAME))
    assert path.read_bytes() == CONTENT


def test_a_name_with_a_folder(site):
    site.files['set/a.bin'] = b'abc'
    path = fetch('set/a.bin', f'{site.url}/set/a.bin', site.sha256('set/a.bin'))
    assert path == cached_path('set/a.bin')


@pytest.mark.parametrize('name', ['../a', '/etc/a', 'a/../../b', 'c:a', 'a\\b', ''])
def test_a_name_outside_the_folder(name):
    with pytest.raises(ConfigError, match='and the folder by LAMINA_DATA'):
        fetch(name, 'http://127.0.0.1:9/a', '00')


# ── interrupted, resumed, retried ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_interrupted_download_goes_on(site, get):
    leave(CONTENT[:1000])
    assert get().read_bytes() == CONTENT
    assert site.asked == [(f'/{NAME}', 'bytes=1000-')]


def test_a_server_that_ignores_ranges_sends_the_whole(site, get):
    site.ranges = False
    leave(CONTENT[:1000])
    assert get().read_bytes() == CONTENT


def test_the_beginning_of_another_file_is_thrown_away(site, get):
    leave(b'x' * 1000)
    assert get().read_bytes() == CONTENT
    assert [asked for _, asked in site.asked] == ['bytes=1000-', None]


@pytest.mark.parametrize('size_bytes', [None, len(CONTENT)])
def test_a_complete_part_is_not_asked_for_again(site, get, size_bytes):
    leave(CONTENT)
    assert get(size_bytes=size_bytes).read_bytes() == CONTENT
    assert [asked for _, asked in site.asked] == ([f'bytes={len(CONTENT)}-'] if size_bytes is None else [])


def test_a_part_that_is_too_long_is_thrown_away(get):
    leave(CONTENT + b'more')
    assert get().read_bytes() == CONTENT


def test_a_connection_that_breaks_off_is_taken_up_again(site, get):
    site.cut_after = [300_000, 200_000]
    assert get().read_bytes() == CONTENT
    assert [asked for _, asked in site.asked] == [None, 'bytes=300000-', 'bytes=500000-']


@pytest.mark.parametrize('hide_length', [False, True])
def test_a_truncated_download_keeps_its_part(site, get, hide_length):
    site.cut_after, site.hide_length = [100_000] * downloads.ATTEMPTS, hide_length
    with pytest.raises(DownloadError, match=r'400,000 of 1,048,576 bytes.*Run again to go on where it stopped.*LAMINA_DATA'):
        get()
    assert part().read_bytes() == CONTENT[:400_000]
    assert not cached_path(NAME).exists()
    assert get().read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(site, get):
    site.statuses = [503, 429]
    assert get().read_bytes() == CONTENT
    assert len(site.asked) == 3


def test_a_server_that_stays_busy(site, get):
    site.statuses = [500] * downloads.ATTEMPTS
    with pytest.raises(DownloadError, match=r'HTTP status 500.*Run again'):
        get()


def test_a_refusal_is_not_repeated(site, get):
    site.statuses = [403]
    with pytest.raises(DownloadError, match=rf'HTTP status 403.*Save {site.url}/{NAME}'):
        get()
    assert len(site.asked) == 1


def test_a_silent_server_is_given_up(site, get, monkeypatch):
    import socket

    monkeypatch.setattr(downloads, 'TIMEOUT_S', 0.05)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        url = f'http://127.0.0.1:{silent.getsockname()[1]}/{NAME}'
        with pytest.raises(DownloadError, match=r'TimeoutError.*Run again'):
            fetch(NAME, url, '00')


# ── wrong content ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wrong_hash_removes_the_file(get):
    with pytest.raises(DownloadError, match=r'the hash 0000.*The bad file was removed'):
        get(sha256='0' * 64)
    assert not part().exists()
    assert not cached_path(NAME).exists()


def test_more_bytes_than_expected_stop_the_download(get):
    with pytest.raises(DownloadError, match='The server sends another file'):
        get(size_bytes=1000)
    assert not cached_path(NAME).exists()


# ── no network, no room ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_server(unreachable):
    with pytest.raises(OfflineError, match=r'Save https://example.org/numbers.bin as numbers.bin in a folder and set LAMINA_DATA'):
        fetch(NAME, 'https://example.org/numbers.bin', '00')


def test_offline_asks_nobody(site, get):
    with pytest.raises(OfflineError, match='set LAMINA_DATA'):
        get(offline=True)
    assert site.asked == []
    path = get()
    assert get(offline=True) == path


@pytest.mark.parametrize('url', ['file:///etc/hostname', 'ftp://127.0.0.1/a', '/etc/hostname'])
def test_only_http(url):
    with pytest.raises(ConfigError, match='Check LAMINA_DATA_MIRROR'):
        fetch(NAME, url, '00')


@pytest.mark.parametrize('target', ['file:///etc/hostname', 'ftp://127.0.0.1/a'])
def test_a_redirect_cannot_leave_http(site, get, target):
    site.redirect = target
    with pytest.raises(DownloadError, match='set LAMINA_DATA'):
        get()


class Full:
    """A file on a disk without room."""

    def __init__(self, file, code):
        self.file, self.code = file, code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def seek(self, position):
        self.file.seek(position)

    def write(self, data):
        raise OSError(self.code, os.strerror(self.code))


@pytest.mark.parametrize(('code', 'remedy'), [(errno.ENOSPC, 'Free some space'), (errno.EIO, 'Set LAMINA_CACHE')])
def test_a_disk_that_fills_up(get, monkeypatch, code, remedy):
    writing = downloads._writing
    monkeypatch.setattr(downloads, '_writing', lambda path, mode: Full(writing(path, mode), code))
    with pytest.raises(StorageError, match=remedy):
        get()


def test_a_disk_without_room_is_noticed_before(site, get):
    with pytest.raises(StorageError, match='Free some space, or set LAMINA_CACHE'):
        get(size_bytes=1 << 60)
    assert site.asked == []


def test_a_cache_that_cannot_be_made(get, folders, monkeypatch):
    (folders / 'file').write_text('')
    monkeypatch.setenv('LAMINA_CACHE', str(folders / 'file'))
    with pytest.raises(StorageError, match='Set LAMINA_CACHE to a folder that you may write to'):
        get()


def test_a_part_that_cannot_be_opened(get):
    part().mkdir(parents=True)
    (part() / 'x').write_text('')
    with pytest.raises(StorageError, match='Set LAMINA_CACHE'):
        get(size_bytes=None)


# ── two processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_processes_fetch_once(site, get):
    code = 'import sys\nfrom lamina.datasets.fetch import fetch\nprint(fetch(*sys.argv[1:4]).stat().st_size)'
    command = [sys.executable, '-c', code, NAME, f'{site.url}/{NAME}', site.sha256(NAME)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in running]
    assert [out.strip() for out, _ in answers] == [str(len(CONTENT))] * 2, answers
    assert len(site.asked) == 1
