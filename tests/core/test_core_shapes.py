"""Shapes: unknown axes are found by tracing, and nothing is computed."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.core.shapes import abstract_outputs, show, size


def outputs(function, *shapes, dtypes=None):
    return abstract_outputs(lambda variables, *x: function(*x), {}, shapes, dtypes or ('float32',) * len(shapes))


def test_an_axis_that_follows_the_batch_stays_unknown():
    assert outputs(lambda x: x @ jnp.ones((4, 3)), (None, 4)).shape == (None, 3)
    assert outputs(lambda x: x.sum(0), (None, 4)).shape == (4,)
    assert outputs(lambda x: x.reshape(-1), (None, 4)).shape == (None,)
    assert outputs(lambda x: x[:, :2], (None, None)).shape == (None, 2)
    assert outputs(lambda x: x.astype('int8'), (None, 4)).dtype == 'int8'
    assert repr(outputs(lambda x: x, (None, 4))) == 'Abstract(shape=(None, 4), dtype=float32)'


def test_structures_and_the_order_of_dicts_are_kept():
    result = outputs(lambda x: {'z': (x, x[:, :1]), 'a': [x[:, 0]]}, (None, 4))
    assert list(result) == ['z', 'a']
    assert (result['z'][0].shape, result['z'][1].shape, result['a'][0].shape) == ((None, 4), (None, 1), (None,))


def test_no_array_is_made():
    huge = outputs(lambda x: jnp.broadcast_to(x[:, :1], (x.shape[0], 2**40)), (None, 4))
    assert huge.shape == (None, 2**40)


def test_several_inputs_of_their_own_dtypes():
    result = outputs(lambda x, y: x + y, (None, 3), (None, 1), dtypes=('int32', 'float32'))
    assert (result.shape, result.dtype) == ((None, 3), 'float32')


@pytest.mark.parametrize(
    ('shape', 'text', 'elements'),
    [
        ((None, 28, 28), '(batch, 28, 28)', 784),
        ((None, None, 3), '(batch, ?, 3)', 3),
        ((5,), '(5)', 5),
        ((), '()', 1),
        ((0, 3), '(0, 3)', 0),
    ],
)
def test_shapes_as_text_and_as_sizes(shape, text, elements):
    assert show(shape) == text
    assert size(shape) == elements


@given(st.lists(st.none() | st.integers(1, 6), max_size=4).map(tuple))
def test_the_identity_keeps_any_shape(shape):
    assert outputs(lambda x: x, (None, *shape)).shape == (None, *shape)


def test_errors_of_the_function_come_through():
    with pytest.raises(TypeError, match='dot_general'):
        outputs(lambda x: x @ jnp.ones((9, 3)), (None, 4))
    assert jax.tree.leaves({}) == []
