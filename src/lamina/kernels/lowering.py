"""What the lowerings share: which platform they are traced for, and the words for windows."""

import jax

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def on_cpu() -> bool:
    """Whether the program being traced will run on a CPU; other platforms keep XLA's own operations, which reach cuDNN there."""
    return jax.default_backend() == 'cpu'


def channels_last(spatial: int) -> tuple[str, str, str]:
    """The dimension numbers of an operation over so many spatial axes.

    >>> channels_last(2)
    ('NXYC', 'XYIO', 'NXYC')
    """
    axes = 'XYZUVW'[:spatial]
    return f'N{axes}C', f'{axes}IO', f'N{axes}C'


def reach(window: int, dilation: int) -> int:
    """The elements from the first tap of a window to its last."""
    return (window - 1) * dilation + 1


def output_size(size: int, window: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """The number of places that a window has on a padded axis."""
    return max((size + sum(padding) - reach(window, dilation)) // stride + 1, 0)
