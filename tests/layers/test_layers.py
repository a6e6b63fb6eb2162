"""What the table of layers cannot say: layers in training, padding, shapes and settings that are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core import paths
from lamina.core.errors import ConfigError
from lamina.core.shapes import show
from lamina.layers import Scope
from lamina.layers.base import weights_of

keras = pytest.importorskip('keras')

V, M, C = (4,), (3, 4), (2, 3, 4)
NORMALIZATIONS = [
    ('BatchNormalization', {}, [V]),
    ('BatchNormalization', {'axis': 1, 'momentum': 0.7, 'epsilon': 0.1}, [C]),
    ('BatchNormalization', {'center': False, 'scale': False, 'axis': -2}, [M]),
]


def arrays(shapes, batch=6, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(batch, *shape)).astype(np.float32) for shape in shapes)


def random_weights(layer, shapes):
    """Values for every weight, none of them zero, variances positive."""
    rng = np.random.default_rng(1)
    declared = paths.flatten(weights_of(layer, *((None, *s) for s in shapes)))
    return {p: (rng.uniform(0.5, 1.5, w.shape) if 'var' in p else rng.normal(size=w.shape)).astype(np.float32) for p, w in declared.items()}


def theirs_like(name, settings, shapes, values):
    """Keras's layer of that name, with these weights."""
    layer = getattr(keras.layers, name)(**settings)
    built = [(None, *s) for s in shapes]
    layer.build(built if len(built) > 1 else built[0])
    layer.set_weights(list(values.values()))
    return layer


def split(values, layer, shapes):
    """(trainable, other), by path."""
    declared = paths.flatten(weights_of(layer, *((None, *s) for s in shapes)))
    return ({p: v for p, v in values.items() if declared[p].trainable}, {p: v for p, v in values.items() if not declared[p].trainable})


@pytest.mark.parametrize(('name', 'settings', 'shapes'), NORMALIZATIONS)
@pytest.mark.parametrize('padding', [0, 3])
def test_batch_normalization_in_training_is_that_of_keras_and_padding_does_not_count(name, settings, shapes, padding):
    ours = layers.BatchNormalization(**settings)
    values = random_weights(ours, shapes)
    theirs = theirs_like(name, settings, shapes, values)
    trainable, other = split(values, ours, shapes)
    order = list(trainable)
    (x,) = arrays(shapes)
    padded = np.concatenate([x, np.full((padding, *x.shape[1:]), 1e4, np.float32)])
    valid = jnp.asarray([1.0] * len(x) + [0.0] * padding) if padding else None

    def our_loss(trainable, x):
        scope = Scope(training=True, valid=valid)
        y = ours.apply({**trainable, **other}, x, scope=scope)[: len(x) - padding]
        return jnp.sum(jnp.sin(y)), (y, scope.records.updates)

    def their_loss(trainable, x):
        y, state = theirs.stateless_call([trainable[p] for p in order], [v.value for v in theirs.non_trainable_variables], x, training=True)
        return jnp.sum(jnp.sin(y)), (y, dict(zip(other, state, strict=True)))

    (_, ours_out), ours_gradient = jax.jit(jax.value_and_grad(our_loss, argnums=(0, 1), has_aux=True))(trainable, padded)
    (_, their_out), their_gradient = jax.jit(jax.value_and_grad(their_loss, argnums=(0, 1), has_aux=True))(trainable, x)
    assert set(ours_out[1]) == {'moving_mean', 'moving_variance'}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours_out, their_out)
    np.testing.assert_allclose(ours_gradient[1][: len(x)], their_gradient[1], rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(ours_gradient[1][len(x) :], 0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), ours_gradient[0], their_gradient[0])


def test_a_penalty_on_the_output_is_that_of_keras_and_padding_does_not_count():
    ours = layers.Dense(3, activation='relu', activity_regularizer='l2')
    values = random_weights(ours, [M])
    (x,) = arrays([M])
    theirs = theirs_like('Dense', {'units': 3, 'activation': 'relu', 'activity_regularizer': 'l2'}, [M], values)
    theirs(x)
    padded = np.concatenate([x, np.full((2, *M), 50.0, np.float32)])
    for batch, valid in ((x, None), (padded, jnp.asarray([1.0] * 6 + [0.0] * 2))):
        scope = Scope(valid=valid)
        ours.apply(values, batch, scope=scope)
        np.testing.assert_allclose(scope.records.losses, [float(v) for v in theirs.losses], rtol=1e-5)


