"""The bits behind dropout masks: even, and without memory across elements, steps, paths and seeds."""

import jax
import numpy as np
import pytest

from lamina.core.keys import device_key, hashed_bits

N = 1 << 16
draw = jax.jit(lambda seed_key, step, path: hashed_bits(seed_key, step, path, (N,)), static_argnums=2)


def bits(seed=0, step=0, path='dropout'):
    return np.asarray(draw(device_key(seed), step, path))


def test_every_bit_is_one_half_of_the_time():
    ones = np.unpackbits(bits().view(np.uint8).reshape(N, 4), axis=1).mean(0)
    # Five deviations of a fair coin.
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / np.sqrt(N)


def test_bytes_are_even_by_a_chi_square_test():
    for shift in (0, 8, 16, 24):
        counts = np.bincount((bits() >> shift) & 255, minlength=256)
        chi_square = ((counts - N / 256) ** 2 / (N / 256)).sum()
        # 255 degrees of freedom: mean 255, deviation 22.6.
        assert 255 - 5 * 22.6 < chi_square < 255 + 5 * 22.6


@pytest.mark.parametrize(
    'other', [{'step': 1}, {'step': 2**20}, {'seed': 1}, {'path': 'dropout_1'}, {'path': 'a/dropout'}], ids=lambda o: str(o)
)
def test_other_steps_seeds_and_paths_are_independent(other):
    a, b = bits() >> 16, bits(**other) >> 16
    correlation = np.corrcoef(a.astype(float), b.astype(float))[0, 1]
    assert abs(correlation) < 5 / np.sqrt(N)
    assert (bits() == bits(**other)).sum() < 3


def test_neighbours_are_independent():
    x = (bits() >> 16).astype(float)
    for lag in (1, 2, 31, 32, 128, 784):
        assert abs(np.corrcoef(x[:-lag], x[lag:])[0, 1]) < 5 / np.sqrt(N)


def test_no_draw_is_a_shift_of_the_next():
    a, b = bits(step=0), bits(step=1)
    assert np.intersect1d(a, b).size < 5


def test_each_position_is_kept_at_the_rate_over_steps():
    steps = np.stack([bits(step=s)[:512] for s in range(2000)]) >= np.uint32(0.2 * 2**32)
    kept = steps.mean(0)
    assert abs(kept.mean() - 0.8) < 5 * 0.4 / np.sqrt(steps.size)
    assert kept.std() == pytest.approx(0.4 / np.sqrt(2000), rel=0.15)
    # Pairs of steps too: no position is kept because it was kept a step before.
    assert np.mean(steps[1:] & steps[:-1]) == pytest.approx(0.64, abs=5 * 0.48 / np.sqrt(steps.size))


def test_equal_keys_give_equal_bits_whatever_surrounds_them():
    np.testing.assert_array_equal(hashed_bits(device_key(3), 7, 'a', (4, 8)).reshape(-1), hashed_bits(device_key(3), 7, 'a', (32,)))
