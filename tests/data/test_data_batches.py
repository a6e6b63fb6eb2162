"""Batches: every kind of source, passes, errors with the number of the batch, sources that end early."""

import numpy as np
import pytest

from lamina.core.errors import DataError
from lamina.data import Arrays, Batches, as_dataset

X, Y = np.ones((4, 2), np.float32), np.zeros(4, np.int32)


def three():
    for _ in range(3):
        yield X, Y


def shapes(batches):
    return [(batch.inputs.shape, None if batch.targets is None else batch.targets.shape) for batch in batches]


THREE = [((4, 2), (4,))] * 3


def test_a_generator_can_be_read_once():
    batches = as_dataset(three())
    assert (batches.length, batches.repeatable) == (None, False)
    assert shapes(batches) == THREE
    with pytest.raises(DataError, match='An iterator can be read once: pass a function'):
        list(batches)


def test_a_function_begins_anew():
    batches = as_dataset(three)
    assert (batches.length, batches.repeatable) == (None, True)
    assert shapes(batches) == shapes(batches) == THREE


def test_an_iterable_with_a_length():
    class Loader:
        def __iter__(self):
            return three()

        def __len__(self):
            return 3

    batches = as_dataset(Loader())
    assert (batches.length, batches.repeatable) == (3, True)
    assert shapes(batches) == shapes(batches) == THREE


def test_a_stream_whose_length_is_only_for_show():
    class Stream:
        def __iter__(self):
            return three()

        def __len__(self):
            raise TypeError('infinite')

    assert as_dataset(Stream()).length is None


def test_a_keras_dataset():
    keras = pytest.importorskip('keras')

    class Halves(keras.utils.PyDataset):
        ended = 0

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X + index, Y

        def on_epoch_end(self):
            self.ended += 1

    source = Halves()
    batches = as_dataset(source)
    assert (batches.length, batches.repeatable) == (2, True)
    assert [batch.inputs[0, 0] for batch in batches] == [1, 2]
    assert source.ended == 1


def test_indexed_batches_without_a_length_go_on():
    class Endless:
        def __getitem__(self, index):
            return X * index, Y

    batches = as_dataset(Endless())
    assert batches.length is None
    assert [batch.inputs[0, 0] for batch in batches.steps(3)] == [0, 1, 2]


def torch_class(name, **methods):
    return type(name, (), {'__module__': 'torch.utils.data.dataset', **methods})


def test_a_torch_loader_gives_lists_as_batches():
    loader = torch_class('DataLoader', __iter__=lambda self: iter([[X, Y], [X, Y]]), __len__=lambda self: 2)
    batches = as_dataset(type('Sub', (loader,), {})())
    assert (batches.length, batches.repeatable) == (2, True)
    assert shapes(batches) == THREE[:2]


def test_a_torch_dataset_of_examples():
    with pytest.raises(DataError, match='Wrap it: DataLoader'):
        as_dataset(torch_class('Dataset', __getitem__=lambda self, i: (X[i], Y[i]), __len__=lambda self: 4)())


@pytest.mark.parametrize(
    ('item', 'targets', 'weights'),
    [
        (X, False, False),
        ((X,), False, False),
        ((X, Y), True, False),
        ([X, Y, np.ones(4)], True, True),
        (Arrays(X, Y), True, False),
        ((X, None), False, False),
    ],
)
def test_forms_of_a_batch(item, targets, weights):
    (batch,) = as_dataset(iter([item]))
    assert batch.inputs.shape == (4, 2)
    assert (batch.targets is not None, batch.weights is not None) == (targets, weights)


def test_batches_of_many_inputs_are_numpy():
    jnp = pytest.importorskip('jax.numpy')
    (batch,) = as_dataset(iter([({'a': jnp.asarray(X), 'b': [1, 2, 3, 4]}, Y)]))
    assert {type(a) for a in batch.inputs.values()} == {np.ndarray}


def test_a_batch_of_four_parts():
    with pytest.raises(DataError, match=r'batch 1: got 4 parts.*\(\(a, b\), y\)'):
        list(as_dataset(iter([(X, X, Y, Y)])))


def test_bad_values_are_reported_with_the_number_of_the_batch():
    bad = X.copy()
    bad[3, 1] = np.inf
    batches = iter(as_dataset(iter([(X, Y), (bad, Y)])))
    assert len(next(batches)) == 4
    with pytest.raises(DataError, match=r'fit, batch 2, x: got 1 of 8 .*row 3, column 1.*Fill or drop'):
        next(batches)


def test_parts_that_change_on_the_way():
    with pytest.raises(DataError, match=r'batch 2: got parts \(inputs\) where batch 1 had \(inputs, targets\).*each time'):
        list(as_dataset(iter([(X, Y), X])))


def test_an_exception_of_the_source_passes_through_with_a_note():
    def broken():
        yield X, Y
        raise KeyError('no such file')

    seen = []
    with pytest.raises(KeyError, match='no such file') as caught:
        seen.extend(as_dataset(broken, where='evaluate'))
    assert caught.value.__notes__ == ['raised by the data source of evaluate while it made batch 2']
    assert len(seen) == 1


def test_an_exception_before_the_first_batch():
    def refuses():
        raise ConnectionError('database is away')

    with pytest.raises(ConnectionError, match='database') as caught:
        as_dataset(refuses).peek()
    assert 'began to read' in caught.value.__notes__[0]


def test_a_source_that_ends_before_its_length():
    class Short:
        def __iter__(self):
            return three()

        def __len__(self):
            return 5

    with pytest.raises(DataError, match=r'ended after 3 of 5 batches.*Let its length be'):
        list(as_dataset(Short()))


def test_an_empty_source():
    with pytest.raises(DataError, match='Check its source'):
        list(as_dataset(lambda: iter(())))


def test_steps_takes_exactly_so_many_and_goes_on_later():
    numbers = as_dataset((np.full((1, 1), i), np.zeros(1)) for i in range(5))
    assert [batch.inputs.item() for batch in numbers.steps(2)] == [0, 1]
    assert [batch.inputs.item() for batch in numbers.steps(2)] == [2, 3]
    with pytest.raises(DataError, match=r'ended after 1 batches.*Lower steps_per_epoch'):
        list(numbers.steps(2))


@pytest.mark.parametrize('source', [three, three()])
def test_peek_loses_no_batch(source):
    batches = as_dataset(source)
    assert batches.peek() is batches.peek()
    assert shapes(batches) == THREE


def test_peek_of_nothing():
    with pytest.raises(DataError, match='An iterator can be read once'):
        as_dataset(iter(())).peek()


def test_batches_pass_through():
    batches = Batches(three, 3, True)
    assert as_dataset(batches) is batches
