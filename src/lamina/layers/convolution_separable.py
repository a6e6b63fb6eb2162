"""Convolutions that take space and channels one after the other: a small part of the weights and of the work of a full one."""

from typing import Any

from lamina import activations, constraints, initializers, regularizers
from lamina.core.described import described, unregistered
from lamina.core.fields import flag, one_of, setting, whole
from lamina.core.shapes import Shape
from lamina.kernels.convolution import convolution, depthwise
from lamina.layers.base import Layer
from lamina.layers.convolution import common_type, finished, require_channels
from lamina.layers.weight import Weight, Weights
from lamina.layers.windows import Sizes, lower_case, pads, per_axis, reach, require_rank, spread


@unregistered
class DepthwiseConvolution(Layer):
    """What `DepthwiseConv1D` and `DepthwiseConv2D` share."""

    kernel_size: Sizes = setting()
    strides: Sizes = setting(default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lower_case, default='valid')
    depth_multiplier: int = setting(whole(1), default=1)
    dilation_rate: Sizes = setting(default=1)
    activation: Any = setting(convert=activations.name_of, default=None)
    use_bias: bool = setting(flag(), default=True)
    depthwise_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    depthwise_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    depthwise_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        require_rank(self, shape, len(self.kernel_size))
        channels = self.known(shape, -1)
        kernel = (*self.kernel_size, channels, self.depth_multiplier)
        weights = {'kernel': Weight(kernel, self.depthwise_initializer, True, self.depthwise_regularizer, self.depthwise_constraint)}
        if self.use_bias:
            bias = (channels * self.depth_multiplier,)
            weights['bias'] = Weight(bias, self.bias_initializer, True, self.bias_regularizer, self.bias_constraint)
        return weights

    def apply(self, variables, x, scope):
        return finished(self, _depthwise(self, x, variables['kernel'], variables.get('bias')), scope)


def _depthwise(layer: Any, x: Any, kernel: Any, bias: Any = None) -> Any:
    """The part that both families begin with: each channel under filters of its own."""
    require_rank(layer, x.shape, len(layer.kernel_size))
    x, kernel = common_type(x, kernel)
    require_channels(layer, x, kernel.shape[-2])
    around = pads(layer, x.shape, layer.padding, reach(layer.kernel_size, layer.dilation_rate), layer.strides)
    return depthwise(x, kernel, bias, strides=layer.strides, padding=around, dilation=layer.dilation_rate)


@described
class DepthwiseConv1D(DepthwiseConvolution):
    """Filters that slide along time, each over one channel alone; channels do not mix.

    Formula: `y[t, c · depth_multiplier + m] = activation(Σ_i x[t · strides + i · dilation_rate, c] · kernel[i, c, m] + bias)`.

    Args:
        kernel_size: steps that a filter sees.
        strides: input steps between neighbouring outputs; default 1.
        padding: `'valid'` (default), `'same'`, or `'causal'` (beyond Keras), as of `Conv1D`.
        depth_multiplier: filters for each channel; default 1.
        dilation_rate: input steps between neighbouring taps of a filter; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        depthwise_initializer: of the kernel; default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        depthwise_regularizer, bias_regularizer, depthwise_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, steps, in) → (batch, new steps, in · depth_multiplier). kernel: (kernel_size, in, depth_multiplier).

    Raises:
        ShapeError: another number of axes, unknown channels, or fewer steps than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.DepthwiseConv1D(3, strides=2, depth_multiplier=4).output_shape((None, 10, 12))
        (None, 4, 48)
    """

    kernel_size: Sizes = setting(per_axis(1), convert=spread(1))
    strides: Sizes = setting(per_axis(1), convert=spread(1), default=1)
    padding: str = setting(one_of('valid', 'same', 'causal'), convert=lower_case, default='valid')
    dilation_rate: Sizes = setting(per_axis(1), convert=spread(1), default=1)


@described
class DepthwiseConv2D(DepthwiseConvolution):
    """Filters that slide over images, each over one channel alone; channels do not mix.

    Formula: `y[p, c · depth_multiplier + m] = activation(Σ_i x[p · strides + i · dilation_rate, c] · kernel[i, c, m] + bias)`.

    Args:
        kernel_size: height and width that a filter sees; one number for both.
        strides: input pixels between neighbouring outputs, by axis or one number; default 1.
        padding: `'valid'` (default) or `'same'`, as of `Conv2D`.
        depth_multiplier: filters for each channel; default 1.
        dilation_rate: input pixels between neighbouring taps of a filter; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        depthwise_initializer: of the kernel; default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        depthwise_regularizer, bias_regularizer, depthwise_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, height, width, in) → (batch, new height, new width, in · depth_multiplier).
        kernel: (*kernel_size, in, depth_multiplier), bias: (in · depth_multiplier,).

    Raises:
        ShapeError: another number of axes, unknown channels, or an image smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.DepthwiseConv2D(3, padding='same').output_shape((None, 28, 28, 32))
        (None, 28, 28, 32)

    Source: Howard et al. (2017), section 3.1.
    """

    kernel_size: Sizes = setting(per_axis(2), convert=spread(2))
    strides: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))
    dilation_rate: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))


