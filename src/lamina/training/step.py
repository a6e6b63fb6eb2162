"""One step of training and one of evaluation: batch in, state and sums out. Pure, and compiled as part of a chunk."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.training.rows import lookups_of, updated
from lamina.training.state import OptimizerState, State
from lamina.training.task import Batch, Lookups, Pass, Task


def train_step(task: Task, state: State, batch: Batch, key: jax.Array) -> tuple[State, dict[str, Any]]:
    """The state after one gradient step, and what this batch adds to the epoch's sums."""

    tables = {path: state.trainable[path] for path in task.tables}
    lookups = lookups_of(task, state.trainable, state.other, batch, key, state.step)

    def objective(trainable, shifts):
        seen = Lookups(lookups.paths, shifts)
        result = task.forward({**trainable, **tables}, state.other, batch, True, key, state.step, seen)
        loss, parts = task.loss(result, batch)
        return loss + result.penalty, (result, parts, seen.rows)

    dense = {path: w for path, w in state.trainable.items() if path not in tables}
    gradients = jax.value_and_grad(objective, argnums=(0, 1), has_aux=True)
    (loss, (result, parts, lookups.rows)), (grads, shifts) = gradients(dense, lookups.shifts)
    updates, slots = state.optimizer  # type: ignore[misc]
    rate = state.learning_rate if task.rate is None else task.rate(updates)
    trainable, slots = updated(task, grads, slots, state.trainable, lookups, shifts, batch.valid, rate, updates)
    state = State(
        trainable=trainable,
        other={**state.other, **result.updates},
        optimizer=OptimizerState(updates + 1, slots),
        step=state.step + 1,
        learning_rate=state.learning_rate,
    )
    return state, sums_of(task, loss, parts, result, batch)


def evaluate_step(task: Task, state: State, batch: Batch) -> tuple[dict[str, jax.Array], dict[str, Any]]:
    """What is carried to the next batch, and what this one adds to the sums, the network in inference mode."""
    result = task.forward(state.trainable, state.other, batch, False, None, state.step)
    loss, parts = task.loss(result, batch)
    return moved_on(task, result), sums_of(task, loss + result.penalty, parts, result, batch)


def moved_on(task: Task, result: Pass) -> dict[str, jax.Array]:
    """The states that go from batch to batch in inference too, after a pass."""
    return {path: result.updates[path] for path in task.carried if path in result.updates}


def sums_of(task: Task, loss: jax.Array, parts: dict[str, jax.Array], result: Pass, batch: Batch) -> dict[str, Any]:
    """Losses times the number of examples, that number, and each metric's own sums."""
    examples = jnp.sum(batch.valid)
    losses = {name: jnp.where(examples > 0, value * examples, 0) for name, value in {'loss': loss, **parts}.items()}
    return {'examples': examples, 'losses': losses, 'metrics': task.measure(result, batch)}


def gather(data: Any, rows: jax.Array) -> Batch:
    """The batch of these rows of the resident data; a row of -1 is padding."""
    inputs, targets, weights = jax.tree.map(lambda a: a[jnp.maximum(rows, 0)], data)
    return Batch(inputs, targets, weights, (rows >= 0).astype(jnp.float32))
