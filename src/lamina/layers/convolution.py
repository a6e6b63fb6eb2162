"""Filters that look at a neighbourhood and are the same everywhere, so that what is learned in one place holds in every other."""

from typing import Any

import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, one_of, setting, whole
from lamina.core.shapes import Shape
from lamina.kernels.convolution import convolution
from lamina.layers.base import Layer
from lamina.layers.core import add_activity_loss
from lamina.layers.weight import Weight, Weights
from lamina.layers.windows import Sizes, lower_case, pads, per_axis, reach, require_rank, spread


def require_channels(layer: Layer, x: Any, channels: int) -> None:
    """Raise a ShapeError unless the last axis is the one that the layer was built for."""
    expected = f'last axis {channels} (set when the layer was built)'
    layer.require(x.shape[-1] == channels, (None, *x.shape[1:]), expected, f'Pass x[..., :{channels}], or build a new model.')


def refuse_strides_with_dilation(layer: Any) -> None:
    """Raise a ConfigError where both the strides and the dilation of a layer exceed 1, as Keras does."""
    if max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ConfigError(
            layer.label,
            f'strides={layer.strides} with dilation_rate={layer.dilation_rate}',
            'one of the two to be 1',
            'Set strides=1, or dilation_rate=1.',
        )


def common_type(x: Any, kernel: Any) -> tuple[Any, Any]:
    """Both in one floating dtype: whole numbers (images of bytes) as the kernel's."""
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)


def finished(layer: Any, y: Any, scope: Any, *, rectified: bool = False) -> Any:
    """The output after the layer's activation, unless the kernel has already applied it, with the penalty on it recorded."""
    if layer.activation is not None and not rectified:
        y = activations.get(layer.activation)(y)
    if layer.activity_regularizer is not None:
        add_activity_loss(layer.activity_regularizer, y, scope)
    return y


