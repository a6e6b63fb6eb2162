"""Data that comes in batches: read once or many times, converted and checked batch by batch."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from lamina.core.errors import DataError
from lamina.data.arrays import Arrays
from lamina.data.structure import make_arrays

_END = object()


@dataclass(frozen=True, eq=False)
class Batches:
    """A source of batches.

    Iterating reads one pass; each batch is an `Arrays` of NumPy arrays, checked as arrays in memory are. An exception of the source
    itself passes through unchanged, with a note that tells the number of the batch (the first is batch 1).

    Args:
        start: begins a pass: returns an iterator of `x`, `(x,)`, `(x, y)` or `(x, y, weights)`.
        length: batches in a pass, or None where the source does not know.
        repeatable: whether `start` can be called again; an iterator goes on where it stopped.
        where: the call that reads it, for errors.
        finish: called after each complete pass.
        strings: whether text is let through in x.

    Raises:
        DataError: while iterating: a bad batch, a pass without batches, or fewer batches than `length`.

    Example:
        >>> import numpy as np
        >>> from lamina.data import as_dataset
        >>> batches = as_dataset(lambda: ((np.ones((4, 2)), np.zeros(4)) for _ in range(3)))
        >>> [len(batch) for batch in batches]
        [4, 4, 4]
    """

    start: Callable[[], Iterable[Any]]
    length: int | None = None
    repeatable: bool = False
    where: str = 'fit'
    finish: Callable[[], Any] | None = None
    strings: bool = False
    # A field, so that a copy for strings goes on with the batch that was looked at.
    _held: list = field(default_factory=list, repr=False)

    def __iter__(self) -> Iterator[Arrays]:
        source, batch = self._held.pop() if self._held else self._begin()
        count, first = 0, None
        while batch is not None:
            count += 1
            if first is None:
                first = batch
            self._check_like(first, batch, count)
            yield batch
            batch = self._read(source, count + 1)
        self._check_end(count)
        if self.finish is not None:
            self.finish()

    def steps(self, count: int) -> Iterator[Arrays]:
        """Exactly `count` batches of one pass.

        Raises:
            DataError: the source ends before; lower steps_per_epoch or let the source go on.
        """
        taken = 0
        for batch in self:
            yield batch
            taken += 1
            if taken == count:
                return
        raise DataError(
            self.where,
            f'a source that ended after {taken} batches',
            f'{count} batches',
            'Lower steps_per_epoch, or let the generator yield without end.',
        )

    def peek(self) -> Arrays:
        """The first batch of the next pass, which still is its first.

        Raises:
            DataError: there is none.
        """
        if not self._held:
            source, batch = self._begin()
            if batch is None:
                self._check_end(0)
            self._held.append((source, batch))
        return self._held[0][1]

    def _begin(self) -> tuple[Iterator[Any], Arrays | None]:
        with _Noted(f'raised while {self.where} began to read its data'):
            source = iter(self.start())
        return source, self._read(source, 1)

    def _read(self, source: Iterator[Any], number: int) -> Arrays | None:
        with _Noted(f'raised by the data source of {self.where} while it made batch {number}'):
            item = next(source, _END)
        return None if item is _END else as_batch(item, f'{self.where}, batch {number}', self.strings)

    def _check_like(self, first: Arrays, batch: Arrays, number: int) -> None:
        one, other = (jax.tree.structure((a.inputs, a.targets, a.weights)) for a in (first, batch))
        if one != other:
            got = f'parts {_parts(batch)} where batch 1 had {_parts(first)}'
            raise DataError(
                f'{self.where}, batch {number}', got, 'the same parts in every batch', 'Yield (x, y) or (x, y, weights) each time.'
            )

    def _check_end(self, count: int) -> None:
        if count == 0:
            remedy = (
                'Check its source.'
                if self.repeatable
                else 'An iterator can be read once: pass a function that returns a new one, fit(lambda: batches()).'
            )
            raise DataError(self.where, 'a source without batches (empty, or already used up)', 'at least one batch', remedy)
        if self.length is not None and count < self.length:
            got = f'a source that ended after {count} of {self.length} batches'
            raise DataError(self.where, got, f'{self.length} batches', 'Let its length be the number of batches that it yields.')


class _Noted:
    """Adds a note to whatever exception leaves the block."""

    def __init__(self, note: str):
        self._note = note

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception):
            error.add_note(self._note)


def as_batch(item: Any, where: str, strings: bool = False) -> Arrays:
    """One batch as `Arrays` of NumPy arrays: a tuple or list of one to three is `(x, y, weights)`, anything else is `x`.

    Raises:
        DataError: more than three parts, or a part that is not an array.
    """
    if isinstance(item, Arrays):
        item = (item.inputs, item.targets, item.weights)
    parts = tuple(item) if isinstance(item, (tuple, list)) else (item,)
    if not 1 <= len(parts) <= 3:
        got = f'{len(parts)} parts'
        raise DataError(where, got, 'x, (x, y) or (x, y, weights)', 'Put several inputs into one tuple or dict: ((a, b), y).')
    arrays = make_arrays(*parts, where=where, pack=False, strings=strings)
    inputs, targets, weights = jax.tree.map(np.asarray, (arrays.inputs, arrays.targets, arrays.weights))
    return Arrays(inputs, targets, weights)


def _parts(batch: Arrays) -> str:
    return '(' + ', '.join(name for name in ('inputs', 'targets', 'weights') if getattr(batch, name) is not None) + ')'
