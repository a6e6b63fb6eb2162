"""IMDB: 50,000 film reviews as lists of word numbers, half of them favourable."""

import json

import numpy as np

from lamina.core.errors import DataError
from lamina.datasets import readers
from lamina.datasets.embedded import Split
from lamina.datasets.fetch import fetch
from lamina.datasets.sources import IMDB, IMDB_WORDS


def load_data(
    path: str = 'imdb.npz',
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """The IMDB reviews: 25,000 to train on and 25,000 to test, each a list of numbers, the more frequent word the smaller number.

    Args:
        path: the file's name in the folder `LAMINA_DATA` and in the cache.
        num_words: keep only numbers below this; None keeps all but the largest number of all, as Keras does.
        skip_top: drop numbers below this, of the most frequent words; it counts after `index_from`.
        maxlen: keep only reviews shorter than this.
        seed: of the order of the reviews, which is Keras's.
        start_char: put before every review; None puts nothing.
        oov_char: put in place of a dropped word; None leaves it out.
        index_from: added to every word's number, to leave room for padding (0), `start_char` and `oov_char`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: arrays `(n,)` of lists of int; int64 labels `(n,)`, 1 for favourable.

    Raises:
        DataError: no review is shorter than `maxlen` (raise it), or the file is damaged (remove it).
        DownloadError: the file is not at hand and could not be fetched; save it in the folder LAMINA_DATA.

    Source: Maas et al., 2011, *Learning Word Vectors for Sentiment Analysis*.
    """
    file = fetch(path, IMDB.url, IMDB.sha256, IMDB.size_bytes)
    labels = readers.npz(file, ('y_train', 'y_test'))
    parts = []
    # Keras's order, which only NumPy's older generator reproduces.
    stream = np.random.RandomState(seed)
    for part in ('train', 'test'):
        reviews, y = _arrays(readers.number_lists(file, f'x_{part}')), labels[f'y_{part}']
        if y.shape != (len(reviews),):
            raise readers.damaged(file, f'{len(reviews)} reviews and labels {y.shape}', 'as many labels as reviews')
        order = np.arange(len(reviews))
        stream.shuffle(order)
        parts.append(([_numbered(reviews[i], start_char, index_from) for i in order], y[order]))
    if maxlen:
        parts = [_shorter(reviews, y, maxlen) for reviews, y in parts]
    limit = num_words or max(int(review.max(initial=0)) for reviews, _ in parts for review in reviews)
    train, test = ((_lists(reviews, skip_top, limit, oov_char), y) for reviews, y in parts)
    return train, test


def get_word_index(path: str = 'imdb_word_index.json') -> dict[str, int]:
    """Every word's number, before `index_from` is added: `{'the': 1, 'and': 2, …}`.

    Args:
        path: the file's name in the folder `LAMINA_DATA` and in the cache.

    Raises:
        DataError: the file does not map words to whole numbers; remove it.
        DownloadError: the file is not at hand and could not be fetched; save it in the folder LAMINA_DATA.
    """
    file = fetch(path, IMDB_WORDS.url, IMDB_WORDS.sha256, IMDB_WORDS.size_bytes)
    expected = 'a JSON object of words and their numbers'
    try:
        words = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise readers.damaged(file, error, expected) from error
    if not isinstance(words, dict) or not all(type(number) is int for number in words.values()):
        raise readers.damaged(file, type(words).__name__, expected)
    return words


def _arrays(lists: list[list[int]]) -> list[np.ndarray]:
    return [np.array(numbers, np.int64) for numbers in lists]


def _numbered(review: np.ndarray, start_char: int | None, index_from: int) -> np.ndarray:
    review = review + (index_from or 0)
    return review if start_char is None else np.concatenate([[start_char], review])


def _shorter(reviews: list[np.ndarray], y: np.ndarray, maxlen: int) -> tuple[list[np.ndarray], np.ndarray]:
    keep = [i for i, review in enumerate(reviews) if len(review) < maxlen]
    if not keep:
        shortest = min((len(review) for review in reviews), default=0)
        raise DataError(
            'imdb.load_data, argument maxlen',
            repr(maxlen),
            f'more than {shortest}, the shortest review',
            f'Pass maxlen={shortest + 1} or more.',
        )
    return [reviews[i] for i in keep], y[keep]


def _lists(reviews: list[np.ndarray], skip_top: int, limit: int, oov_char: int | None) -> np.ndarray:
    # An array filled one by one: given lists of one length, np.array would make them rows of a table.
    out = np.empty(len(reviews), object)
    for i, review in enumerate(reviews):
        known = (review >= skip_top) & (review < limit)
        out[i] = (review[known] if oov_char is None else np.where(known, review, oov_char)).tolist()
    return out
