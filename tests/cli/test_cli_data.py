"""DATASET: names, .npz files, and everything wrong with either."""

import numpy as np
import pytest

from lamina.cli.data import load_dataset, task_of
from lamina.core.errors import ConfigError, DataError, DownloadError, StorageError, UnknownNameError

IMAGES = np.zeros((6, 5, 4), np.uint8)


def saved(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_digits_and_offline_mnist_are_at_hand(capsys):
    digits = load_dataset('digits', offline=True)
    assert digits.task == task_of('digits')
    assert (digits.task.full_scale, digits.part('train')[0].max()) == (16.0, 16)
    mnist = load_dataset('mnist', offline=True)
    assert len(mnist.part('train')[0]) == 4000
    assert 'subset' in capsys.readouterr().err


@pytest.mark.parametrize(('name', 'nearest'), [('mnits', 'mnist'), ('cifar-10', 'cifar10'), ('fashion', 'fashion_mnist')])
def test_unknown_name_proposes_the_nearest(name, nearest):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{nearest}'"):
        load_dataset(name)


def test_offline_without_files():
    with pytest.raises(DownloadError, match='without --offline'):
        load_dataset('cifar10', offline=True)


def test_texts_are_refused_before_anything_is_fetched():
    with pytest.raises(ConfigError, match='rows of numbers first'):
        load_dataset('imdb')


@pytest.mark.parametrize(
    ('x', 'y', 'classes', 'outputs', 'full_scale'),
    [
        (IMAGES + np.uint8(255), np.array([0, 1, 2, 0, 1, 2]), 3, 3, 255.0),
        (IMAGES + np.uint8(16), np.array([[0], [1], [1], [0], [1], [1]]), 2, 2, 16.0),
        (IMAGES / 255, np.array([0, 1, 1, 0, 1, 1]), 2, 2, 1.0),
        (np.ones((6, 4)), np.linspace(0, 1, 6), None, 1, None),
        (np.ones((6, 4)), np.ones((6, 3), np.float32), None, 3, None),
        (np.ones((6, 4)), np.array([True, False] * 3), 2, 2, None),
    ],
)
def test_task_is_read_off_the_arrays(tmp_path, x, y, classes, outputs, full_scale):
    task = task_of(saved(tmp_path / 'a.npz', x_train=x, y_train=y))
    assert (task.shape, task.classes, task.outputs, task.full_scale) == (x.shape[1:], classes, outputs, full_scale)


@pytest.mark.parametrize(
    ('arrays', 'remedy'),
    [
        ({'x_train': IMAGES}, 'Remove the file'),
        ({'images': IMAGES}, 'Remove the file'),
        ({'x_train': IMAGES, 'y_train': np.zeros(5, int)}, 'in pairs'),
        ({'x_train': IMAGES[:0], 'y_train': np.zeros(0, int)}, 'one row per example'),
        ({'x_train': np.ones(6), 'y_train': np.zeros(6, int)}, 'one row per example'),
        ({'x_train': np.array([['a']] * 6), 'y_train': np.zeros(6, int)}, 'one row per example'),
        ({'x_train': IMAGES, 'y_train': np.full(6, -1)}, 'Number the classes from 0'),
        ({'x_train': IMAGES, 'y_train': np.full(6, 10**9)}, 'Number the classes from 0'),
        ({'x_train': IMAGES, 'y_train': np.eye(6, dtype=int)}, 'argmax'),
        ({'x_train': IMAGES, 'y_train': np.ones((6, 2, 2))}, 'Flatten'),
        ({'x_train': IMAGES, 'y_train': np.array([None] * 6)}, 'Remove the file'),
        ({'x_train': IMAGES, 'y_train': np.array(['a'] * 6)}, 'Number the classes'),
        ({'x_train': IMAGES, 'y_train': np.array(3)}, 'Number the classes'),
        ({'x_train': IMAGES * 1j, 'y_train': np.zeros(6, int)}, 'one row per example'),
    ],
)
def test_arrays_that_cannot_be_trained_on(tmp_path, arrays, remedy):
    with pytest.raises(DataError, match=remedy):
        load_dataset(saved(tmp_path / 'bad.npz', **arrays))


def test_files_that_are_missing_or_damaged(tmp_path):
    with pytest.raises(StorageError, match='Check the path'):
        load_dataset(str(tmp_path / 'none.npz'))
    (tmp_path / 'torn.npz').write_bytes(b'PK\x03\x04 and no more')
    with pytest.raises(DataError, match='Remove the file'):
        load_dataset(str(tmp_path / 'torn.npz'))


def test_a_part_that_is_not_there(tmp_path):
    data = load_dataset(saved(tmp_path / 'a.npz', x_train=IMAGES, y_train=np.zeros(6, int)))
    with pytest.raises(DataError, match='x_test='):
        data.part('test')


def test_datasets_verb(lamina):
    text, document = lamina('datasets'), lamina('datasets', '--json').document
    names = [entry['name'] for entry in document['datasets']]
    assert {'mnist', 'fashion_mnist', 'cifar10', 'cifar100', 'imdb', 'digits'} == set(names)
    assert all(name in text.out for name in names)
    assert next(entry for entry in document['datasets'] if entry['name'] == 'cifar10')['where'] == 'not fetched'
