"""Text on its way into a network: what counts as text, and what is refused."""

import numpy as np
import pytest

from lamina.core.errors import DataError
from lamina.data import Arrays, as_dataset
from lamina.data.strings import as_strings, is_text

pandas = pytest.importorskip('pandas')
polars = pytest.importorskip('polars')

WORDS = ['a', 'ünï', '']
FORMS = {
    'list': WORDS,
    'tuple': tuple(WORDS),
    'array': np.array(WORDS),
    'objects': np.array(WORDS, object),
    'numpy strings': [np.str_(w) for w in WORDS],
    'variable width': np.array(WORDS, np.dtypes.StringDType()),
    'bytes': [w.encode() for w in WORDS],
    'array of bytes': np.array([w.encode() for w in WORDS]),
    'pandas': pandas.Series(WORDS),
    'pandas objects': pandas.Series(WORDS, dtype=object),
    'pandas categories': pandas.Series(WORDS).astype('category'),
    'polars': polars.Series(WORDS),
}


@pytest.mark.parametrize('form', FORMS)
def test_every_form_of_strings_becomes_an_array_of_them(form):
    array = as_strings(FORMS[form], 'x')
    assert array.tolist() == WORDS
    assert is_text(array)
    assert all(isinstance(text, str) for text in array.tolist())


def test_nested_lists_keep_their_axes_and_fixed_width_strings_their_memory():
    assert as_strings([['a', 'b'], ['c', 'd']], 'x').shape == (2, 2)
    array = np.array(['a', 'b'])
    assert as_strings(array, 'x') is array


@pytest.mark.parametrize('value', [[1, 2], np.ones(3), [[1.5], [2.5]], [], pandas.Series([1, 2]), np.array([1, 2], object), None])
def test_what_is_not_text_is_left_to_others(value):
    assert as_strings(value, 'x') is None


REFUSED = {
    'one string': ('text', r'Pass a list, \[text\]'),
    'none': (['a', None], "None among strings, in row 1.*text or ''"),
    'first is none': ([None, 'a'], 'in row 0.*Fill what is missing'),
    'nan': (np.array(['a', np.nan], object), 'Fill what is missing'),
    'missing in pandas': (pandas.Series(['a', None]), 'Fill what is missing'),
    'missing in polars': (polars.Series(['a', None]), 'Fill what is missing'),
    'a number': (['a', 3], r'3 among strings, in row 1.*\[str\(value\)'),
    'ragged': ([['a'], ['b', 'c']], 'Pad them to the longest'),
    'uneven depth': (['a', ['b', 'c']], 'Pad them to the longest'),
    'deeply ragged': ([[['a']], [['b'], ['c']]], 'Pad them to the longest'),
    'latin bytes': (['ü'.encode('latin-1')], 'Decode them first'),
}


@pytest.mark.parametrize(('value', 'remedy'), REFUSED.values(), ids=REFUSED)
def test_refused_with_what_to_do(value, remedy):
    with pytest.raises(DataError, match=remedy):
        as_strings(value, 'x')


def test_a_dataset_takes_text_only_where_it_is_let_through():
    with pytest.raises(DataError, match='Turn them into numbers first'):
        as_dataset(WORDS, [0, 1, 2])
    arrays = as_dataset({'text': WORDS, 'size': [1, 3, 0]}, [0, 1, 2], strings=True)
    assert isinstance(arrays, Arrays)
    assert arrays.inputs['text'].tolist() == WORDS
    assert arrays.inputs['size'].dtype == np.int32
    assert arrays.select([2, 0]).inputs['text'].tolist() == ['', 'a']
    with pytest.raises(DataError, match='Turn them into numbers first'):
        as_dataset([1, 2, 3], WORDS, strings=True)


def test_streams_let_text_through_too_and_go_on_where_they_were_looked_at():
    source = as_dataset(iter([(WORDS, [1, 2, 3]), (WORDS[::-1], [1, 2, 3])]))
    with pytest.raises(DataError, match='Turn them into numbers first'):
        source.peek()
    source = as_dataset(iter([(WORDS, [1, 2, 3]), (WORDS[::-1], [1, 2, 3])]), strings=True)
    assert source.peek().inputs.tolist() == WORDS
    again = as_dataset(source, strings=True)
    assert [batch.inputs.tolist() for batch in again] == [WORDS, WORDS[::-1]]
