"""Texts named on the command line: files of one example a line."""

from pathlib import Path

import numpy as np

from lamina.core.errors import ConfigError, DataError, StorageError
from lamina.core.shapes import Shape, show


def read_texts(path: Path, shape: Shape) -> tuple[np.ndarray, list[str]]:
    """The lines of a UTF-8 file that are not empty, `(n,)` or `(n, 1)`, and a name for each: `reviews.txt:3`.

    Args:
        path: the file.
        shape: of one example of the model.

    Raises:
        ConfigError: the model takes several strings an example.
        DataError: the file is not UTF-8, or has nothing but empty lines.
        StorageError: there is no such file, or it cannot be read.
    """
    if shape not in ((), (1,)):
        remedy = 'Give the inputs as an .npy file of strings of that shape.'
        raise ConfigError('predict', f'a text for a model that takes {show((None, *shape))} strings', 'one string an example', remedy)
    try:
        lines = path.read_text('utf-8').split('\n')
    except UnicodeDecodeError as error:
        raise DataError(str(path), f'no UTF-8 text ({error.reason})', 'a text file, one example a line', 'Save it as UTF-8.') from error
    except OSError as error:
        raise StorageError(str(path), error.strerror or str(error), 'a text file, one example a line', 'Check the path.') from error
    kept = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not kept:
        raise DataError(str(path), 'no text', 'one example a line', 'Check the file.')
    texts = np.array([line for _, line in kept], object)
    return texts.reshape(-1, *shape), [f'{path}:{number}' for number, _ in kept]
