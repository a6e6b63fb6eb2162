"""Random streams: each its own, and the same for ever."""

import jax
import numpy as np
import pytest

import lamina
from lamina.core import keys
from lamina.core.keys import device_key, host_stream, next_seed, path_number

# What the first release drew; a change here changes every seeded run of every user.
GOLDEN_STREAM = [645982913, 156475014, 601117821]
GOLDEN_PATH = 988593171
GOLDEN_BITS = [2624459696, 4217040627]


@pytest.fixture
def process():
    """The process's seed, put back afterwards."""
    before = dict(keys._process)
    yield
    keys._process.update(before)


def test_streams_are_the_numbers_that_saved_runs_rely_on():
    assert host_stream(0, 'weight', 'dense/kernel').integers(2**31, size=3).tolist() == GOLDEN_STREAM
    assert path_number('dense/kernel') == GOLDEN_PATH
    assert jax.random.bits(jax.random.fold_in(device_key(3), path_number('dropout')), (2,)).tolist() == GOLDEN_BITS


def test_streams_of_other_seeds_and_paths_are_independent():
    streams = [host_stream(*a).normal(size=4000) for a in ((0, 'a'), (1, 'a'), (0, 'b'), (0, 'a', 'b'), (0, 'a', 1), (0,), (0, 'a/b'))]
    correlation = np.corrcoef(streams) - np.eye(len(streams))
    assert np.abs(correlation).max() < 0.08
    assert all(abs(s.mean()) < 0.08 and abs(s.std() - 1) < 0.08 for s in streams)


def test_a_stream_is_the_same_each_time():
    np.testing.assert_array_equal(host_stream(5, 'x').random(9), host_stream(5, 'x').random(9))
    assert host_stream(5, 'x', 1).random() != host_stream(5, 'x', '1').random()


def test_models_of_one_program_differ_and_two_runs_do_not(process):
    lamina.utils.set_random_seed(3)
    first = [next_seed() for _ in range(3)]
    lamina.utils.set_random_seed(3)
    assert [next_seed() for _ in range(3)] == first
    lamina.utils.set_random_seed(4)
    assert next_seed() not in first
    assert len(set(first)) == 3
    assert all(0 <= seed < 2**31 for seed in first)


def test_the_seed_of_the_process_decides_a_models_weights(process):
    def kernel():
        return lamina.Sequential([lamina.layers.Dense(3, input_shape=(2,))]).get_weights()[0]

    lamina.utils.set_random_seed(1)
    one, two = kernel(), kernel()
    lamina.utils.set_random_seed(1)
    np.testing.assert_array_equal(one, kernel())
    assert (one != two).all()


def test_device_keys_are_rbg_and_differ_by_seed():
    assert str(jax.random.key_impl(device_key(1))) == 'rbg'
    assert (jax.random.key_data(device_key(1)) != jax.random.key_data(device_key(2))).any()
    np.testing.assert_array_equal(jax.random.key_data(device_key(2**32 + 5)), jax.random.key_data(device_key(5)))


def test_names_of_layers_do_not_collide():
    paths = [f'{layer}_{i}/{weight}' for layer in ('dense', 'dropout', 'conv2d') for i in range(2000) for weight in ('kernel', 'bias')]
    assert len({path_number(p) for p in paths}) >= len(paths) - 1
