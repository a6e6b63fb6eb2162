"""What `lamina datasets` lists: every dataset, its size and licence, and where its files are now."""

from dataclasses import dataclass

from lamina.datasets import sources
from lamina.datasets.embedded import installed
from lamina.datasets.fetch import whereabouts
from lamina.datasets.sources import Source


@dataclass(frozen=True)
class Listing:
    """One dataset.

    Args:
        name: the module below `lamina.datasets`.
        shape: of one example; None where it varies.
        classes: how many labels there are.
        train_size, test_size: how many examples.
        url: of its source.
        licence: as far as its publisher states one.
        size_bytes: of the files to fetch; 0 where a package carries them.
        where: `'LAMINA_DATA'`, `'cached'`, `'not fetched'`, `'installed'` or `'not installed'`; the weakest of several files counts.
    """

    name: str
    shape: tuple[int, ...] | None
    classes: int
    train_size: int
    test_size: int
    url: str
    licence: str
    size_bytes: int
    where: str


_FASHION = tuple(sources.FASHION_MNIST.values())
_UNSTATED = 'none stated; cite its authors'
_ROWS: tuple[tuple[str, tuple[int, ...] | None, int, int, int, str, tuple[Source, ...]], ...] = (
    ('mnist', (28, 28), 10, 60_000, 10_000, 'CC BY-SA 3.0', (sources.MNIST,)),
    ('fashion_mnist', (28, 28), 10, 60_000, 10_000, 'MIT', _FASHION),
    ('cifar10', (32, 32, 3), 10, 50_000, 10_000, _UNSTATED, (sources.CIFAR10,)),
    ('cifar100', (32, 32, 3), 100, 50_000, 10_000, _UNSTATED, (sources.CIFAR100,)),
    ('imdb', None, 2, 25_000, 25_000, _UNSTATED, (sources.IMDB, sources.IMDB_WORDS)),
)


def catalogue() -> list[Listing]:
    """Every dataset that `lamina.datasets` can load, and where its files are now; nothing is fetched.

    Example:
        >>> import lamina.datasets
        >>> [listing.name for listing in lamina.datasets.catalogue()]
        ['mnist', 'fashion_mnist', 'cifar10', 'cifar100', 'imdb', 'digits']
    """
    listings = [_listing(*row) for row in _ROWS]
    where = 'installed' if installed('sklearn', ('datasets', 'data', 'digits.csv.gz')) else 'not installed'
    url = 'https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits'
    return [*listings, Listing('digits', (8, 8), 10, 1438, 359, url, 'CC BY 4.0', 0, where)]


def _listing(name, shape, classes, train_size, test_size, licence, files: tuple[Source, ...]) -> Listing:
    places = {whereabouts(file.name) for file in files}
    where = next(place for place in ('not fetched', 'cached', 'LAMINA_DATA') if place in places)
    url = files[0].url if len(files) == 1 or name == 'imdb' else files[0].url.rpartition('/')[0]
    return Listing(name, shape, classes, train_size, test_size, url, licence, sum(file.size_bytes for file in files), where)
