"""The simplest recurrence: the state is the output of the step before."""

import functools
from typing import Any

from lamina import activations
from lamina.core.described import described
from lamina.core.fields import flag, setting, whole
from lamina.kernels import recurrent as kernels
from lamina.layers.recurrent.cells import ProjectedCell
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


@described
class SimpleRNNCell(ProjectedCell):
    """One step of a `SimpleRNN`, for `RNN` and `StackedRNNCells`.

    Formula: `h = activation_setting(x @ kernel + h @ recurrent_kernel + bias)`; the output is h.

    Args:
        units: the length of the state and of the output.
        activation: default `'tanh'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. With it, each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.

    Shapes:
        x: (batch, in), h: (batch, units) → h, h. kernel: (in, units), recurrent_kernel: (units, units), bias: (units,).

    Raises:
        ShapeError: x is not one time step, or a state has another shape.

    Example:
        >>> import lamina
        >>> lamina.layers.RNN(lamina.layers.SimpleRNNCell(32)).output_shape((None, 10, 8))
        (None, 32)
    """

    units: int = setting(whole(1))
    activation: Any = activation_setting('tanh')
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = initializer_setting('glorot_uniform')
    recurrent_initializer: Any = initializer_setting('orthogonal')
    bias_initializer: Any = initializer_setting('zeros')
    kernel_regularizer: Any = regularizer_setting()
    recurrent_regularizer: Any = regularizer_setting()
    bias_regularizer: Any = regularizer_setting()
    kernel_constraint: Any = constraint_setting()
    recurrent_constraint: Any = constraint_setting()
    bias_constraint: Any = constraint_setting()
    dropout: float = rate_setting()
    recurrent_dropout: float = rate_setting()
    seed: int | None = seed_setting()

    def step(self, variables, z, *states, keep=None):
        return (activations.get(self.activation)(z + self.recurrent(variables, states[0], keep)),)

    def through_kernel(self, variables, x, *states, mask, reverse):
        if self.activation != 'tanh':
            return None
        weights = (variables['kernel'], variables['recurrent_kernel'], variables.get('bias'))
        return kernels.simple_rnn(x, *weights, *states, mask=mask, reverse=reverse)


@described
class SimpleRNN(Recurrent):
    """A fully connected recurrent layer: the output of each step enters the next one.

    Formula: `h = activation_setting(x @ kernel + h @ recurrent_kernel + bias)` at every time step. What masks do is told at `RNN`.

    Args:
        units: the length of the state and of the output.
        activation: default `'tanh'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        activity_regularizer: of the outputs; default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. With it, each gate has masks of its own.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, batch_size: as in `RNN`.
        seed: a stream of random numbers of its own; default None.

    Call arguments:
        initial_state: a list of one state, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, in) → (batch, units), or (batch, time, units) with `return_sequences`; each state: (batch, units).
        kernel: (in, units), recurrent_kernel: (units, units), bias: (units,).

    Raises:
        ConfigError: a stateful layer has no batch size.
        ShapeError: x is no batch of sequences, or has no time steps; states, a mask or a batch do not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.SimpleRNN(32, return_sequences=True).output_shape((None, 10, 8))
        (None, 10, 32)

    Source: Elman (1990). Dropout masks shared over time: Gal, Ghahramani (2016).
    """

    units: int = setting(whole(1))
    activation: Any = activation_setting('tanh')
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = initializer_setting('glorot_uniform')
    recurrent_initializer: Any = initializer_setting('orthogonal')
    bias_initializer: Any = initializer_setting('zeros')
    kernel_regularizer: Any = regularizer_setting()
    recurrent_regularizer: Any = regularizer_setting()
    bias_regularizer: Any = regularizer_setting()
    activity_regularizer: Any = regularizer_setting()
    kernel_constraint: Any = constraint_setting()
    recurrent_constraint: Any = constraint_setting()
    bias_constraint: Any = constraint_setting()
    dropout: float = rate_setting()
    recurrent_dropout: float = rate_setting()
    return_sequences: bool = setting(flag(), default=False)
    return_state: bool = setting(flag(), default=False)
    go_backwards: bool = setting(flag(), default=False)
    stateful: bool = setting(flag(), default=False)
    seed: int | None = seed_setting()
    unroll: bool = setting(flag(), default=False, kw_only=True)
    zero_output_for_mask: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()

    @functools.cached_property
    def cell(self) -> SimpleRNNCell:
        """The cell that this layer runs over time."""
        return SimpleRNNCell(**settings_of(SimpleRNNCell, self))
