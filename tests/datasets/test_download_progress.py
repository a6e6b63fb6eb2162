"""The display of a download: lines in a log, a bar on a terminal."""

import io
import sys

from lamina.datasets.progress import Bar, Lines, megabytes, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_there_is_no_terminal(capsys):
    shown = progress('a.npz', 4_000_000)
    assert isinstance(shown, Lines)
    for done in range(0, 4_000_001, 100_000):
        shown.update(done)
    shown.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        'lamina: fetching a.npz (4.0 MB)',
        'lamina: fetching a.npz: 25 % of 4.0 MB',
        'lamina: fetching a.npz: 50 % of 4.0 MB',
        'lamina: fetching a.npz: 75 % of 4.0 MB',
        'lamina: fetching a.npz: 4.0 MB received',
    ]


def test_lines_of_a_resumed_and_of_an_unknown_size(capsys):
    shown = progress('a', 1000, 600)
    shown.update(700)
    shown.update(800)
    progress('b', None).update(5)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        'lamina: fetching a (0.0 MB, going on at 0.0 MB)',
        'lamina: fetching a: 75 % of 0.0 MB',
        'lamina: fetching b (size unknown)',
    ]


def test_a_bar_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, 'stderr', Terminal())
    shown = progress('a.npz', 2_000_000)
    assert isinstance(shown, Bar)
    shown.update(2_000_000)
    shown.close()
    assert 'a.npz' in sys.stderr.getvalue()
    assert '2.0/2.0 MB' in sys.stderr.getvalue()


def test_a_download_shows_its_progress(site, capsys):
    from lamina.datasets.fetch import fetch

    site.files['a.bin'] = bytes(2_000_000)
    fetch('a.bin', f'{site.url}/a.bin', site.sha256('a.bin'))
    err = capsys.readouterr().err
    assert 'fetching a.bin (2.0 MB)' in err
    assert '50 % of 2.0 MB' in err
    assert '2.0 MB received' in err


def test_sizes_in_words():
    assert [megabytes(11_490_434), megabytes(None)] == ['11.5 MB', 'size unknown']
