"""A cell over time: the one loop behind `RNN`, `LSTM`, `GRU`, `SimpleRNN` and the convolutional LSTMs."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core import paths
from lamina.core.errors import ShapeError
from lamina.core.shapes import Shape, TypedShape
from lamina.core.structure import leaves
from lamina.layers.base import Layer
from lamina.layers.recurrent.cells import ProjectedCell, dropped
from lamina.layers.recurrent.stacked import StackedRNNCells
from lamina.layers.scope import Records, Scope


class Steps(NamedTuple):
    """What a cell made of a sequence.

    Args:
        sequence: (batch, time, …), its outputs in the order of processing; a masked step repeats the output before it, and the
            first ones the state they began with.
        last: (batch, …), the last of them.
        states: after the last step.
    """

    sequence: Any
    last: Any
    states: tuple


def within(scope: Scope, name: str, layer: Layer) -> Scope:
    """The scope of a layer within, for code that runs it in another way than by `scope.call`."""
    return dataclasses.replace(scope, path=scope.join(name), frozen=scope.frozen or not layer.trainable)


def over_time(
    cell: Any, variables: Mapping[str, Any], x: Any, states: tuple, *, mask: Any, reverse: bool, began: bool, scope: Scope
) -> Steps:
    """Run a cell over the time axis.

    Args:
        cell: the cell.
        variables: its weights.
        x: (batch, time, …).
        states: before the first step, in one row.
        mask: (batch, time) booleans, or None; a false step changes no state.
        reverse: whether to go from the last step to the first.
        began: whether the states may be anything but zeros.
        scope: of the cell.
    """
    if isinstance(cell, StackedRNNCells):
        return _one_after_another(cell, variables, x, states, mask, reverse, began, scope)
    if isinstance(cell, ProjectedCell):
        return _projected(cell, variables, x, states, mask, reverse, began, scope)
    return _step_by_step(cell, variables, x, states, mask, reverse, scope)


def _one_after_another(cells: StackedRNNCells, variables, x, states, mask, reverse: bool, began: bool, scope: Scope) -> Steps:
    """Each cell over the whole sequence before the next begins: the same result, and each can be as fast as it is alone."""
    after: tuple = ()
    last = x
    for (name, cell), own in zip(cells.children().items(), cells.split(states), strict=True):
        inner = within(scope, name, cell)
        x, last, new = over_time(cell, variables.get(name, {}), x, own, mask=mask, reverse=reverse, began=began, scope=inner)
        after += new
        # The first cell hands on its outputs in the order of processing.
        mask, reverse = (jnp.flip(mask, 1) if reverse and mask is not None else mask), False
    return Steps(x, last, after)


def _projected(cell: ProjectedCell, variables, x, states, mask, reverse: bool, began: bool, scope: Scope) -> Steps:
    """One product for the inputs of all steps; then a kernel, or a loop that has only the states left to do."""
    cell.require_features(variables, x)
    keep = cell.keep(x.shape[2:], states[0].shape[1:], x.shape[0], scope)
    if keep.states is None:
        found = cell.through_kernel(variables, dropped(x, keep), *states, mask=mask, reverse=reverse)
        if found is not None:
            sequence, *after = found
            if began and mask is not None:
                sequence = jnp.where(_seen(mask, reverse)[..., None], sequence, states[0][:, None])
            return Steps(sequence, after[0], tuple(after))

    def step(states: tuple, rest: None, z: Any) -> tuple:
        after = cell.step(variables, z, *states, keep=keep.states)
        return after[0], after, rest

    sequence, after, _ = _scan(step, cell.project(variables, x, keep), states, None, states[0], mask, reverse)
    return Steps(sequence, after[0], after)


def _seen(mask: Any, reverse: bool) -> Any:
    """Whether a step that counts came before each, or is it; in the order of processing."""
    return jnp.cumsum(jnp.flip(mask, 1) if reverse else mask, 1) > 0


def _step_by_step(cell: Any, variables, x, states, mask, reverse: bool, scope: Scope) -> Steps:
    """Any cell: its `apply` in a loop that also carries those of its weights that change as it runs, and its losses."""
    flat = paths.flatten(variables)
    declared = paths.flatten(cell.weights(TypedShape((None, *x.shape[2:]), x.dtype)))
    moving = {path: flat[path] for path, w in declared.items() if not w.trainable}
    # Uses of the layers within are counted anew at every step, so that a second use of the cell must differ by its key.
    key = scope.key if scope.key is None or not scope.use else jax.random.fold_in(scope.key, scope.use)
    updated: set[str] = set()
    losses: list[Any] = []

    def step(states: tuple, rest: tuple, now: Any) -> tuple:
        moving, penalty = rest
        # What is recorded inside a loop must not outlive it; probes cannot look in.
        records = Records()
        inner = dataclasses.replace(scope, key=key, records=records, tap_with=None, observer=None)
        output, *after = jax.tree.leaves(cell.apply(paths.nest({**flat, **moving}), now, *states, scope=inner))
        _require_states(cell, states, after)
        changed = {path: records.updates[scope.join(path)] for path in moving if scope.join(path) in records.updates}
        updated.update(changed)
        losses.extend(records.losses)
        after = tuple(new.astype(old.dtype) for new, old in zip(after, states, strict=True))
        return output, after, ({**moving, **changed}, sum(records.losses, start=penalty))

    rest = (moving, jnp.float32(0))
    output = jax.eval_shape(lambda *given: step(*given)[0], states, rest, x[:, 0])
    begun = states[0].astype(output.dtype) if states[0].shape == output.shape else jnp.zeros(output.shape, output.dtype)
    sequence, after, (moving, penalty) = _scan(step, x, states, rest, begun, mask, reverse)
    for path in sorted(updated):
        scope.update(path, moving[path])
    if losses:
        scope.add_loss(penalty)
    return Steps(sequence, sequence[:, -1], after)


def _require_states(cell: Any, before: tuple, after: list) -> None:
    """Raise a ShapeError unless a user's cell returned its output and states like those it was given."""
    got, expected = ([tuple(h.shape) for h in states] for states in (after, before))
    if got != expected:
        raise ShapeError(
            f'{cell.label}, what apply returns',
            f'an output and {len(got)} state(s) of shape {got}',
            f'an output and {len(expected)} of shape {expected}, as state_size says',
            'Return (output, *states).',
        )


