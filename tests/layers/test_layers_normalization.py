"""What the table cannot say of normalizations: training, masks and padding, kernels that are divided, shapes that are refused."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core import paths
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.keys import host_stream
from lamina.layers import Dense, Scope, SpectralNormalization, WeightNormalization
from lamina.layers.base import weights_of
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def ragged(batch, time):
    """(batch, time) booleans: ragged ends, and a last row of which nothing counts."""
    mask = np.arange(time)[None] < np.array([time, time - 1, 2, 1, 0])[:batch, None]
    mask[0, 1] = False
    return mask


# --- batch normalization ---

BATCH_VALUES = {
    'gamma': normal(4, seed=1),
    'beta': normal(4, seed=2),
    'moving_mean': normal(4, seed=3),
    'moving_variance': normal(4, seed=4) ** 2,
}


def batch_normalized(x, mask=None, valid=None, **settings):
    """Outputs in training, and what the averages become."""
    layer = layers.BatchNormalization(**settings)
    scope = Scope(training=True, valid=valid)
    keywords = {} if mask is None else {'mask': jnp.asarray(mask)}
    y = scope.call(layer, 'n', {'n': BATCH_VALUES}, jnp.asarray(x), **keywords)
    return y, {path.removeprefix('n/'): value for path, value in scope.records.updates.items()}, scope


def test_masked_steps_leave_the_statistics_as_in_keras():
    x, mask = normal(5, 3, 4), ragged(5, 3)
    y, averages, scope = batch_normalized(x, mask)
    theirs = keras.layers.BatchNormalization()
    theirs.build(x.shape)
    theirs.set_weights(list(BATCH_VALUES.values()))
    wanted = theirs(x, training=True, mask=mask)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
    for got, weight in zip(averages.values(), theirs.non_trainable_variables, strict=True):
        np.testing.assert_allclose(got, weight.value, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(scope.mask_of(y), mask)


def test_masked_steps_and_padding_rows_may_hold_anything():
    x, mask = normal(5, 3, 4), ragged(5, 3)
    valid = jnp.array([1.0, 1, 1, 0, 0])
    base, averages, _ = batch_normalized(x[:3], mask[:3])
    spoiled = np.where(mask[..., None] & (np.asarray(valid) > 0)[:, None, None], x, np.inf)
    y, spoiled_averages, _ = batch_normalized(spoiled, mask, valid)
    counted = mask[:3]
    np.testing.assert_allclose(np.asarray(y)[:3][counted], np.asarray(base)[counted], rtol=1e-5, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), averages, spoiled_averages)


def test_a_batch_of_which_nothing_counts_gives_no_nan():
    def total(x):
        return jnp.sum(jnp.sin(batch_normalized(x, np.zeros((2, 3), bool))[0]))

    value, gradient = jax.value_and_grad(total)(jnp.asarray(normal(2, 3, 4)))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_synchronized_or_not_computes_the_same():
    x = normal(5, 3, 4)
    plain, synchronized = batch_normalized(x), batch_normalized(x, synchronized=True)
    jax.tree.map(np.testing.assert_array_equal, plain[:2], synchronized[:2])


SPREAD = """
import jax, numpy as np
jax.config.update('jax_num_cpu_devices', 2)
from lamina import layers
from lamina.layers import Scope
mesh = jax.sharding.Mesh(np.array(jax.devices()), 'd')
x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
x[:4] += 5
values = {'gamma': np.ones(3), 'beta': np.zeros(3), 'moving_mean': np.zeros(3), 'moving_variance': np.ones(3)}
values = {name: value.astype(np.float32) for name, value in values.items()}

@jax.jit
def run(values, x):
    scope = Scope(training=True)
    return layers.BatchNormalization(momentum=0.0).apply(values, x, scope=scope), scope.records.updates['moving_mean']

