"""`lamina predict` with a model of texts: files of one example a line."""

import numpy as np
import pytest

import lamina as library
from lamina.cli.texts import read_texts
from lamina.core.errors import ConfigError, DataError, StorageError
from lamina.layers import Dense, Flatten, StringLookup, TextVectorization


@pytest.fixture
def model_file(tmp_path):
    words = TextVectorization(output_mode='count').adapt(['good', 'bad'])
    model = library.Sequential([library.Input((1,), dtype='string'), words, Dense(2, activation='softmax')], seed=0)
    return model.save(tmp_path / 'texts')


def test_each_line_is_an_example(lamina, model_file, tmp_path):
    (tmp_path / 'new.txt').write_text('good good\n\nbad\n', 'utf-8')
    predictions = lamina('predict', model_file, 'new.txt', '--json').document['predictions']
    assert [entry['input'] for entry in predictions] == ['new.txt:1', 'new.txt:3']
    expected = library.load(model_file).predict(['good good', 'bad'])
    for row, entry in zip(expected, predictions, strict=True):
        assert entry['classes'][0]['probability'] == pytest.approx(float(row.max()), rel=1e-5)
    assert 'new.txt:3' in lamina('predict', model_file, 'new.txt').out


def test_arrays_of_strings_are_examples(lamina, model_file, tmp_path):
    np.save(tmp_path / 'new.npy', np.array([['good'], ['bad']]))
    np.savez(tmp_path / 'new.npz', x=np.array(['good', 'bad']))
    one, other = (lamina('predict', model_file, name, '--json').document['predictions'] for name in ('new.npy', 'new.npz'))
    assert [entry['classes'] for entry in one] == [entry['classes'] for entry in other]
    assert len(one) == 2


def test_files_that_are_no_texts(lamina, model_file, tmp_path):
    (tmp_path / 'empty.txt').write_text('\n \n')
    (tmp_path / 'latin.txt').write_bytes('ü'.encode('latin-1'))
    for name, error, remedy in (
        ('empty.txt', DataError, 'Check the file'),
        ('latin.txt', DataError, 'Save it as UTF-8'),
        ('none.txt', StorageError, 'Check the path'),
    ):
        with pytest.raises(error, match=remedy):
            read_texts(tmp_path / name, (1,))
        result = lamina('predict', model_file, tmp_path / name)
        assert result.code != 0
        assert remedy in result.err
    with pytest.raises(ConfigError, match=r'\.npy file of strings'):
        read_texts(tmp_path / 'empty.txt', (3,))


def test_a_text_is_no_example_of_several_strings(lamina, tmp_path):
    pairs = library.Sequential([library.Input((2,), dtype='string'), StringLookup(vocabulary=['a'], output_mode='one_hot'), Flatten()])
    (tmp_path / 'new.txt').write_text('a')
    result = lamina('predict', pairs.save(tmp_path / 'pairs'), 'new.txt')
    assert '.npy file of strings' in result.err
