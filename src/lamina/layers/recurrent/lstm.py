"""The long short-term memory: a recurrence with a second state that gates write to, erase and read."""

import functools
from typing import Any, ClassVar

from lamina import activations
from lamina.core.described import described
from lamina.core.fields import flag, setting, whole
from lamina.kernels import recurrent as kernels
from lamina.layers.recurrent.cells import ForgetGateOfOnes, ProjectedCell, columns
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
class LSTMCell(ProjectedCell):
    """One step of an `LSTM`, for `RNN` and `StackedRNNCells`.

    Formula: of `z = x @ kernel + h @ recurrent_kernel + bias` the four parts are i, f, g and o;
    `c = σ(f) · c + σ(i) · activation(g)` and `h = σ(o) · activation(c)`, with σ the recurrent activation. The output is h.

    Args:
        units: the length of each state and of the output.
        activation: default `'tanh'`.
        recurrent_activation: of the gates; default `'sigmoid'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        unit_forget_bias: whether the bias of the forget gate starts at one; default True.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. With it, each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.

    Shapes:
        x: (batch, in), h and c: (batch, units) → h, h, c.
        kernel: (in, 4 · units), recurrent_kernel: (units, 4 · units), bias: (4 · units,).

    Raises:
        ShapeError: x is not one time step, or a state has another shape.

    Example:
        >>> import lamina
        >>> lamina.layers.RNN(lamina.layers.LSTMCell(32)).output_shape((None, 10, 8))
        (None, 32)
    """

    gates: ClassVar[int] = 4

    units: int = setting(whole(1))
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
    kernel_constraint: Any = constraint_setting()
    recurrent_constraint: Any = constraint_setting()
    bias_constraint: Any = constraint_setting()
    dropout: float = rate_setting()
    recurrent_dropout: float = rate_setting()
    seed: int | None = seed_setting()

    @property
    def state_size(self) -> tuple[int, ...]:
        return (self.units, self.units)

    def first_bias(self) -> Any:
        return ForgetGateOfOnes(self.bias_initializer) if self.unit_forget_bias else self.bias_initializer

    def step(self, variables, z, *states, keep=None):
        h, c = states
        gate, squash = activations.get(self.recurrent_activation), activations.get(self.activation)
        i, f, g, o = columns(z + self.recurrent(variables, h, keep), 4)
        c = gate(f) * c + gate(i) * squash(g)
        return gate(o) * squash(c), c

    def through_kernel(self, variables, x, *states, mask, reverse):
        if (self.activation, self.recurrent_activation) != ('tanh', 'sigmoid'):
            return None
        weights = (variables['kernel'], variables['recurrent_kernel'], variables.get('bias'))
        return kernels.lstm(x, *weights, *states, mask=mask, reverse=reverse)


@described
class LSTM(Recurrent):
    """A recurrent layer with long short-term memory, which learns what to keep over many steps.

    With `tanh`, `sigmoid` and no `recurrent_dropout` it runs on `lamina.kernels.recurrent.lstm`. What masks do is told at `RNN`.

    Formula: at every time step, of `z = x @ kernel + h @ recurrent_kernel + bias` the four parts are i, f, g and o;
    `c = σ(f) · c + σ(i) · activation(g)` and `h = σ(o) · activation(c)`, with σ the recurrent activation. The output is h.

    Args:
        units: the length of each state and of the output.
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
        recurrent_dropout: the same for the state; default 0. With it, each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, batch_size: as in `RNN`.

    Call arguments:
        initial_state: a list of the two states h and c, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, in) → (batch, units), or (batch, time, units) with `return_sequences`; each state: (batch, units).
        kernel: (in, 4 · units), recurrent_kernel: (units, 4 · units), bias: (4 · units,).

    Raises:
        ConfigError: a stateful layer has no batch size.
        ShapeError: x is no batch of sequences, or has no time steps; states, a mask or a batch do not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.LSTM(32, return_sequences=True).output_shape((None, 10, 8))
        (None, 10, 32)
        >>> lamina.layers.LSTM(32, return_state=True).output_shape((None, 10, 8))
        ((None, 32), (None, 32), (None, 32))

    Source: Hochreiter, Schmidhuber (1997); with forget gates, Gers, Schmidhuber, Cummins (2000). Bias of the forget gate:
    Jozefowicz, Zaremba, Sutskever (2015). Dropout masks shared over time: Gal, Ghahramani (2016).
    """

    units: int = setting(whole(1))
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
    unroll: bool = setting(flag(), default=False, kw_only=True)
    zero_output_for_mask: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()

    @functools.cached_property
    def cell(self) -> LSTMCell:
        """The cell that this layer runs over time."""
        return LSTMCell(**settings_of(LSTMCell, self))
