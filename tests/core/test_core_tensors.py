"""Arrays as safetensors bytes: round trips, and every header that lies."""

import contextlib
import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.core.errors import ArchiveError, LaminaError
from lamina.core.tensors import dump, load

ARRAYS = {
    'dense/kernel': np.arange(6, dtype=np.float32).reshape(2, 3),
    'scalar': np.float32(3.5).reshape(()),
    'empty': np.zeros((0, 4), np.float32),
    'steps': np.array([1, 2], np.int32),
    'mask': np.array([True, False]),
    'half': np.array([0.5], ml_dtypes.bfloat16),
    'bytes': np.arange(256, dtype=np.uint8),
}
EXPECTED = {name: (array.shape, array.dtype) for name, array in ARRAYS.items()}
ONE = {'a': ((2,), np.float32)}
DATA = np.array([1, 2], np.float32).tobytes()


def raw(header, data=DATA, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, 'little') + text + data


def entry(dtype='F32', shape=(2,), offsets=(0, 8), **more):
    return {'dtype': dtype, 'shape': list(shape) if isinstance(shape, tuple) else shape, 'data_offsets': list(offsets), **more}


def test_arrays_come_back_bit_for_bit():
    again = load(dump(ARRAYS), 'file', EXPECTED)
    assert set(again) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert (again[name].dtype, again[name].shape) == (array.dtype, array.shape)
        assert again[name].tobytes() == array.tobytes()


def test_not_contiguous_and_device_arrays_are_written_too():
    import jax.numpy as jnp

    arrays = {'t': np.arange(6, dtype=np.float32).reshape(2, 3).T, 'j': jnp.ones((2, 2)), 'n': np.float32([np.nan, np.inf, -0.0])}
    again = load(dump(arrays), 'file', {k: (v.shape, v.dtype) for k, v in arrays.items()})
    np.testing.assert_array_equal(again['t'], arrays['t'])
    assert again['n'].tobytes() == arrays['n'].tobytes()


def test_a_header_made_by_hand_is_read():
    assert load(raw({'a': entry()}), 'file', ONE)['a'].tolist() == [1, 2]
    assert load(raw({'__metadata__': {'x': 'y'}, 'a': entry()}), 'file', ONE)['a'].tolist() == [1, 2]


MALFORMED = {
    'empty': b'',
    'seven bytes': b'1234567',
    'length zero': raw({'a': entry()}, length=0),
    'length beyond the file': raw({'a': entry()}, length=10**6),
    'length overflows': raw({'a': entry()}, length=2**64 - 1),
    'length in the middle': raw({'a': entry()}, length=5),
    'no json': raw(b'{nonsense}'),
    'not text': raw(b'\xff\xfe\xfd{}'),
    'nested': raw(b'[' * 100_000 + b']' * 100_000),
    'a list': raw([1, 2]),
    'a string': raw('text'),
    'entry is a list': raw({'a': [1]}),
    'entry is null': raw({'a': None}),
    'no dtype': raw({'a': {'shape': [2], 'data_offsets': [0, 8]}}),
    'extra key': raw({'a': entry(path='/etc/passwd')}),
    'unknown dtype': raw({'a': entry('F128')}),
    'dtype is a list': raw({'a': entry(['F32'])}),
    'dtype is a dict': raw({'a': entry({})}),
    'shape is a number': raw({'a': entry(shape=2)}),
    'shape is text': raw({'a': entry(shape='22')}),
    'negative shape': raw({'a': entry(shape=(-2,))}),
    'two negative axes': raw({'a': entry(shape=(-1, -2))}),
    'fractional shape': raw({'a': entry(shape=(2.0,))}),
    'boolean shape': raw({'a': entry(shape=(True, 2))}),
    'huge shape': raw({'a': entry(shape=(2**62, 2**62))}),
    'offsets missing': raw({'a': entry(offsets=())}),
    'one offset': raw({'a': entry(offsets=(0,))}),
    'three offsets': raw({'a': entry(offsets=(0, 8, 8))}),
    'offsets are text': raw({'a': entry(offsets=('0', '8'))}),
    'negative offset': raw({'a': entry(offsets=(-8, 0))}),
    'offsets swapped': raw({'a': entry(offsets=(8, 0))}),
    'offsets beyond the data': raw({'a': entry(shape=(4,), offsets=(0, 16))}),
    'size is not the shape': raw({'a': entry(shape=(1,))}),
    'a gap': raw({'a': entry(shape=(1,), offsets=(4, 8))}),
    'data left over': raw({'a': entry()}, DATA + b'more'),
    'overlap': raw({'a': entry(), 'b': entry()}),
    'offsets not a list': raw({'a': {**entry(), 'data_offsets': {'0': 8}}}),
    'offsets null': raw({'a': {**entry(), 'data_offsets': None}}),
    'key twice': raw(b'{"a": ' + json.dumps(entry()).encode() + b', "a": ' + json.dumps(entry(shape=(1,), offsets=(0, 4))).encode() + b'}'),
    'nan': raw(b'{"a": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 8]}}'),
}


@pytest.mark.parametrize('case', MALFORMED)
def test_malformed_headers_are_refused(case):
    with pytest.raises(ArchiveError, match='Do not use this file; it is damaged or was changed'):
        load(MALFORMED[case], 'file', ONE)


@pytest.mark.parametrize(
    ('expected', 'got'),
    [
        ({'a': ((2,), np.float32), 'b': ((2,), np.float32)}, "no array 'b'"),
        ({}, "an array 'a' that the model does not have"),
        ({'a': ((1, 2), np.float32)}, r'F32 \(2,\)'),
        ({'a': ((2,), np.int32)}, r'F32 \(2,\)'),
    ],
)
def test_arrays_other_than_expected_are_refused(expected, got):
    with pytest.raises(ArchiveError, match=f'got {got}.*Save the model again'):
        load(raw({'a': entry()}), 'file', expected)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_refused_or_harmless(data):
    content = bytearray(dump({'a': np.arange(4, dtype=np.float32), 'b': np.ones((2, 2), np.int32)}))
    expected = {'a': ((4,), np.float32), 'b': ((2, 2), np.int32)}
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with contextlib.suppress(LaminaError):
        arrays = load(bytes(content[:cut]), 'file', expected)
        assert {k: (v.shape, v.dtype) for k, v in arrays.items()} == expected
