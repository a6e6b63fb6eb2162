"""CIFAR-10: 60,000 small colour photographs in 10 classes."""

from lamina.datasets.embedded import Split
from lamina.datasets.readers import records
from lamina.datasets.sources import CIFAR10

CLASS_NAMES = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')
_TRAIN = tuple(f'data_batch_{n}.bin' for n in range(1, 6))


def load_data() -> Split:
    """The CIFAR-10 photographs: 50,000 of 32 × 32 pixels to train on and 10,000 to test, in the order of the original files.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 32, 32, 3)` with values 0 to 255, uint8 labels `(n, 1)` from 0 to 9.

    Raises:
        DownloadError: the archive is not at hand and could not be fetched; save it in the folder LAMINA_DATA.
        DataError: the archive is damaged; remove it.

    Source: Krizhevsky, 2009, *Learning Multiple Layers of Features from Tiny Images*. The binary files are read: the others are pickles.
    """
    path = CIFAR10.path()
    return records(path, _TRAIN, 1), records(path, ('test_batch.bin',), 1)
