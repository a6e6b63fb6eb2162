"""Relations of the compiled loop: it equals a plain loop, whatever the chunks, the padding and the way the data come in."""

import numpy as np
import pytest

import lamina
from lamina.core.keys import host_stream
from lamina.training.feed import HostFeed, ResidentFeed, StreamFeed, index_matrix
from lamina.training.state import Sums


@pytest.fixture(scope='module')
def blobs():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 70)
    return (rng.normal(size=(70, 5)) + y[:, None]).astype(np.float32), y.astype(np.int32)


def network(seed=1, **settings):
    layers = [
        lamina.layers.Dense(8, activation='relu', input_shape=(5,)),
        lamina.layers.BatchNormalization(),
        lamina.layers.Dropout(0.3),
        lamina.layers.Dense(3),
    ]
    model = lamina.Sequential(layers, seed=seed)
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{'optimizer': 'adam', 'loss': loss, 'metrics': ['accuracy']} | settings)
    return model


def assert_equal_weights(a, b, tolerance=0.0):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=tolerance)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_fit_equals_a_plain_numpy_loop_of_the_same_steps(blobs):
    x, y = blobs
    model = lamina.Sequential([lamina.layers.Dense(3, input_shape=(5,))], seed=3)
    model.compile(lamina.optimizers.SGD(0.1, momentum=0.9), lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    kernel, bias = (w.astype(np.float64) for w in model.get_weights())
    model.fit(x, y, batch_size=16, epochs=3, verbose=0)
    speed_k, speed_b, step = np.zeros_like(kernel), np.zeros_like(bias), 0
    for _ in range(3):
        order = host_stream(3, 'shuffle', step).permutation(70)
        for start in range(0, 70, 16):
            rows = order[start : start + 16]
            error = (softmax(x[rows] @ kernel + bias) - np.eye(3)[y[rows]]) / len(rows)
            speed_k, speed_b = 0.9 * speed_k - 0.1 * x[rows].T @ error, 0.9 * speed_b - 0.1 * error.sum(0)
            kernel, bias, step = kernel + speed_k, bias + speed_b, step + 1
    np.testing.assert_allclose(model.get_weights()[0], kernel, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], bias, atol=1e-6)
    assert int(model.state.step) == step == 15


@pytest.mark.parametrize('chunk_steps', [1, 2, 5, 100])
def test_weights_and_history_do_not_depend_on_the_chunk_length(blobs, chunk_steps):
    x, y = blobs
    a, b = network(), network()
    first = a.fit(x, y, batch_size=16, epochs=2, verbose=0, chunk_steps=3)
    second = b.fit(x, y, batch_size=16, epochs=2, verbose=0, chunk_steps=chunk_steps)
    assert_equal_weights(a, b)
    assert first.history == second.history


def test_equal_seeds_give_equal_bits_and_other_seeds_do_not(blobs):
    x, y = blobs
    a, b, c = network(seed=1), network(seed=1), network(seed=2)
    histories = [m.fit(x, y, batch_size=16, epochs=2, verbose=0).history for m in (a, b, c)]
    assert_equal_weights(a, b)
    assert histories[0] == histories[1]
    assert histories[0] != histories[2]


def test_two_fits_go_on_like_one(blobs):
    x, y = blobs
    a, b = network(), network()
    a.fit(x, y, batch_size=16, epochs=4, verbose=0)
    b.fit(x, y, batch_size=16, epochs=2, verbose=0)
    b.fit(x, y, batch_size=16, epochs=4, initial_epoch=2, verbose=0)
    assert_equal_weights(a, b)


def test_a_stream_of_batches_trains_like_arrays(blobs):
    x, y = blobs
    a, b = network(), network()
    first = a.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)

    def batches():
        for start in range(0, 70, 16):
            yield x[start : start + 16], y[start : start + 16]

    second = b.fit(batches, epochs=2, verbose=0)
    assert_equal_weights(a, b, 1e-6)
    np.testing.assert_allclose(first.history['loss'], second.history['loss'], rtol=1e-6)


def test_arrays_gathered_on_the_host_give_the_same_steps_as_resident_ones(blobs):
    arrays = lamina.data.Arrays((blobs[0],), (blobs[1],))
    resident = ResidentFeed(arrays, 16, shuffle=True, seed=5)
    hosted = HostFeed(arrays, 16, shuffle=True, seed=5)
    for first_step in (0, 5):
        (a,), (b,) = list(resident.segments(first_step)), list(hosted.segments(first_step))
        assert (a.steps, b.steps) == (5, 5)
        for i in range(5):
            rows_a, rows_b = np.asarray(a.index[i]), np.asarray(b.index[i])
            assert ((rows_a >= 0) == (rows_b >= 0)).all()
            np.testing.assert_array_equal(np.asarray(a.data[0][0])[rows_a[rows_a >= 0]], np.asarray(b.data[0][0])[rows_b[rows_b >= 0]])


def test_the_padded_last_batch_counts_exactly(blobs):
    x, y = blobs
    model = network()
    model.fit(x, y, verbose=0)
    whole = model.evaluate(x, y, batch_size=70, verbose=0, return_dict=True)
    for batch_size in (1, 16, 69, 128):
        parts = model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True)
        assert parts['loss'] == pytest.approx(whole['loss'], rel=1e-6)
        assert parts['accuracy'] == whole['accuracy']


def test_padding_never_reaches_batch_statistics(blobs):
    x, y = blobs
    a, b = network(optimizer='sgd'), network(optimizer='sgd')
    a.fit(x[:10], y[:10], batch_size=10, shuffle=False, verbose=0)
    b.fit(x[:10], y[:10], batch_size=64, shuffle=False, verbose=0)
    moving = [path for path in a.variables if 'moving' in path]
    assert len(moving) == 2
    for path in moving:
        np.testing.assert_allclose(a.variables[path], b.variables[path], atol=1e-6)


