"""Inputs named on the command line: pictures by Pillow, brought to a model's form and size, and arrays of NumPy."""

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lamina.core.errors import ConfigError, DataError, MissingDependencyError, StorageError
from lamina.core.shapes import Shape, show
from lamina.datasets import readers

_MODES = {1: 'L', 3: 'RGB', 4: 'RGBA'}
_MOST_PIXELS = 100_000_000
# What a file that is no array makes NumPy raise.
_DAMAGED = (OSError, EOFError, ValueError, KeyError, SyntaxError, zipfile.BadZipFile)


def is_array_file(path: Path) -> bool:
    """Whether the file holds arrays rather than a picture."""
    return path.suffix.lower() in ('.npy', '.npz')


def read_arrays(path: Path, shape: Shape, key: str | None) -> np.ndarray:
    """The examples in an .npy or .npz file, `(n, …)`; a single example gets its batch axis.

    Args:
        path: the file.
        shape: of one example.
        key: which array of an .npz file; by default `x`, `x_test`, or the only one.

    Raises:
        DataError: a damaged file, an array of objects, or no such array.
        StorageError: there is no such file.
    """
    _require(path)
    try:
        # A map of the file cannot be larger than the file, whatever its header says.
        loaded = None if path.suffix.lower() == '.npz' else np.load(path, allow_pickle=False, mmap_mode='r')
        names = [] if loaded is not None else _members(path)
    except _DAMAGED as error:
        raise DataError(str(path), f'{type(error).__name__}: {error}', 'an array of numbers', 'Save it with numpy.save.') from error
    if loaded is None:
        chosen = key or next((name for name in ('x', 'x_test') if name in names), names[0] if len(names) == 1 else None)
        if chosen is None or chosen not in names:
            raise DataError(str(path), f'the arrays {", ".join(names)}', f'{chosen or "x"!r} among them', 'Choose one with --key NAME.')
        loaded = readers.npz(path, (chosen,))[chosen]
    array = np.asarray(loaded)
    return array[None] if len(shape) == array.ndim and all(w is None or n == w for n, w in zip(array.shape, shape, strict=True)) else array


def _members(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [name.removesuffix('.npy') for name in archive.namelist()]


def read_image(path: Path, shape: Shape, *, full_scale: float, invert: bool) -> np.ndarray:
    """A picture as one example: grey or coloured and of the size that the model takes.

    Args:
        path: the file, in any format that Pillow reads.
        shape: of one example, `(height, width)` or `(height, width, channels)`.
        full_scale: what white becomes; 255 leaves the bytes as they are.
        invert: turn black to white, for dark writing on light paper.

    Returns:
        float32 of that shape, with values from 0 to `full_scale`.

    Raises:
        ConfigError: the model takes no pictures.
        MissingDependencyError: Pillow is not installed; `pip install 'lamina[images]'`.
        DataError: the file is no picture, or larger than 100 million pixels.
        StorageError: there is no such file.
    """
    height, width, mode = picture_form(shape)
    _require(path)
    pixels = np.asarray(_opened(path, mode, (width, height)), np.float32).reshape(height, width, -1)
    if invert:
        pixels[..., :3] = 255 - pixels[..., :3]
    return (pixels * np.float32(full_scale / 255)).reshape(tuple(shape))  # type: ignore[arg-type]


def picture_form(shape: Shape) -> tuple[int, int, str]:
    """Height, width and Pillow's mode of the pictures that a model of this input takes.

    Raises:
        ConfigError: it takes no pictures.
    """
    channels = 1 if len(shape) == 2 else shape[-1] if len(shape) == 3 else None
    if channels not in _MODES or shape[0] is None or shape[1] is None:
        raise ConfigError(
            'predict',
            f'a picture for a model that takes {show((None, *shape))}',
            'a model that takes (batch, height, width) or (batch, height, width, channels)',
            'Give the inputs as an .npy file of that shape.',
        )
    return shape[0], shape[1], _MODES[channels]


def _opened(path: Path, mode: str, size: tuple[int, int]) -> Any:
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise MissingDependencyError(
            f'reading {path}', 'no package Pillow', 'the package pillow', "Install it: pip install 'lamina[images]'."
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > _MOST_PIXELS:
                    raise DataError(
                        str(path), f'{image.width} × {image.height} pixels', f'at most {_MOST_PIXELS:,}', 'Make it smaller first.'
                    )
                upright = ImageOps.exif_transpose(image).convert(mode)
                return upright.resize(size, Image.Resampling.BILINEAR)
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(str(path), f'no readable picture ({error})', 'a PNG, JPEG or other picture', 'Convert it to PNG.') from error


def _require(path: Path) -> None:
    if not path.is_file():
        raise StorageError(str(path), 'no such file', 'a picture, or an .npy or .npz file', 'Check the path.')
