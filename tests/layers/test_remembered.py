"""What is remembered of a layer goes when the layer goes, and with it the data that its functions hold."""

import gc
import weakref

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ShapeError
from lamina.layers.base import output_of, remembered
from lamina.models.summary import Summary


class Data(np.ndarray):
    """An array that can be watched."""


def closure():
    data = np.arange(4, dtype=np.float32).view(Data)
    return (lambda x: x * np.asarray(data)), weakref.ref(data)


@pytest.mark.parametrize('wrap', [lamina.external.as_layer, layers.Activation, lambda f: layers.Dense(4, activation=f)])
def test_data_behind_a_function_is_let_go(wrap):
    function, data = closure()
    layer = wrap(function)
    model = lamina.Sequential([lamina.Input((4,)), layer])
    assert layer.output_shape((None, 4)) == (None, 4)
    x = lamina.Input((4,))
    symbol = layer(x)
    assert Summary.of(model.network, model.ports.inputs, 'model').rows
    assert data() is not None
    del function, layer, model, x, symbol
    gc.collect()
    assert data() is None


def test_equal_layers_are_traced_once_while_one_of_them_lives():
    calls = []

    @remembered
    def measured(layer, number):
        calls.append((layer.units, number))
        return number

    first = layers.Dense(3)
    assert [measured(first, 1), measured(layers.Dense(3, name='other'), 1), measured(first, 2), measured(layers.Dense(4), 1)] == [
        1,
        1,
        2,
        1,
    ]
    assert calls == [(3, 1), (3, 2), (4, 1)]
    del first
    gc.collect()
    measured(layers.Dense(3), 1)
    assert calls[3:] == [(3, 1)]


def test_an_error_is_not_remembered():
    layer = layers.Permute((2, 1), name='turn')
    for _ in range(2):
        with pytest.raises(ShapeError, match=r"Permute 'turn'.*Name every axis in dims"):
            output_of(layer, ((None, 4),), ('float32',))
