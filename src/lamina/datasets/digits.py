"""The 8 × 8 digits of scikit-learn: the smallest real dataset, always at hand."""

from lamina.datasets.embedded import Split, digits_8x8


def load_data() -> Split:
    """1,797 handwritten digits of 8 × 8 pixels, which scikit-learn carries: no network is needed.

    Four fifths of each digit come first, to train on, in an order that is always the same.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(n, 8, 8)` with values 0 to 16, uint8 labels `(n,)` from 0 to 9.

    Raises:
        MissingDependencyError: scikit-learn is not installed; `pip install 'lamina[digits]'`.

    Example:
        >>> import lamina.datasets
        >>> (x_train, y_train), (x_test, y_test) = lamina.datasets.digits.load_data()
        >>> len(x_train) + len(x_test)
        1797

    Source: Alpaydin and Kaynak, 1998, UCI Machine Learning Repository; CC BY 4.0.
    """
    return digits_8x8()
