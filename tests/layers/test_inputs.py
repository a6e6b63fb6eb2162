"""Input and input_shape: what they accept, and what they say to write instead."""

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (
            lambda: lamina.layers.Dense(3, input_shape=4),
            r"^Dense, setting 'input_shape': got 4; expected a tuple.*Write input_shape=\(4,\)\.$",
        ),
        (lambda: lamina.layers.Dense(3, input_shape=(0,)), 'Change input_shape=… to such a value'),
        (lambda: lamina.layers.Dense(3, input_shape='4'), 'Change input_shape=… to such a value'),
        (lambda: lamina.layers.Dense(3, input_shape=4.5), 'Change input_shape=… to such a value'),
        (lambda: lamina.Input(4), r'Write Input\(\(4,\)\)\.$'),
        (lambda: lamina.Input('4'), r'Write Input\(\(28, 28\)\)'),
        (lambda: lamina.Input(None), r'Write Input\(\(28, 28\)\)'),
        (lambda: lamina.Input((4,), 0), 'Leave it out: any batch size is taken'),
        (lambda: lamina.Input((4,), 'int32'), "Write dtype='int32'"),
        (
            lambda: lamina.Input((4,), dtype='float64'),
            "got 'float64'; expected 'float32': networks compute in 32 bits. Write dtype='float32'",
        ),
        (lambda: lamina.Input((4,), dtype=np.int64), "Write dtype='int32'"),
        (lambda: lamina.Input((4,), dtype='flot32'), 'Change dtype'),
        (lambda: lamina.Input((4,), dtype='U3'), 'Change dtype'),
        (lambda: lamina.Input((4,), dtype='complex64'), 'Change dtype'),
        (lambda: lamina.Input((4,), dtype=3), 'Change dtype'),
        (lambda: lamina.Input((4,), dtype=object), 'Change dtype'),
    ],
)
def test_refused_with_what_to_write(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_the_batch_size_is_accepted_and_stays_free():
    x = lamina.Input((4,), 32, name='x')
    assert x.shape == (None, 4)
    model = lamina.Model(x, lamina.layers.Dense(2)(x))
    assert model.predict(np.zeros((5, 4))).shape == (5, 2)
    assert model.ports.input_layers[0].name == 'x'


@pytest.mark.parametrize('dtype', ['float32', 'int32', 'uint8', 'bool', 'float16', jnp.bfloat16, np.float32, None])
def test_dtypes_of_at_most_32_bits(dtype):
    expected = 'float32' if dtype is None else jnp.dtype(dtype).name
    assert lamina.Input((4,), dtype=dtype).dtype == expected


def test_shapes_may_be_lists_and_have_axes_of_any_length():
    assert lamina.Input([None, 3]).shape == (None, None, 3)
    assert lamina.layers.Dense(3, input_shape=[4]).input_shape == (4,)
    assert lamina.Input(()).shape == (None,)
