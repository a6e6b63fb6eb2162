"""Fashion-MNIST: 70,000 pictures of clothes in the form of MNIST, and harder."""

from lamina.datasets import readers
from lamina.datasets.embedded import Split
from lamina.datasets.mnist import check_images
from lamina.datasets.sources import FASHION_MNIST

CLASS_NAMES = ('T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat', 'Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot')


def load_data() -> Split:
    """The Fashion-MNIST pictures: 60,000 of 28 × 28 grey pixels to train on and 10,000 to test.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 28, 28)` with values 0 to 255, uint8 labels `(n,)` from 0 to 9.

    Raises:
        DownloadError: a file is not at hand and could not be fetched; save the four files in `fashion-mnist` below LAMINA_DATA.
        DataError: a file is damaged; remove it.

    Source: Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747; MIT licence.
    """
    files = {part: source.path() for part, source in FASHION_MNIST.items()}
    arrays = {part: readers.idx(file, 3 if part.startswith('x') else 1) for part, file in files.items()}
    for part in ('train', 'test'):
        check_images(files[f'x_{part}'], arrays[f'x_{part}'], arrays[f'y_{part}'])
    return (arrays['x_train'], arrays['y_train']), (arrays['x_test'], arrays['y_test'])
