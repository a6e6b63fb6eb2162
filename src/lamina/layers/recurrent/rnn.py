"""Layers that run a cell over the time axis: what all of them share, and `RNN`, which takes any cell."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.core
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import flag, setting
from lamina.core.shapes import Shape, TypedShape, dtype_of, show
from lamina.core.structure import leaves
from lamina.initializers import Constant
from lamina.layers.base import Layer, weights_of
from lamina.layers.core import add_activity_loss
from lamina.layers.recurrent.loop import Steps, first_states, over_time, where, within
from lamina.layers.recurrent.settings import rows_setting
from lamina.layers.recurrent.stacked import StackedRNNCells, require_cell
from lamina.layers.scope import Scope
from lamina.layers.weight import Weight, Weights


def settings_of(cell: type[Layer], layer: Layer) -> dict[str, Any]:
    """The settings of a cell among those of the layer that runs it."""
    return {f.name: getattr(layer, f.name) for f in dataclasses.fields(cell) if hasattr(layer, f.name) and f.name != 'input_shape'}


class Recurrent(Layer):
    """The base of layers that run a cell over time. A subclass has these settings, and a `cell`."""

    step_by_step: ClassVar[bool] = True
    rank: ClassVar[int | None] = 3
    axes: ClassVar[str] = '(batch, time, features)'
    activity_regularizer: Any = None

    cell: Any
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool
    batch_size: int | None

    def validate(self) -> None:
        if self.stateful and self.batch_size is None:
            raise ConfigError(
                f"{self.label}, setting 'batch_size'",
                'None with stateful=True',
                'the number of rows of a batch, for each of which a state is kept',
                'Pass batch_size=…, the same as to fit, evaluate and predict.',
            )

    def weights(self, shape: Shape, *states: Shape) -> Weights:
        self._require_sequences(shape)
        if self.rank is not None:
            self.known(shape, -1)
        step = TypedShape((shape[0], *shape[2:]), dtype_of(shape))
        return {**self._cell_weights(step), **self._state_weights(step)}

    def _cell_weights(self, step: Shape) -> Weights:
        return self.cell.weights(step)

    def _cell_part(self, variables: Mapping[str, Any], scope: Scope) -> tuple[Mapping[str, Any], Scope]:
        """The cell's weights among those of the layer, and its scope."""
        return variables, scope

    def _require_sequences(self, shape: Shape) -> None:
        right = len(shape) >= 3 if self.rank is None else len(shape) == self.rank
        self.require(right, shape, self.axes, 'Pass sequences: give the input a time axis after the batch.')
        self.require(shape[1] != 0, shape, 'at least one time step', 'Remove the empty sequences from the data.')

    def _state_weights(self, step: Shape) -> Weights:
        if not self.stateful:
            return {}
        states = first_states(self.cell, step, self.batch_size or 1, jnp.float32)
        own = any(hasattr(cell, 'get_initial_state') for cell in (self.cell, *self.cell.children().values()))
        named = zip(self._state_names(len(states)), states, strict=True)
        return {name: Weight(h.shape, Constant(h) if own else 'zeros', False, carried=True) for name, h in named}

    @staticmethod
    def _state_names(count: int) -> list[str]:
        return [f'rnn_state_{i}' if i else 'rnn_state' for i in range(count)]

    def apply(self, variables, x, *, initial_state=None, scope):
        self._require_sequences(x.shape)
        mask = self._mask(x, scope)
        states = self._states_before(variables, x, initial_state, scope)
        began = initial_state is not None or self.stateful
        own, inner = self._cell_part(variables, scope)
        steps = over_time(self.cell, own, x, states, mask=mask, reverse=self.go_backwards, began=began, scope=inner)
        if self.stateful:
            self._keep_states(variables, steps.states, scope)
        return self._outputs(steps, mask, scope)

    def _mask(self, x: Any, scope: Scope) -> Any:
        """(batch, time) booleans, or None; of a mask with more axes, a step counts where any of its parts does."""
        mask = scope.mask_of(x)
        if mask is None:
            return None
        mask = mask if mask.dtype == bool else jnp.asarray(mask).astype(bool)
        if mask.shape[:2] != x.shape[:2]:
            got, expected = f'a mask of shape {mask.shape}', f'{x.shape[:2]}, one entry per time step'
            raise ShapeError(self.label, got, expected, 'Pass mask=… with the axes (batch, time).')
        return mask.any(tuple(range(2, mask.ndim))) if mask.ndim > 2 else mask

    def _states_before(self, variables: Mapping[str, Any], x: Any, given: Any, scope: Scope) -> tuple:
        """The states before the first step, in one row."""
        dtype = jnp.result_type(x, *jax.tree.leaves(variables))
        dtype = dtype if jnp.issubdtype(dtype, jnp.floating) else jnp.float32
        zeros = first_states(self.cell, (None, *x.shape[2:]), x.shape[0], dtype)
        if given is None:
            return self._kept(variables, x, zeros, scope) if self.stateful else zeros
        states = tuple(jnp.asarray(h) for h in leaves(given))
        got, expected = ([h.shape for h in values] for values in (states, zeros))
        if got != expected:
            wanted = f'{len(expected)} state(s) of shape {" and ".join(show((None, *s[1:])) for s in expected)}'
            raise ShapeError(
                f'{self.label}, initial_state', f'arrays of shape {got}', wanted, 'Pass initial_state=[…] with one array per state.'
            )
        return tuple(h.astype(zero.dtype) for h, zero in zip(states, zeros, strict=True))

    def _kept(self, variables: Mapping[str, Any], x: Any, zeros: tuple, scope: Scope) -> tuple:
        """The states that the batch before this one left behind, for as many rows as there are."""
        rows = x.shape[0]
        # Shapes are described by tracing batches of any size; the step of a run is an array.
        if rows > (self.batch_size or 0) and isinstance(x, jax.core.Tracer) and isinstance(scope.step, int):
            return zeros
        if rows > (self.batch_size or 0):
            raise ShapeError(
                self.label,
                f'a batch of {rows} rows',
                f'at most {self.batch_size}, for each of which a state is kept',
                f'Pass batch_size={self.batch_size} to fit, evaluate and predict, or change batch_size here.',
            )
        return tuple(variables[name][:rows].astype(zero.dtype) for name, zero in zip(self._state_names(len(zeros)), zeros, strict=True))

    def _keep_states(self, variables: Mapping[str, Any], states: tuple, scope: Scope) -> None:
        """Leave the states to the next batch; rows of padding, and rows that this batch does not have, keep theirs."""
        rows = states[0].shape[0]
        if rows > (self.batch_size or 0):
            return
        for name, after in zip(self._state_names(len(states)), states, strict=True):
            before = jnp.asarray(variables[name])
            after = after.astype(before.dtype)
            after = after if scope.valid is None else where(scope.valid > 0, after, before[:rows])
            scope.update(name, after if rows == self.batch_size else before.at[:rows].set(after))

    def _outputs(self, steps: Steps, mask: Any, scope: Scope) -> Any:
        """What the settings ask for: the last output or all of them, and the states."""
        processed = jnp.flip(mask, 1) if mask is not None and self.go_backwards else mask
        y = steps.sequence if self.return_sequences else steps.last
        if self.zero_output_for_mask and processed is not None:
            y = where(processed if self.return_sequences else processed[:, -1], y, jnp.zeros_like(y))
        outputs = (y, *_nested(self.cell.state_size, list(steps.states))) if self.return_state else y
        if self.activity_regularizer is not None:
            for leaf in jax.tree.leaves(outputs):
                add_activity_loss(self.activity_regularizer, leaf, scope)
        if self.return_sequences and processed is not None:
            scope.set_mask(y, processed)
        return outputs


