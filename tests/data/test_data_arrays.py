"""Arrays: selecting, and splitting off the last part as Keras does."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.core.errors import ConfigError
from lamina.data import Arrays

slicing = pytest.importorskip('keras.src.trainers.data_adapters.array_slicing')


def test_length_and_selection_reach_every_part():
    arrays = Arrays({'a': np.arange(6), 'b': np.arange(12).reshape(6, 2)}, (np.arange(6), jnp.arange(6)), np.ones(6, np.float32))
    some = arrays.select(np.array([4, 1]))
    assert len(arrays) == 6
    assert some.inputs['b'].tolist() == [[8, 9], [2, 3]]
    assert some.targets[1].tolist() == [4, 1]
    assert some.weights.tolist() == [1, 1]
    assert some.inputs['a'].dtype == arrays.inputs['a'].dtype


def test_missing_parts_stay_missing():
    part = Arrays(np.zeros((3, 2))).select(slice(0, 2))
    assert part.targets is None
    assert part.weights is None


def test_split_gives_views_of_the_first_and_the_last_part():
    x = np.arange(10.0)
    first, last = Arrays(x, x).split(0.25)
    assert last.inputs.tolist() == [7, 8, 9]
    assert first.inputs.base is x


@given(st.integers(2, 500), st.floats(0.01, 0.99))
def test_split_is_that_of_keras(n, fraction):
    x = np.arange(n)
    try:
        (first,), (last,) = slicing.train_validation_split((x,), fraction)
    except ValueError:
        with pytest.raises(ConfigError, match='pass validation_data'):
            Arrays(x).split(fraction)
    else:
        ours = Arrays(x).split(fraction)
        np.testing.assert_array_equal(ours[0].inputs, first)
        np.testing.assert_array_equal(ours[1].inputs, last)


@pytest.mark.parametrize('fraction', [0, 1, -0.1, 1.5, 'half', float('nan')])
def test_split_refuses_other_fractions(fraction):
    with pytest.raises(ConfigError, match=r'Pass validation_split=0.2'):
        Arrays(np.arange(4)).split(fraction)


def test_repr_and_size():
    arrays = Arrays(np.zeros((2, 3), np.float32), np.zeros(2, np.int32))
    assert repr(arrays) == 'Arrays(inputs=float32[2, 3], targets=int32[2], weights=None)'
    assert arrays.size_bytes == 32
