"""What the cells built in share: their settings, their weights, dropout masks, and a projection of the inputs that needs no state."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import unregistered
from lamina.core.fields import setting
from lamina.core.shapes import Shape
from lamina.core.structure import leaves
from lamina.initializers import Initializer
from lamina.layers.base import Layer
from lamina.layers.scope import Scope
from lamina.layers.weight import Weight, Weights


class Keep(NamedTuple):
    """Dropout masks of one pass, the same at all time steps: zeros, and `1 / (1 - rate)` for what is kept.

    Args:
        inputs: (batch, 1 or gates, *features) for the inputs; None where none is dropped.
        states: (batch, gates, *features) for the state; None where none is dropped.
    """

    inputs: jax.Array | None = None
    states: jax.Array | None = None


class ProjectedCell(Layer):
    """A cell that combines its state with a projection of the inputs, which `RNN` computes for all time steps at once.

    A subclass says how many `gates` stand side by side in its kernels, and defines `step`.
    """

    gates: ClassVar[int] = 1

    units: int
    activation: Any
    use_bias: bool
    kernel_initializer: Any
    recurrent_initializer: Any
    bias_initializer: Any
    kernel_regularizer: Any
    recurrent_regularizer: Any
    bias_regularizer: Any
    kernel_constraint: Any
    recurrent_constraint: Any
    bias_constraint: Any
    dropout: float
    recurrent_dropout: float
    seed: int | None

    @property
    def state_size(self) -> int | tuple[int, ...]:
        """The length of each state, without the batch axis."""
        return self.units

    @property
    def output_size(self) -> int:
        """The length of the output."""
        return self.units

    def state_shapes(self, shape: Shape) -> tuple[tuple[int, ...], ...]:
        """The shapes of the states of one example, for inputs of one step of this shape."""
        return tuple((n,) for n in leaves(self.state_size))

    def weights(self, shape: Shape, *states: Shape) -> Weights:
        self.require(len(shape) == 2, shape, 'one time step, (batch, features)', 'Put the cell into RNN(cell) to run it over sequences.')
        return self.declare((self.known(shape, -1),), (self.units,))

    def declare(self, before: tuple[int, ...], between: tuple[int, ...]) -> Weights:
        """The weights, in Keras's order.

        Args:
            before: the shape of the kernel without its last axis.
            between: the shape of the recurrent kernel without its last axis.
        """
        width = self.gates * self.units
        weights = {
            'kernel': Weight((*before, width), self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint),
            'recurrent_kernel': Weight(
                (*between, width), self.recurrent_initializer, True, self.recurrent_regularizer, self.recurrent_constraint
            ),
        }
        if self.use_bias:
            shape = self.bias_shape()
            weights['bias'] = Weight(shape, self.first_bias(), True, self.bias_regularizer, self.bias_constraint)
        return weights

    def bias_shape(self) -> tuple[int, ...]:
        """The shape of the bias."""
        return (self.gates * self.units,)

    def first_bias(self) -> Any:
        """What the bias starts from."""
        return self.bias_initializer

    def input_bias(self, variables: Mapping[str, Any]) -> Any:
        """The part of the bias that belongs to the projection of the inputs; 0 where there is none."""
        return variables['bias'] if self.use_bias else 0

    def keep(self, features: tuple[int, ...], states: tuple[int, ...], batch: int, scope: Scope) -> Keep:
        """The dropout masks of this pass.

        One mask serves the inputs of all gates, as in Keras; with `recurrent_dropout` each gate has masks of its own.

        Args:
            features: the shape of one example's input at one step.
            states: the shape of one example's state.
            batch: how many examples there are.
            scope: of the cell.
        """
        if not scope.training or not (self.dropout or self.recurrent_dropout):
            return Keep()
        shapes = [
            (self._input_masks(), *features) if self.dropout else (0,),
            (self.gates, *states) if self.recurrent_dropout else (0,),
        ]
        counts = [int(np.prod(shape)) for shape in shapes]
        # One draw for both: with a seed of one's own, two draws would be the same bits.
        bits = scope.random_bits((batch, sum(counts)), seed=self.seed)
        parts = (bits[:, : counts[0]], bits[:, counts[0] :])
        rates = (self.dropout, self.recurrent_dropout)
        return Keep(*(_scaled(b.reshape(batch, *s), r) if r else None for b, s, r in zip(parts, shapes, rates, strict=True)))

    def _input_masks(self) -> int:
        return self.gates if self.recurrent_dropout else 1

    def project(self, variables: Mapping[str, Any], x: Any, keep: Keep) -> Any:
        """What the inputs contribute to every gate: x (batch, time, in) → (batch, time, gates · units)."""
        kernel = variables['kernel']
        if keep.inputs is None or keep.inputs.shape[1] == 1:
            return dropped(x, keep) @ kernel + self.input_bias(variables)
        masked = [x * keep.inputs[:, None, gate] for gate in range(self.gates)]
        return jnp.concatenate([m @ k for m, k in zip(masked, columns(kernel, self.gates), strict=True)], -1) + self.input_bias(variables)

    def require_features(self, variables: Mapping[str, Any], x: Any) -> None:
        """Raise a ShapeError unless the inputs have as many features as the kernel was built for."""
        fan_in = variables['kernel'].shape[-2]
        remedy = f'Pass x[..., :{fan_in}], or build a new model.'
        self.require(x.shape[-1] == fan_in, x.shape, f'last axis {fan_in} (set when the layer was built)', remedy)

    def recurrent(self, variables: Mapping[str, Any], h: Any, keep: Any) -> Any:
        """What the state contributes to every gate: h (batch, units) → (batch, gates · units)."""
        return recurrent_product(h, variables['recurrent_kernel'], keep)

    def step(self, variables: Mapping[str, Any], z: Any, *states: Any, keep: Any = None) -> tuple:
        """The states after one step; the first of them is the output.

        Args:
            variables: the weights.
            z: (batch, gates · units), what `project` made of the inputs of this step.
            states: before the step.
            keep: (batch, gates, units), the dropout masks of the state, or None.
        """
        return states

    def through_kernel(self, variables: Mapping[str, Any], x: Any, *states: Any, mask: Any, reverse: bool) -> tuple | None:
        """The outputs at all steps and the last states, from `lamina.kernels.recurrent`; None for settings it does not know."""
        return None

    def apply(self, variables, x, *states, scope):
        shapes = self.state_shapes(x.shape)
        given = tuple(h.shape[1:] for h in states)
        expected = f'{len(shapes)} state(s) of shape {" and ".join(str((None, *s)) for s in shapes)} after the input'
        self.require(given == shapes, x.shape, expected, f'Call cell(x, {", ".join("hcs"[: len(shapes)])}).')
        self.require_features(variables, x)
        keep = self.keep(x.shape[1:], shapes[0], x.shape[0], scope)
        states = self.step(variables, self.project(variables, x[:, None], keep)[:, 0], *states, keep=keep.states)
        return states[0], *states


def columns(array: Any, parts: int) -> list[Any]:
    """Equal parts of the last axis."""
    width = array.shape[-1] // parts
    return [array[..., k * width : (k + 1) * width] for k in range(parts)]


def dropped(x: Any, keep: Keep) -> Any:
    """The inputs (batch, time, …) with the one mask that serves all gates."""
    return x if keep.inputs is None else x * keep.inputs[:, None, 0]


def recurrent_product(h: Any, kernel: Any, keep: Any) -> Any:
    """What the state contributes to the gates of a kernel, (batch, gates · units)."""
    if keep is None:
        return h @ kernel
    gates = keep.shape[1]
    by_gate = kernel.reshape(kernel.shape[0], gates, -1)
    return jnp.einsum('bgi,igu->bgu', h[:, None] * keep, by_gate).reshape(h.shape[0], -1)


def _scaled(bits: Any, rate: float) -> Any:
    """1 / (1 - rate) where the random bits are at least the rate, and 0 elsewhere."""
    return jnp.where(bits >= jnp.uint32(rate * 2**32), 1 / (1 - rate), 0)


@unregistered
class ForgetGateOfOnes(Initializer):
    """A bias of four gates whose second, the forget gate, starts at one: at first everything is remembered.

    Args:
        others: draws the values of the other gates.

    Source: Jozefowicz, Zaremba, Sutskever (2015), section 2.2.
    """

    others: Any = setting()

    def __call__(self, rng, shape, dtype=np.float32):
        """The bias of the gates i, f, g and o."""
        units = shape[0] // 4
        parts = (self.others(rng, (units,), dtype), np.ones(units, dtype), self.others(rng, (2 * units,), dtype))
        return np.concatenate(parts)