spread = jax.device_put(x, jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec('d')))
assert len(spread.sharding.device_set) == 2
for got, wanted in zip(run(values, spread), run(values, x)):
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)
np.testing.assert_allclose(run(values, spread)[1], x.mean(0), rtol=1e-4)
"""


@pytest.mark.slow
def test_the_batch_is_that_of_all_devices():
    done = subprocess.run([sys.executable, '-c', SPREAD], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_mask_with_the_axes_of_the_input_is_refused():
    with pytest.raises(ShapeError, match=r'Pass a mask \(batch, time\)'):
        batch_normalized(normal(5, 3, 4), np.ones((5, 3, 4), bool))


# --- features and groups ---


def test_rms_normalization_over_an_inner_axis_scales_along_that_axis():
    x, scale = normal(2, 3, 4), normal(3, seed=1)
    y = layers.RMSNormalization(axis=1).apply({'scale': scale}, x, scope=Scope())
    wanted = x / np.sqrt(np.mean(x**2, 1, keepdims=True) + 1e-6) * scale[:, None]
    np.testing.assert_allclose(y, wanted, rtol=1e-5)


def test_lengths_of_zero_have_finite_gradients():
    layer = layers.UnitNormalization()
    y, back = jax.vjp(lambda x: layer.apply({}, x, scope=Scope()), jnp.zeros((2, 3)))
    np.testing.assert_array_equal(y, 0)
    assert np.isfinite(back(jnp.ones((2, 3)))[0]).all()


def test_every_channel_of_an_instance_has_mean_zero_and_deviation_one():
    layer = layers.InstanceNormalization(center=False, scale=False, epsilon=1e-9)
    y = np.asarray(layer.apply({}, 3 + 5 * normal(2, 8, 8, 3), scope=Scope()))
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(y.std((1, 2)), 1, atol=1e-4)


REFUSED = [
    (layers.GroupNormalization(groups=3), (4, 4), 'Change groups'),
    (layers.GroupNormalization(groups=8), (4, 4), 'Change groups'),
    (layers.GroupNormalization(groups=2, axis=0), (4, 4), 'Change axis'),
    (layers.GroupNormalization(groups=2), (4, None), 'Give it in Input'),
    (layers.InstanceNormalization(), (4,), r'Use LayerNormalization for \(batch, features\)'),
    (layers.InstanceNormalization(axis=4), (4, 4), 'Change axis'),
    (layers.RMSNormalization(axis=(1, -2)), (4, 4), 'Change axis'),
    (layers.RMSNormalization(axis=0), (4, 4), 'Change axis'),
    (layers.UnitNormalization(axis=3), (4, 4), 'Change axis'),
]


@pytest.mark.parametrize(('layer', 'shape', 'remedy'), REFUSED, ids=[repr(r[0]) for r in REFUSED])
def test_shapes_that_do_not_fit_are_refused_by_name(layer, shape, remedy):
    with pytest.raises(ShapeError, match=f"'odd'.*({remedy})"):
        layer.replace(name='odd')(lamina.Input(shape))


@pytest.mark.parametrize('cls', [layers.RMSNormalization, layers.UnitNormalization])
def test_a_repeated_axis_is_refused(cls):
    with pytest.raises(ConfigError, match='Remove the repeated axis'):
        cls(axis=(1, 1))


# --- kernels ---


def largest(kernel):
    return np.linalg.svd(np.asarray(kernel).reshape(-1, kernel.shape[-1]))[1][0]


@pytest.mark.slow
@pytest.mark.parametrize('iterations', [1, 3])
def test_spectral_normalization_trains_like_keras(iterations):
    ours = SpectralNormalization(Dense(3), iterations)
    theirs = keras.layers.SpectralNormalization(keras.layers.Dense(3), iterations)
    x = normal(5, 4)
    theirs(x)
    declared = paths.flatten(weights_of(ours, (None, 4)))
    assert [p.rsplit('/')[-1] for p in declared] == [w.name for w in theirs.weights] == ['kernel', 'vector_u', 'bias']
    assert [w.trainable for w in declared.values()] == [True, False, True]
    values = {path: normal(*w.shape, seed=i) for i, (path, w) in enumerate(declared.items())}
    theirs.set_weights(list(values.values()))

    def our_loss(kernel, x):
        scope = Scope(training=True)
        y = scope.call(ours, 's', {'s': paths.nest({**values, 'dense/kernel': kernel})}, x)
        return jnp.sum(jnp.sin(y)), (y, scope.records.updates['s/dense/vector_u'])

    def their_loss(kernel, x):
        y, (u,) = theirs.stateless_call([kernel, values['dense/bias']], [values['dense/vector_u']], x, training=True)
        return jnp.sum(jnp.sin(y)), (y, u)

    got, wanted = (jax.jit(jax.value_and_grad(f, (0, 1), has_aux=True))(values['dense/kernel'], x) for f in (our_loss, their_loss))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), got, wanted)


def test_spectral_normalization_in_inference_divides_too_and_keeps_nothing():
    layer = SpectralNormalization(Dense(3, use_bias=False), power_iterations=50)
    values = {'dense': {'kernel': 5 * normal(4, 3), 'vector_u': normal(1, 3)}}
    scope = Scope()
    y = layer.apply(values, np.eye(4, dtype=np.float32), scope=scope)
    assert largest(y) == pytest.approx(1, rel=1e-4)
    assert scope.records.updates == {}
    np.testing.assert_allclose(layer.merged(values)['kernel'], y, rtol=1e-6)
    assert set(values['dense']) == {'kernel', 'vector_u'}


def test_spectral_normalization_leaves_a_kernel_of_zeros_alone():
    layer = SpectralNormalization(Dense(3, use_bias=False))
    u = normal(1, 3)

    def outputs(kernel):
        scope = Scope(training=True)
        y = layer.apply({'dense': {'kernel': kernel, 'vector_u': u}}, jnp.ones((2, 4)), scope=scope)
        return jnp.sum(y), scope.records.updates['dense/vector_u']

    (total, kept), gradient = jax.value_and_grad(outputs, has_aux=True)(jnp.zeros((4, 3)))
    assert total == 0
    np.testing.assert_array_equal(kept, u)
    assert np.isfinite(gradient).all()


def test_a_trained_spectral_network_predicts_with_the_kernel_it_trained_with():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype(np.float32)
    model = lamina.Sequential([lamina.Input((4,)), SpectralNormalization(Dense(3, use_bias=False))], seed=1)
    model.compile(optimizer=lamina.optimizers.SGD(0.1), loss='mse')
    model.fit(x, 10 * x[:, :3], epochs=20, verbose=0)
    kernel = model.predict(np.eye(4, dtype=np.float32), verbose=0)
    assert largest(model.get_weights()[0]) > 1.5
    assert largest(kernel) == pytest.approx(1, rel=0.02)


def test_a_shared_spectral_layer_goes_on_from_its_last_use_and_a_frozen_one_stays():
    layer = SpectralNormalization(Dense(4, use_bias=False))
    values = {'s': {'dense': {'kernel': normal(4, 4), 'vector_u': normal(1, 4, seed=1)}}}
    twice = Scope(training=True)
    for _ in range(2):
        twice.call(layer, 's', values, normal(2, 4))
    once = Scope(training=True)
    once.call(layer.replace(power_iterations=2), 's', values, normal(2, 4))
    np.testing.assert_allclose(twice.records.updates['s/dense/vector_u'], once.records.updates['s/dense/vector_u'], rtol=1e-5)
    frozen = Scope(training=True)
    frozen.call(layer.replace(trainable=False), 's', values, normal(2, 4))
    assert frozen.records.updates == {}


def test_weight_normalization_separates_length_and_direction():
    layer = WeightNormalization(Dense(3, use_bias=False))
    g, kernel = np.array([1.0, 2.0, 3.0], np.float32), normal(4, 3)

    def matrix(g, kernel):
        return layer.apply({'dense': {'kernel': kernel, 'g': g}}, jnp.eye(4), scope=Scope())

    np.testing.assert_allclose(np.linalg.norm(matrix(g, kernel), axis=0), g, rtol=1e-5)
    np.testing.assert_allclose(matrix(g, 7 * kernel), matrix(g, kernel), rtol=1e-5)
    _, back = jax.vjp(matrix, g, kernel)
    _, gradient = back(normal(4, 3, seed=1))
    np.testing.assert_allclose(np.sum(gradient * kernel, 0), 0, atol=1e-5)  # equation 3: orthogonal to the direction
    _, back = jax.vjp(matrix, g, jnp.zeros((4, 3)))
    assert all(np.isfinite(a).all() for a in back(jnp.ones((4, 3))))


def test_weight_normalization_starts_as_long_as_the_plain_layer():
    declared = weights_of(WeightNormalization(Dense(500, kernel_initializer='he_normal')), (None, 400))
    assert [p.rsplit('/')[-1] for p in paths.flatten(declared)] == ['kernel', 'g', 'bias']
    values = initial_values(declared, seed=1)
    plain = np.linalg.norm(Dense(500, kernel_initializer='he_normal').kernel_initializer(host_stream(0), (400, 500)), axis=0)
    assert values['dense/g'].mean() == pytest.approx(plain.mean(), rel=0.01)
    assert values['dense/g'].std() == pytest.approx(plain.std(), rel=0.2)


def test_a_frozen_inner_layer_freezes_what_its_wrapper_adds():
    declared = paths.flatten(weights_of(WeightNormalization(Dense(3, trainable=False)), (None, 4)))
    assert not any(w.trainable for w in declared.values())


@pytest.mark.parametrize('wrapper', [SpectralNormalization, WeightNormalization])
def test_a_layer_without_a_kernel_is_refused(wrapper):
    for inner in (layers.Flatten(), layers.Chain((Dense(3),))):
        with pytest.raises(ConfigError, match='Wrap a Dense or a convolution, not what is around it'):
            wrapper(inner)(lamina.Input((4,)))
    with pytest.raises(ConfigError, match=r'Write Dense\(…\), with parentheses'):
        wrapper(Dense)
