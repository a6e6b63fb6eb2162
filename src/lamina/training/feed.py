"""From a dataset to segments of steps: resident arrays are one segment an epoch, streams are stacked batches."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from lamina.core.errors import DataError
from lamina.core.keys import host_stream
from lamina.data import Arrays

# What one segment of a stream may hold, and how large a dataset may be to stay on the device, as a part of its memory.
SEGMENT_BYTES = 64 * 2**20
SEGMENT_STEPS = 256
RESIDENT_PART = 0.6


class Segment(NamedTuple):
    """Data on the device, and which of its rows each step takes.

    Args:
        data: (inputs, targets, weights), each a pytree of (rows, …) arrays or None.
        index: (steps, batch) row numbers, -1 for padding.
        steps: how many of the index's steps are to be run; the rest fill up a fixed shape.
    """

    data: Any
    index: Any
    steps: int


class BatchSource(Protocol):
    """Batches from anywhere.

    Args:
        length: how many a pass has, or None where the source does not know.
        repeatable: whether it can be iterated again from the start.
    """

    length: int | None
    repeatable: bool

    def __iter__(self) -> Iterator[Arrays]: ...


class ResidentFeed:
    """Arrays that live on the device; each epoch is a matrix of row numbers made on the host.

    Args:
        arrays: the examples.
        batch_size: rows a step; the last step of an epoch is padded.
        shuffle: whether each epoch takes the rows in another order.
        seed: of the orders.
        steps: at most so many steps an epoch; None for all.
    """

    def __init__(self, arrays: Arrays, batch_size: int, *, shuffle: bool = False, seed: int = 0, steps: int | None = None):
        self.rows, self.batch_size, self.shuffle, self.seed = len(arrays), batch_size, shuffle, seed
        whole = -(-self.rows // batch_size)
        self.steps = whole if steps is None else min(steps, whole)
        self.data = jax.device_put((arrays.inputs, arrays.targets, arrays.weights))

    def segments(self, first_step: int) -> Iterator[Segment]:
        """The one segment of the epoch that begins at this step, whose number decides the order."""
        order = epoch_order(self.rows, self.seed, first_step) if self.shuffle else np.arange(self.rows)
        yield Segment(self.data, jax.device_put(index_matrix(order, self.batch_size)), self.steps)


class StreamFeed:
    """Batches from anywhere, stacked into segments of one shape, so that the compiled program of arrays serves them too.

    Args:
        batches: the source.
        steps: steps an epoch; required where the source never ends. A source that ends is started again if it can be.
    """

    def __init__(self, batches: BatchSource, *, steps: int | None = None):
        self.batches, self.limit = batches, steps
        self.steps = steps if steps is not None else batches.length
        self._iterator: Iterator[Arrays] | None = None
        self._capacity: tuple[int, int] | None = None

    def segments(self, first_step: int) -> Iterator[Segment]:
        """Stacks of batches until the source ends, or until the epoch has its steps."""
        taken = 0
        while self.limit is None or taken < self.limit:
            room = None if self.limit is None else self.limit - taken
            batches = list(itertools.islice(self._source(), self._segment_steps(room)))
            if not batches:
                self._iterator = None
                if taken == 0 or (self.limit is not None and not self.batches.repeatable):
                    raise self._ended(taken)
                if self.limit is None:
                    return
                continue
            taken += len(batches)
            yield self._stack(batches)
        if self.limit is None:
            self._iterator = None

    def _source(self) -> Iterator[Arrays]:
        if self._iterator is None:
            self._iterator = iter(self.batches)
            first = next(self._iterator, None)
            if first is not None:
                self._fix_capacity(first)
                self._iterator = itertools.chain([first], self._iterator)
        return self._iterator

    def _fix_capacity(self, first: Arrays) -> None:
        if self._capacity is None:
            size = sum(np.asarray(a).nbytes for a in jax.tree.leaves((first.inputs, first.targets, first.weights)))
            self._capacity = (max(1, min(SEGMENT_STEPS, self.steps or SEGMENT_STEPS, SEGMENT_BYTES // max(size, 1))), len(first))

    def _segment_steps(self, room: int | None) -> int:
        self._source()
        steps = self._capacity[0] if self._capacity else 1
        return steps if room is None else min(steps, room)

    def _stack(self, batches: list[Arrays]) -> Segment:
        """The batches as rows of arrays of a fixed length, each batch padded to the size of the largest."""
        steps, size = self._capacity or (len(batches), len(batches[0]))
        size = max(size, *(len(b) for b in batches)) if len(batches) > 1 else max(size, len(batches[0]))
        self._capacity = (steps, size)
        index = np.full((steps, size), -1, np.int32)
        for i, batch in enumerate(batches):
            index[i, : len(batch)] = i * size + np.arange(len(batch))

        def stack(*parts: np.ndarray) -> np.ndarray:
            whole = np.zeros((steps * size, *parts[0].shape[1:]), parts[0].dtype)
            for i, part in enumerate(parts):
                whole[i * size : i * size + len(part)] = part
            return whole

        data = jax.tree.map(stack, *[(b.inputs, b.targets, b.weights) for b in batches])
        return Segment(jax.device_put(data), jax.device_put(index), len(batches))

    def _ended(self, taken: int) -> DataError:
        return DataError(
            'the stream of batches',
            f'its end after {taken} batches of the epoch',
            f'{self.limit or "at least one"} batches an epoch',
            'Pass a source that can be iterated again (a function that returns an iterator), or lower epochs or steps_per_epoch.',
        )


def epoch_order(rows: int, seed: int, first_step: int) -> np.ndarray:
    """The order of the rows in the epoch that begins at this step: another in each epoch, and in each call of `fit`."""
    return host_stream(seed, 'shuffle', first_step).permutation(rows)


def index_matrix(order: np.ndarray, batch_size: int) -> np.ndarray:
    """Row numbers as (steps, batch), the last step filled up with -1."""
    steps = -(-len(order) // batch_size)
    index = np.full(steps * batch_size, -1, np.int32)
    index[: len(order)] = order
    return index.reshape(steps, batch_size)


def feed(dataset: Arrays | BatchSource, batch_size: int, *, shuffle: bool = False, seed: int = 0, steps: int | None = None) -> Any:
    """A feed for this dataset: resident where it fits on the device, a stream of its own rows otherwise."""
    if not isinstance(dataset, Arrays):
        return StreamFeed(dataset, steps=steps)
    if _fits(dataset):
        return ResidentFeed(dataset, batch_size, shuffle=shuffle, seed=seed, steps=steps)
    return HostFeed(dataset, batch_size, shuffle=shuffle, seed=seed, steps=steps)


class HostFeed(StreamFeed):
    """Arrays too large for the device, gathered on the host batch by batch, in the order that resident ones would have.

    Args:
        arrays, batch_size, shuffle, seed, steps: as in `ResidentFeed`.
    """

    def __init__(self, arrays: Arrays, batch_size: int, *, shuffle: bool = False, seed: int = 0, steps: int | None = None):
        self.arrays, self.batch_size, self.shuffle, self.seed = arrays, batch_size, shuffle, seed
        self.order = np.arange(len(arrays))
        self.length: int | None = -(-len(arrays) // batch_size)
        self.repeatable = True
        super().__init__(self, steps=None if steps is None else min(steps, self.length))

    def segments(self, first_step: int) -> Iterator[Segment]:
        """Stacks of batches; a new order begins with each epoch."""
        self._iterator = None
        if self.shuffle:
            self.order = epoch_order(len(self.arrays), self.seed, first_step)
        return super().segments(first_step)

    def __iter__(self) -> Iterator[Arrays]:
        for start in range(0, len(self.order), self.batch_size):
            yield self.arrays.select(self.order[start : start + self.batch_size])


def _fits(arrays: Arrays) -> bool:
    size = sum(a.nbytes for a in jax.tree.leaves((arrays.inputs, arrays.targets, arrays.weights)))
    limit = (jax.local_devices()[0].memory_stats() or {}).get('bytes_limit')
    return limit is None or size <= RESIDENT_PART * limit
