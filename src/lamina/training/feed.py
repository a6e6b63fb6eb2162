"""From a dataset to segments of steps: resident arrays are one segment an epoch, streams are stacked batches."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from lamina.core.errors import DataError
from lamina.core.keys import host_stream
from lamina.data import Arrays
from lamina.training.session import CHUNK_SECONDS

# What one segment of a stream may hold, and how large a dataset may be to stay on the device, as a part of its memory.
SEGMENT_BYTES = 64 * 2**20
SEGMENT_STEPS = 256
RESIDENT_PART = 0.6


Place = Callable[[Any, int], Any]


def on_default_device(tree: Any, rows: int) -> Any:
    """Arrays on the device that computes by default, whatever the number of rows of a batch."""
    return jax.device_put(tree)


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


class Passes(NamedTuple):
    """How passes over the rows of arrays go.

    Args:
        rows: how many there are.
        batch_size: rows a step; the last step of a pass is padded.
        shuffle: whether each pass takes the rows in another order.
        seed: of the orders.
    """

    rows: int
    batch_size: int
    shuffle: bool
    seed: int

    @property
    def steps(self) -> int:
        """The steps of one pass."""
        return -(-self.rows // self.batch_size)

    def index(self, first_step: int) -> np.ndarray:
        """The row numbers, (steps, batch), of the pass that begins at this step, whose number decides the order."""
        order = epoch_order(self.rows, self.seed, first_step) if self.shuffle else np.arange(self.rows)
        return index_matrix(order, self.batch_size)


class ResidentFeed:
    """Arrays that live on the device; each epoch is a matrix of row numbers made on the host.

    An epoch shorter than a pass leaves the rest of it to the next epoch, a longer one goes on into the next pass. An epoch that
    begins at step 0 begins a new pass, so that every validation sees the same rows.

    Args:
        arrays: the examples.
        batch_size: rows a step; the last step of a pass is padded.
        shuffle: whether each pass takes the rows in another order.
        seed: of the orders.
        steps: so many steps an epoch; None for one pass.
        place: puts arrays where a program for batches of so many rows takes them.
    """

    def __init__(
        self,
        arrays: Arrays,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        steps: int | None = None,
        place: Place = on_default_device,
    ):
        self.passes = Passes(len(arrays), batch_size, shuffle, seed)
        self.steps = self.passes.steps if steps is None else steps
        self.place = place
        self.data = place((arrays.inputs, arrays.targets, arrays.weights), batch_size)
        self._rest: np.ndarray | None = None

    def segments(self, first_step: int) -> Iterator[Segment]:
        """The epoch that begins at this step: one segment, and one more for each pass that begins within it."""
        length, taken = min(self.steps, self.passes.steps), 0
        if first_step == 0:
            self._rest = None
        while taken < self.steps:
            if self._rest is None or len(self._rest) == 0:
                self._rest = self.passes.index(first_step + taken)
            part, self._rest = np.split(self._rest, [self.steps - taken])
            taken += len(part)
            yield Segment(self.data, self.place(_filled(part, length), self.passes.batch_size), len(part))


class Form(NamedTuple):
    """What the batches of a segment have in common, and so what its compiled program is for.

    Args:
        structure: of (inputs, targets, weights).
        shapes: of one row of each array.
        dtypes: of each array, wide enough for all such batches so far.
        rows: of the largest such batch so far.
    """

    structure: Any
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype, ...]
    rows: int

    @property
    def size_bytes(self) -> int:
        """The memory of one batch."""
        return self.rows * sum(math.prod(shape) * dtype.itemsize for shape, dtype in zip(self.shapes, self.dtypes, strict=True))


class StreamFeed:
    """Batches from anywhere, stacked into segments of one shape, so that the compiled program of arrays serves them too.

    A segment ends when it is full, when reading it took as long as a chunk should, or where the form changes: another shape of
    rows, a wider dtype, or a batch larger than any before. So a step's arrays depend on the batches up to it and never on time.
    Each shape of rows keeps the largest batch and the widest dtype that were seen of it.

    Args:
        batches: the source.
        steps: steps an epoch; required where the source never ends. A source that ends is started again if it can be. An epoch
            goes on where the last one stopped; one that begins at step 0 starts the source again if it can be.
        place: as in `ResidentFeed`.
    """

    def __init__(self, batches: BatchSource, *, steps: int | None = None, place: Place = on_default_device):
        self.batches, self.limit, self.place = batches, steps, place
        self.steps = steps if steps is not None else batches.length
        self.pass_step = 0
        self._iterator: Iterator[Arrays] | None = None
        self._held: Arrays | None = None
        self._forms: dict[Any, Form] = {}

    def segments(self, first_step: int) -> Iterator[Segment]:
        """Stacks of batches until the source ends, or until the epoch has its steps.

        Raises:
            DataError: the source has no batches, or ended within an epoch and cannot be started again.
        """
        if self.batches.repeatable and (self.limit is None or first_step == 0):
            self._iterator = self._held = None
        taken = 0
        while self.limit is None or taken < self.limit:
            fresh = self._iterator is None
            if self._iterator is None:
                self.pass_step = first_step + taken
                self._iterator = iter(self.batches)
            form, batches = self._read(self._iterator, None if self.limit is None else self.limit - taken)
            if form is not None:
                taken += len(batches)
                yield stacked(batches, form, self._capacity(form), self.place)
                continue
            self._iterator = None
            if self.limit is None and taken:
                return
            if fresh or not self.batches.repeatable:
                raise self._ended(taken)

    def _read(self, source: Iterator[Arrays], room: int | None) -> tuple[Form | None, list[Arrays]]:
        """The next batches of one form; the batch that ends them by its other form is held for the next time."""
        form, batches, began = None, [], time.perf_counter()
        while True:
            batch, self._held = next(source, None) if self._held is None else self._held, None
            if batch is None:
                return form, batches
            known, form = form, self._form(batch)
            if known not in (None, form):
                self._held = batch
                return known, batches
            batches.append(batch)
            if len(batches) in (self._capacity(form), room) or time.perf_counter() - began >= CHUNK_SECONDS:
                return form, batches

    def _form(self, batch: Arrays) -> Form:
        """The form of this batch, made wide and large enough for those before it."""
        leaves, structure = jax.tree.flatten((batch.inputs, batch.targets, batch.weights))
        shapes = tuple(a.shape[1:] for a in leaves)
        dtypes, rows, known = tuple(a.dtype for a in leaves), len(batch), self._forms.get((structure, shapes))
        if known is not None:
            dtypes, rows = tuple(map(np.result_type, known.dtypes, dtypes)), max(known.rows, rows)
        form = self._forms[structure, shapes] = Form(structure, shapes, dtypes, rows)
        return form

    def _capacity(self, form: Form) -> int:
        """The steps of a segment of this form."""
        return max(1, min(SEGMENT_STEPS, self.steps or SEGMENT_STEPS, SEGMENT_BYTES // max(form.size_bytes, 1)))

    def _ended(self, taken: int) -> DataError:
        return DataError(
            'the stream of batches',
            f'its end after {taken} batches of the epoch',
            f'{self.limit or "at least one"} batches an epoch',
            'Pass a source that can be iterated again (a function that returns an iterator), or lower epochs or steps_per_epoch.',
        )


def stacked(batches: list[Arrays], form: Form, steps: int, place: Place) -> Segment:
    """The batches as rows of arrays of a fixed length, each batch padded to the size of the largest."""
    index = np.full((steps, form.rows), -1, np.int32)
    for i, batch in enumerate(batches):
        index[i, : len(batch)] = i * form.rows + np.arange(len(batch))
    parts = zip(*(jax.tree.leaves((b.inputs, b.targets, b.weights)) for b in batches), strict=True)
    arrays = []
    for shape, dtype, leaves in zip(form.shapes, form.dtypes, parts, strict=True):
        whole = np.zeros((steps * form.rows, *shape), dtype)
        for i, leaf in enumerate(leaves):
            whole[i * form.rows : i * form.rows + len(leaf)] = leaf
        arrays.append(whole)
    data, index = place((jax.tree.unflatten(form.structure, arrays), index), form.rows)
    return Segment(data, index, len(batches))


def epoch_order(rows: int, seed: int, first_step: int) -> np.ndarray:
    """The order of the rows in the pass that begins at this step: another in each pass, and in each call of `fit`."""
    return host_stream(seed, 'shuffle', first_step).permutation(rows)


def index_matrix(order: np.ndarray, batch_size: int) -> np.ndarray:
    """Row numbers as (steps, batch), the last step filled up with -1."""
    steps = -(-len(order) // batch_size)
    index = np.full(steps * batch_size, -1, np.int32)
    index[: len(order)] = order
    return index.reshape(steps, batch_size)


def _filled(index: np.ndarray, steps: int) -> np.ndarray:
    """The index with so many steps, those added all padding."""
    missing = steps - len(index)
    return np.concatenate([index, np.full((missing, index.shape[1]), -1, np.int32)]) if missing else index


def feed(
    dataset: Arrays | BatchSource,
    batch_size: int,
    *,
    shuffle: bool = False,
    seed: int = 0,
    steps: int | None = None,
    place: Place = on_default_device,
) -> Any:
    """A feed for this dataset: resident where it fits on the device, a stream of its own rows otherwise."""
    if not isinstance(dataset, Arrays):
        return StreamFeed(dataset, steps=steps, place=place)
    kind = ResidentFeed if _fits(dataset) else HostFeed
    return kind(dataset, batch_size, shuffle=shuffle, seed=seed, steps=steps, place=place)


class HostFeed(StreamFeed):
    """Arrays too large for the device, gathered on the host batch by batch, in the order that resident ones would have.

    Args:
        arrays, batch_size, shuffle, seed, steps, place: as in `ResidentFeed`.
    """

    def __init__(
        self,
        arrays: Arrays,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        steps: int | None = None,
        place: Place = on_default_device,
    ):
        self.arrays, self.passes = arrays, Passes(len(arrays), batch_size, shuffle, seed)
        self.length: int | None = self.passes.steps
        self.repeatable = True
        super().__init__(self, steps=steps, place=place)

    def __iter__(self) -> Iterator[Arrays]:
        for rows in self.passes.index(self.pass_step):
            yield self.arrays.select(rows[rows >= 0])


def _fits(arrays: Arrays) -> bool:
    size = sum(a.nbytes for a in jax.tree.leaves((arrays.inputs, arrays.targets, arrays.weights)))
    limit = (jax.local_devices()[0].memory_stats() or {}).get('bytes_limit')
    return limit is None or size <= RESIDENT_PART * limit
