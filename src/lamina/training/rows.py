"""Gradients of tables by the rows that a batch looked up: their cost grows with the batch, not with the table.

The network is differentiated with respect to zeros that are added to each looked-up row, so that no gradient of the table's size is
ever made. The rows that occur are then brought together, and the optimizer updates them and what it remembers of them alone.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lamina.training.task import Batch, Lookups, Task


def lookups_of(task: Task, trainable: Mapping[str, Any], other: Any, batch: Batch, key: Any, step: Any) -> Lookups:
    """What the network looks up for such a batch, with zeros to differentiate by; found by tracing, nothing is computed."""
    if not task.tables:
        return Lookups()
    found = Lookups(paths=task.tables)

    def forward(trainable, other, batch):
        task.forward(trainable, other, batch, True, key, step, found)
        return {name: rows for name, (_, rows) in found.rows.items()}

    shapes = jax.eval_shape(forward, trainable, other, batch)
    return Lookups(paths=task.tables, shifts={name: jnp.zeros(a.shape, a.dtype) for name, a in shapes.items()})


def updated(
    task: Task, grads: dict, slots: Any, trainable: dict, lookups: Lookups, shifts: dict, valid: jax.Array, rate: Any, updates: Any
) -> tuple[dict, Any]:
    """The weights and the optimizer's arrays after an update, tables changed only in the rows of this batch.

    Args:
        grads: of the weights that are no tables.
        shifts: the gradients of the lookups' shifts.
        valid: (batch,) zeros for the rows that only pad the batch, which look nothing up.
    """
    rows = {path: _summed(lookups, shifts, path, trainable[path], valid) for path in lookups.paths if lookups.uses(path)}
    untouched = {path: trainable[path] for path in lookups.paths if path not in rows}
    places = {path: ids for path, (ids, _) in rows.items()}
    grads = {**grads, **{path: values for path, (_, values) in rows.items()}}
    params = _taken({path: w for path, w in trainable.items() if path not in untouched}, places)
    kept = jax.tree.map(lambda n: _taken(_without(n, untouched), places) if isinstance(n, dict) else n, slots, is_leaf=_is_dict)
    params, kept = task.optimizer.update(grads, kept, params, rate, updates)  # type: ignore[union-attr]
    params = task.constrain(params)
    back = jax.tree.map(lambda old, new: _given_back(old, new, places) if _is_dict(old) else new, slots, kept, is_leaf=_is_dict)
    return _given_back(trainable, params, places), back


def _summed(lookups: Lookups, shifts: dict, path: str, table: jax.Array, valid: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The rows of a table that occur, each once and in order, and their gradients; free places number the row after the last."""
    names = lookups.uses(path)
    ids = jnp.concatenate([_counted(lookups.rows[name][0], valid) for name in names])
    values = jnp.concatenate([shifts[name].reshape(-1, *table.shape[1:]) for name in names])
    known = (ids >= 0) & (ids < len(table))
    ids = jnp.where(known, ids, len(table)).astype(jnp.int32)
    values = jnp.where(known[:, None], values, 0)
    order = jnp.argsort(ids)
    ids = ids[order]
    new = jnp.concatenate([jnp.ones(1, bool), ids[1:] != ids[:-1]])
    place = jnp.cumsum(new) - 1
    # Places after the last row that occurs keep the number that no row has, and are dropped when rows are given back.
    places = jnp.full(ids.shape, len(table), jnp.int32).at[place].set(ids)
    return places, jnp.zeros_like(values).at[place].add(values[order], indices_are_sorted=True)


def _counted(ids: jax.Array, valid: jax.Array) -> jax.Array:
    """The row numbers, -1 for those of examples that only pad the batch."""
    flat, each = ids.reshape(-1).astype(jnp.int32), ids.size // len(valid)
    return jnp.where(jnp.repeat(valid, each) > 0, flat, -1) if each * len(valid) == ids.size else flat


def _taken(weights: dict, places: Mapping[str, jax.Array]) -> dict:
    return {path: w.at[places[path]].get(mode='fill', fill_value=0) if path in places else w for path, w in weights.items()}


def _given_back(tables: dict, rows: dict, places: Mapping[str, jax.Array]) -> dict:
    # No `unique_indices`: the free places are all alike, though dropped.
    given = {p: w.at[places[p]].set(rows[p], mode='drop', indices_are_sorted=True) for p, w in tables.items() if p in places}
    return {p: given[p] if p in given else rows.get(p, w) for p, w in tables.items()}


def _without(weights: dict, absent: Mapping[str, Any]) -> dict:
    return {path: w for path, w in weights.items() if path not in absent}


def _is_dict(node: Any) -> bool:
    return isinstance(node, dict)
