"""What is trained, as pure functions: this room never learns what a model is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import jax

from lamina.training.layout import Layout


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


@dataclass
class Lookups:
    """The rows of tables that a network looks up in one pass.

    Args:
        paths: of the tables whose gradients are wanted by row.
        shifts: for each lookup, what is added to its rows: the gradient of the shift is that of the rows.
        rows: for each lookup, the row numbers and the rows; filled while the network runs.
    """

    paths: tuple[str, ...] = ()
    shifts: dict[str, jax.Array] = field(default_factory=dict)
    rows: dict[str, tuple[jax.Array, jax.Array]] = field(default_factory=dict)

    def look_up(self, path: str, table: jax.Array, ids: jax.Array, rows: Callable) -> jax.Array:
        """The rows at these numbers, as the function `rows` of a table and numbers finds them."""
        if path not in self.paths:
            return rows(table, ids)
        name = f'{path}#{len(self.uses(path))}'
        found = rows(jax.lax.stop_gradient(table), ids)
        self.rows[name] = ids, found
        return found + self.shifts[name] if name in self.shifts else found

    def uses(self, path: str) -> list[str]:
        """The names of the lookups in one table."""
        return [name for name in self.rows if name.rpartition('#')[0] == path]


class Optimizer(Protocol):
    """What the step needs of an optimizer."""

    def init(self, params: dict[str, jax.Array]) -> Any: ...

    def update(self, grads: Any, state: Any, params: Any, learning_rate: Any, step: Any) -> tuple[Any, Any]: ...


@dataclass(frozen=True)
class Task:
    """The pure functions of one training task.

    Args:
        forward: `(trainable, other, batch, training, key, step, lookups=None) → Pass`.
        loss: `(pass, batch) → (scalar, {name: scalar})`, the total without penalties and its parts.
        measure: `(pass, batch) → {name: sums}`, each a pytree that adds over batches.
        constrain: `trainable → trainable`, applied after each step.
        optimizer: None where the task is only evaluated.
        report: `{name: sums} → {name: value}`, on the host, in float64.
        rate: `updates → learning rate`, or None where the state's own rate holds.
        layout: how the weights that these functions take are held.
        tables: the paths of the weights whose gradients are taken by row.
        step_by_step: whether most of its time goes in loops over time, so that the cores of a CPU share the rows of a batch.
        carried: the paths of the states that go from batch to batch in inference too.
    """

    forward: Callable[..., Pass]
    loss: Callable[[Pass, Batch], tuple[jax.Array, dict[str, jax.Array]]]
    measure: Callable[[Pass, Batch], dict[str, Any]]
    constrain: Callable[[dict[str, jax.Array]], dict[str, jax.Array]]
    report: Callable[[dict[str, Any]], dict[str, Any]]
    optimizer: Optimizer | None = None
    rate: Callable[[jax.Array], jax.Array] | None = None
    layout: Layout = field(default_factory=Layout)
    tables: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    step_by_step: bool = False
