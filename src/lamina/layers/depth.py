"""Runs of equal blocks as one loop: a network a thousand blocks deep compiles as fast as one of ten.

A container tells which layers it uses, in order, and where each takes its inputs from. Where a piece of that list repeats,
`stacks_of` finds it; the weights of the repetitions are then held as stacked arrays, and `run` executes them by `lax.scan`.
Names, freezing, summaries and files still see every layer: only a compiled program holds weights in stacks.
"""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core import paths
from lamina.core.described import unregistered
from lamina.core.shapes import Shape, dtype_of
from lamina.layers.base import Layer, weights_of
from lamina.layers.scope import Records, Repetition, Scope
from lamina.layers.weight import Weights

# Fewer repetitions compile quickly as they are, and XLA optimizes across their borders.
FEWEST = 8
LONGEST_PERIOD = 64


@dataclass(frozen=True)
class Use:
    """One use of a layer in a container.

    Args:
        name: of the layer.
        layer: what is used.
        shapes: of its inputs.
        links: where each input comes from: `('back', 1, 0)` is output 0 of the use before, `('at', 3, 0)` that of use 3,
            whichever use this is; a negative number stands for an input of the container.
        keywords: what else the call says.
    """

    name: str
    layer: Layer
    shapes: tuple[Shape, ...]
    links: tuple[tuple[str, int, int], ...]
    keywords: Any = None


@dataclass(frozen=True)
class Stack:
    """A piece of a container's list of uses that repeats.

    Args:
        first: the number of its first use.
        names: of the layers, by repetition.
        carried: what each repetition takes of the one before: (position in it, number of the output).
    """

    first: int
    names: tuple[tuple[str, ...], ...]
    carried: tuple[tuple[int, int], ...]

    @property
    def period(self) -> int:
        """How many uses repeat."""
        return len(self.names[0])

    @property
    def end(self) -> int:
        """The number of the use after it."""
        return self.first + self.period * len(self.names)


Stacks = Mapping[str, tuple[Stack, ...]]  # by the path of the container


@unregistered
class Container(Layer):
    """The base of layers that use other layers one after another."""

    def uses(self, *shapes: Shape) -> list[Use]:
        """Every use of a layer, in order, for inputs of these shapes."""
        return []

    def results(self) -> tuple[tuple[int, int], ...]:
        """Which uses, and which of their outputs, the container returns."""
        return ()


def parts(count: int, scope: Scope) -> Iterator[tuple[int, Stack | None]]:
    """The numbers of a container's uses in order, those of a stack as one, with the stack."""
    stacks = {stack.first: stack for stack in scope.stacks.get(scope.path, ())}
    i = 0
    while i < count:
        stack = stacks.get(i)
        yield i, stack
        i = i + 1 if stack is None else stack.end


# --- finding them ---


def stacks_within(layer: Layer, shapes: tuple[Shape, ...], path: str = '') -> dict[str, tuple[Stack, ...]]:
    """The stacks of a network and of the containers in it, by path; those within a stack run as they are."""
    if not isinstance(layer, Container):
        return {}
    uses = layer.uses(*shapes)
    own = _stacks(uses, layer.results())
    found = {path: own} if own else {}
    stacked = {i for stack in own for i in range(stack.first, stack.end)}
    for i, use in enumerate(uses):
        if i not in stacked:
            found |= stacks_within(use.layer, use.shapes, f'{path}{paths.SEPARATOR}{use.name}' if path else use.name)
    return found


def members(stacks: Stacks, weights: Weights) -> dict[str, tuple[str, ...]]:
    """The paths of the weights that are held as one array, by the path of the first of them."""
    flat = paths.flatten(weights)
    grouped = {}
    for container, own in stacks.items():
        prefix = container + paths.SEPARATOR if container else ''
        for stack in own:
            for position, name in enumerate(stack.names[0]):
                start = f'{prefix}{name}{paths.SEPARATOR}'
                for path in (p for p in flat if p.startswith(start)):
                    rest = path.removeprefix(start)
                    grouped[path] = tuple(f'{prefix}{names[position]}{paths.SEPARATOR}{rest}' for names in stack.names)
    return grouped


