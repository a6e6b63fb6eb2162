"""The cache folder of each platform, the user's own data folder, and lines on stderr."""

from pathlib import Path

import pytest

from lamina.core.folders import cache_folder, data_folder
from lamina.core.notices import notice


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ('LAMINA_CACHE', 'LAMINA_DATA', 'XDG_CACHE_HOME', 'LOCALAPPDATA'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, 'home', lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ('platform', 'parts'),
    [('linux', ('.cache', 'lamina')), ('darwin', ('Library', 'Caches', 'lamina')), ('win32', ('AppData', 'Local', 'lamina', 'cache'))],
)
def test_the_cache_folder_of_each_platform(home, monkeypatch, platform, parts):
    monkeypatch.setattr('sys.platform', platform)
    assert cache_folder() == home.joinpath(*parts)


@pytest.mark.parametrize(
    ('platform', 'name', 'parts'), [('linux', 'XDG_CACHE_HOME', ('lamina',)), ('win32', 'LOCALAPPDATA', ('lamina', 'cache'))]
)
def test_the_platform_may_say_where_caches_are(home, monkeypatch, platform, name, parts):
    monkeypatch.setattr('sys.platform', platform)
    monkeypatch.setenv(name, str(home / 'elsewhere'))
    assert cache_folder() == home.joinpath('elsewhere', *parts)


def test_lamina_cache_comes_first(home, monkeypatch):
    monkeypatch.setenv('LAMINA_CACHE', str(home / 'mine'))
    monkeypatch.setenv('XDG_CACHE_HOME', str(home / 'theirs'))
    assert cache_folder() == home / 'mine'


def test_the_data_folder_is_the_one_that_is_named(home, monkeypatch):
    assert data_folder() is None
    monkeypatch.setenv('LAMINA_DATA', str(home / 'data'))
    assert data_folder() == home / 'data'


def test_a_notice_is_one_line_on_stderr(capsys):
    notice('using the subset')
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('', 'lamina: using the subset\n')