@unregistered
class Convolution(Layer):
    """What `Conv1D`, `Conv2D` and `Conv3D` share. Their spatial rank is the length of `kernel_size`."""

    filters: int = setting(whole(1))
    kernel_size: Sizes = setting()
    strides: Sizes = setting(default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lower_case, default='valid')
    dilation_rate: Sizes = setting(default=1)
    groups: int = setting(whole(1), default=1)
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
        if self.filters % self.groups:
            raise ConfigError(
                f"{self.label}, setting 'groups'",
                f'{self.groups} with filters={self.filters}',
                'a divisor of filters',
                'Make filters a multiple of groups.',
            )
        refuse_strides_with_dilation(self)

    def weights(self, shape: Shape) -> Weights:
        require_rank(self, shape, len(self.kernel_size))
        channels = self.known(shape, -1)
        self.require(channels % self.groups == 0, shape, f'channels that {self.groups} groups divide', 'Change groups.')
        kernel = (*self.kernel_size, channels // self.groups, self.filters)
        weights = {'kernel': Weight(kernel, self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint)}
        if self.use_bias:
            weights['bias'] = Weight((self.filters,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint)
        return weights

    def apply(self, variables, x, scope):
        require_rank(self, x.shape, len(self.kernel_size))
        x, kernel = common_type(x, variables['kernel'])
        require_channels(self, x, kernel.shape[-2] * self.groups)
        rectified = self.activation == 'relu'
        y = convolution(
            x,
            kernel,
            variables.get('bias'),
            strides=self.strides,
            padding=pads(self, x.shape, self.padding, reach(self.kernel_size, self.dilation_rate), self.strides),
            dilation=self.dilation_rate,
            groups=self.groups,
            activation='relu' if rectified else None,
        )
        return finished(self, y, scope, rectified=rectified)


@described
class Conv1D(Convolution):
    """Filters that slide along time: each output step sees `kernel_size` steps of the input.

    Formula: `y[t] = activation(Σ_i x[t · strides + i · dilation_rate] @ kernel[i] + bias)`.

    Args:
        filters: number of output channels.
        kernel_size: steps that a filter sees.
        strides: input steps between neighbouring outputs; default 1.
        padding: `'valid'` (none, default), `'same'` (as many outputs as `ceil(steps / strides)`) or `'causal'` (all of it before, so
            that no output depends on a later input).
        dilation_rate: input steps between neighbouring taps of a filter; default 1. Not both it and strides above 1.
        groups: parts of the channels that are convolved apart, each with `filters / groups` filters; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, steps, in) → (batch, new steps, filters). kernel: (kernel_size, in / groups, filters), bias: (filters,).

    Raises:
        ConfigError: groups does not divide filters, or strides and dilation_rate are both above 1.
        ShapeError: another number of axes, channels that are unknown or that groups does not divide, or fewer steps than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.Conv1D(32, 3, padding='causal', dilation_rate=4).output_shape((None, 100, 8))
        (None, 100, 32)

    Source: causal padding and dilation as in van den Oord et al. (2016), section 2.1.
    """

    kernel_size: Sizes = setting(per_axis(1), convert=spread(1))
    strides: Sizes = setting(per_axis(1), convert=spread(1), default=1)
    padding: str = setting(one_of('valid', 'same', 'causal'), convert=lower_case, default='valid')
    dilation_rate: Sizes = setting(per_axis(1), convert=spread(1), default=1)


@described
class Conv2D(Convolution):
    """Filters that slide over images: each output pixel sees a `kernel_size` neighbourhood of the input.

    Formula: `y[p] = activation(Σ_i x[p · strides + i · dilation_rate] @ kernel[i] + bias)` over the positions `i` of the window.

    Args:
        filters: number of output channels.
        kernel_size: height and width that a filter sees; one number for both.
        strides: input pixels between neighbouring outputs, by axis or one number; default 1.
        padding: `'valid'` (none, default) or `'same'` (as many outputs as `ceil(size / strides)`; an odd pixel is added at the end).
        dilation_rate: input pixels between neighbouring taps of a filter; default 1. Not both it and strides above 1.
        groups: parts of the channels that are convolved apart, each with `filters / groups` filters; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, height, width, in) → (batch, new height, new width, filters).
        kernel: (*kernel_size, in / groups, filters), bias: (filters,).

    Raises:
        ConfigError: groups does not divide filters, or strides and dilation_rate are both above 1.
        ShapeError: another number of axes, channels that are unknown or that groups does not divide, or an image smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.Conv2D(32, 3, strides=2, padding='same', activation='relu').output_shape((None, 28, 28, 1))
        (None, 14, 14, 32)

    Source: LeCun, Bottou, Bengio, Haffner (1998), section II; groups as in Krizhevsky, Sutskever, Hinton (2012), section 3.5.
    """

    kernel_size: Sizes = setting(per_axis(2), convert=spread(2))
    strides: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))
    dilation_rate: Sizes = setting(per_axis(2), convert=spread(2), default=(1, 1))


@described
class Conv3D(Convolution):
    """Filters that slide over volumes or short films: each output voxel sees a `kernel_size` neighbourhood of the input.

    Formula: that of `Conv2D`, with one more axis.

    Args:
        filters: number of output channels.
        kernel_size: depth, height and width that a filter sees; one number for all.
        strides: input voxels between neighbouring outputs, by axis or one number; default 1.
        padding: `'valid'` (none, default) or `'same'` (as many outputs as `ceil(size / strides)`).
        dilation_rate: input voxels between neighbouring taps of a filter; default 1. Not both it and strides above 1.
        groups: parts of the channels that are convolved apart; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.

    Shapes:
        x: (batch, depth, height, width, in) → (batch, new depth, new height, new width, filters).
        kernel: (*kernel_size, in / groups, filters), bias: (filters,).

    Raises:
        ConfigError: groups does not divide filters, or strides and dilation_rate are both above 1.
        ShapeError: another number of axes, channels that are unknown or that groups does not divide, or a volume smaller than the window.

    Example:
        >>> import lamina
        >>> lamina.layers.Conv3D(8, (3, 5, 5)).output_shape((None, 16, 32, 32, 1))
        (None, 14, 28, 28, 8)

    Source: Ji, Xu, Yang, Yu (2013), section 2.
    """

    kernel_size: Sizes = setting(per_axis(3), convert=spread(3))
    strides: Sizes = setting(per_axis(3), convert=spread(3), default=(1, 1, 1))
    dilation_rate: Sizes = setting(per_axis(3), convert=spread(3), default=(1, 1, 1))
