"""The lock file: one holder at a time, told to the one who waits, freed when the holder leaves."""

import threading
import time

import pytest

from lamina.core.errors import StorageError
from lamina.datasets.locks import locked


def test_the_second_waits_for_the_first(tmp_path, capsys):
    order = []

    def second():
        with locked(tmp_path / 'a.npz.lock'):
            order.append('second')

    with locked(tmp_path / 'a.npz.lock'):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.05)
        order.append('first')
    thread.join(timeout=10)
    assert order == ['first', 'second']
    assert capsys.readouterr().err.count('another process is fetching a.npz; waiting for it') == 1


def test_a_failure_inside_frees_the_lock(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / 'a.lock'):
        raise KeyError('inside')
    with locked(tmp_path / 'a.lock'):
        assert (tmp_path / 'a.lock').exists()


def test_a_lock_that_cannot_be_made(tmp_path):
    with pytest.raises(StorageError, match='Set LAMINA_CACHE to a writable folder on a local disk'), locked(tmp_path / 'none' / 'a.lock'):
        pass


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def no_locks(file):
        raise OSError(37, 'No locks available')

    monkeypatch.setattr('lamina.datasets.locks._try', no_locks)
    with pytest.raises(StorageError, match=r'No locks available.*on a local disk'), locked(tmp_path / 'a.lock'):
        pass