def _stacks(uses: list[Use], results: tuple[tuple[int, int], ...]) -> tuple[Stack, ...]:
    """Disjoint stacks, found from the first use to the last, each the longest that begins there."""
    numbers: dict[Any, int] = {}
    tokens = np.array([numbers.setdefault(_token(use), len(numbers)) for use in uses], np.int64)
    once = {name for name, times in _counted(use.name for use in uses).items() if times == 1}
    repeats = _repetitions(tokens)
    found, i = [], 0
    while i < len(uses):
        sizes = [(count * period, -period) for period, counts in repeats.items() if (count := int(counts[i])) >= FEWEST]
        stack = None
        for size, negative in sorted(sizes, reverse=True):
            stack = _stack_at(uses, results, i, -negative, size // -negative, once)
            if stack is not None:
                found.append(stack)
                break
        i = i + 1 if stack is None else stack.end
    return tuple(found)


def _token(use: Use) -> Any:
    return use.layer, tuple((tuple(s), dtype_of(s)) for s in use.shapes), use.links, use.keywords


def _counted(names: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def _repetitions(tokens: np.ndarray) -> dict[int, np.ndarray]:
    """For each period, how often the piece of that length that begins at each place is repeated there."""
    found = {}
    for period in range(1, min(LONGEST_PERIOD, len(tokens) // FEWEST) + 1):
        same = np.append(tokens[:-period] == tokens[period:], False)
        # The distance to the next place where the tokens differ from those a period later.
        ends = np.where(same, len(same), np.arange(len(same)))
        ahead = np.minimum.accumulate(ends[::-1])[::-1] - np.arange(len(same))
        counts = np.ones(len(tokens), np.int64)
        counts[: len(same)] = ahead // period + 1
        found[period] = counts
    return found


def _stack_at(uses: list[Use], results: tuple, first: int, period: int, count: int, once: set[str]) -> Stack | None:
    """The stack of up to `count` repetitions that begins here, or None where the values do not flow from each to the next only."""
    segment = uses[first : first + period]
    shared = any(use.name not in once for use in uses[first : first + period * count])
    if shared or not any(weights_of(use.layer, *use.shapes) for use in segment):
        return None
    carried = []
    for position, use in enumerate(segment):
        for kind, number, output in use.links:
            if kind == 'at':
                if number >= first:
                    return None
            elif number > position:
                if number - position > period:
                    return None
                carried.append((position - number + period, output))
    carried = tuple(dict.fromkeys(carried))
    count = _independent(uses, results, first, period, count, carried)
    if count < FEWEST or not carried:
        return None
    names = tuple(tuple(use.name for use in uses[first + k * period : first + (k + 1) * period]) for k in range(count))
    return Stack(first, names, carried)


def _independent(uses: list[Use], results: tuple, first: int, period: int, count: int, carried: tuple) -> int:
    """How many repetitions there may be so that what comes after takes nothing but what the last one carries."""
    taken = [(number, output) for number, output in results]
    for i, use in enumerate(uses[first:], start=first):
        for kind, number, output in use.links:
            taken.append((number if kind == 'at' else i - number, output) if kind == 'at' or i >= first + period * count else (-1, 0))
    for number, output in taken:
        repetition, position = divmod(number - first, period)
        if 0 <= repetition < count:
            count = min(count, repetition + 1 if (position, output) in carried else repetition)
    return count


# --- running them ---

Segment = Callable[[Scope, Mapping[str, Any], tuple[str, ...], tuple], tuple]


def run(stack: Stack, variables: Mapping[str, Any], carry: tuple, scope: Scope, segment: Segment) -> tuple:
    """Execute a stack.

    Args:
        variables: of the container; those of the first repetition's layers are stacked.
        carry: what the first repetition takes, in the order of `stack.carried`.
        segment: `(scope, variables, names, carry) → carry`, one repetition.
    """
    stacked = {name: _up_to_date(scope, name, variables[name]) for name in stack.names[0] if name in variables}
    if scope.tap_with is not None or scope.observer is not None or not _keeps_its_form(stack, stacked, carry, scope, segment):
        return _one_by_one(stack, stacked, carry, scope, segment)
    masks = tuple(scope.mask_of(x) for x in carry)
    uses: dict[str, int] = {}

    def body(carry, repetition):
        index, weights = repetition
        inner = _inside(scope, stack, index, carry, masks)
        carry = segment(inner, weights, stack.names[0], carry)
        uses.update(inner.records.uses)
        return carry, (inner.records.updates, sum(inner.records.losses, start=jnp.float32(0)))

    if scope.remat is True or (scope.remat == 'auto' and scope.training and _is_large(stack, stacked, carry, scope, segment)):
        body = jax.checkpoint(body, prevent_cse=False)
    carry, (updates, losses) = lax.scan(body, carry, (jnp.arange(len(stack.names)), stacked))
    scope.records.updates.update(updates)
    scope.records.uses.update(uses)
    scope.add_loss(jnp.sum(losses))
    for x, mask in zip(carry, masks, strict=True):
        if mask is not None:
            scope.set_mask(x, mask)
    return carry


def _up_to_date(scope: Scope, name: str, weights: Any) -> Any:
    """The weights of a layer, with what an earlier use in this pass made of its averages."""
    flat = paths.flatten(weights, scope.join(name) + paths.SEPARATOR)
    own = {path: scope.records.updates.get(path, value) for path, value in flat.items()}
    tree = paths.nest(own)
    for part in scope.join(name).split(paths.SEPARATOR):
        tree = tree.get(part, {})
    return tree


def _inside(scope: Scope, stack: Stack, index: Any, carry: tuple, masks: tuple) -> Scope:
    """The scope of a repetition: what layers leave behind there is its own, and random streams go by its own names."""
    known = tuple((x, mask) for x, mask in zip(carry, masks, strict=True) if mask is not None)
    return replace(
        scope,
        records=Records(uses=dict(scope.records.uses), masks=dict(scope.records.masks)),
        repetitions=(*scope.repetitions, Repetition(scope.path, stack.names, index)),
        given_masks=(*known, *scope.given_masks),
    )


def _keeps_its_form(stack: Stack, stacked: dict, carry: tuple, scope: Scope, segment: Segment) -> bool:
    """Whether a repetition returns shapes, types and masks like those it takes; the description alone cannot tell for unknown axes."""
    masks = tuple(scope.mask_of(x) for x in carry)
    same_masks = []

    def once(carry, weights):
        inner = _inside(scope, stack, 0, carry, masks)
        result = segment(inner, weights, stack.names[0], carry)
        same_masks.extend(inner.mask_of(y) is mask for y, mask in zip(result, masks, strict=True))
        return result

    result = jax.eval_shape(once, carry, jax.tree.map(lambda a: a[0], stacked))
    same = [a.shape == b.shape and a.dtype == b.dtype for a, b in zip(carry, result, strict=True)]
    return all(same) and all(same_masks)


def _one_by_one(stack: Stack, stacked: dict, carry: tuple, scope: Scope, segment: Segment) -> tuple:
    """The repetitions unrolled, where probes look inside or masks change on the way."""
    for first in stack.names[0]:  # what an earlier use left is in the weights by now
        start = scope.join(first) + paths.SEPARATOR
        for path in [p for p in scope.records.updates if p.startswith(start)]:
            del scope.records.updates[path]
    for k, names in enumerate(stack.names):
        here = [(name, first) for name, first in zip(names, stack.names[0], strict=True) if first in stacked]
        variables = {name: jax.tree.map(lambda a, k=k: a[k], stacked[first]) for name, first in here}
        carry = segment(scope, variables, names, carry)
    for first, *others in zip(*stack.names, strict=True):
        start = scope.join(first) + paths.SEPARATOR
        for path in [p for p in scope.records.updates if p.startswith(start)]:
            rest = path.removeprefix(start)
            all_paths = [path, *(scope.join(name) + paths.SEPARATOR + rest for name in others)]
            scope.records.updates[path] = jnp.stack([scope.records.updates.pop(p) for p in all_paths])
    return carry


# --- memory for time ---


def _is_large(stack: Stack, stacked: dict, carry: tuple, scope: Scope, segment: Segment) -> bool:
    """Whether what the repetitions would keep for the way back is more than a quarter of the device's memory."""

    def kept(carry, weights):
        outputs, back = jax.vjp(lambda c, w: segment(_inside(scope, stack, 0, c, (None,) * len(c)), w, stack.names[0], c), carry, weights)
        return outputs, back

    saved = jax.eval_shape(kept, carry, jax.tree.map(lambda a: a[0], stacked))
    size_bytes = sum(int(np.prod(a.shape)) * a.dtype.itemsize for a in jax.tree.leaves(saved))
    return size_bytes * len(stack.names) > device_memory_bytes() / 4


@functools.cache
def device_memory_bytes() -> int:
    """The memory of the device that computes by default."""
    limits = jax.local_devices()[0].memory_stats() or {}
    return limits.get('bytes_limit') or os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
