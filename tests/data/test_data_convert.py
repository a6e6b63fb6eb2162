"""Conversions of one value: which dtypes change, which pass without a copy, which are refused and with what advice."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lamina.core.errors import DataError
from lamina.data.checks import check_finite
from lamina.data.convert import is_array_like, to_array


@pytest.mark.parametrize('dtype', ['float32', 'int32', 'bool', 'uint8', 'int8', 'uint16', 'int16'])
def test_trainable_dtypes_pass_untouched(dtype):
    x = np.ones((3, 2), dtype)
    assert to_array(x, 'x') is x


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        ('float64', 'float32'),
        ('float16', 'float32'),
        ('>f4', 'float32'),
        ('int64', 'int32'),
        ('uint32', 'int32'),
        ('uint64', 'int32'),
        ('>i2', 'int32'),
    ],
)
def test_other_numbers_become_32_bits_wide(before, after):
    out = to_array(np.arange(6).astype(before), 'x')
    assert out.dtype == np.dtype(after)
    assert out.dtype.isnative
    assert out.tolist() == [0, 1, 2, 3, 4, 5]


def test_jax_arrays_stay_on_their_device():
    x = jnp.ones((2, 2))
    assert to_array(x, 'x') is x
    half = to_array(jnp.ones(3, jnp.bfloat16), 'x')
    assert isinstance(half, jax.Array)
    assert half.dtype == jnp.float32


def test_a_transposed_array_is_not_copied():
    x = np.ones((4, 3), np.float32).T
    assert np.shares_memory(to_array(x, 'x'), x)


def test_a_memory_map_is_not_read_into_a_copy(tmp_path):
    np.save(tmp_path / 'x.npy', np.ones((4, 3), np.float32))
    x = np.load(tmp_path / 'x.npy', mmap_mode='r')
    assert np.shares_memory(to_array(x, 'x'), x)


@pytest.mark.parametrize(
    ('value', 'remedy'),
    [
        (np.array(['cat', 'dog']), r'np.unique\(y, return_inverse=True\)'),
        (['cat', 'dog'], r'np.unique\(y'),
        ('photo.png', r'\.astype\("float32"\)'),
        (np.array([b'cat']), r'np.unique\(y'),
        (np.array([1, None]), r'\.astype\("float32"\)'),
        (np.array([1j]), r'\.astype\("float32"\)'),
        (np.array(['2020-01-01'], 'datetime64[D]'), r'\.astype\("float32"\)'),
        ([[1, 2], [3]], 'Pad them to the longest'),
        (np.array([[1, 2], [3]], dtype=object), 'Pad them to the longest'),
        (np.array([2**31]), 'Subtract an offset'),
        (np.array([-(2**31) - 1]), 'Subtract an offset'),
        (np.ma.masked_greater(np.arange(3.0), 1), r'x\.filled\(0\)'),
    ],
)
def test_what_cannot_be_trained_on_is_refused(value, remedy):
    with pytest.raises(DataError, match=remedy):
        to_array(value, 'fit, x')


def test_an_integer_too_large_is_located():
    with pytest.raises(DataError, match='whole number 4294967296 in row 2'):
        to_array(np.array([1, 2, 2**32]), 'y')


def test_lists_of_numbers():
    assert to_array([[1.0, 2.0]], 'x').dtype == np.float32
    assert to_array([1, 0], 'y').dtype == np.int32
    assert to_array([True, False], 'y').dtype == np.bool_


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('make', [np.asarray, jnp.asarray])
def test_values_not_finite_are_counted_and_located(bad, make):
    x = np.ones((70_000, 5), np.float32)
    x[60_001, 3] = x[65_000, 0] = bad
    kind = '2 NaN, 0 infinite' if np.isnan(bad) else '0 NaN, 2 infinite'
    with pytest.raises(DataError, match=f'2 of 350,000 values not finite .{kind}.*row 60001, column 3.*np.nan_to_num'):
        to_array(make(x), 'fit, x')


def test_the_place_in_images_and_in_vectors():
    x = np.zeros((2, 3, 4), np.float32)
    x[1, 2, 3] = np.nan
    with pytest.raises(DataError, match=r'row 1, at \(2, 3\) in it.*Fill or drop'):
        to_array(x, 'x')
    with pytest.raises(DataError, match=r'the first in row 1; expected finite numbers. Fill or drop'):
        to_array(np.array([0, np.nan]), 'y')


def test_beyond_float32_is_not_finite():
    with pytest.raises(DataError, match=r'beyond float32.*Fill or drop'):
        to_array(np.array([1e300]), 'x')


def test_a_sum_that_overflows_is_not_an_error():
    x = np.full(10, 3e38, np.float32)
    assert to_array(x, 'x') is x


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=6), elements=st.floats(width=32)))
def test_finite_check_agrees_with_numpy(x):
    if np.isfinite(x).all():
        check_finite(x, 'x')
    else:
        with pytest.raises(DataError, match=r'np.nan_to_num') as caught:
            check_finite(x, 'x')
        first = int(np.argwhere(~np.isfinite(x))[0][0])
        assert f'{(~np.isfinite(x)).sum()} of {x.size}' in caught.value.got
        assert f'row {first}' in caught.value.got


def test_sparse_matrices_become_dense():
    matrix = scipy.sparse.csr_matrix(np.eye(3) * 2)
    out = to_array(matrix, 'x')
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, np.eye(3) * 2)
    assert to_array(scipy.sparse.csr_array(np.eye(2, dtype=np.int64)), 'x').dtype == np.int32


def test_a_sparse_matrix_too_large_is_refused_before_allocation():
    with pytest.raises(DataError, match=r'Pass a generator that yields x\[rows\]'):
        to_array(scipy.sparse.csr_matrix((10_000_000, 100_000)), 'x')


class Tensor:
    """Shaped as a PyTorch tensor is: `detach`, `cpu`, `float` and `__array__`."""

    def __init__(self, values, dtype='torch.float64', steps=()):
        self.values, self.dtype, self.steps = np.asarray(values), dtype, steps
        self.shape = self.values.shape

    def detach(self):
        return Tensor(self.values, self.dtype, (*self.steps, 'detach'))

    def cpu(self):
        return Tensor(self.values, self.dtype, (*self.steps, 'cpu'))

    def float(self):
        return Tensor(self.values.astype(np.float32), 'torch.float32', (*self.steps, 'float'))

    def __array__(self, dtype=None, copy=None):
        if self.steps[:2] != ('detach', 'cpu'):
            raise RuntimeError("can't convert a tensor that requires grad")
        if self.dtype == 'torch.bfloat16':
            raise TypeError('unsupported ScalarType BFloat16')
        return self.values


def test_tensors_are_detached_and_brought_to_the_host():
    assert to_array(Tensor([[1.0, 2.0]]), 'x').tolist() == [[1, 2]]
    assert to_array(Tensor([1.0], 'torch.bfloat16'), 'x').dtype == np.float32
    assert is_array_like(Tensor([1.0]))


def test_numbers_lists_and_text_are_not_arrays():
    assert not any(is_array_like(v) for v in (1, 'text', [1, 2], {'a': 1}, None))
    assert is_array_like(scipy.sparse.eye(2))


def test_no_library_of_tables_or_tensors_is_imported():
    optional = ('pandas', 'polars', 'torch', 'tensorflow', 'datasets', 'sklearn', 'mlxtend')
    code = f'import sys, lamina.data, lamina.datasets; print([m for m in {optional} if m in sys.modules])'
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == '[]'
