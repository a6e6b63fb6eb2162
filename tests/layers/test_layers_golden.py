"""One table of every public layer and its settings, beside Keras: shapes, values, gradients, order of weights."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core import paths
from lamina.core.described import registered
from lamina.core.errors import ConfigError
from lamina.core.serial import decode, encode
from lamina.core.shapes import show
from lamina.layers import Scope
from lamina.layers.base import weights_of
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')

V, M, C, S = (4,), (3, 4), (2, 3, 4), ()
# (class, settings, shapes of one example of each input)
TABLE = [
    ('Activation', {'activation': 'relu'}, [M]),
    ('Activation', {'activation': 'softmax'}, [M]),
    ('Add', {}, [M, M]),
    ('Add', {}, [M, M, M]),
    ('Add', {}, [M, (4,)]),
    ('Add', {}, [(1, 4), (3, 1)]),
    ('Average', {}, [M, M, M]),
    ('BatchNormalization', {}, [V]),
    ('BatchNormalization', {}, [C]),
    ('BatchNormalization', {'axis': 1, 'momentum': 0.7, 'epsilon': 0.1}, [C]),
    ('BatchNormalization', {'center': False}, [M]),
    ('BatchNormalization', {'scale': False}, [M]),
    ('BatchNormalization', {'center': False, 'scale': False, 'axis': -2}, [M]),
    ('Concatenate', {}, [M, (3, 2)]),
    ('Concatenate', {'axis': 1}, [M, (2, 4), (1, 4)]),
    ('Concatenate', {'axis': -2}, [M, (2, 4)]),
    ('Dense', {'units': 5}, [V]),
    ('Dense', {'units': 5, 'activation': 'tanh'}, [M]),
    ('Dense', {'units': 2, 'use_bias': False}, [C]),
    ('Dense', {'units': 1, 'activation': 'sigmoid', 'kernel_initializer': 'he_normal', 'bias_initializer': 'ones'}, [V]),
    ('Dense', {'units': 3, 'kernel_regularizer': 'l2', 'bias_regularizer': 'l1'}, [V]),
    ('Dot', {'axes': 1}, [V, V]),
    ('Dot', {'axes': -1}, [V, V]),
    ('Dot', {'axes': 1, 'normalize': True}, [V, V]),
    ('Dot', {'axes': 2}, [M, (5, 4)]),
    ('Dot', {'axes': (1, 2)}, [M, (5, 3)]),
    ('Dot', {'axes': (2, 1)}, [M, (4,)]),
    ('Dot', {'axes': (1, 2)}, [(4,), M]),
    ('Dot', {'axes': (2, 1), 'normalize': True}, [M, (4, 5)]),
    ('Dropout', {'rate': 0.5}, [M]),
    ('Flatten', {}, [C]),
    ('Flatten', {}, [S]),
    ('LayerNormalization', {}, [V]),
    ('LayerNormalization', {'epsilon': 0.1}, [C]),
    ('LayerNormalization', {'axis': (1, 2)}, [M]),
    ('LayerNormalization', {'axis': (3, 1)}, [C]),
    ('LayerNormalization', {'axis': 1, 'center': False}, [M]),
    ('LayerNormalization', {'scale': False}, [M]),
    ('Maximum', {}, [M, M]),
    ('Minimum', {}, [M, M, M]),
    ('Multiply', {}, [M, M, M]),
    ('Multiply', {}, [M, (1, 1)]),
    ('Permute', {'dims': (2, 1)}, [M]),
    ('Permute', {'dims': (3, 1, 2)}, [C]),
    ('Rescaling', {'scale': 1 / 255}, [C]),
    ('Rescaling', {'scale': 2.0, 'offset': -1.0}, [M]),
    ('Reshape', {'target_shape': (4, 3)}, [M]),
    ('Reshape', {'target_shape': (2, -1)}, [M]),
    ('Reshape', {'target_shape': (-1,)}, [C]),
    ('Subtract', {}, [M, M]),
]
# Layers that hold other layers or no computation; tests/layers/test_compose.py is about them.
ELSEWHERE = {'Chain', 'Graph', 'InputLayer', 'Layer', 'Merge'}
BUILT_IN = {name: cls for name, cls in registered('layer').items() if cls.__module__.startswith('lamina.')}
IDS = [f'{name}-{"-".join(f"{k}={v}" for k, v in settings.items())}-{shapes}' for name, settings, shapes in TABLE]
NAMES = sorted({name for name, _, _ in TABLE})
ROW = {name: (settings, shapes) for name, settings, shapes in reversed(TABLE)}


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


def test_every_public_layer_is_in_the_table():
    assert set(BUILT_IN) == {name for name, _, _ in TABLE} | ELSEWHERE


def test_every_layer_is_public():
    assert set(BUILT_IN) - {'Merge'} <= set(layers.__all__)


@pytest.mark.parametrize(('name', 'settings', 'shapes'), TABLE, ids=IDS)
def test_shapes_values_and_gradients_are_those_of_keras(name, settings, shapes):
    ours = getattr(layers, name)(**settings)
    values = random_weights(ours, shapes)
    theirs = theirs_like(name, settings, shapes, values)
    assert [v.shape for v in values.values()] == [tuple(w.shape) for w in theirs.weights]
    assert list(values) == [w.name for w in theirs.weights]
    trainable, other = split(values, ours, shapes)
    order = list(trainable)  # which jit forgets
    assert order == [w.name for w in theirs.trainable_variables]
    inputs = arrays(shapes)

    def our_loss(trainable, inputs):
        scope = Scope()
        y = ours.apply({**trainable, **other}, *inputs, scope=scope)
        penalty = sum(r(trainable[p]) for p, r in regularizers.items()) + sum(scope.records.losses)
        return jnp.sum(jnp.sin(y)) + penalty, y

    def their_loss(trainable, inputs):
        state = [v.value for v in theirs.non_trainable_variables]
        given = list(inputs) if len(inputs) > 1 else inputs[0]
        y, _, losses = theirs.stateless_call([trainable[p] for p in order], state, given, return_losses=True)
        return jnp.sum(jnp.sin(y)) + sum(losses), y

    declared = paths.flatten(weights_of(ours, *((None, *s) for s in shapes)))
    regularizers = {p: w.regularizer for p, w in declared.items() if w.regularizer is not None}

    @jax.jit
    def both(trainable, inputs):
        return [jax.value_and_grad(f, argnums=(0, 1), has_aux=True)(trainable, inputs) for f in (our_loss, their_loss)]

    ((loss, y), gradients), ((their_value, their_y), their_gradients) = both(trainable, inputs)
    assert y.shape == their_y.shape
    assert ours.output_shape(*((None, *s) for s in shapes)) == (None, *y.shape[1:])
    np.testing.assert_allclose(y, their_y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(loss, their_value, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), gradients, their_gradients)


@pytest.mark.parametrize(('name', 'settings', 'shapes'), [row for row in TABLE if row[0] == 'BatchNormalization'])
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


@pytest.mark.parametrize('name', NAMES)
def test_settings_order_and_defaults_are_those_of_keras(name):
    import inspect

    settings, _ = ROW[name]
    ours, theirs = getattr(layers, name)(**settings), getattr(keras.layers, name)
    parameters = [p for p in inspect.signature(theirs.__init__).parameters.values() if p.name not in ('self', 'kwargs')]
    beyond = {'synchronized', 'renorm', 'renorm_clipping', 'renorm_momentum', 'lora_rank', 'lora_alpha', 'quantization_config'}
    beyond |= {'data_format', 'dtype', 'name', 'rms_scaling'}
    known = [p for p in parameters if p.name not in beyond]
    fields = [f for f in dataclasses.fields(ours) if not f.kw_only]
    assert [f.name for f in fields] == [p.name for p in known]
    # A layer's own saved form is what its defaults mean: 'zeros' and Zeros() are one.
    default = type(ours)(**{k: v for k, v in settings.items() if k in [p.name for p in known if p.default is p.empty]})
    given = {p.name: p.default for p in known if p.default is not p.empty}
    assert type(ours)(**{**{k: v for k, v in settings.items() if k not in given}, **given}) == default


@pytest.mark.parametrize(('name', 'settings', 'shapes'), TABLE, ids=IDS)
def test_the_saved_form_and_the_repr_give_the_layer_back(name, settings, shapes):
    layer = getattr(layers, name)(**settings, name='mine', trainable=False)
    again = decode(encode(layer))
    assert again == layer
    assert again.name == 'mine'
    assert hash(again) == hash(layer)
    from lamina import initializers, regularizers

    known = {**vars(layers), **vars(initializers), **vars(regularizers)}
    assert eval(repr(layer), known) == layer


@pytest.mark.parametrize('name', NAMES)
def test_every_rule_refuses_its_bad_values(name):
    settings, _ = ROW[name]
    cls = getattr(layers, name)
    tried = 0
    for f in dataclasses.fields(cls):
        rule = f.metadata['rule']
        for bad in rule.bad if rule else ():
            with pytest.raises(ConfigError, match=f'Change {f.name}=… to such a value'):
                cls(**{**settings, f.name: bad})
            tried += 1
    assert tried >= 5


@pytest.mark.parametrize(('name', 'settings', 'shapes'), TABLE, ids=IDS)
def test_one_example_is_the_same_alone_and_in_a_batch(name, settings, shapes):
    layer = getattr(layers, name)(**settings)
    values = random_weights(layer, shapes)
    inputs = arrays(shapes)
    whole = layer.apply(values, *inputs, scope=Scope())
    alone = layer.apply(values, *(x[2:3] for x in inputs), scope=Scope())
    np.testing.assert_allclose(whole[2:3], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', NAMES)
def test_weights_start_from_their_initializers_and_by_their_path(name):
    settings, shapes = ROW[name]
    layer = getattr(layers, name)(**settings)
    declared = weights_of(layer, *((None, *s) for s in shapes))
    first = initial_values({'a': declared} if declared else {}, seed=1)
    again = initial_values({'z': {}, 'a': declared} if declared else {}, seed=1)
    for path, value in first.items():
        np.testing.assert_array_equal(value, again[path])
        assert value.dtype == np.float32


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
