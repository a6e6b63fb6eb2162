"""Tables of pandas and Polars, recognized by where their class comes from and never imported, column by column."""

import sys
from typing import Any

import numpy as np

from lamina.core.errors import DataError

_KINDS = {'DataFrame': 'frame', 'Series': 'series', 'Index': 'series', 'LazyFrame': 'lazy'}


def frame_kind(value: Any) -> str | None:
    """`'frame'` or `'series'` for a table or a column of pandas or Polars, `'lazy'` for a query not yet run, else None."""
    for cls in type(value).__mro__:
        if cls.__name__ in _KINDS and cls.__module__.partition('.')[0] in ('pandas', 'polars'):
            return _KINDS[cls.__name__]
    return None


def from_frame(frame: Any, where: str, *, keep_integers: bool) -> tuple[np.ndarray, list[str]]:
    """A table of numbers `(n, columns)` and its column names.

    The result is float32, filled column by column so that no second copy of the table is held; missing values become NaN. With
    `keep_integers`, a table of nothing but whole numbers stays int64 (labels).

    Raises:
        DataError: columns of text, dates or categories, which are named; encode or drop them.
    """
    columns = [frame.iloc[:, i] for i in range(frame.shape[1])] if _is_pandas(frame) else frame.get_columns()
    names = [str(name) for name in frame.columns]
    wrong = [f'{name!r} ({column.dtype})' for name, column in zip(names, columns, strict=True) if not _is_number(column)]
    if wrong:
        raise _not_numbers(where, wrong)
    if not columns:
        raise DataError(where, 'a table without columns', 'at least one column of numbers', 'Select the columns to train on.')
    whole = keep_integers and all(_is_whole(column) for column in columns)
    table = np.empty((len(frame), len(columns)), np.int64 if whole else np.float32)
    for i, column in enumerate(columns):
        with np.errstate(over='ignore'):  # beyond float32 becomes infinite, which the check for finite values then reports
            table[:, i] = _numbers(column, np.int64 if whole else np.float32)
    return table, names


def from_series(series: Any, where: str) -> np.ndarray:
    """A column `(n,)`: whole numbers and booleans as they are, everything else float32, missing values NaN.

    Raises:
        DataError: text, dates or categories; encode them as numbers.
    """
    if not _is_number(series):
        raise _not_numbers(where, [f'{series.name!r} ({series.dtype})'])
    if _is_whole(series):
        return _numbers(series, np.int64)
    if 'bool' in str(series.dtype).lower() and not _missing(series):
        return _numbers(series, np.bool_)
    return _numbers(series, np.float32)


def _is_pandas(value: Any) -> bool:
    return any(cls.__module__.partition('.')[0] == 'pandas' for cls in type(value).__mro__)


def _is_number(column: Any) -> bool:
    if _is_pandas(column):
        # Nullable and Arrow dtypes tell their kind by the same letter as NumPy's.
        return getattr(column.dtype, 'kind', 'O') in 'biuf' and str(column.dtype) != 'category'
    return column.dtype.is_numeric() or str(column.dtype) == 'Boolean'


def _is_whole(column: Any) -> bool:
    whole = column.dtype.kind in 'iu' if _is_pandas(column) else column.dtype.is_integer()
    return bool(whole) and not _missing(column)


def _missing(column: Any) -> bool:
    return bool(column.isna().any()) if _is_pandas(column) else column.null_count() > 0


def _numbers(column: Any, dtype: Any) -> np.ndarray:
    if _is_pandas(column):
        return column.to_numpy(dtype=dtype, na_value=np.nan) if dtype is np.float32 else column.to_numpy(dtype=dtype)
    if dtype is np.float32:
        # Through Polars' own float: a column with nulls would come out as an array of objects.
        column = column.cast(sys.modules['polars'].Float32)
    return column.to_numpy().astype(dtype, copy=False)


def _not_numbers(where: str, wrong: list[str]) -> DataError:
    return DataError(
        where,
        f'columns that are not numbers: {", ".join(wrong)}',
        'columns of numbers or booleans',
        'Drop them, or encode them: pd.get_dummies(frame) or series.cat.codes in pandas, frame.to_dummies() or .to_physical() in Polars.',
    )