def test_a_weight_of_two_equals_the_example_twice(blobs):
    x, y = blobs
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True, reduction='sum')
    a = lamina.Sequential([lamina.layers.Dense(3, input_shape=(5,))], seed=0)
    b = lamina.Sequential([lamina.layers.Dense(3, input_shape=(5,))], seed=0)
    for model in (a, b):
        model.compile(lamina.optimizers.SGD(0.01), loss)
    a.fit(x, y, sample_weight=np.where(np.arange(70) < 5, 2.0, 1.0), batch_size=75, verbose=0)
    b.fit(np.concatenate([x, x[:5]]), np.concatenate([y, y[:5]]), batch_size=75, verbose=0)
    assert_equal_weights(a, b, 1e-6)


def test_class_weight_equals_sample_weight(blobs):
    x, y = blobs
    a, b = network(), network()
    a.fit(x, y, class_weight={0: 1.0, 1: 3.0, 2: 0.5}, verbose=0)
    b.fit(x, y, sample_weight=np.array([1.0, 3.0, 0.5])[y], verbose=0)
    assert_equal_weights(a, b)


def test_train_on_batch_is_one_step_of_fit(blobs):
    x, y = blobs
    a, b = network(), network()
    loss, accuracy = a.train_on_batch(x, y)
    history = b.fit(x, y, batch_size=70, shuffle=False, verbose=0).history
    assert_equal_weights(a, b)
    assert [loss, accuracy] == [history['loss'][0], history['accuracy'][0]]


@pytest.mark.slow
def test_predict_of_one_equals_predict_of_many_and_compiles_few_programs(blobs):
    x, _ = blobs
    model = network()
    together = model.predict(x)
    alone = np.concatenate([model.predict(row[None]) for row in x])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    program = model._begin()
    for n in range(1, 200):
        assert model.predict(np.zeros((n, 5))).shape == (n, 3)
    # Lengths up to the batch size: 1, 2, 4, … 32; longer ones: 2, 4 and 8 batches.
    assert program.predict_once._cache_size() <= 6
    assert program.predict_steps._cache_size() <= 3


def test_models_of_equal_description_share_their_programs(blobs):
    a, b = network(seed=1), network(seed=2)
    dataset, _ = a._datasets(*blobs, None, None, None, 0.0)
    assert a._begin(dataset) is b._begin(dataset)


def test_a_schedule_is_followed_inside_the_compiled_step(blobs):
    x, y = blobs
    schedule = lamina.optimizers.schedules.PiecewiseConstantDecay([2], [0.5, 0.0])
    model = lamina.Sequential([lamina.layers.Dense(3, input_shape=(5,))], seed=0)
    model.compile(lamina.optimizers.SGD(schedule), lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    frozen = model.get_weights()
    model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    np.testing.assert_array_equal(frozen[0], model.get_weights()[0])
    assert model.learning_rate == 0.0


def test_the_learning_rate_can_be_changed_without_compiling_again(blobs):
    x, y = blobs
    model = network()
    model.fit(x, y, verbose=0)
    dataset, _ = model._datasets(x, y, None, None, None, 0.0)
    compiled = model._begin(dataset).train.function._cache_size()
    before = model.get_weights()
    model.learning_rate = 0.0
    model.fit(x, y, verbose=0)
    assert model._begin(dataset).train.function._cache_size() == compiled
    for path, old in zip(model.variables, before, strict=True):
        if 'moving' not in path:
            np.testing.assert_array_equal(old, model.variables[path])


def test_sums_keep_what_float32_would_lose():
    sums = Sums.zeros({'a': np.zeros(())})
    for _ in range(1000):
        sums = sums.add({'a': 1e-4})
        sums = sums.add({'a': 4096.0})
    exact = 1000 * (float(np.float32(1e-4)) + 4096.0)
    assert sums.read()['a'] == pytest.approx(exact, abs=1e-5)


def test_index_matrix_pads_with_minus_one():
    np.testing.assert_array_equal(index_matrix(np.arange(5), 3), [[0, 1, 2], [3, 4, -1]])


def test_a_stream_has_one_shape_for_every_segment(monkeypatch):
    batches = [lamina.data.Arrays((np.full((n, 2), n, np.float32),), (np.zeros(n, np.int32),)) for n in (4, 4, 4, 3)]

    class Source:
        length, repeatable = 4, True

        def __iter__(self):
            return iter(batches)

    feed = StreamFeed(Source())
    monkeypatch.setattr('lamina.training.feed.SEGMENT_STEPS', 2)
    segments = list(feed.segments(0))
    assert [s.steps for s in segments] == [2, 2]
    assert {s.data[0][0].shape for s in segments} == {(8, 2)}
    np.testing.assert_array_equal(segments[1].index, [[0, 1, 2, 3], [4, 5, 6, -1]])
    assert len(list(feed.segments(4))) == 2


def test_compiling_again_starts_the_optimizer_anew(blobs):
    x, y = blobs
    schedule = lamina.optimizers.schedules.PiecewiseConstantDecay([3], [0.5, 0.0])
    model = network()
    model.fit(x, y, epochs=5, verbose=0)
    step = int(model.state.step)
    model.compile(lamina.optimizers.Adam(schedule), lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert model.learning_rate == 0.5
    kernel = model.get_weights()[0]
    model.train_on_batch(x, y)
    # Adam's first move is the learning rate, wherever the gradient is not zero.
    assert np.abs(model.get_weights()[0] - kernel).max() == pytest.approx(0.5, rel=1e-3)
    assert int(model.state.optimizer.updates) == 1
    assert int(model.state.step) == step + 1
