"""From a dataset to segments: every example once, in order, whatever the sizes, shapes and dtypes of batches, and however slow."""

import itertools
import signal
import time

import jax
import numpy as np
import pytest

import lamina
from lamina.core.errors import DataError
from lamina.data import Arrays
from lamina.training import feed as feeds
from lamina.training.feed import HostFeed, ResidentFeed, StreamFeed, epoch_order


class Source:
    """Batches from a list; `begun` counts the passes."""

    def __init__(self, batches, repeatable=True, seconds=0.0):
        self.batches, self.repeatable, self.seconds, self.begun = batches, repeatable, seconds, 0
        self.length: int | None = None
        self.once = iter(batches)

    def __iter__(self):
        self.begun += 1
        for batch in self.batches if self.repeatable else self.once:
            time.sleep(self.seconds)
            yield batch


def batch(x, y=None):
    x = np.asarray(x)
    return Arrays((x,), (np.zeros(len(x), np.int32) if y is None else y,))


def numbered(sizes):
    """Batches of these sizes whose single feature counts on."""
    ends = np.cumsum(sizes)
    return [batch(np.arange(end - size, end, dtype=np.float32)[:, None]) for size, end in zip(sizes, ends, strict=True)]


def steps_of(segments):
    """The valid input rows of each step."""
    steps = []
    for segment in segments:
        x, index = np.asarray(segment.data[0][0]), np.asarray(segment.index)
        assert (index[segment.steps :] == -1).all()
        steps += [x[rows[rows >= 0]] for rows in index[: segment.steps]]
    return steps


def values_of(segments):
    """The single feature of each step's rows, as lists."""
    return [step[:, 0].tolist() for step in steps_of(segments)]


# --- dtypes ---


def test_floats_after_integers_are_not_truncated():
    source = Source([batch(np.array([[1], [2]], np.int32)), batch(np.array([[0.5], [1.5]], np.float32)), batch(np.array([[3]], np.int32))])
    feed = StreamFeed(source)
    segments = list(feed.segments(0))
    assert values_of(segments) == [[1, 2], [0.5, 1.5], [3]]
    # The widest dtype stays: integers after floats need no other program.
    assert [s.data[0][0].dtype for s in segments] == [np.int32, np.float32]
    assert [s.data[0][0].dtype for s in feed.segments(3)] == [np.float32]


def test_a_narrow_first_dtype_loses_nothing_of_later_targets():
    source = Source([batch([[0.0]], np.array([7], np.int8)), batch([[0.0]], np.array([1000], np.int32))])
    targets = [np.asarray(s.data[1][0])[np.asarray(s.index)[0]].item() for s in StreamFeed(source).segments(0)]
    assert targets == [7, 1000]


# --- shapes ---


@pytest.mark.parametrize('lengths', [(5, 1), (5, 3), (1, 5, 1, 5, 5, 3)])
def test_batches_of_other_inner_shapes_are_neither_broadcast_nor_refused(lengths):
    rng = np.random.default_rng(0)
    batches = [batch(rng.normal(size=(2, t, 4)).astype(np.float32)) for t in lengths]
    steps = steps_of(StreamFeed(Source(batches)).segments(0))
    for step, given in zip(steps, batches, strict=True):
        np.testing.assert_array_equal(step, given.inputs[0])


