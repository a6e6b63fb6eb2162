"""The cores of a CPU sharing the rows of a batch, for networks that compute step by step."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import lamina
from lamina.core import devices
from lamina.layers import GRU, LSTM, BatchNormalization, Bidirectional, Dense, Dropout, SimpleRNN

several = pytest.mark.skipif(len(jax.local_devices()) < 2, reason='one core, or JAX was used before')


def fitted(monkeypatch=None, batch_size=8, rows=44, **options):
    if monkeypatch is not None:
        monkeypatch.setattr('lamina.training.program.mesh_of_rows', lambda rows: None)
    model = lamina.Sequential(
        [
            lamina.Input((5, 3)),
            Bidirectional(LSTM(4, return_sequences=True)),
            Dropout(0.3),
            BatchNormalization(),
            GRU(4, return_sequences=True),
            SimpleRNN(4),
            Dense(1),
        ],
        seed=4,
    )
    model.compile(lamina.optimizers.SGD(0.05, momentum=0.9), 'mse', metrics=['mae'])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 5, 3)).astype(np.float32), rng.normal(size=(rows, 1)).astype(np.float32)
    history = model.fit(x, y, batch_size=batch_size, epochs=2, verbose=0, validation_data=(x, y), **options)
    return model, history.history, model.predict(x), model.evaluate(x, y, batch_size=batch_size, verbose=0)


@several
def test_devices_that_share_rows_compute_what_one_does(monkeypatch):
    shared = fitted()
    again = fitted()
    lamina.models.objective._shared_program.cache_clear()
    alone = fitted(monkeypatch)
    lamina.models.objective._shared_program.cache_clear()
    for (model, *values), tolerance in ((again, 0), (alone, 2e-5)):
        for path, value in shared[0].variables.items():
            np.testing.assert_allclose(value, model.variables[path], rtol=tolerance, atol=tolerance, err_msg=path)
        jax.tree.map(lambda a, b, t=tolerance: np.testing.assert_allclose(a, b, rtol=t, atol=t), list(shared[1:]), values)
    assert all(len(a.devices()) == 1 for a in jax.tree.leaves(shared[0].state))


@several
def test_rows_are_shared_only_where_each_device_gets_as_many_and_enough():
    assert devices.mesh_of_rows(64).size >= 2
    assert devices.mesh_of_rows(devices.LEAST_ROWS) is None
    assert devices.mesh_of_rows(61) is None


@pytest.mark.slow
@several
def test_batches_of_any_size_train():
    for size in (7, 8, 44):
        assert np.isfinite(fitted(batch_size=size)[1]['loss']).all()


@pytest.mark.slow
def test_a_number_of_devices_that_was_chosen_elsewhere_stays():
    code = 'import jax, lamina; from lamina.core import devices; devices.prepare(); print(len(jax.local_devices()))'
    for flags, wanted in (('--xla_force_host_platform_device_count=3', '3'), ('--xla_force_host_platform_device_count=1', '1')):
        environment = {'XLA_FLAGS': flags, 'JAX_PLATFORMS': 'cpu', 'PATH': '/usr/bin:/bin'}
        run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=environment, check=True)
        assert run.stdout.strip() == wanted


@lamina.described
class RecurrentOfAWeight(lamina.Layer):
    """Runs a recurrent layer over one learned sequence, whatever the batch."""

    step_by_step = True
    inner: lamina.Layer = LSTM(3)

    def weights(self, shape):
        return {'sequence': lamina.Weight((1, 5, 2), 'ones'), 'inner': self.inner.weights((None, 5, 2))}

    def apply(self, variables, x, scope):
        return x + scope.call(self.inner, 'inner', variables, variables['sequence'])


@several
def test_what_cannot_be_divided_equally_is_computed_whole():
    model = lamina.Sequential([lamina.Input((3,)), RecurrentOfAWeight()])
    model.compile('sgd', 'mse')
    assert np.isfinite(model.fit(np.ones((16, 3)), np.zeros((16, 3)), batch_size=16, verbose=0).history['loss']).all()