def _nested(sizes: Any, states: list) -> tuple:
    """The states as Keras returns them: those of a cell within a stack that has several stand together."""
    if not isinstance(sizes, tuple):
        return tuple(states)
    return tuple(tuple(states.pop(0) for _ in size) if isinstance(size, tuple) else states.pop(0) for size in sizes)


def _as_cell(value: Any) -> Any:
    return StackedRNNCells(tuple(value)) if isinstance(value, (list, tuple)) else value


@described
class RNN(Recurrent):
    """Runs any cell over the time axis.

    A cell is a layer for one time step. Its `apply(variables, x, *states, scope)` returns `(output, *states)`; its `state_size` is
    a number, the length of its one state, or a tuple with one for each; its `output_size` is the length of its output, by default
    that of the first state. With a method `get_initial_state(batch_size)` states begin as it says, in place of zeros. What a cell
    draws by `scope.random_bits` is the same at every time step.

    A masked step changes no state; its output repeats the one before it, and before the first that counts it is the first state
    the sequence began with, where that has the shape of an output, and zeros elsewhere.

    Args:
        cell: a cell, or a list of cells, which are stacked.
        return_sequences: whether the outputs of all steps are returned, or only the last; default False.
        return_state: whether the states after the last step are returned as well; default False.
        go_backwards: whether steps are taken from the last to the first; the sequence is returned in the order of processing, and so
            is its mask; default False.
        stateful: whether each batch goes on from the states that the batch before it left, row by row; a batch with fewer rows than
            `batch_size` goes on from the first of them, and rows of padding change none; default False.
        zero_output_for_mask: whether the output of a masked step is zeros; default False.
        unroll: accepted as in Keras; has no effect on the result.
        batch_size: for how many rows states are kept; needed if stateful.

    Call arguments:
        initial_state: a list of the states before the first step, in place of zeros.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, …) → (batch, output size), or (batch, time, output size) with `return_sequences`; each state: (batch, size).

    Raises:
        ConfigError: `cell` is not a cell, or a stateful layer has no batch size.
        ShapeError: x has no time axis or no time steps; states, a mask or a batch do not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> import lamina
        >>> @lamina.described
        ... class MinimalCell(lamina.Layer):
        ...     units: int = 4
        ...     state_size = property(lambda self: self.units)
        ...
        ...     def weights(self, shape):
        ...         return {
        ...             'kernel': lamina.Weight((shape[-1], self.units), 'glorot_uniform'),
        ...             'recurrent_kernel': lamina.Weight((self.units, self.units), 'orthogonal'),
        ...         }
        ...
        ...     def apply(self, variables, x, h, scope):
        ...         h = jnp.tanh(x @ variables['kernel'] + h @ variables['recurrent_kernel'])
        ...         return h, h
        >>> lamina.layers.RNN(MinimalCell(16), return_sequences=True).output_shape((None, 10, 8))
        (None, 10, 16)

    Source: Elman (1990). Keras leaves the mask of a sequence that it returns backwards as it was, which no longer fits it.
    """

    rank: ClassVar[int | None] = None
    axes: ClassVar[str] = '(batch, time, …)'

    cell: Any = setting(convert=_as_cell)
    return_sequences: bool = setting(flag(), default=False)
    return_state: bool = setting(flag(), default=False)
    go_backwards: bool = setting(flag(), default=False)
    stateful: bool = setting(flag(), default=False)
    zero_output_for_mask: bool = setting(flag(), default=False)
    unroll: bool = setting(flag(), default=False, kw_only=True)
    batch_size: int | None = rows_setting()

    def validate(self) -> None:
        require_cell(self.cell, f"{self.label}, setting 'cell'")
        super().validate()

    def children(self) -> dict[str, Layer]:
        return {'cell': self.cell}

    def with_children(self, children: Mapping[str, Layer]) -> 'RNN':
        return self.replace(cell=children['cell'])

    def _cell_weights(self, step: Shape) -> Weights:
        declared = weights_of(self.cell, step)
        return {'cell': declared} if declared else {}

    def _cell_part(self, variables, scope):
        return variables.get('cell', {}), within(scope, 'cell', self.cell)
