"""Convolutions in the other direction: from what a convolution puts out to the size of what it was given, to enlarge or to decode."""

from typing import Any

from lamina import activations, constraints, initializers, regularizers
from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, one_of, setting, whole
from lamina.core.shapes import Shape
from lamina.kernels.convolution import transposed
from lamina.layers.base import Layer
from lamina.layers.convolution import common_type, finished, refuse_strides_with_dilation, require_channels
from lamina.layers.weight import Weight, Weights
from lamina.layers.windows import Pads, Sizes, lower_case, per_axis, reach, require_rank, spread


@unregistered
class TransposedConvolution(Layer):
    """What `Conv1DTranspose`, `Conv2DTranspose` and `Conv3DTranspose` share."""

    filters: int = setting(whole(1))
    kernel_size: Sizes = setting()
    strides: Sizes = setting(default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lower_case, default='valid')
    output_padding: Sizes = setting(default=None)
    dilation_rate: Sizes = setting(default=1)
    activation: Any = setting(convert=activations.name_of, default=None)
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    kernel_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    kernel_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)

    def validate(self) -> None:
        refuse_strides_with_dilation(self)
        if self.output_padding is not None and any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
            raise ConfigError(
                f"{self.label}, setting 'output_padding'",
                f'{self.output_padding} with strides={self.strides}',
                'less than the stride of each axis',
                'Lower output_padding, or leave it out.',
            )

    def weights(self, shape: Shape) -> Weights:
        require_rank(self, shape, len(self.kernel_size))
        kernel = (*self.kernel_size, self.filters, self.known(shape, -1))
        weights = {'kernel': Weight(kernel, self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint)}
        if self.use_bias:
            weights['bias'] = Weight((self.filters,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint)
        return weights

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, len(self.kernel_size))
        x, kernel = common_type(x, variables['kernel'])
        require_channels(self, x, kernel.shape[-1])
        y = transposed(x, kernel, variables.get('bias'), strides=self.strides, padding=self._pads(x.shape), dilation=self.dilation_rate)
        return finished(self, y, scope)

    def _pads(self, shape: tuple) -> Pads:
        """Zeros before and after the input whose elements stand `strides` apart, checked to leave an output of at least one element."""
        extent = reach(self.kernel_size, self.dilation_rate)
        extra = self.output_padding or (None,) * len(extent)
        pads = tuple(_pair(self.padding, k, s, p) for k, s, p in zip(extent, self.strides, extra, strict=True))
        sizes = [(n - 1) * s + 2 + sum(pair) - k for n, s, pair, k in zip(shape[1:-1], self.strides, pads, extent, strict=True)]
        fits = min(sizes) > 0 and min(shape[1:-1]) > 0
        self.require(fits, (None, *shape[1:]), 'an input large enough for an output', "Pass longer inputs, or use padding='valid'.")
        return pads


