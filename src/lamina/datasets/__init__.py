"""Known datasets, each a module with Keras's `load_data()`: `(x_train, y_train), (x_test, y_test)` as NumPy arrays.

Files come from the folder `LAMINA_DATA`, else from the cache, else from their official source, and are known by their hash.
"""

from lamina.datasets import cifar10, cifar100, digits, fashion_mnist, imdb, mnist
from lamina.datasets.catalogue import Listing, catalogue
from lamina.datasets.fetch import fetch

__all__ = ['Listing', 'catalogue', 'cifar10', 'cifar100', 'digits', 'fashion_mnist', 'fetch', 'imdb', 'mnist']
