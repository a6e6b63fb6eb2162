"""LSTMs whose inputs and states are rows, images or volumes, and whose products are convolutions."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, one_of, setting, sizes, whole
from lamina.core.shapes import Shape
from lamina.kernels.convolution import convolution
from lamina.layers.recurrent.cells import columns
from lamina.layers.recurrent.lstm import LSTMCell
from lamina.layers.recurrent.rnn import Recurrent, settings_of
from lamina.layers.recurrent.settings import (
    activation_setting,
    constraint_setting,
    initializer_setting,
    rate_setting,
    regularizer_setting,
    rows_setting,
    seed_setting,
)
from lamina.layers.weight import Weights


def spread(dimensions: int) -> Callable[[Any], Any]:
    """A conversion of one number into one for each dimension."""
    return lambda value: (value,) * dimensions if isinstance(value, int) and not isinstance(value, bool) else value


def lowered(value: Any) -> Any:
    """'SAME' and 'same' are one."""
    return value.lower() if isinstance(value, str) else value


@unregistered
class ConvLSTMCell(LSTMCell):
    """One step of a convolutional LSTM: an LSTM cell with convolutions for products.

    Args:
        settings: of the layer that it belongs to: kernel_size, strides, padding and dilation_rate.
    """

    kernel_size: tuple[int, ...] = setting(kw_only=True)
    strides: tuple[int, ...] = setting(kw_only=True)
    padding: str = setting(kw_only=True)
    dilation_rate: tuple[int, ...] = setting(kw_only=True)

    def weights(self, shape: Shape, *states: Shape) -> Weights:
        self.state_shapes(shape)
        return self.declare((*self.kernel_size, shape[-1] or 1), (*self.kernel_size, self.units))

    def state_shapes(self, shape: Shape) -> tuple[tuple[int, ...], ...]:
        spatial = tuple(n or 1 for n in shape[1:-1])
        windows = [(k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True)]
        if self.padding == 'same':
            after = tuple(-(-n // s) for n, s in zip(spatial, self.strides, strict=True))
        else:
            after = tuple((n - w) // s + 1 for n, w, s in zip(spatial, windows, self.strides, strict=True))
            remedy = "Use a smaller kernel_size or dilation_rate, or padding='same'."
            self.require(min(after) > 0, (shape[0], None, *shape[1:]), f'a size of at least {tuple(windows)}, as the window has', remedy)
        return ((*after, self.units),) * 2

    def _input_masks(self) -> int:
        return self.gates

    def project(self, variables, x, keep):
        kernel, bias = variables['kernel'], self.input_bias(variables)
        if keep.inputs is None:
            return self._convolved(x, kernel) + bias
        masked = [x * keep.inputs[:, None, gate] for gate in range(self.gates)]
        return jnp.concatenate([self._convolved(m, k) for m, k in zip(masked, columns(kernel, self.gates), strict=True)], -1) + bias

    def _convolved(self, x: Any, kernel: Any) -> Any:
        """The inputs of all time steps (batch, time, …) as one batch."""
        pads = padding_of(x.shape[2:-1], self.kernel_size, self.strides, self.dilation_rate, self.padding)
        flat = x.reshape(-1, *x.shape[2:])
        y = convolution(flat, kernel, strides=self.strides, padding=pads, dilation=self.dilation_rate)
        return y.reshape(*x.shape[:2], *y.shape[1:])

    def recurrent(self, variables, h, keep):
        ones = (1,) * len(self.kernel_size)
        pads = padding_of(h.shape[1:-1], self.kernel_size, ones, ones, 'same')
        if keep is None:
            return convolution(h, variables['recurrent_kernel'], strides=ones, padding=pads, dilation=ones)
        masked = [h * keep[:, gate] for gate in range(self.gates)]
        kernels = columns(variables['recurrent_kernel'], self.gates)
        return jnp.concatenate(
            [convolution(m, k, strides=ones, padding=pads, dilation=ones) for m, k in zip(masked, kernels, strict=True)], -1
        )

    def through_kernel(self, variables, x, *states, mask, reverse):
        return None


def padding_of(spatial: tuple, window: tuple, strides: tuple, dilation: tuple, padding: str) -> tuple[tuple[int, int], ...]:
    """The zeros before and after each axis."""
    taps = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    return tuple((low, high) for low, high in lax.padtype_to_pads(spatial, taps, strides, padding.upper()))


class ConvLSTM(Recurrent):
    """The base of the convolutional LSTMs."""

    rank: ClassVar[int]

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...]

    def validate(self) -> None:
        dimensions = self.rank - 3
        for name in ('kernel_size', 'strides', 'dilation_rate'):
            value = getattr(self, name)
            if len(value) != dimensions:
                expected = f'a number, or {dimensions} of them'
                raise ConfigError(f'{self.label}, setting {name!r}', repr(value), expected, f'Write {name}=3, or one number per dimension.')
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            got = f'strides={self.strides} and dilation_rate={self.dilation_rate}'
            raise ConfigError(self.label, got, 'at most one of them above 1', 'Set strides=1 or dilation_rate=1.')
        super().validate()

    def weights(self, shape: Shape, *states: Shape) -> Weights:
        self._require_sequences(shape)
        for axis in range(2, self.rank):
            self.known(shape, axis)
        return super().weights(shape, *states)

    @functools.cached_property
    def cell(self) -> ConvLSTMCell:
        """The cell that this layer runs over time."""
        return ConvLSTMCell(self.filters, **settings_of(ConvLSTMCell, self))


@described
class ConvLSTM1D(ConvLSTM):
    """An LSTM whose products are convolutions in one dimension: its states are rows.

    The state is convolved with zeros around it, so that it keeps its size. What masks do is told at `RNN`.

    Formula: that of `LSTM`, with `conv(x, kernel)` for `x @ kernel` and `conv(h, recurrent_kernel)` for `h @ recurrent_kernel`.

    Args:
        filters: the number of channels of each state and of the output.
        kernel_size: of both windows; a number, or one for each dimension.
        strides: of the convolution of the inputs; default 1.
        padding: of the inputs, `'valid'` or `'same'`; default `'valid'`.
        dilation_rate: the distance of the taps on the inputs; default 1, and 1 with strides above 1.
        activation: default `'tanh'`.
        recurrent_activation: of the gates; default `'sigmoid'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        unit_forget_bias: whether the bias of the forget gate starts at one; default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        activity_regularizer: of the outputs; default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. Each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, batch_size: as in `RNN`.

    Call arguments:
        initial_state: a list of the two states h and c, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, length, channels) → (batch, length', filters);
        with the time axis after the batch if `return_sequences`.
        kernel: (*kernel_size, channels, 4 · filters), recurrent_kernel: (*kernel_size, filters, 4 · filters), bias: (4 · filters,).

    Raises:
        ConfigError: sizes for another number of dimensions, strides together with dilation, a stateful layer without batch size.
        ShapeError: x has another rank, no time steps, or a window does not fit into it; states, a mask or a batch do not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.ConvLSTM1D(8, 3).output_shape((None, 5, 16, 2))
        (None, 14, 8)

    Source: Shi et al. (2015), without the peephole connections.
    """

    rank: ClassVar[int] = 4
    axes: ClassVar[str] = '(batch, time, length, channels)'

    filters: int = setting(whole(1))
    kernel_size: tuple[int, ...] = setting(sizes(), convert=spread(1))
    strides: tuple[int, ...] = setting(sizes(), convert=spread(1), default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lowered, default='valid')
    dilation_rate: tuple[int, ...] = setting(sizes(), convert=spread(1), default=1)
    activation: Any = activation_setting('tanh')
    recurrent_activation: Any = activation_setting('sigmoid')
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = initializer_setting('glorot_uniform')
    recurrent_initializer: Any = initializer_setting('orthogonal')
    bias_initializer: Any = initializer_setting('zeros')
    unit_forget_bias: bool = setting(flag(), default=True)
    kernel_regularizer: Any = regularizer_setting()
    recurrent_regularizer: Any = regularizer_setting()
    bias_regularizer: Any = regularizer_setting()
    activity_regularizer: Any = regularizer_setting()
    kernel_constraint: Any = constraint_setting()
    recurrent_constraint: Any = constraint_setting()
    bias_constraint: Any = constraint_setting()
    dropout: float = rate_setting()
    recurrent_dropout: float = rate_setting()
    seed: int | None = seed_setting()
    return_sequences: bool = setting(flag(), default=False)
    return_state: bool = setting(flag(), default=False)
    go_backwards: bool = setting(flag(), default=False)
    stateful: bool = setting(flag(), default=False)
    zero_output_for_mask: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()


@described
class ConvLSTM2D(ConvLSTM):
    """An LSTM whose products are convolutions in 2 dimensions: its states are images.

    The state is convolved with zeros around it, so that it keeps its size. What masks do is told at `RNN`.

    Formula: that of `LSTM`, with `conv(x, kernel)` for `x @ kernel` and `conv(h, recurrent_kernel)` for `h @ recurrent_kernel`.

    Args:
        filters: the number of channels of each state and of the output.
        kernel_size: of both windows; a number, or one for each dimension.
        strides: of the convolution of the inputs; default 1.
        padding: of the inputs, `'valid'` or `'same'`; default `'valid'`.
        dilation_rate: the distance of the taps on the inputs; default 1, and 1 with strides above 1.
        activation: default `'tanh'`.
        recurrent_activation: of the gates; default `'sigmoid'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        unit_forget_bias: whether the bias of the forget gate starts at one; default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        activity_regularizer: of the outputs; default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. Each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, batch_size: as in `RNN`.

    Call arguments:
        initial_state: a list of the two states h and c, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, rows, columns, channels) → (batch, rows, columns', filters);
        with the time axis after the batch if `return_sequences`.
        kernel: (*kernel_size, channels, 4 · filters), recurrent_kernel: (*kernel_size, filters, 4 · filters), bias: (4 · filters,).

    Raises:
        ConfigError: sizes for another number of dimensions, strides together with dilation, a stateful layer without batch size.
        ShapeError: x has another rank, no time steps, or a window does not fit into it; states, a mask or a batch do not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.ConvLSTM2D(8, 3).output_shape((None, 5, 16, 16, 2))
        (None, 14, 14, 8)

    Source: Shi et al. (2015), without the peephole connections.
    """

    rank: ClassVar[int] = 5
    axes: ClassVar[str] = '(batch, time, rows, columns, channels)'

    filters: int = setting(whole(1))
    kernel_size: tuple[int, ...] = setting(sizes(), convert=spread(2))
    strides: tuple[int, ...] = setting(sizes(), convert=spread(2), default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lowered, default='valid')
    dilation_rate: tuple[int, ...] = setting(sizes(), convert=spread(2), default=1)
    activation: Any = activation_setting('tanh')
    recurrent_activation: Any = activation_setting('sigmoid')
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = initializer_setting('glorot_uniform')
    recurrent_initializer: Any = initializer_setting('orthogonal')
    bias_initializer: Any = initializer_setting('zeros')
    unit_forget_bias: bool = setting(flag(), default=True)
    kernel_regularizer: Any = regularizer_setting()
    recurrent_regularizer: Any = regularizer_setting()
    bias_regularizer: Any = regularizer_setting()
    activity_regularizer: Any = regularizer_setting()
    kernel_constraint: Any = constraint_setting()
    recurrent_constraint: Any = constraint_setting()
    bias_constraint: Any = constraint_setting()
    dropout: float = rate_setting()
    recurrent_dropout: float = rate_setting()
    seed: int | None = seed_setting()
    return_sequences: bool = setting(flag(), default=False)
    return_state: bool = setting(flag(), default=False)
    go_backwards: bool = setting(flag(), default=False)
    stateful: bool = setting(flag(), default=False)
    zero_output_for_mask: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()


@described
class ConvLSTM3D(ConvLSTM):
    """An LSTM whose products are convolutions in 3 dimensions: its states are volumes.

    The state is convolved with zeros around it, so that it keeps its size. What masks do is told at `RNN`.

    Formula: that of `LSTM`, with `conv(x, kernel)` for `x @ kernel` and `conv(h, recurrent_kernel)` for `h @ recurrent_kernel`.

    Args:
        filters: the number of channels of each state and of the output.
        kernel_size: of both windows; a number, or one for each dimension.
        strides: of the convolution of the inputs; default 1.
        padding: of the inputs, `'valid'` or `'same'`; default `'valid'`.
        dilation_rate: the distance of the taps on the inputs; default 1, and 1 with strides above 1.
        activation: default `'tanh'`.
        recurrent_activation: of the gates; default `'sigmoid'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        unit_forget_bias: whether the bias of the forget gate starts at one; default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        activity_regularizer: of the outputs; default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. Each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask, batch_size: as in `RNN`.

    Call arguments:
        initial_state: a list of the two states h and c, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, depth, rows, columns, channels) → (batch, depth, rows, columns', filters);
        with the time axis after the batch if `return_sequences`.
        kernel: (*kernel_size, channels, 4 · filters), recurrent_kernel: (*kernel_size, filters, 4 · filters), bias: (4 · filters,).

    Raises:
        ConfigError: sizes for another number of dimensions, strides together with dilation, a stateful layer without batch size.
        ShapeError: x has another rank, no time steps, or a window does not fit into it; states, a mask or a batch do not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.ConvLSTM3D(8, 3).output_shape((None, 5, 8, 8, 8, 2))
        (None, 6, 6, 6, 8)

    Source: Shi et al. (2015), without the peephole connections.
    """

    rank: ClassVar[int] = 6
    axes: ClassVar[str] = '(batch, time, depth, rows, columns, channels)'

    filters: int = setting(whole(1))
    kernel_size: tuple[int, ...] = setting(sizes(), convert=spread(3))
    strides: tuple[int, ...] = setting(sizes(), convert=spread(3), default=1)
    padding: str = setting(one_of('valid', 'same'), convert=lowered, default='valid')
    dilation_rate: tuple[int, ...] = setting(sizes(), convert=spread(3), default=1)
    activation: Any = activation_setting('tanh')
    recurrent_activation: Any = activation_setting('sigmoid')
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = initializer_setting('glorot_uniform')
    recurrent_initializer: Any = initializer_setting('orthogonal')
    bias_initializer: Any = initializer_setting('zeros')
    unit_forget_bias: bool = setting(flag(), default=True)
    kernel_regularizer: Any = regularizer_setting()
    recurrent_regularizer: Any = regularizer_setting()
    bias_regularizer: Any = regularizer_setting()
    activity_regularizer: Any = regularizer_setting()
    kernel_constraint: Any = constraint_setting()
    recurrent_constraint: Any = constraint_setting()
    bias_constraint: Any = constraint_setting()
    dropout: float = rate_setting()
    recurrent_dropout: float = rate_setting()
    seed: int | None = seed_setting()
    return_sequences: bool = setting(flag(), default=False)
    return_state: bool = setting(flag(), default=False)
    go_backwards: bool = setting(flag(), default=False)
    stateful: bool = setting(flag(), default=False)
    zero_output_for_mask: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()
