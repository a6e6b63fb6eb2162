"""What is trained, as pure functions: this room never learns what a model is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax


class Batch(NamedTuple):
    """One batch on the device.

    Args:
        inputs: a pytree of (batch, …) arrays.
        targets: likewise, or None.
        weights: sample weights, likewise, or None.
        valid: (batch,) ones for examples, zeros for the rows that pad the last batch.
    """

    inputs: Any
    targets: Any
    weights: Any
    valid: jax.Array


class Pass(NamedTuple):
    """What one pass through the network returns beside its outputs.

    Args:
        outputs: a pytree of (batch, …) arrays.
        updates: new values of non-trainable weights, by path.
        penalty: what regularizers add to the loss, a scalar.
        masks: for each output, which of its time steps count, (batch, time), or None where all do.
    """

    outputs: Any
    updates: dict[str, jax.Array]
    penalty: jax.Array | float
    masks: tuple[jax.Array | None, ...] = ()


class Optimizer(Protocol):
    """What the step needs of an optimizer."""

    def init(self, params: dict[str, jax.Array]) -> Any: ...

    def update(self, grads: Any, state: Any, params: Any, learning_rate: Any, step: Any) -> tuple[Any, Any]: ...


@dataclass(frozen=True)
class Task:
    """The pure functions of one training task.

    Args:
        forward: `(trainable, other, batch, training, key, step) → Pass`.
        loss: `(pass, batch) → (scalar, {name: scalar})`, the total without penalties and its parts.
        measure: `(pass, batch) → {name: sums}`, each a pytree that adds over batches.
        constrain: `trainable → trainable`, applied after each step.
        optimizer: None where the task is only evaluated.
        report: `{name: sums} → {name: value}`, on the host, in float64.
        rate: `updates → learning rate`, or None where the state's own rate holds.
    """

    forward: Callable[..., Pass]
    loss: Callable[[Pass, Batch], tuple[jax.Array, dict[str, jax.Array]]]
    measure: Callable[[Pass, Batch], dict[str, Any]]
    constrain: Callable[[dict[str, jax.Array]], dict[str, jax.Array]]
    report: Callable[[dict[str, Any]], dict[str, Any]]
    optimizer: Optimizer | None = None
    rate: Callable[[jax.Array], jax.Array] | None = None