def _pair(padding: str, extent: int, stride: int, extra: int | None) -> tuple[int, int]:
    if padding == 'valid':
        return extent - 1, extent - 1 + (max(stride - extent, 0) if extra is None else extra)
    total = stride + extent - 2 if extra is None else extent + extent % 2 - 2 + extra
    low = min(total - total // 2, extent - 1)
    return low, total - low


@described
class Conv1DTranspose(TransposedConvolution):
    """The transpose of a convolution along time: each input step adds a filter's worth of `kernel_size` steps to the output.

    Formula: the gradient of `Conv1D` with respect to its input, used forward; without padding
    `y[t · strides + i · dilation_rate] += x[t] @ kernel[i].T`.

    Args:
        filters: number of output channels.
        kernel_size: steps that one input step spreads over.
        strides: output steps between neighbouring inputs; default 1.
        padding: `'valid'` (all of the output, default) or `'same'` (`steps · strides` of it).
        output_padding: steps added to `(steps - 1) · strides + window` of `'valid'`, to `(steps - 1) · strides + window % 2` of
            `'same'`; less than strides. None for the sizes that padding says; a window narrower than strides then leaves no gap at the end.
        dilation_rate: output steps between neighbouring taps of a filter; default 1. Not both it and strides above 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, steps, in) → (batch, new steps, filters). kernel: (kernel_size, filters, in), bias: (filters,).

    Raises:
        ConfigError: output_padding is not below strides, or strides and dilation_rate are both above 1.
        ShapeError: another number of axes, unknown channels, or too few steps for any output.

    Example:
        >>> import lamina
        >>> lamina.layers.Conv1DTranspose(32, 3, strides=2).output_shape((None, 10, 128))
        (None, 21, 32)

    Source: Zeiler, Krishnan, Taylor, Fergus (2010); sizes as in Dumoulin, Visin (2016), chapter 4.
    """

    kernel_size: Sizes = setting(per_axis(1), convert=spread(1))
    strides: Sizes = setting(per_axis(1), convert=spread(1), default=1)
    output_padding: Sizes = setting(per_axis(1, 0), convert=spread(1), default=None)
    dilation_rate: Sizes = setting(per_axis(1), convert=spread(1), default=1)


@described
class Conv2DTranspose(TransposedConvolution):
    """The transpose of a convolution over images: each input pixel adds a patch of `kernel_size` to the output.

    Formula: the gradient of `Conv2D` with respect to its input, used forward; without padding
    `y[p · strides + i · dilation_rate] += x[p] @ kernel[i].T`.

    Args:
        filters: number of output channels.
        kernel_size: height and width of the patch of one input pixel; one number for both.
        strides: output pixels between neighbouring inputs, by axis or one number; default 1.
        padding: `'valid'` (all of the output, default) or `'same'` (`size · strides` of it).
        output_padding: pixels added to `(size - 1) · strides + window` of `'valid'`, to `(size - 1) · strides + window % 2` of
            `'same'`; less than strides. None for the sizes that padding says.
        dilation_rate: output pixels between neighbouring taps of a filter; default 1. Not both it and strides above 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, height, width, in) → (batch, new height, new width, filters). kernel: (*kernel_size, filters, in), bias: (filters,).

    Raises:
        ConfigError: output_padding is not below strides, or strides and dilation_rate are both above 1.
        ShapeError: another number of axes, unknown channels, or too small an image for any output.

    Example:
        >>> import lamina
        >>> lamina.layers.Conv2DTranspose(16, 4, strides=2, padding='same').output_shape((None, 7, 7, 32))
        (None, 14, 14, 16)

    Source: Zeiler, Krishnan, Taylor, Fergus (2010); sizes as in Dumoulin, Visin (2016), chapter 4.
    """

    kernel_size: Sizes = setting(per_axis(2), convert=spread(2))
    strides: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))
    output_padding: Sizes = setting(per_axis(2, 0), convert=spread(2), default=None)
    dilation_rate: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))


@described
class Conv3DTranspose(TransposedConvolution):
    """The transpose of a convolution over volumes: each input voxel adds a block of `kernel_size` to the output.

    Formula: that of `Conv2DTranspose`, with one more axis.

    Args:
        filters: number of output channels.
        kernel_size: depth, height and width of the block of one input voxel; one number for all.
        strides: output voxels between neighbouring inputs, by axis or one number; default 1.
        padding: `'valid'` (all of the output, default) or `'same'` (`size · strides` of it).
        output_padding: as of `Conv2DTranspose`; default None.
        dilation_rate: output voxels between neighbouring taps of a filter; default 1. Not both it and strides above 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, depth, height, width, in) → (batch, new depth, new height, new width, filters).
        kernel: (*kernel_size, filters, in), bias: (filters,).

    Raises:
        ConfigError: output_padding is not below strides, or strides and dilation_rate are both above 1.
        ShapeError: another number of axes, unknown channels, or too small a volume for any output.

    Example:
        >>> import lamina
        >>> lamina.layers.Conv3DTranspose(4, 2, strides=2).output_shape((None, 4, 8, 8, 16))
        (None, 8, 16, 16, 4)

    Source: as of `Conv2DTranspose`.
    """

    kernel_size: Sizes = setting(per_axis(3), convert=spread(3))
    strides: Sizes = setting(per_axis(3), convert=spread(3), default=(1, 1, 1))
    output_padding: Sizes = setting(per_axis(3, 0), convert=spread(3), default=None)
    dilation_rate: Sizes = setting(per_axis(3), convert=spread(3), default=(1, 1, 1))
