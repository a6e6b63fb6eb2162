"""CIFAR-100: 60,000 small colour photographs in 100 classes, which form 20 groups."""

from lamina.core.errors import ConfigError
from lamina.datasets.embedded import Split
from lamina.datasets.readers import records
from lamina.datasets.sources import CIFAR100


def load_data(label_mode: str = 'fine') -> Split:
    """The CIFAR-100 photographs: 50,000 of 32 × 32 pixels to train on and 10,000 to test.

    Args:
        label_mode: `'fine'` for the 100 classes, `'coarse'` for their 20 groups.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 32, 32, 3)` with values 0 to 255, uint8 labels `(n, 1)`.

    Raises:
        ConfigError: another label mode.
        DownloadError: the archive is not at hand and could not be fetched; save it in the folder LAMINA_DATA.
        DataError: the archive is damaged; remove it.

    Source: Krizhevsky, 2009, *Learning Multiple Layers of Features from Tiny Images*. The binary files are read: the others are pickles.
    """
    if label_mode not in ('fine', 'coarse'):
        raise ConfigError('cifar100.load_data, argument label_mode', repr(label_mode), "'fine' or 'coarse'", "Pass label_mode='fine'.")
    column = 1 if label_mode == 'fine' else 0
    path = CIFAR100.path()
    (x_train, y_train), (x_test, y_test) = records(path, ('train.bin',), 2), records(path, ('test.bin',), 2)
    return (x_train, y_train[:, column : column + 1]), (x_test, y_test[:, column : column + 1])
