"""The random layers in training: how often they drop and where, that moments are kept, and that padding does not count."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.keys import device_key
from lamina.layers import Scope

keras = pytest.importorskip('keras')

RANDOM = [
    layers.AlphaDropout(0.3),
    layers.Dropout(0.3),
    layers.GaussianDropout(0.3),
    layers.GaussianNoise(0.3),
    layers.SpatialDropout1D(0.3),
    layers.StochasticDepth(0.3),
]
ONES = jnp.ones((300, 20, 10))
NAMES = [type(layer).__name__ for layer in RANDOM]


def trained(layer, x=ONES, *, seed=0, path='layer', step=0):
    scope = Scope(training=True, key=jax.random.fold_in(device_key(seed), step), step=step, path=path)
    return np.asarray(layer.apply({}, x, scope=scope))


@pytest.mark.parametrize('layer', RANDOM, ids=NAMES)
def test_inference_and_a_rate_of_zero_are_the_identity(layer):
    assert layer.apply({}, ONES, scope=Scope()) is ONES
    setting = 'stddev' if hasattr(layer, 'stddev') else 'rate'
    assert layer.replace(**{setting: 0.0}).apply({}, ONES, scope=Scope(training=True)) is ONES


@pytest.mark.parametrize('layer', RANDOM, ids=NAMES)
def test_paths_and_steps_draw_differently_and_a_seed_whatever_the_path(layer):
    base = trained(layer)
    np.testing.assert_array_equal(base, trained(layer.replace(name='other')))
    for other in ({'path': 'b'}, {'seed': 1}, {'step': 1}):
        assert (base != trained(layer, **other)).any()
    seeded = layer.replace(seed=7)
    np.testing.assert_array_equal(trained(seeded), trained(seeded, seed=1, path='b'))
    assert (trained(seeded) != trained(seeded, step=1)).any()


@pytest.mark.parametrize(
    ('layer', 'shape', 'shared'),
    [
        (layers.SpatialDropout1D(0.3), (300, 5, 20), (1,)),
        (layers.SpatialDropout2D(0.3), (300, 3, 4, 20), (1, 2)),
        (layers.SpatialDropout3D(0.3), (300, 2, 3, 2, 20), (1, 2, 3)),
        (layers.StochasticDepth(0.3), (6000, 3, 2), (1, 2)),
        (layers.Dropout(0.3, noise_shape=(None, 1, None)), (300, 5, 20), (1,)),
    ],
)
def test_whole_channels_or_examples_drop_at_the_rate(layer, shape, shared):
    y = trained(layer, jnp.ones(shape))
    first = y[tuple(slice(0, 1) if a in shared else slice(None) for a in range(y.ndim))]
    np.testing.assert_array_equal(y, np.broadcast_to(first, shape))
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
    assert np.mean(first == 0) == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / first.size))
    dropped = first.reshape(shape[0], -1) == 0
    if dropped.shape[1] > 1:  # each example decides for itself, and so does each channel
        assert 0.1 < dropped.mean(1).mean() < 0.5
        assert dropped.std(0).min() > 0.3


@pytest.mark.parametrize('rate', [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_deviation(rate):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(400, 500)).astype(np.float32))
    y = trained(layers.AlphaDropout(rate), x)
    assert y.mean() == pytest.approx(0, abs=0.01)
    assert y.std() == pytest.approx(1, abs=0.01)
    values, counts = np.unique(y, return_counts=True)
    assert counts.max() / y.size == pytest.approx(rate, abs=0.01)
    # What is dropped takes the value that Keras's formula gives it.
    lowest = -1.0507009873554805 * 1.6732632423543772
    factor = ((1 - rate) * (1 + rate * lowest**2)) ** -0.5
    assert values[counts.argmax()] == pytest.approx(factor * lowest - factor * lowest * rate, rel=1e-5)


def test_alpha_dropout_shares_its_decisions_along_noise_shape():
    y = trained(layers.AlphaDropout(0.5, noise_shape=(None, 1, None)))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    with pytest.raises(ShapeError, match='Use 1 or None in noise_shape'):
        trained(layers.AlphaDropout(0.5, noise_shape=(None, 7, None)))


@pytest.mark.parametrize(
    ('layer', 'mean', 'deviation'),
    [
        (layers.GaussianNoise(0.3), 1.0, 0.3),
        (layers.GaussianNoise(2.0), 1.0, 2.0),
        (layers.GaussianDropout(0.2), 1.0, 0.5),
        (layers.GaussianDropout(0.5), 1.0, 1.0),
    ],
)
def test_gaussian_noise_is_normal_with_its_deviation(layer, mean, deviation):
    stats = pytest.importorskip('scipy.stats')
    y = trained(layer).ravel()
    assert y.mean() == pytest.approx(mean, abs=5 * deviation / math.sqrt(y.size))
    assert y.std() == pytest.approx(deviation, rel=0.02)
    assert stats.kstest((y - mean) / deviation, 'norm').pvalue > 1e-3


def test_gaussian_dropout_multiplies_and_noise_adds():
    zeros, tens = jnp.zeros_like(ONES), 10 * ONES
    np.testing.assert_array_equal(trained(layers.GaussianDropout(0.2), zeros), 0)
    np.testing.assert_allclose(trained(layers.GaussianDropout(0.2), tens), 10 * trained(layers.GaussianDropout(0.2)), rtol=1e-5)
    np.testing.assert_allclose(trained(layers.GaussianNoise(0.2), tens), 9 + trained(layers.GaussianNoise(0.2)), rtol=1e-5)


def test_the_extreme_draws_are_finite(monkeypatch):
    for bits in (0, 2**32 - 1):
        monkeypatch.setattr(Scope, 'random_bits', lambda self, shape, seed=None, bits=bits: jnp.full(shape, bits, jnp.uint32))
        assert np.isfinite(trained(layers.GaussianNoise(1.0), jnp.zeros(3))).all()


def test_noise_keeps_the_dtype():
    for layer in RANDOM:
        assert trained(layer, ONES.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_a_dropped_example_of_a_residual_block_passes_unchanged():
    block = layers.Residual([layers.Activation('exponential'), layers.StochasticDepth(0.25)])
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2000, 3)).astype(np.float32))
    scope = Scope(training=True, key=device_key(0))
    added = np.asarray(scope.call(block, 'r', {}, x) - x)
    left_out = (added == 0).all(1)
    assert left_out.mean() == pytest.approx(0.25, abs=0.05)
    np.testing.assert_allclose(added[~left_out], (np.exp(x) / 0.75)[~left_out], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('shape', [(6, 3, 4), (6, 4)])
def test_a_penalty_on_activity_is_that_of_keras_and_padding_does_not_count(shape):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    theirs = keras.layers.ActivityRegularization(0.1, 0.2)
    theirs(x)
    padded = np.concatenate([x, np.full((2, *shape[1:]), 50.0, np.float32)])
    for batch, valid in ((x, None), (padded, jnp.asarray([1.0] * 6 + [0.0] * 2))):
        scope = Scope(valid=valid)
        assert layers.ActivityRegularization(0.1, 0.2).apply({}, batch, scope=scope) is batch
        np.testing.assert_allclose(scope.records.losses, [float(v) for v in theirs.losses], rtol=1e-5)


REFUSED = [
    (layers.SpatialDropout1D(0.3), (4,), 'Use Dropout'),
    (layers.SpatialDropout1D(0.3), (4, 4, 3), 'Use SpatialDropout2D'),
    (layers.SpatialDropout2D(0.3), (4, 4), 'Use SpatialDropout1D'),
    (layers.SpatialDropout3D(0.3), (4, 4, 3), 'Use SpatialDropout2D'),
    (layers.SpatialDropout3D(0.3), (1, 2, 3, 4, 5), 'Use Dropout'),
]


@pytest.mark.parametrize(('layer', 'shape', 'remedy'), REFUSED, ids=[f'{r[0]!r}-{r[1]}' for r in REFUSED])
def test_another_number_of_axes_is_refused_by_name(layer, shape, remedy):
    with pytest.raises(ShapeError, match=f"'odd'.*{remedy}"):
        layer.replace(name='odd')(lamina.Input(shape))


@pytest.mark.parametrize('cls', [layers.AlphaDropout, layers.GaussianDropout, layers.SpatialDropout2D, layers.StochasticDepth])
@pytest.mark.parametrize('rate', [-0.1, 1, 1.5, '0.5', None])
def test_rates_outside_the_range_are_refused(cls, rate):
    with pytest.raises(ConfigError, match='Change rate=… to such a value'):
        cls(rate)
