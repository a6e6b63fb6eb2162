"""Where the official files are, and how each is known: the one table that the loaders and the catalogue share."""

from dataclasses import dataclass
from pathlib import Path

from lamina.datasets.fetch import fetch

_KERAS = 'https://storage.googleapis.com/tensorflow/tf-keras-datasets/'
_ZALANDO = 'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/'
_TORONTO = 'https://www.cs.toronto.edu/~kriz/'


@dataclass(frozen=True)
class Source:
    """One file of one dataset: its name in the cache, its URL, its hash and its size."""

    name: str
    url: str
    sha256: str
    size_bytes: int

    def path(self, *, offline: bool = False) -> Path:
        """The file itself, fetched where it is not at hand; see `fetch`."""
        return fetch(self.name, self.url, self.sha256, self.size_bytes, offline=offline)


MNIST = Source('mnist.npz', _KERAS + 'mnist.npz', '731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1', 11_490_434)
IMDB = Source('imdb.npz', _KERAS + 'imdb.npz', '69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f', 17_464_789)
# Its publisher gives an MD5 only; the reader accepts nothing but words and numbers, so a forged file could do no more than mislabel.
IMDB_WORDS = Source('imdb_word_index.json', _KERAS + 'imdb_word_index.json', 'md5:bfafd718b763782e994055a2d397834f', 1_641_221)
CIFAR10 = Source(
    'cifar-10-binary.tar.gz',
    _TORONTO + 'cifar-10-binary.tar.gz',
    'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
    170_052_171,
)
CIFAR100 = Source(
    'cifar-100-binary.tar.gz',
    _TORONTO + 'cifar-100-binary.tar.gz',
    '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
    168_513_733,
)


def _fashion(name: str, sha256: str, size_bytes: int) -> Source:
    # MNIST's own files have the same names: a folder keeps them apart.
    return Source(f'fashion-mnist/{name}', _ZALANDO + name, sha256, size_bytes)


FASHION_MNIST = {
    'x_train': _fashion('train-images-idx3-ubyte.gz', '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84', 26_421_880),
    'y_train': _fashion('train-labels-idx1-ubyte.gz', 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845', 29_515),
    'x_test': _fashion('t10k-images-idx3-ubyte.gz', '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073', 4_422_102),
    'y_test': _fashion('t10k-labels-idx1-ubyte.gz', '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5', 5_148),
}
