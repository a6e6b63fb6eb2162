"""One step of training and one of evaluation: batch in, state and sums out. Pure, and compiled as part of a chunk."""

from typing import Any

import jax
import jax.numpy as jnp

from lamina.training.state import OptimizerState, State
from lamina.training.task import Batch, Pass, Task


def train_step(task: Task, state: State, batch: Batch, key: jax.Array) -> tuple[State, dict[str, Any]]:
    """The state after one gradient step, and what this batch adds to the epoch's sums."""

    def objective(trainable):
        result = task.forward(trainable, state.other, batch, True, key, state.step)
        loss, parts = task.loss(result, batch)
        return loss + result.penalty, (result, parts)

    (loss, (result, parts)), grads = jax.value_and_grad(objective, has_aux=True)(state.trainable)
    updates, slots = state.optimizer  # type: ignore[misc]
    rate = state.learning_rate if task.rate is None else task.rate(updates)
    trainable, slots = task.optimizer.update(grads, slots, state.trainable, rate, updates)  # type: ignore[union-attr]
    state = State(
        trainable=task.constrain(trainable),
        other={**state.other, **result.updates},
        optimizer=OptimizerState(updates + 1, slots),
        step=state.step + 1,
        learning_rate=state.learning_rate,
    )
    return state, sums_of(task, loss, parts, result, batch)


def evaluate_step(task: Task, state: State, batch: Batch) -> dict[str, Any]:
    """What this batch adds to the sums, the network in inference mode."""
    result = task.forward(state.trainable, state.other, batch, False, None, state.step)
    loss, parts = task.loss(result, batch)
    return sums_of(task, loss + result.penalty, parts, result, batch)


def sums_of(task: Task, loss: jax.Array, parts: dict[str, jax.Array], result: Pass, batch: Batch) -> dict[str, Any]:
    """Losses times the number of examples, that number, and each metric's own sums."""
    examples = jnp.sum(batch.valid)
    losses = {name: jnp.where(examples > 0, value * examples, 0) for name, value in {'loss': loss, **parts}.items()}
    return {'examples': examples, 'losses': losses, 'metrics': task.measure(result, batch)}


def gather(data: Any, rows: jax.Array) -> Batch:
    """The batch of these rows of the resident data; a row of -1 is padding."""
    inputs, targets, weights = jax.tree.map(lambda a: a[jnp.maximum(rows, 0)], data)
    return Batch(inputs, targets, weights, (rows >= 0).astype(jnp.float32))