def test_a_network_of_any_length_trains_on_lengths_that_alternate():
    rng = np.random.default_rng(0)
    data = [(rng.normal(size=(4, t, 3)).astype(np.float32), rng.normal(size=(4, t, 1)).astype(np.float32)) for t in (5, 1, 3, 5)]

    def network():
        model = lamina.Sequential([lamina.Input((None, 3)), lamina.layers.Dense(1)], seed=0)
        model.compile('sgd', 'mse')
        return model

    streamed, alone = network(), network()
    streamed.fit(lambda: iter(data), verbose=0)
    for x, y in data:
        alone.train_on_batch(x, y)
    for a, b in zip(streamed.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_each_shape_keeps_its_own_largest_batch():
    sizes = [(2, 5), (8, 1), (2, 5), (8, 1)]
    segments = list(StreamFeed(Source([batch(np.zeros(size, np.float32)) for size in sizes])).segments(0))
    assert [s.index.shape[1] for s in segments] == [2, 8, 2, 8]


# --- memory and compilation ---


def test_a_larger_batch_ends_the_segment_and_lowers_the_capacity(monkeypatch):
    monkeypatch.setattr(feeds, 'SEGMENT_BYTES', 16_384)
    segments = list(StreamFeed(Source(numbered([1, 1, 1000, 1000, 1, 1000]))).segments(0))
    # A row is one float32 and one int32: two batches of 1000 rows fit in 16,384 bytes.
    assert [s.index.shape for s in segments] == [(256, 1), (2, 1000), (2, 1000)]
    assert [s.steps for s in segments] == [2, 2, 2]
    for segment in segments:
        assert sum(a.nbytes for a in jax.tree.leaves(segment.data)) <= 16_384
    assert [len(step) for step in steps_of(segments)] == [1, 1, 1000, 1000, 1, 1000]


def test_a_batch_beyond_the_limit_is_a_segment_of_its_own(monkeypatch):
    monkeypatch.setattr(feeds, 'SEGMENT_BYTES', 100)
    segments = list(StreamFeed(Source(numbered([50, 50]))).segments(0))
    assert [s.index.shape for s in segments] == [(1, 50), (1, 50)]


def test_smaller_batches_later_on_keep_the_shape(monkeypatch):
    monkeypatch.setattr(feeds, 'SEGMENT_STEPS', 2)
    feed = StreamFeed(Source(numbered([8, 5, 3, 1, 8, 7, 2])))
    assert {s.index.shape for s in feed.segments(0)} == {(2, 8)}
    assert {s.data[0][0].shape for s in feed.segments(7)} == {(16, 1)}


# --- time ---


def test_the_first_segment_of_a_slow_source_comes_soon():
    source = Source(numbered([1] * 100), seconds=0.05)
    began = time.perf_counter()
    segments = StreamFeed(source).segments(0)
    first = next(segments)
    assert time.perf_counter() - began < 2.5  # reading it all takes 5 seconds
    assert 1 <= first.steps <= 6
    assert first.index.shape == (256, 1)


def test_an_interrupt_ends_training_on_a_slow_source_within_a_segment():
    read = []

    def source():
        for number in range(100):
            time.sleep(0.05)
            if number == 2:
                signal.raise_signal(signal.SIGINT)
            read.append(number)
            yield np.zeros((4, 3), np.float32), np.zeros((4, 1), np.float32)

    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))], seed=0)
    model.compile('sgd', 'mse')
    model.fit(source, steps_per_epoch=100, verbose=0)
    assert 3 <= len(read) < 20
    assert 1 <= int(model.state.step) <= len(read)


