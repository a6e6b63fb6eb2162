"""The door: which of the many forms becomes arrays and which batches, and how lengths and structures are checked."""

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.errors import DataError, UnknownNameError
from lamina.data import Arrays, Batches, as_dataset

X, Y = np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(6, dtype=np.int32)


def test_arrays_pass_without_a_copy():
    weights = np.ones(6, np.float32)
    arrays = as_dataset(X, Y, weights)
    assert arrays.inputs is X
    assert arrays.targets is Y
    assert arrays.weights is weights
    assert as_dataset(arrays) is arrays


def test_a_nested_list_of_numbers_is_one_array():
    assert as_dataset([[1, 2], [3, 4]]).inputs.shape == (2, 2)
    assert as_dataset(((1.0, 2.0), (3.0, 4.0))).inputs.dtype == np.float32
    assert as_dataset([np.float32(1), np.float32(2)]).inputs.shape == (2,)


def test_a_list_of_arrays_is_one_array_per_input():
    arrays = as_dataset([X, X + 1], (Y, Y))
    assert isinstance(arrays.inputs, tuple)
    assert arrays.inputs[0] is X
    assert len(arrays.targets) == 2
    same_length = as_dataset([np.zeros(3), np.ones(3)])
    assert [a.shape for a in same_length.inputs] == [(3,), (3,)]


def test_dicts_and_nested_structures():
    arrays = as_dataset({'image': X, 'more': [jnp.asarray(X), [1, 2, 3, 4, 5, 6]]}, {'class': Y})
    assert arrays.inputs['image'] is X
    assert arrays.inputs['more'][1].dtype == np.int32
    assert len(arrays) == 6


@pytest.mark.parametrize(
    ('x', 'y', 'weights', 'parts'),
    [
        (X, Y[:4], None, '6 examples in x and 4 in y'),
        ([X, X[:3]], None, None, r'6 examples in x\[0\] and 3 in x\[1\]'),
        ({'a': X}, {'b': Y[:2]}, None, r"6 examples in x\['a'\] and 2 in y\['b'\]"),
        (X, Y, np.ones(5), '6 examples in x and 5 in sample_weight'),
        ([np.zeros(2), np.zeros(2)], Y[:5], None, r'2 examples in x\[0\] and 5 in y'),
    ],
)
def test_unequal_lengths_name_both(x, y, weights, parts):
    with pytest.raises(DataError, match=parts + r'.*np.stack\(list\) makes them the rows of one'):
        as_dataset(x, y, weights, where='evaluate')


@pytest.mark.parametrize('x', [np.zeros((0, 3)), [], np.zeros((0,)), {'a': np.zeros((0, 2))}])
def test_empty_data(x):
    with pytest.raises(DataError, match='Check the filter or the file'):
        as_dataset(x)


def test_an_empty_structure():
    with pytest.raises(DataError, match='Pass the arrays to train on'):
        as_dataset({})


@pytest.mark.parametrize('x', [np.array(3.0), 5, 2.5, jnp.asarray(1)])
def test_a_single_number_has_no_examples(x):
    with pytest.raises(DataError, match=r'Pass np.array\(\[x\]\) for one example'):
        as_dataset(x)


def test_text_is_not_data():
    with pytest.raises(DataError, match='Turn them into numbers first'):
        as_dataset('train.csv')


def test_an_object_of_another_kind():
    with pytest.raises(DataError, match='or a generator of'):
        as_dataset(object())


def test_errors_name_the_call_and_the_part():
    bad = X.copy()
    bad[2, 1] = np.nan
    with pytest.raises(DataError, match=r"evaluate, x\['b'\]\[0\]: got 1 of 12 .*row 2, column 1.*Fill or drop"):
        as_dataset({'a': X, 'b': [bad]}, where='evaluate')


def test_weights_become_one_float_per_example():
    weights = as_dataset(X, Y, [[1], [2], [3], [4], [5], [6]]).weights
    assert weights.dtype == np.float32
    assert weights.tolist() == [1, 2, 3, 4, 5, 6]
    several = as_dataset(X, {'a': Y, 'b': Y}, {'a': np.ones(6), 'b': np.zeros(6)})
    assert several.weights['b'].dtype == np.float32
    assert as_dataset(X, (Y, Y), np.ones(6)).weights.shape == (6,)


def test_weights_in_another_structure_than_targets():
    with pytest.raises(DataError, match='same tuple or dict form as y'):
        as_dataset(X, {'a': Y, 'b': Y}, {'a': np.ones(6)})


@pytest.mark.parametrize('argument', ['y', 'sample_weight'])
def test_batches_bring_their_own_targets(argument):
    with pytest.raises(DataError, match=r'Yield \(x, y\) or \(x, y, weights\)'):
        as_dataset(iter([(X, Y)]), **{argument: Y})


class Columns:
    """What both kinds of Hugging Face dataset have: `column_names` and `with_format`."""

    def __init__(self, columns, formatted=False):
        self.columns, self.formatted = columns, formatted
        self.column_names = list(columns)

    def with_format(self, kind):
        assert kind == 'numpy'
        return type(self)(self.columns, True)

    def rows(self, rows):
        assert self.formatted
        return {name: column[rows] for name, column in self.columns.items()}


class Hub(Columns):
    """In memory or on disk: a length, and slices that give dicts of columns."""

    def __len__(self):
        return 6

    def __getitem__(self, key):
        return self.rows(key)


class Stream(Columns):
    """Streaming: no length, and batches by `iter`."""

    def iter(self, batch_size):
        for start in range(0, 6, batch_size):
            yield self.rows(slice(start, start + batch_size))


HUB = Hub({'pixels': X, 'size': Y, 'label': Y, 'w': np.ones(6)})


def test_hub_columns_become_arrays():
    arrays = as_dataset(HUB, 'size', 'w')
    assert sorted(arrays.inputs) == ['label', 'pixels']
    assert arrays.targets.tolist() == Y.tolist()
    assert arrays.weights.dtype == np.float32


def test_hub_label_is_the_target_where_none_is_named():
    arrays = as_dataset(Hub({'pixels': X, 'label': Y}))
    assert arrays.inputs.tolist() == X.tolist()
    assert arrays.targets.tolist() == Y.tolist()
    assert as_dataset(Hub({'pixels': X})).targets is None


def test_hub_targets_by_list_and_dict():
    assert sorted(as_dataset(HUB, ['size', 'label']).targets) == ['label', 'size']
    assert sorted(as_dataset(HUB, {'head': 'label'}).targets) == ['head']


def test_hub_streams_are_batches():
    batches = as_dataset(Stream({'pixels': X, 'label': Y}), batch_size=4)
    assert isinstance(batches, Batches)
    assert [len(batch) for batch in batches] == [4, 2]
    assert [batch.targets.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5]]


def test_hub_column_misspelt():
    with pytest.raises(UnknownNameError, match="Did you mean 'label'"):
        as_dataset(HUB, 'lable')


def test_hub_without_inputs_and_with_splits():
    with pytest.raises(DataError, match='Keep such a column'):
        as_dataset(Hub({'label': Y}))

    class Splits(dict):
        column_names = {}

        def with_format(self, kind):
            return self

    with pytest.raises(DataError, match=r"dataset\['test'\]"):
        as_dataset(Splits(train=HUB, test=HUB))


def test_arrays_of_another_call_are_not_mixed_with_targets():
    with pytest.raises(DataError, match='Yield'):
        as_dataset(Arrays(X, Y), Y)
