"""The compiled programs of a task. One executable runs any number of steps: their count is an argument, not a shape."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core.devices import mesh_of_rows, on_all, shared, sharing
from lamina.training.ahead import Ahead
from lamina.training.state import OptimizerState, State, Sums
from lamina.training.step import evaluate_step, gather, moved_on, train_step
from lamina.training.task import Batch, Pass, Task

# The steps of one call of the predict program at the most; its outputs are held for all of them.
PREDICT_STEPS = 64


class Program:
    """A task's compiled programs; jit keeps one executable for each shape of data it meets.

    Args:
        task: the pure functions to compile.
    """

    def __init__(self, task: Task):
        self.task = task
        # The data are arguments, never captured: captured arrays become constants and cost seconds of compilation.
        self.train = Ahead(jax.jit(self._train, donate_argnums=(0, 1)))
        self.evaluate = jax.jit(self._evaluate, donate_argnums=(1,))
        self.predict_once = jax.jit(self._predict)
        self.predict_on = jax.jit(self._predict_on)
        self.predict_steps = jax.jit(self._predict_steps, static_argnums=(2,))
        self.start = jax.jit(lambda trainable: OptimizerState.start(task.optimizer, trainable))
        self._sum_shapes: dict[Any, Any] = {}

    def mesh(self, rows: int) -> Any:
        """The devices that share the rows of such batches, or None where one does them all."""
        return mesh_of_rows(rows) if self.task.step_by_step else None

    def place(self, tree: Any, rows: int) -> Any:
        """Arrays where programs for batches of so many rows take them."""
        return on_all(tree, self.mesh(rows))

    def _train(self, state: State, sums: Sums, data: Any, index: jax.Array, first: Any, last: Any, key: jax.Array) -> tuple[State, Sums]:
        """Steps first … last - 1 of the index, a matrix of row numbers (steps, batch)."""

        def body(i, carry):
            state, sums = carry
            state, values = train_step(self.task, state, shared(gather(data, index[i])), key)
            return state, sums.add(values)

        with sharing(self.mesh(index.shape[1])):
            return lax.fori_loop(first, last, body, (state, sums))

    def _evaluate(self, state: State, sums: Sums, data: Any, index: jax.Array, first: Any, last: Any) -> tuple[dict[str, jax.Array], Sums]:
        """The states that are carried, and the sums, after these steps."""

        def body(i, carry):
            carried, sums = carry
            carried, values = evaluate_step(self.task, with_carried(state, carried), shared(gather(data, index[i])))
            return carried, sums.add(values)

        with sharing(self.mesh(index.shape[1])):
            return lax.fori_loop(first, last, body, ({path: state.other[path] for path in self.task.carried}, sums))

    def _predict(self, state: State, inputs: Any) -> Any:
        return self._pass(state, inputs).outputs

    def _predict_on(self, state: State, inputs: Any) -> tuple[Any, dict[str, jax.Array]]:
        """The outputs, and the states that are carried to the next batch."""
        result = self._pass(state, inputs)
        return result.outputs, moved_on(self.task, result)

    def _pass(self, state: State, inputs: Any) -> Pass:
        rows = jax.tree.leaves(inputs)[0].shape[0]
        batch = Batch(inputs, None, None, jnp.ones(rows, jnp.float32))
        return self.task.forward(state.trainable, state.other, batch, False, None, state.step)

    def _predict_steps(self, state: State, inputs: Any, batch_size: int, steps: Any) -> Any:
        """The outputs of the first `steps` batches; the rows after them are not meant to be read."""

        def rows(i):
            return jax.tree.map(lambda a: lax.dynamic_slice_in_dim(a, i * batch_size, batch_size), inputs)

        def body(i, outputs):
            return jax.tree.map(
                lambda whole, part: lax.dynamic_update_slice_in_dim(whole, part, i * batch_size, 0), outputs, self._predict(state, rows(i))
            )

        total = jax.tree.leaves(inputs)[0].shape[0]
        part = jax.eval_shape(lambda: self._predict(state, rows(0)))
        return lax.fori_loop(0, steps, body, jax.tree.map(lambda a: jnp.zeros((total, *a.shape[1:]), a.dtype), part))

    def zero_sums(self, state: State, data: Any) -> Sums:
        """Empty sums for batches of such data."""
        kind = _shapes_of(data)
        if kind not in self._sum_shapes:

            def one_row(state, data):
                return evaluate_step(self.task, state, gather(data, jnp.zeros(1, jnp.int32)))[1]

            self._sum_shapes[kind] = jax.eval_shape(one_row, state, data)
        return Sums.zeros(self._sum_shapes[kind])

    def predict_in_order(self, state: State, inputs: Any, batch_size: int) -> tuple[Any, State]:
        """Outputs for host inputs, batch after batch without padding, each going on from the states that the last one left."""
        parts = []
        for start in range(0, jax.tree.leaves(inputs)[0].shape[0], batch_size):
            batch = jax.tree.map(lambda a, s=start: a[s : s + batch_size], inputs)
            outputs, carried = self.predict_on(state, batch)
            parts.append(jax.tree.map(np.array, outputs))
            state = with_carried(state, carried)
        return jax.tree.map(lambda *a: np.concatenate(a), *parts), state

    def predict(self, state: State, inputs: Any, batch_size: int) -> Any:
        """Outputs for host inputs of any length, as NumPy arrays.

        Up to `batch_size` rows are padded to a power of two, longer inputs to a fixed number of batches, so that a few
        executables serve every length.
        """
        rows = jax.tree.leaves(inputs)[0].shape[0]
        if rows <= batch_size:
            padded = jax.tree.map(lambda a: _padded(a, _power_of_two(rows)), inputs)
            # Sliced by NumPy: JAX would dispatch a program for the slice.
            return jax.tree.map(lambda a: np.array(np.asarray(a)[:rows]), self.predict_once(state, padded))
        capacity = batch_size * min(_power_of_two(-(-rows // batch_size)), PREDICT_STEPS)
        parts = []
        for start in range(0, rows, capacity):
            part = jax.tree.map(lambda a, s=start: a[s : s + capacity], inputs)
            count = jax.tree.leaves(part)[0].shape[0]
            padded = jax.tree.map(lambda a: _padded(a, capacity), part)
            outputs = self.predict_steps(state, padded, batch_size, -(-count // batch_size))
            parts.append(jax.tree.map(lambda a, n=count: np.array(np.asarray(a)[:n]), outputs))
        return jax.tree.map(lambda *a: np.concatenate(a), *parts) if len(parts) > 1 else parts[0]


def with_carried(state: State, carried: dict[str, jax.Array]) -> State:
    """The state with what an inference moved on."""
    return state._replace(other={**state.other, **carried}) if carried else state


def _shapes_of(data: Any) -> Any:
    leaves, structure = jax.tree.flatten(data)
    return structure, tuple((a.shape[1:], str(a.dtype)) for a in leaves)


def _power_of_two(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()


def _padded(array: Any, rows: int) -> Any:
    missing = rows - array.shape[0]
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array