@unregistered
class SeparableConvolution(Layer):
    """What `SeparableConv1D` and `SeparableConv2D` share."""

    filters: int = setting(whole(1))
    kernel_size: Sizes = setting()
    strides: Sizes = setting(default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lower_case, default='valid')
    dilation_rate: Sizes = setting(default=1)
    depth_multiplier: int = setting(whole(1), default=1)
    activation: Any = setting(convert=activations.name_of, default=None)
    use_bias: bool = setting(flag(), default=True)
    depthwise_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    pointwise_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    depthwise_regularizer: Any = setting(convert=regularizers.get, default=None)
    pointwise_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    depthwise_constraint: Any = setting(convert=constraints.get, default=None)
    pointwise_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        rank = len(self.kernel_size)
        require_rank(self, shape, rank)
        channels = self.known(shape, -1)
        deep, flat = (*self.kernel_size, channels, self.depth_multiplier), (*(1,) * rank, channels * self.depth_multiplier, self.filters)
        weights = {
            'depthwise_kernel': Weight(deep, self.depthwise_initializer, True, self.depthwise_regularizer, self.depthwise_constraint),
            'pointwise_kernel': Weight(flat, self.pointwise_initializer, True, self.pointwise_regularizer, self.pointwise_constraint),
        }
        if self.use_bias:
            weights['bias'] = Weight((self.filters,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint)
        return weights

    def apply(self, variables, x, scope):
        y = _depthwise(self, x, variables['depthwise_kernel'])
        y, kernel = common_type(y, variables['pointwise_kernel'])
        rank = len(self.kernel_size)
        rectified = self.activation == 'relu'
        y = convolution(
            y,
            kernel,
            variables.get('bias'),
            strides=(1,) * rank,
            padding=((0, 0),) * rank,
            dilation=(1,) * rank,
            activation='relu' if rectified else None,
        )
        return finished(self, y, scope, rectified=rectified)


@described
class SeparableConv1D(SeparableConvolution):
    """A `DepthwiseConv1D` along time, then a matrix over the channels at each step, without anything between.

    Formula: `y = activation(depthwise(x) @ pointwise_kernel + bias)`.

    Args:
        filters: number of output channels.
        kernel_size: steps that a filter sees.
        strides: input steps between neighbouring outputs; default 1.
        padding: `'valid'` (default), `'same'`, or `'causal'` (beyond Keras), as of `Conv1D`.
        dilation_rate: input steps between neighbouring taps of a filter; default 1.
        depth_multiplier: depthwise filters for each channel; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        depthwise_initializer, pointwise_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.
        depthwise_constraint, pointwise_constraint, bias_constraint: default None.

    Shapes:
        x: (batch, steps, in) → (batch, new steps, filters). depthwise_kernel: (kernel_size, in, depth_multiplier),
        pointwise_kernel: (1, in · depth_multiplier, filters), bias: (filters,).

    Raises:
        ShapeError: another number of axes, unknown channels, or fewer steps than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.SeparableConv1D(32, 5, padding='same').output_shape((None, 100, 8))
        (None, 100, 32)
    """

    kernel_size: Sizes = setting(per_axis(1), convert=spread(1))
    strides: Sizes = setting(per_axis(1), convert=spread(1), default=1)
    padding: str = setting(one_of('valid', 'same', 'causal'), convert=lower_case, default='valid')
    dilation_rate: Sizes = setting(per_axis(1), convert=spread(1), default=1)


@described
class SeparableConv2D(SeparableConvolution):
    """A `DepthwiseConv2D` over images, then a matrix over the channels at each pixel, without anything between.

    Formula: `y = activation(depthwise(x) @ pointwise_kernel + bias)`.

    Args:
        filters: number of output channels.
        kernel_size: height and width that a filter sees; one number for both.
        strides: input pixels between neighbouring outputs, by axis or one number; default 1.
        padding: `'valid'` (default) or `'same'`, as of `Conv2D`.
        dilation_rate: input pixels between neighbouring taps of a filter; default 1.
        depth_multiplier: depthwise filters for each channel; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        depthwise_initializer, pointwise_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.
        depthwise_constraint, pointwise_constraint, bias_constraint: default None.

    Shapes:
        x: (batch, height, width, in) → (batch, new height, new width, filters). depthwise_kernel: (*kernel_size, in, depth_multiplier),
        pointwise_kernel: (1, 1, in · depth_multiplier, filters), bias: (filters,).

    Raises:
        ShapeError: another number of axes, unknown channels, or an image smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.SeparableConv2D(64, 3, strides=2, padding='same').output_shape((None, 28, 28, 32))
        (None, 14, 14, 64)

    Source: Chollet (2017), section 1.
    """

    kernel_size: Sizes = setting(per_axis(2), convert=spread(2))
    strides: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))
    dilation_rate: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))
