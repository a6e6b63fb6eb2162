"""pandas and Polars: tables, columns, missing values, and columns that are not numbers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from lamina.core.errors import DataError
from lamina.data import as_dataset
from lamina.data.convert import to_array

COLUMNS = {'size': [1.5, 2.5, 3.5], 'rooms': [1, 2, 3], 'new': [True, False, True]}


@pytest.mark.parametrize('library', [pd, pl])
def test_a_table_is_float32_rows(library):
    out = to_array(library.DataFrame(COLUMNS), 'x')
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert out.tolist() == [[1.5, 1, 1], [2.5, 2, 0], [3.5, 3, 1]]


@pytest.mark.parametrize('library', [pd, pl])
def test_columns_keep_their_kind(library):
    frame = library.DataFrame(COLUMNS)
    assert to_array(frame['rooms'], 'y').dtype == np.int32
    assert to_array(frame['size'], 'y').dtype == np.float32
    assert to_array(frame['new'], 'y').dtype == np.bool_


@pytest.mark.parametrize('library', [pd, pl])
def test_a_table_of_labels_stays_whole_but_inputs_are_floats(library):
    frame = library.DataFrame({'a': [0, 1], 'b': [1, 0]})
    arrays = as_dataset(frame, frame)
    assert arrays.inputs.dtype == np.float32
    assert arrays.targets.dtype == np.int32


@pytest.mark.parametrize('library', [pd, pl])
def test_text_columns_are_named(library):
    frame = library.DataFrame({**COLUMNS, 'town': ['Rome', 'Oslo', 'Bonn'], 'street': ['a', 'b', 'c']})
    with pytest.raises(DataError, match=r"'town'.*'street'.*pd.get_dummies\(frame\)"):
        as_dataset(frame)
    with pytest.raises(DataError, match=r"'town'.*frame.to_dummies\(\)"):
        to_array(frame['town'], 'y')


def test_dates_and_categories_are_not_numbers():
    frame = pd.DataFrame({'day': pd.to_datetime(['2020-01-01']), 'kind': pd.Categorical([3])})
    with pytest.raises(DataError, match=r"'day'.*'kind'.*series.cat.codes"):
        to_array(frame, 'x')
    with pytest.raises(DataError, match=r"'kind'.*to_physical"):
        to_array(pl.DataFrame({'kind': pl.Series(['a'], dtype=pl.Categorical)}), 'x')


@pytest.mark.parametrize('library', [pd, pl])
def test_missing_values_are_reported_by_column(library):
    with pytest.raises(DataError, match=r"1 NaN.*row 2, column 'size'.*Fill or drop"):
        to_array(library.DataFrame({'rooms': [1, 2, 3], 'size': [1.0, 2.0, None]}), 'x')
    with pytest.raises(DataError, match=r'row 1; expected finite numbers. Fill or drop'):
        to_array(library.Series([1.0, None]), 'y')


@pytest.mark.parametrize(
    'column',
    [
        pd.Series([1, None], dtype='Int64'),
        pd.Series([True, None], dtype='boolean'),
        pd.Series([1.0, None], dtype='Float64'),
        pl.Series([1, None]),
        pl.Series([True, None]),
    ],
)
def test_missing_values_of_nullable_columns(column):
    with pytest.raises(DataError, match=r'1 NaN.*Fill or drop'):
        to_array(column, 'y')


def test_nullable_columns_without_missing_values():
    assert to_array(pd.Series([1, 2], dtype='Int64'), 'y').tolist() == [1, 2]
    assert to_array(pd.DataFrame({'a': pd.Series([1, 2], dtype='Int64'), 'b': pd.Series([0.5, 1], dtype='Float64')}), 'x').tolist() == [
        [1, 0.5],
        [2, 1],
    ]


def test_two_pandas_columns_of_one_name():
    frame = pd.DataFrame(np.arange(4.0).reshape(2, 2), columns=['a', 'a'])
    assert to_array(frame, 'x').tolist() == [[0, 1], [2, 3]]


def test_an_index_is_a_column():
    assert to_array(pd.RangeIndex(3), 'y').tolist() == [0, 1, 2]


def test_a_lazy_query_must_be_collected():
    with pytest.raises(DataError, match=r'Call .collect\(\)'):
        as_dataset(pl.LazyFrame({'a': [1]}))


def test_a_table_without_columns():
    with pytest.raises(DataError, match='Select the columns'):
        to_array(pd.DataFrame(index=[0, 1]), 'x')


def test_numbers_beyond_float32_in_a_table():
    with pytest.raises(DataError, match=r"column 'a'.*Fill or drop"):
        to_array(pd.DataFrame({'a': [1e300]}), 'x')