def test_results_do_not_depend_on_how_fast_batches_come(monkeypatch):
    rng = np.random.default_rng(0)
    sizes = [6, 4, 6, 9, 3, 9, 16, 1]
    dtypes = [np.int32] + 7 * [np.float32]
    data = [(rng.normal(size=(n, 5)).astype(dtype), rng.integers(0, 3, n)) for n, dtype in zip(sizes, dtypes, strict=True)]

    def trained(chunk_seconds, seconds):
        monkeypatch.setattr(feeds, 'CHUNK_SECONDS', chunk_seconds)

        def source():
            for item in data:
                time.sleep(seconds)
                yield item

        layers = [
            lamina.layers.Dense(8, activation='relu', input_shape=(5,)),
            lamina.layers.BatchNormalization(),
            lamina.layers.Dropout(0.3),
        ]
        model = lamina.Sequential([*layers, lamina.layers.Dense(3)], seed=1)
        model.compile('adam', lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
        history = model.fit(source, epochs=3, steps_per_epoch=7, verbose=0).history
        return history, model.get_weights()

    (quick, quick_weights), (slow, slow_weights), (single, single_weights) = trained(60, 0), trained(0.02, 0.012), trained(0, 0)
    assert quick == slow == single
    for a, b, c in zip(quick_weights, slow_weights, single_weights, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


# --- passes and epochs ---


def both(rows, batch_size, **settings):
    arrays = batch(np.arange(rows, dtype=np.float32)[:, None])
    return ResidentFeed(arrays, batch_size, **settings), HostFeed(arrays, batch_size, **settings)


def test_a_whole_epoch_of_resident_arrays_is_one_segment_in_the_order_of_its_first_step():
    feed, _ = both(10, 4, shuffle=True, seed=3)
    for first_step in (0, 3, 6):
        (segment,) = feed.segments(first_step)
        assert segment.steps == feed.steps == 3
        np.testing.assert_array_equal(np.asarray(segment.index).reshape(-1), [*epoch_order(10, 3, first_step), -1, -1])


@pytest.mark.parametrize('kind', [0, 1], ids=['resident', 'host'])
def test_a_short_epoch_leaves_the_rest_of_the_pass_to_the_next(kind):
    feed = both(10, 4, steps=2)[kind]
    assert feed.steps == 2
    epochs = [values_of(feed.segments(step)) for step in (0, 2, 4)]
    assert epochs == [[[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9], [0, 1, 2, 3]], [[4, 5, 6, 7], [8, 9]]]


@pytest.mark.parametrize('kind', [0, 1], ids=['resident', 'host'])
def test_a_long_epoch_goes_on_into_the_next_pass(kind):
    feed = both(5, 4, steps=5)[kind]
    assert feed.steps == 5
    assert values_of(feed.segments(0)) == [[0, 1, 2, 3], [4], [0, 1, 2, 3], [4], [0, 1, 2, 3]]
    assert values_of(feed.segments(5))[:2] == [[4], [0, 1, 2, 3]]


@pytest.mark.parametrize('kind', [0, 1], ids=['resident', 'host'])
@pytest.mark.parametrize('steps', [1, 2, 3, 7])
def test_a_pass_is_one_permutation_of_the_step_at_which_it_began(kind, steps):
    feed = both(10, 4, shuffle=True, seed=5, steps=steps)[kind]
    taken = [rows for epoch in range(6) for rows in values_of(feed.segments(epoch * steps))]
    assert len(taken) == 6 * steps
    for began in range(0, 6 * steps, 3):
        rows = list(itertools.chain(*taken[began : began + 3]))
        assert rows == epoch_order(10, 5, began)[: len(rows)].tolist()


def test_resident_segments_of_all_epochs_have_one_shape():
    for steps in (1, 2, 3, 7):
        feed, _ = both(10, 4, steps=steps)
        assert {s.index.shape for epoch in range(5) for s in feed.segments(epoch * steps)} == {(min(steps, 3), 4)}


@pytest.mark.parametrize('kind', [0, 1, 2], ids=['resident', 'host', 'stream'])
def test_an_epoch_that_begins_at_step_zero_begins_a_pass(kind):
    feed = (*both(10, 4, steps=2), StreamFeed(Source(numbered([4, 4, 2])), steps=2))[kind]
    assert values_of(feed.segments(0)) == values_of(feed.segments(0)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_short_epochs_of_arrays_train_like_a_stream():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 3)).astype(np.float32), rng.normal(size=(10, 1)).astype(np.float32)

    def trained(*data, **settings):
        model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))], seed=0)
        model.compile('sgd', 'mse')
        model.fit(*data, epochs=4, steps_per_epoch=2, verbose=0, **settings)
        return model.get_weights()

    def stream():
        for start in range(0, 10, 4):
            yield x[start : start + 4], y[start : start + 4]

    for a, b in zip(trained(x, y, batch_size=4, shuffle=False), trained(stream), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_stream_whose_epochs_are_passes_is_started_again():
    source = Source(numbered([2, 2]))
    feed = StreamFeed(source, steps=2)
    for epoch in range(3):
        assert values_of(feed.segments(2 * epoch)) == [[0, 1], [2, 3]]
    assert source.begun == 3


def test_an_iterator_is_read_once_across_epochs_even_where_forms_change():
    feed = StreamFeed(Source(numbered([1, 2, 1, 3, 1]), repeatable=False), steps=2)
    assert values_of(feed.segments(0)) == [[0], [1, 2]]
    assert values_of(feed.segments(0)) == [[3], [4, 5, 6]]
    with pytest.raises(DataError, match='a function that returns an iterator'):
        list(feed.segments(4))


@pytest.mark.parametrize('repeatable', [True, False])
def test_a_source_without_batches_is_refused(repeatable):
    for steps in (None, 3):
        with pytest.raises(DataError, match='a function that returns an iterator'):
            list(StreamFeed(Source([], repeatable), steps=steps).segments(0))


def test_a_batch_held_back_is_not_lost_when_an_epoch_is_left():
    feed = StreamFeed(Source(numbered([1, 2, 1]), repeatable=False))
    assert values_of([next(feed.segments(0))]) == [[0]]
    assert values_of(feed.segments(1)) == [[1, 2], [3]]
