"""Compilation beside other work: the same results, and errors where they are asked for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.models import foresight
from lamina.training.ahead import Ahead


def test_what_was_compiled_ahead_is_used_for_such_arguments_only():
    traced = []

    def double(x):
        traced.append(x.shape)
        return 2 * x

    function = Ahead(jax.jit(double))
    function.prepare(jax.ShapeDtypeStruct((3,), np.float32))
    function.prepare(jax.ShapeDtypeStruct((3,), np.float32))
    np.testing.assert_array_equal(function(jnp.ones(3)), [2, 2, 2])
    assert traced == [(3,)]
    np.testing.assert_array_equal(function(jnp.ones(2)), [2, 2])
    assert traced == [(3,), (2,)]


def test_an_error_of_the_compiler_is_raised_where_the_result_is_asked_for():
    class Broken:
        def lower(self, *arguments):
            return self

        def compile(self):
            raise RuntimeError('no memory')

    function = Ahead(Broken())
    function.prepare(np.ones(3))
    with pytest.raises(RuntimeError, match='no memory'):
        function(np.ones(3))


@pytest.fixture
def foreseeing(monkeypatch):
    """Foresight for small data too, and a list of whether each call of a training program was foreseen."""
    monkeypatch.setattr(foresight, 'LEAST_ELEMENTS', 1)
    monkeypatch.setattr(lamina.data.packing, 'LEAST_ELEMENTS', 1)
    foreseen = []
    call = Ahead.__call__

    def recorded(self, *arguments):
        result = call(self, *arguments)
        foreseen.append(bool(self._results))
        return result

    monkeypatch.setattr(Ahead, '__call__', recorded)
    return foreseen


def fitted(x, y, **options):
    model = lamina.Sequential([lamina.Input(x.shape[1:]), lamina.layers.Dense(3)], seed=1)
    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    history = model.fit(x, y, epochs=2, batch_size=4, verbose=0, **options)
    return model.get_weights(), history.history


BYTES = np.random.default_rng(0).integers(0, 256, (10, 5)) / 255.0
SPOILT = np.where(np.arange(10)[:, None] == 7, 0.1234567, BYTES)
LABELS = np.arange(10) % 3


@pytest.mark.parametrize(
    'x', [BYTES, SPOILT, BYTES.astype(np.float32), (BYTES * 255).astype(np.uint8)], ids=['bytes', 'spoilt', 'f4', 'u1']
)
def test_training_is_the_same_with_and_without_foresight(x, foreseeing, monkeypatch):
    with_foresight = fitted(x, LABELS, sample_weight=np.ones(10))
    assert all(foreseeing)
    monkeypatch.setattr('lamina.models.trainer.compile_ahead', lambda *a: None)
    jax.tree.map(np.testing.assert_array_equal, with_foresight, fitted(x, LABELS, sample_weight=np.ones(10)))


def test_bad_data_get_the_error_that_they_get_without_it(foreseeing):
    with pytest.raises(lamina.core.errors.LaminaError, match='Fill or drop them'):
        fitted(np.where(np.arange(10)[:, None] == 7, np.nan, BYTES), LABELS)
    with pytest.raises(lamina.core.errors.LaminaError):
        fitted(BYTES, LABELS[:5])
    with pytest.raises(lamina.core.errors.LaminaError):
        fitted(BYTES, LABELS + 5)