def test_a_frozen_batch_normalization_uses_and_keeps_its_averages():
    layer = layers.BatchNormalization()
    values = random_weights(layer, [V])
    (x,) = arrays([V])
    scope = Scope(training=True, frozen=True)
    y = layer.apply(values, x, scope=scope)
    np.testing.assert_allclose(y, layer.apply(values, x, scope=Scope()), rtol=1e-6)
    assert scope.records.updates == {}


REFUSED = [
    (layers.Dense(3), [()], 'Add a features axis, or a Flatten before this layer'),
    (layers.Dense(3), [(None,)], 'Give it in Input'),
    (layers.Permute((2, 1)), [(2, 3, 4)], 'Name every axis in dims'),
    (layers.Reshape((5, 2)), [(3, 4)], 'Change target_shape'),
    (layers.Reshape((-1, 5)), [(3, 4)], 'Change target_shape'),
    (layers.Add(), [(3, 4), (3, 5)], 'Make the shapes equal before merging'),
    (layers.Subtract(), [(3,)], r'Call Subtract\(\)\(\[a, b\]\)'),
    (layers.Subtract(), [(3,), (3,), (3,)], r'Call Subtract\(\)\(\[a, b\]\)'),
    (layers.Concatenate(), [(3, 4), (2, 4)], 'Reshape, or change axis'),
    (layers.Concatenate(), [(3, 4), (4,)], 'Reshape, or change axis'),
    (layers.Concatenate(axis=0), [(4,), (4,)], 'Reshape, or change axis'),
    (layers.Concatenate(axis=3), [(4,), (4,)], 'change axis'),
    (layers.Dot(1), [(3,), (4,)], 'Change axes'),
    (layers.Dot(0), [(3,), (3,)], 'Change axes'),
    (layers.Dot(5), [(3,), (3,)], 'Change axes'),
    (layers.BatchNormalization(axis=0), [(3,)], 'Change axis'),
    (layers.BatchNormalization(axis=5), [(3,)], 'Change axis'),
    (layers.LayerNormalization(axis=(0, 1)), [(3,)], 'Change axis'),
    (layers.LayerNormalization(axis=3), [(3,)], 'Change axis'),
]


@pytest.mark.parametrize(('layer', 'shapes', 'remedy'), REFUSED, ids=[f'{r[0]!r}-{r[1]}' for r in REFUSED])
def test_shapes_that_do_not_fit_are_refused_by_name(layer, shapes, remedy):
    named = layer.replace(name='odd')
    inputs = [lamina.Input(s) for s in shapes]
    with pytest.raises(lamina.core.errors.ShapeError, match=f"'odd'.*({remedy})"):
        lamina.Model(inputs, named(*inputs))


@pytest.mark.parametrize(
    ('make', 'remedy'),
    [
        (lambda: layers.Permute((1, 3)), 'Name each axis once, from 1'),
        (lambda: layers.Dot((1, 2, 3)), r'Write axes=\(1, 2\)'),
        (lambda: layers.LayerNormalization(axis=(1, 1)), 'Remove the repeated axis'),
        (lambda: layers.Dense(3, activation='rellu'), "Did you mean 'relu'"),
        (lambda: layers.Dense(3, kernel_initializer='glorot_unifrm'), "Did you mean 'GlorotUniform'"),
        (lambda: layers.Dense(3, kernel_regularizer='l3'), 'Did you mean'),
        (lambda: layers.Reshape((-1, -1)), 'Change target_shape'),
        (lambda: lamina.Input(5), r'Write Input\(\(5,\)\)'),
        (lambda: lamina.Input((0, 3)), r'Write Input\(\(28, 28\)\)'),
    ],
)
def test_settings_that_contradict_are_refused(make, remedy):
    with pytest.raises(ConfigError, match=remedy):
        make()


def test_a_call_on_another_width_than_built_for_names_the_layer():
    with pytest.raises(lamina.core.errors.ShapeError, match=r"Dense 'head'.*Pass x\[\.\.\., :4\], or build a new model"):
        layers.Dense(2, name='head').apply({'kernel': jnp.ones((4, 2)), 'bias': jnp.ones(2)}, jnp.ones((3, 5)), scope=Scope())


def test_shapes_are_shown_as_users_read_them():
    assert show((None, 28, None)) == '(batch, 28, ?)'


def test_a_class_without_apply_says_what_to_define():
    class Empty(layers.Layer):
        """Nothing."""

    with pytest.raises(ConfigError, match='Define it in the class'):
        Empty().apply({}, 1, scope=Scope())
