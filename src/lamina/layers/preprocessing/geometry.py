"""Images looked at from elsewhere: each output pixel is read at a place of the input that an affine map gives.

Rotation, translation, zoom and shear are four ways to write the map; `warp` reads the pixels. The coordinates are folded into
the image first and the image gets a border of one pixel, so that both rows of a 2×2 neighbourhood are read as they lie in
memory: two reads for each output pixel, in place of four with a correction of every index.

Source of the conventions: `keras.ops.image.affine_transform`; the fill modes are those of `scipy.ndimage`.
"""

import jax.numpy as jnp
from jax import Array, lax

FILL_MODES = ('reflect', 'wrap', 'constant', 'nearest')
INTERPOLATIONS = ('nearest', 'bilinear')
_BORDERS = {'reflect': 'edge', 'wrap': 'wrap', 'nearest': 'edge', 'constant': 'constant'}


def warp(images: Array, maps: Array, interpolation: str = 'bilinear', fill_mode: str = 'reflect', fill_value: float = 0.0) -> Array:
    """Each output pixel (y, x) is the input at `(b0·x + b1·y + b2, a0·x + a1·y + a2)`.

    Args:
        images: of floats.
        maps: (a0, a1, a2, b0, b1, b2) of each image.
        interpolation: 'nearest', or 'bilinear' between the four pixels around the place.
        fill_mode: what lies outside: 'reflect' `d c b a | a b c d | d c b a`, 'wrap' `a b c d | a b c d | a b c d`,
            'nearest' `a a a a | a b c d | d d d d`, 'constant' the `fill_value`.
        fill_value: see fill_mode.

    Shapes:
        images: (batch, height, width, channels), maps: (batch, 6) → (batch, height, width, channels).
    """
    _, height, width, _ = images.shape
    y, x = _places(maps, height, width)
    if interpolation == 'nearest':
        y, x = lax.round(y), lax.round(x)
    y, x = _folded(y, height, fill_mode), _folded(x, width, fill_mode)
    values = {'constant_values': fill_value} if fill_mode == 'constant' else {}
    bordered = jnp.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=_BORDERS[fill_mode], **values)
    if interpolation == 'nearest':
        return read(bordered, (y + 1).astype(jnp.int32), (x + 1).astype(jnp.int32))
    top, left = _corner(y, height), _corner(x, width)
    down, right = (y - top)[..., None], (x - left)[..., None]
    row, column = (top + 1).astype(jnp.int32), (left + 1).astype(jnp.int32)
    upper, lower = read(bordered, row, column, 2), read(bordered, row + 1, column, 2)
    pair = upper + (lower - upper) * down  # (batch, height, width, 2 · channels)
    first, second = jnp.split(pair, 2, axis=-1)
    return first + (second - first) * right


def _places(maps: Array, height: int, width: int) -> tuple[Array, Array]:
    """Where each output pixel is read, (batch, height, width) rows and columns."""
    y = jnp.arange(height, dtype=jnp.float32)[:, None]
    x = jnp.arange(width, dtype=jnp.float32)[None, :]
    a0, a1, a2, b0, b1, b2 = (maps[:, i, None, None] for i in range(6))
    return b0 * x + b1 * y + b2, a0 * x + a1 * y + a2


def _folded(place: Array, size: int, fill_mode: str) -> Array:
    """The place inside the image, or on its border of one pixel, that has the same value."""
    if fill_mode == 'nearest':
        return jnp.clip(place, 0, size - 1)
    if fill_mode == 'constant':
        return jnp.clip(place, -1, size)
    if fill_mode == 'wrap':
        return jnp.clip(place - size * jnp.floor(place * (1 / size)), 0, size)
    # Mirrored at -1/2 and at size - 1/2: distances from the first edge, with a period of twice the size.
    period = 2.0 * size
    place = place + 0.5
    place = place - period * jnp.floor(place * (1 / period))
    return jnp.clip(jnp.minimum(place, period - place), 0, size) - 0.5


def _corner(place: Array, size: int) -> Array:
    """The pixel at or before the place, whose next pixel is still on the border."""
    return jnp.clip(jnp.floor(place), -1, size - 1)


def read(images: Array, row: Array, column: Array, count: int = 1) -> Array:
    """`count` neighbouring pixels of each image from these places on, their channels one after another.

    Shapes:
        images: (batch, height, width, channels), row and column: broadcastable to (batch, rows, columns) →
        (batch, rows, columns, count · channels).
    """
    batch, height, width, channels = images.shape
    first = jnp.arange(batch, dtype=jnp.int32)[:, None, None] * (height * width)
    start = (first + row * width + column) * channels
    numbers = lax.GatherDimensionNumbers(offset_dims=(start.ndim,), collapsed_slice_dims=(), start_index_map=(0,))
    sizes = (count * channels,)
    return lax.gather(images.reshape(-1), start[..., None], numbers, sizes, mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS)


def crop(images: Array, top: Array, left: Array, height: int, width: int) -> Array:
    """A window of each image, each at its own place.

    Shapes:
        images: (batch, rows, columns, channels), top and left: (batch,) whole numbers → (batch, height, width, channels).
    """
    row = top[:, None, None] + jnp.arange(height, dtype=jnp.int32)[:, None]
    column = left[:, None, None] + jnp.arange(width, dtype=jnp.int32)[None, :]
    return read(images, row, column)


def rotation(angle: Array, height: int, width: int) -> Array:
    """The maps that turn images about their middle, by angles in radians, counterclockwise where positive."""
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    a2 = middle_x - middle_x * cos + middle_y * sin
    b2 = middle_y - middle_x * sin - middle_y * cos
    return jnp.stack([cos, -sin, a2, sin, cos, b2], 1)


def translation(down: Array, right: Array) -> Array:
    """The maps that move images by numbers of pixels."""
    one, none = jnp.ones_like(down), jnp.zeros_like(down)
    return jnp.stack([one, none, -right, none, one, -down], 1)


def zoom(vertical: Array, horizontal: Array, height: int, width: int) -> Array:
    """The maps that show so many times the height and width of the images about their middle: less than 1 enlarges."""
    none = jnp.zeros_like(vertical)
    a2, b2 = (width - 1) / 2 * (1 - horizontal), (height - 1) / 2 * (1 - vertical)
    return jnp.stack([horizontal, none, a2, none, vertical, b2], 1)


def shear(along_x: Array, along_y: Array) -> Array:
    """The maps that slant images: by so many pixels to the side for each pixel down, and the other way round."""
    one, none = jnp.ones_like(along_x), jnp.zeros_like(along_x)
    return jnp.stack([one, along_x, none, along_y, one, none], 1)
