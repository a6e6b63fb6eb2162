"""Arithmetic of symbols with numbers."""

import numpy as np
import pytest

import lamina

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


@pytest.mark.parametrize(
    'formula',
    [
        lambda x: 1.0 - x,
        lambda x: x - 2,
        lambda x: x + 1,
        lambda x: 3 + x,
        lambda x: x * 2,
        lambda x: 0.5 * x,
        lambda x: x / 4,
        lambda x: -x,
        lambda x: np.float32(2.0) * x,
        lambda x: np.float64(1.0) - x,
        lambda x: (1.0 - x) * x + 2 * x,
    ],
)
def test_numbers_are_rescalings(formula):
    x = lamina.Input((3,))
    y = formula(x)
    assert y.shape == (None, 3)
    model = lamina.Model(x, y)
    np.testing.assert_allclose(model.predict(X), formula(X), rtol=1e-6, atol=1e-6)
    assert any(isinstance(layer, lamina.layers.Rescaling) for layer in model.layers)


def test_whole_numbers_become_real():
    x = lamina.Input((2,), dtype='int32')
    model = lamina.Model(x, 1 - x / 2)
    assert model.predict(np.array([[1, 2]])).tolist() == [[0.5, 0.0]]


def test_a_rescaled_network_is_saved_and_loaded(tmp_path):
    x = lamina.Input((3,))
    model = lamina.Model(x, 1.0 - lamina.layers.Dense(2)(x))
    loaded = lamina.models.load_model(model.save(tmp_path / 'model.lamina'))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize('formula', [lambda x: 1 / x, lambda x: x / x, lambda x: x * True, lambda x: x - 'a', lambda x: np.ones(3) * x])
def test_what_has_no_layer_is_a_type_error(formula):
    with pytest.raises(TypeError, match='unsupported operand'):
        formula(lamina.Input((3,)))


def test_a_number_that_is_none_is_refused():
    with pytest.raises(lamina.core.errors.ConfigError, match='Change scale=…'):
        lamina.Input((3,)) * float('nan')
    with pytest.raises(ZeroDivisionError):
        lamina.Input((3,)) / 0
