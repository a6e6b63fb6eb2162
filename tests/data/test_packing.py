"""Packed images give back the very bits they were made of, and anything else stays as it is."""

import jax
import numpy as np
import pytest

import lamina
from lamina.data import as_dataset, packing
from lamina.data.packing import PackedBytes, packed


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(packing, 'LEAST_ELEMENTS', 16)


def images(n=40):
    return np.random.default_rng(0).integers(0, 256, (n, 4, 4), dtype=np.uint8)


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('divisor', [255, 1])
def test_values_come_back_bit_for_bit_on_host_and_device(dtype, divisor):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    scaled = every.astype(dtype) / dtype(divisor)
    compact = packed(scaled)
    assert isinstance(compact, PackedBytes)
    assert compact.shape == scaled.shape
    np.testing.assert_array_equal(np.asarray(compact), scaled.astype(np.float32))
    np.testing.assert_array_equal(jax.jit(lambda p: p.astype(np.float32))(compact), scaled.astype(np.float32))
    np.testing.assert_array_equal(compact.reshape(256, 1).codes, every.reshape(256, 1))


@pytest.mark.parametrize(
    'change', [lambda x: x + 1e-9, lambda x: -x, lambda x: x * 2, lambda x: np.where(x > 0.99, np.nan, x), lambda x: x.astype(np.float16)]
)
def test_anything_else_is_left_alone(change):
    x = np.linspace(0, 1, 256).reshape(16, 16)
    assert packed(change(images() / 255.0 if change(x) is x else change(x) + 0.0)) is None


def test_the_last_value_counts_as_much_as_the_first():
    x = images() / 255.0
    x[-1, -1, -1] = 0.5
    assert packed(x) is None


def test_negative_zero_is_kept_by_not_packing():
    x = np.zeros((4, 4))
    x[0, 0] = -0.0
    assert packed(x) is None


def test_small_arrays_and_targets_stay_arrays(monkeypatch):
    x = images() / 255.0
    assert isinstance(as_dataset(x, np.zeros((40, 4))).inputs, PackedBytes)
    assert isinstance(as_dataset(x, np.zeros((40, 4))).targets, np.ndarray)
    monkeypatch.setattr(packing, 'LEAST_ELEMENTS', 1 << 20)
    assert isinstance(as_dataset(x).inputs, np.ndarray)


def test_training_evaluation_and_prediction_do_not_change_by_a_bit(monkeypatch):
    x, y = images() / 255.0, np.arange(40) % 3

    def run():
        model = lamina.Sequential([lamina.layers.Flatten(input_shape=(4, 4)), lamina.layers.Dense(3)], seed=1)
        model.compile('adam', lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
        history = model.fit(x, y, batch_size=16, epochs=2, validation_split=0.2, verbose=0).history
        return history, model.evaluate(x, y, verbose=0), model.predict(x), model.get_weights()

    compact = run()
    monkeypatch.setattr(packing, 'LEAST_ELEMENTS', 1 << 20)
    plain = run()
    assert compact[:2] == plain[:2]
    for a, b in zip(jax.tree.leaves(compact[2:]), jax.tree.leaves(plain[2:]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_batches_of_a_stream_are_never_packed():
    x = images(64) / 255.0
    batches = as_dataset(lambda: iter([(x, np.zeros(64)), (x[:1], np.zeros(1))]))
    assert [type(batch.inputs) for batch in batches] == [np.ndarray, np.ndarray]
