"""Convolution, channels last, in any number of spatial axes."""

import jax
from jax import lax

Sizes = tuple[int, ...]
Padding = tuple[tuple[int, int], ...]


def convolution(
    x: jax.Array,
    kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    strides: Sizes,
    padding: Padding,
    dilation: Sizes,
    groups: int = 1,
    activation: str | None = None,
) -> jax.Array:
    """The cross-correlation of the input with each filter, with an optional bias and rectifier.

    Args:
        x: `(batch, *spatial, in)`.
        kernel: `(*window, in / groups, out)`.
        bias: `(out,)`, or None.
        strides: the window's step along each spatial axis.
        padding: zeros before and after each spatial axis, `((low, high), …)`.
        dilation: the distance between the taps of the window along each spatial axis.
        groups: parts into which the channels are split, each with filters of its own.
        activation: None or `'relu'`.

    Returns:
        `(batch, *spatial, out)`.
    """
    y = lax.conv_general_dilated(
        x, kernel, strides, padding, rhs_dilation=dilation, feature_group_count=groups, dimension_numbers=_channels_last(x.ndim)
    )
    return _finished(y, bias, activation)


def depthwise(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None, *, strides: Sizes, padding: Padding, dilation: Sizes
) -> jax.Array:
    """Each channel with filters of its own: `kernel (*window, in, multiplier)`, `(…, in) → (…, in · multiplier)`."""
    *window, channels, multiplier = kernel.shape
    filters = kernel.reshape(*window, 1, channels * multiplier)
    return convolution(x, filters, bias, strides=strides, padding=padding, dilation=dilation, groups=channels)


def transposed(
    x: jax.Array, kernel: jax.Array, bias: jax.Array | None = None, *, strides: Sizes, padding: Padding, dilation: Sizes
) -> jax.Array:
    """The gradient of a convolution with respect to its input, as a forward operation; `kernel (*window, out, in)`.

    The padding is that of the input with `strides - 1` zeros between its elements.
    """
    y = lax.conv_transpose(
        x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=_channels_last(x.ndim), transpose_kernel=True
    )
    return _finished(y, bias, None)


def _finished(y: jax.Array, bias: jax.Array | None, activation: str | None) -> jax.Array:
    if bias is not None:
        y = y + bias
    return jax.nn.relu(y) if activation == 'relu' else y


def _channels_last(rank: int) -> tuple[str, str, str]:
    axes = ''.join('XYZUVW'[: rank - 2])
    return f'N{axes}C', f'{axes}IO', f'N{axes}C'
