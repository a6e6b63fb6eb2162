"""The gated recurrent unit: one state, which a gate mixes with a candidate."""

import functools
from typing import Any, ClassVar

from lamina import activations
from lamina.core.described import described
from lamina.core.fields import flag, setting, whole
from lamina.kernels import recurrent as kernels
from lamina.layers.recurrent.cells import ProjectedCell, columns, recurrent_product
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
class GRUCell(ProjectedCell):
    """One step of a `GRU`, for `RNN` and `StackedRNNCells`.

    Formula: of `x @ kernel + bias` and `h @ recurrent_kernel + recurrent bias` the three parts are z, r and the candidate's;
    `z = σ(xz + hz)`, `r = σ(xr + hr)`, `candidate = activation_setting(xh + r · hh)`, and `h = z · h + (1 - z) · candidate`. Without
    `reset_after` the candidate is `activation(xh + (r · h) @ its part of the kernel)`. The output is h.

    Args:
        units: the length of the state and of the output.
        activation: default `'tanh'`.
        recurrent_activation: of the gates; default `'sigmoid'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. With it, each gate has masks of its own.
        reset_after: whether the reset gate is applied after the product with the state, with a bias of its own; default True.
        seed: a stream of random numbers of its own; default None.

    Shapes:
        x: (batch, in), h: (batch, units) → h, h. kernel: (in, 3 · units), recurrent_kernel: (units, 3 · units),
        bias: (2, 3 · units), or (3 · units,) without `reset_after`.

    Raises:
        ShapeError: x is not one time step, or a state has another shape.

    Example:
        >>> import lamina
        >>> lamina.layers.RNN(lamina.layers.GRUCell(32)).output_shape((None, 10, 8))
        (None, 32)
    """

    gates: ClassVar[int] = 3

    units: int = setting(whole(1))
    activation: Any = activation_setting('tanh')
    recurrent_activation: Any = activation_setting('sigmoid')
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
    reset_after: bool = setting(flag(), default=True)
    seed: int | None = seed_setting()

    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def input_bias(self, variables):
        bias = super().input_bias(variables)
        return bias[0] if self.use_bias and self.reset_after else bias

    def step(self, variables, z, *states, keep=None):
        (h,) = states
        kernel, width = variables['recurrent_kernel'], 2 * self.units
        gate, squash = activations.get(self.recurrent_activation), activations.get(self.activation)
        xz, xr, xh = columns(z, 3)
        if self.reset_after:
            bias = variables['bias'][1] if self.use_bias else 0
            hz, hr, hh = columns(recurrent_product(h, kernel, keep) + bias, 3)
            update, candidate = gate(xz + hz), squash(xh + gate(xr + hr) * hh)
        else:
            hz, hr = columns(recurrent_product(h, kernel[:, :width], None if keep is None else keep[:, :2]), 2)
            update, reset = gate(xz + hz), gate(xr + hr)
            candidate = squash(xh + recurrent_product(reset * h, kernel[:, width:], None if keep is None else keep[:, 2:]))
        return (update * h + (1 - update) * candidate,)

    def through_kernel(self, variables, x, *states, mask, reverse):
        if (self.activation, self.recurrent_activation) != ('tanh', 'sigmoid'):
            return None
        weights = (variables['kernel'], variables['recurrent_kernel'], variables.get('bias'))
        return kernels.gru(x, *weights, *states, reset_after=self.reset_after, mask=mask, reverse=reverse)


@described
class GRU(Recurrent):
    """A recurrent layer of gated recurrent units, cheaper than an `LSTM` and with one state.

    With `tanh`, `sigmoid` and no `recurrent_dropout` it runs on `lamina.kernels.recurrent.gru`. What masks do is told at `RNN`.

    Formula: at every time step, of `x @ kernel + bias` and `h @ recurrent_kernel + recurrent bias` the three parts are z, r and the
    candidate's; `z = σ(xz + hz)`, `r = σ(xr + hr)`, `candidate = activation_setting(xh + r · hh)`, and `h = z · h + (1 - z) · candidate`.
    Without `reset_after` the candidate is `activation(xh + (r · h) @ its part of the kernel)`. The output is h.

    Args:
        units: the length of the state and of the output.
        activation: default `'tanh'`.
        recurrent_activation: of the gates; default `'sigmoid'`.
        use_bias: whether a bias is added; default True.
        kernel_initializer: of the kernel of the inputs; default `'glorot_uniform'`.
        recurrent_initializer: of the kernel of the state; default `'orthogonal'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: default None.
        activity_regularizer: of the outputs; default None.
        kernel_constraint, recurrent_constraint, bias_constraint: default None.
        dropout: the part of the inputs that is dropped in training, the same at all time steps; in [0, 1), default 0.
        recurrent_dropout: the same for the state; default 0. With it, each gate has masks of its own.
        seed: a stream of random numbers of its own; default None.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask, batch_size: as in `RNN`.
        reset_after: whether the reset gate is applied after the product with the state, with a bias of its own; default True.

    Call arguments:
        initial_state: a list of one state, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, in) → (batch, units), or (batch, time, units) with `return_sequences`; each state: (batch, units).
        kernel: (in, 3 · units), recurrent_kernel: (units, 3 · units); bias: (2, 3 · units), or (3 · units,) without `reset_after`.

    Raises:
        ConfigError: a stateful layer has no batch size.
        ShapeError: x is no batch of sequences, or has no time steps; states, a mask or a batch do not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.GRU(32, return_sequences=True).output_shape((None, 10, 8))
        (None, 10, 32)

    Source: Cho et al. (2014); the form with `reset_after` is that of cuDNN and of PyTorch. Dropout masks shared over time: Gal,
    Ghahramani (2016).
    """

    units: int = setting(whole(1))
    activation: Any = activation_setting('tanh')
    recurrent_activation: Any = activation_setting('sigmoid')
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
    seed: int | None = seed_setting()
    return_sequences: bool = setting(flag(), default=False)
    return_state: bool = setting(flag(), default=False)
    go_backwards: bool = setting(flag(), default=False)
    stateful: bool = setting(flag(), default=False)
    reset_after: bool = setting(flag(), default=True)
    unroll: bool = setting(flag(), default=False, kw_only=True)
    zero_output_for_mask: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()

    @functools.cached_property
    def cell(self) -> GRUCell:
        """The cell that this layer runs over time."""
        return GRUCell(**settings_of(GRUCell, self))
