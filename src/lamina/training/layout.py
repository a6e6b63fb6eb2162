"""How a compiled program holds weights: those of equal blocks as one array, so that it has as many arguments for a thousand as for ten.

Everywhere else a weight is an array of its own under its own path.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.training.state import OptimizerState, State, all_owned


class Layout:
    """Which weights are held as one array.

    Args:
        members: the paths of the weights that make one array, by the first of them, under which it is held.
        slots: whether the optimizer's arrays are stacked like the weights they belong to.
    """

    def __init__(self, members: Mapping[str, tuple[str, ...]] | None = None, *, slots: bool = True):
        self.members = dict(members or {})
        self.slots = slots
        self._others = {path for paths in self.members.values() for path in paths[1:]}

    def stacked(self, state: State) -> State:
        """The state as programs take it; its arrays belong to nobody else."""
        return self._mapped(state, self.stack)

    def apart(self, state: State) -> State:
        """The inverse of `stacked`."""
        return self._mapped(state, self.unstack)

    def _mapped(self, state: State, change: Any) -> State:
        if not self.members:
            return state
        optimizer = state.optimizer
        if optimizer is not None and self.slots:
            slots = jax.tree.map(lambda n: change(n) if isinstance(n, dict) else n, optimizer.slots, is_leaf=lambda n: isinstance(n, dict))
            optimizer = OptimizerState(optimizer.updates, slots)
        return state._replace(trainable=change(state.trainable), other=change(state.other), optimizer=optimizer)

    def stack(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values by path, those of equal blocks in one array; made on the host, where it compiles nothing."""
        kept = self.firsts(values)
        host = jax.device_get({path: [values[p] for p in self.members[path]] for path in kept if path in self.members})
        return {**kept, **all_owned({path: np.stack(parts) for path, parts in host.items()})}

    def unstack(self, values: dict[str, Any]) -> dict[str, Any]:
        """The inverse of `stack`."""
        rows = {}
        for path in [p for p in values if p in self.members]:
            rows.update(zip(self.members[path], np.asarray(values[path]), strict=True))
        return {**self.firsts({p: v for p, v in values.items() if p not in self.members}), **all_owned(rows)}

    def traced_apart(self, values: dict[str, Any]) -> dict[str, Any]:
        """As `unstack`, within a compiled program."""
        apart = {}
        for path, value in values.items():
            apart.update({p: value[i] for i, p in enumerate(self.members[path])} if path in self.members else {path: value})
        return apart

    def traced_stack(self, values: dict[str, Any]) -> dict[str, Any]:
        """As `stack`, within a compiled program."""
        return {
            path: jnp.stack([values[p] for p in self.members[path]]) if path in self.members else value
            for path, value in values.items()
            if path not in self._others
        }

    def firsts(self, values: dict[str, Any]) -> dict[str, Any]:
        """What belongs to weights by path, once for those that are held as one."""
        return {path: value for path, value in values.items() if path not in self._others}

    def each(self, function: Any, path: str, value: Any) -> Any:
        """The function of one weight, of each of the weights in an array."""
        return jax.vmap(function)(value) if path in self.members else function(value)


class Unstacked:
    """An optimizer that compares the elements of an array with one another, and so must be given every weight apart.

    Args:
        optimizer: to ask.
        layout: of what the step gives and takes.
    """

    def __init__(self, optimizer: Any, layout: Layout):
        self.optimizer, self.layout = optimizer, layout

    def init(self, params: dict[str, Any]) -> Any:
        """The state before the first update, for weights apart."""
        return self.optimizer.init(self.layout.traced_apart(params))

    def update(self, grads: Any, state: Any, params: Any, learning_rate: Any, step: Any) -> tuple[Any, Any]:
        """One update; the state is that of weights apart."""
        apart = self.layout.traced_apart
        params, state = self.optimizer.update(apart(grads), state, apart(params), learning_rate, step)
        return self.layout.traced_stack(params), state