def _scan(step: Callable, x: Any, states: tuple, rest: Any, previous: Any, mask: Any, reverse: bool) -> tuple:
    """The outputs in the order of processing, the last states and the last of what else is carried.

    Args:
        step: `(states, rest, x at one step) → (output, states, rest)`.
        x: (batch, time, …).
        states: a masked step keeps them.
        rest: carried from step to step, whatever the mask.
        previous: what a masked step repeats if it is the first.
        mask: (batch, time) booleans, or None.
        reverse: whether to go from the last step to the first.
    """

    def body(carried: tuple, now: tuple) -> tuple:
        states, rest, previous = carried
        x, counts = now
        output, after, rest = step(states, rest, x)
        if counts is None:
            return (after, rest, previous), output
        after = tuple(where(counts, new, old) for new, old in zip(after, states, strict=True))
        output = where(counts, output, previous)
        return (after, rest, output), output

    inputs = (jnp.moveaxis(x, 1, 0), None if mask is None else mask.T)
    begin = (states, rest, None if mask is None else previous)
    (states, rest, _), sequence = lax.scan(body, begin, inputs, reverse=reverse)
    return jnp.moveaxis(jnp.flip(sequence, 0) if reverse else sequence, 0, 1), states, rest


def where(counts: Any, new: Any, old: Any) -> Any:
    """The new values where the booleans, of the first axes, are true, and the old ones elsewhere."""
    return jnp.where(counts.reshape(*counts.shape, *(1,) * (new.ndim - counts.ndim)), new, old)


def first_states(cell: Any, shape: Shape, batch: int, dtype: Any) -> tuple:
    """The states before the first step, in one row: what the cell's `get_initial_state` says, or zeros.

    Args:
        cell: the cell.
        shape: of the inputs of one step.
        batch: how many examples there are.
        dtype: of the zeros.
    """
    if isinstance(cell, StackedRNNCells):
        found: tuple = ()
        for inner in cell.cells:
            found += first_states(inner, shape, batch, dtype)
        return found
    if isinstance(cell, ProjectedCell):
        return tuple(jnp.zeros((batch, *s), dtype) for s in cell.state_shapes(shape))
    if hasattr(cell, 'get_initial_state'):
        return tuple(jnp.asarray(h) for h in jax.tree.leaves(cell.get_initial_state(batch)))
    return tuple(jnp.zeros((batch, n), dtype) for n in leaves(cell.state_size))
