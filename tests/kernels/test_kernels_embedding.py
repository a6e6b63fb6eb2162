"""Rows of a table by number, beside NumPy's own."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.kernels.embedding import lookup


@settings(max_examples=10, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 4),
    st.lists(st.integers(0, 3), max_size=3),
    st.sampled_from([np.int32, np.uint8, np.int16]),
    st.data(),
)
def test_rows_and_the_gradient_are_those_of_numpy(rows, dim, axes, dtype, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    table, low = rng.normal(size=(rows, dim)).astype(np.float32), 0 if dtype is np.uint8 else -rows - 2
    ids = rng.integers(low, rows + 3, axes).astype(dtype)
    inside = (ids >= 0) & (ids < rows)
    factor = rng.normal(size=(*axes, dim)).astype(np.float32)
    expected = np.where(inside[..., None], table[np.where(inside, ids, 0)], 0)
    np.testing.assert_array_equal(jax.jit(lookup)(table, ids), expected)
    gradient = np.zeros_like(table)
    np.add.at(gradient, ids[inside], factor[inside])
    found = jax.jit(jax.grad(lambda t: jnp.sum(lookup(t, jnp.asarray(ids)) * factor)))(table)
    np.testing.assert_allclose(found, gradient, rtol=1e-5, atol=1e-5)


def test_a_number_outside_the_table_is_neither_another_row_nor_not_a_number():
    ids = jnp.array([-1, 2, 2**31 - 1, -(2**31), 0])
    y = jax.jit(lookup)(jnp.ones((2, 3)), ids)
    np.testing.assert_array_equal(y[:, 0], [0, 0, 0, 0, 1])


def test_whole_tables_of_numbers_can_be_looked_up_too():
    np.testing.assert_array_equal(lookup(jnp.array([3, 4], jnp.int32), jnp.array([1, 1, 5])), [4, 4, 0])
