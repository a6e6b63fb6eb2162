"""Everything that changes while a network trains, as one value that can be saved, restored and compared."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.devices import prepare


def owned(value: Any, dtype: Any) -> jax.Array:
    """The value on the device, in memory that belongs to nobody else: a state's buffers are given away to the compiled step.

    By way of NumPy, since a conversion by JAX would compile a program for each shape.
    """
    prepare()
    return jax.device_put(np.array(value, dtype))


def all_owned(values: dict[str, Any]) -> dict[str, jax.Array]:
    """Many arrays as `owned` makes them, in one call."""
    prepare()
    return jax.device_put({path: np.array(value) for path, value in values.items()})


class OptimizerState(NamedTuple):
    """What the optimizer remembers.

    Args:
        updates: how many updates it made since it began, an int32 scalar; bias correction and schedules count by it.
        slots: its own arrays.
    """

    updates: jax.Array
    slots: Any

    @classmethod
    def start(cls, optimizer: Any, trainable: dict[str, jax.Array]) -> 'OptimizerState':
        """The state before the first update."""
        return cls(jnp.int32(0), optimizer.init(trainable))


class State(NamedTuple):
    """The state of a training run. Weights are flat dicts by path, `'dense/kernel'`.

    Args:
        trainable: the weights that the optimizer changes.
        other: frozen weights, and state that layers update themselves.
        optimizer: what the optimizer remembers; None before training, and after `compile` or freezing.
        step: how many steps the weights were trained, an int32 scalar; shuffles and dropout go by it.
        learning_rate: the current rate, a float32 scalar, where the optimizer has no schedule.
    """

    trainable: dict[str, jax.Array]
    other: dict[str, jax.Array]
    optimizer: OptimizerState | None
    step: jax.Array
    learning_rate: jax.Array

    @property
    def variables(self) -> dict[str, jax.Array]:
        """All weights by path."""
        return {**self.trainable, **self.other}


def restricted(state: State, optimizer: Any, trainable: dict[str, jax.Array]) -> OptimizerState | None:
    """The optimizer's state for some of the weights it was made for; None where there are others among them."""
    if state.optimizer is None or not set(trainable) <= set(state.trainable):
        return None
    like = jax.eval_shape(lambda t: OptimizerState.start(optimizer, t), trainable)
    before = dict(_by_path(state.optimizer))
    wanted = _by_path(like)
    if any(path not in before or before[path].shape != leaf.shape for path, leaf in wanted):
        return None
    return jax.tree.unflatten(jax.tree.structure(like), [before[path] for path, _ in wanted])


def _by_path(tree: Any) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]]


class Sums(NamedTuple):
    """Running sums of anything additive, with what rounding lost kept beside them (Neumaier 1974).

    The order of additions is that of the steps, so the result does not depend on where chunks begin and end.
    """

    total: Any
    lost: Any

    @classmethod
    def zeros(cls, like: Any) -> 'Sums':
        """Empty sums for values of these shapes."""
        return cls(*(jax.tree.map(lambda a: np.zeros(a.shape, np.float32), like) for _ in range(2)))

    def add(self, values: Any) -> 'Sums':
        """The sums with one step's values added."""
        values = jax.tree.map(lambda v: jnp.asarray(v, jnp.float32), values)
        total = jax.tree.map(jnp.add, self.total, values)
        lost = jax.tree.map(_lost, self.total, values, total, self.lost)
        return Sums(total, lost)

    def read(self) -> Any:
        """The sums on the host, in float64."""
        total, lost = jax.device_get((self.total, self.lost))
        # A non-finite total makes the correction meaningless (inf - inf).
        return jax.tree.map(lambda t, c: np.where(np.isfinite(t), np.float64(t) + c, t), total, lost)


def _lost(before, value, after, lost):
    """What the addition `before + value = after` rounded away, added to what earlier ones did."""
    before_is_larger = jnp.abs(before) >= jnp.abs(value)
    larger, smaller = jnp.where(before_is_larger, before, value), jnp.where(before_is_larger, value, before)
    return lost + ((larger - after) + smaller)
