"""Hugging Face datasets, recognized by what they can do and never imported."""

from collections.abc import Mapping
from typing import Any

from lamina.core.errors import DataError, unknown_name
from lamina.data.arrays import Arrays
from lamina.data.batches import Batches
from lamina.data.structure import make_arrays


def is_hub_dataset(value: Any) -> bool:
    """Whether it is a Hugging Face dataset, streaming dataset or dict of splits."""
    return callable(getattr(value, 'with_format', None)) and hasattr(value, 'column_names')


def from_hub(dataset: Any, y: Any, sample_weight: Any, where: str, batch_size: int, strings: bool = False) -> Arrays | Batches:
    """The columns of a Hugging Face dataset.

    The columns that `y` and `sample_weight` name are targets and weights, all the others inputs: one column is an array, several are
    a dict by their names. Where `y` is None, a column `label` or `labels` is the target.

    Args:
        dataset: in memory or on disk it becomes `Arrays`; a streaming one becomes `Batches`.
        y: a column's name, a list of names, or a dict `{output: column}`.
        sample_weight: a column's name, or None.
        batch_size: examples in a batch of a streaming dataset.
        strings: whether columns of text are let through as inputs.

    Raises:
        DataError: several splits; choose one.
        UnknownNameError: a column that it does not have; the nearest name is proposed.
    """
    if isinstance(dataset, Mapping):
        splits = sorted(dataset)
        raise DataError(
            f'{where}, x', f'the splits {splits}', 'one split', f'Choose one: dataset[{splits[0]!r}].' if splits else 'Choose one.'
        )
    names = list(dataset.column_names or ())
    if y is None:
        y = next((name for name in ('label', 'labels') if name in names), None)
    for name in _named(y) + _named(sample_weight):
        if name not in names:
            raise unknown_name(f'{where}, column of the dataset', name, names)
    taken = {*_named(y), *_named(sample_weight)}
    inputs = [name for name in names if name not in taken]
    if not inputs:
        raise DataError(f'{where}, x', f'no column besides {sorted(taken)}', 'a column of inputs', 'Keep such a column in the dataset.')

    def parts(table: Mapping) -> tuple:
        x = table[inputs[0]] if len(inputs) == 1 else {name: table[name] for name in inputs}
        return x, _pick(table, y), _pick(table, sample_weight)

    numbers = dataset.with_format('numpy')
    if hasattr(dataset, '__len__'):
        return make_arrays(*parts(numbers[:]), where=where, strings=strings)
    return Batches(lambda: map(parts, numbers.iter(batch_size=batch_size)), None, True, where, strings=strings)


def _named(columns: Any) -> list:
    if columns is None:
        return []
    if isinstance(columns, str):
        return [columns]
    return list(columns.values()) if isinstance(columns, Mapping) else list(columns)


def _pick(table: Mapping, columns: Any) -> Any:
    if columns is None or isinstance(columns, str):
        return None if columns is None else table[columns]
    pairs = columns.items() if isinstance(columns, Mapping) else ((name, name) for name in columns)
    return {output: table[name] for output, name in pairs}
