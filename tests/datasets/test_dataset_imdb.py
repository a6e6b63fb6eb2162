"""IMDB from a small file of the official form: equal to Keras's arrays, and nothing in a pickle can run."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from lamina.core.errors import DataError, DownloadError
from lamina.datasets import imdb
from lamina.datasets.readers import number_lists

STREAM = np.random.default_rng(3)


def reviews(n):
    out = np.empty(n, object)
    for i in range(n):
        out[i] = [int(w) for w in STREAM.integers(1, 60, STREAM.integers(3, 30))]
    return out


def write_imdb(path, **changes):
    arrays = {'x_train': reviews(40), 'y_train': np.arange(40) % 2, 'x_test': reviews(30), 'y_test': np.arange(30) % 2, **changes}
    np.savez(path, **arrays)


def write_pickle(path, content, shape=(2,)):
    """An npz whose x_train is the header of an array of objects and then any pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {'descr': '|O', 'fortran_order': False, 'shape': shape})
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x_train.npy', header.getvalue() + content)
        for name in ('y_train', 'y_test'):
            file = io.BytesIO()
            np.save(file, np.zeros(2, np.int64))
            archive.writestr(f'{name}.npy', file.getvalue())


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'num_words': 30},
        {'num_words': 40, 'skip_top': 10},
        {'num_words': 30, 'oov_char': None},
        {'maxlen': 15},
        {'seed': 7, 'start_char': None},
        {'start_char': None, 'index_from': 0},
        {'index_from': 10, 'oov_char': 9, 'start_char': 8},
    ],
)
def test_arrays_are_those_of_keras(data_folder, monkeypatch, options):
    reference = pytest.importorskip('keras.src.datasets.imdb')
    path = data_folder / 'imdb.npz'
    write_imdb(path)
    monkeypatch.setattr(reference, 'get_file', lambda **_: str(path))
    for ours, theirs in zip(imdb.load_data(**options), reference.load_data(**options), strict=True):
        assert ours[0].dtype == object
        assert ours[0].tolist() == theirs[0].tolist()
        np.testing.assert_array_equal(ours[1], theirs[1])
        assert ours[1].dtype == theirs[1].dtype


def test_reviews_are_lists_even_where_all_are_equally_long(data_folder):
    same = np.empty(2, object)
    same[:] = [[1, 2], [3, 4]]
    write_imdb(data_folder / 'imdb.npz', x_train=same, y_train=np.zeros(2, np.int64))
    (x_train, _), _ = imdb.load_data()
    assert x_train.shape == (2,)
    assert type(x_train[0]) is list


def test_no_review_is_short_enough(data_folder):
    write_imdb(data_folder / 'imdb.npz')
    with pytest.raises(DataError, match=r'Pass maxlen=\d+ or more'):
        imdb.load_data(maxlen=2)


def test_labels_of_another_length(data_folder):
    write_imdb(data_folder / 'imdb.npz', y_train=np.zeros(3, np.int64))
    with pytest.raises(DataError, match='complete copy'):
        imdb.load_data()


class Runs:
    """What a hostile pickle does when it is loaded."""

    def __reduce__(self):
        return open, ('ran', 'w')


@pytest.mark.parametrize('protocol', [0, 2, 4])
def test_a_hostile_pickle_does_not_run(data_folder, monkeypatch, protocol):
    monkeypatch.chdir(data_folder)
    write_pickle(data_folder / 'imdb.npz', pickle.dumps(Runs(), protocol))
    with pytest.raises(DataError, match=r'the name (io|_io|builtins)\.open.*Remove the file'):
        imdb.load_data()
    assert not (data_folder / 'ran').exists()


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'garbage',
        pickle.dumps([[1], [2]]),
        pickle.dumps(np.array([1, 2])),
        pickle.dumps(np.array([{'a': 1}, [2]], object)),
        pickle.dumps(np.array([[1.5], [1, 2]], object)),
        pickle.dumps(np.array([['word'], [1, 2]], object)),
        pickle.dumps(np.array([[2**80], [1, 2]], object)),
        pickle.dumps(np.array([[1], [1, 2], [3]], object)),
    ],
)
def test_a_pickle_of_anything_else_is_refused(tmp_path, content):
    write_pickle(tmp_path / 'a.npz', content)
    with pytest.raises(DataError, match='Remove the file and load again'):
        number_lists(tmp_path / 'a.npz', 'x_train')


def test_an_array_of_numbers_or_of_another_version_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', x_train=np.zeros(3))
    with pytest.raises(DataError, match='Remove the file'):
        number_lists(tmp_path / 'a.npz', 'x_train')
    with zipfile.ZipFile(tmp_path / 'b.npz', 'w') as archive:
        archive.writestr('x_train.npy', b'\x93NUMPY\x09\x00')
    with pytest.raises(DataError, match='Remove the file'):
        number_lists(tmp_path / 'b.npz', 'x_train')


def test_an_array_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr('lamina.datasets.readers._MAX_MEMBER_BYTES', 10)
    write_imdb(tmp_path / 'a.npz')
    with pytest.raises(DataError, match=r'more than 10 bytes.*Remove the file'):
        number_lists(tmp_path / 'a.npz', 'x_train')


def test_word_index(data_folder):
    (data_folder / 'imdb_word_index.json').write_text(json.dumps({'the': 1, 'and': 2}))
    assert imdb.get_word_index() == {'the': 1, 'and': 2}


@pytest.mark.parametrize('content', ['', '[1]', '{"a": "b"}', '{"a": true}', '[' * 100_000])
def test_a_word_index_of_another_form(data_folder, content):
    (data_folder / 'imdb_word_index.json').write_text(content)
    with pytest.raises(DataError, match='Remove the file'):
        imdb.get_word_index()


@pytest.mark.parametrize('load', [imdb.load_data, imdb.get_word_index])
def test_imdb_has_no_substitute(unreachable, load):
    with pytest.raises(DownloadError, match='and set LAMINA_DATA to that folder'):
        load()
