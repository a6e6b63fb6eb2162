"""Masks where layers meet: what merging, softmax and masking make of them, beside Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ShapeError
from lamina.layers import Scope

keras = pytest.importorskip('keras')

MASKS = [
    np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 1, 1]], bool),
    np.array([[1, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1]], bool),
    np.array([[0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 1]], bool),
]


def inputs(count, seed=0):
    return [np.random.default_rng(seed + i).normal(size=(4, 3, 5)).astype(np.float32) for i in range(count)]


def ours_on(layer, arrays, masks):
    """The output and its mask, in a network where the arrays come with these masks."""
    scope = Scope()
    arrays = [jnp.asarray(x) for x in arrays]
    for x, mask in zip(arrays, masks, strict=True):
        scope.set_mask(x, None if mask is None else jnp.asarray(mask))
    y = scope.call(layer, 'merge', {}, *arrays)
    return y, scope.mask_of(y)


def theirs_on(layer, arrays, masks):
    arrays = [keras.ops.convert_to_tensor(x) for x in arrays]
    for x, mask in zip(arrays, masks, strict=True):
        if mask is not None:
            x._keras_mask = keras.ops.convert_to_tensor(mask)
    y = layer(arrays)
    return y, getattr(y, '_keras_mask', None)


MERGES = ['Add', 'Average', 'Maximum', 'Minimum', 'Multiply', 'Concatenate']


@pytest.mark.parametrize('name', [*MERGES, 'Subtract', 'Dot'])
@pytest.mark.parametrize('masked', [(0, 1), (0, None), (None, 1), (None, None)])
def test_two_masks_meet_as_in_keras(name, masked):
    settings = {'axes': 2} if name == 'Dot' else {}
    arrays, masks = inputs(2), [None if i is None else MASKS[i] for i in masked]
    y, mask = ours_on(getattr(layers, name)(**settings), arrays, masks)
    wanted, wanted_mask = theirs_on(getattr(keras.layers, name)(**settings), arrays, masks)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
    assert (mask is None) == (wanted_mask is None)
    if mask is not None:
        np.testing.assert_array_equal(mask, wanted_mask)


@pytest.mark.parametrize('name', MERGES)
def test_three_masks_meet_as_in_keras(name):
    arrays = inputs(3)
    y, mask = ours_on(getattr(layers, name)(), arrays, MASKS)
    wanted, wanted_mask = theirs_on(getattr(keras.layers, name)(), arrays, MASKS)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(mask, wanted_mask)


@pytest.mark.parametrize('masked', [(0, 1), (0, None), (None, None)])
def test_masks_are_joined_along_time(masked):
    arrays, masks = inputs(2), [None if i is None else MASKS[i] for i in masked]
    _, mask = ours_on(layers.Concatenate(axis=1), arrays, masks)
    _, wanted = theirs_on(keras.layers.Concatenate(axis=1), arrays, masks)
    assert (mask is None) == (wanted is None)
    if mask is not None:
        np.testing.assert_array_equal(mask, wanted)


def test_one_mask_of_all_inputs_stays_that_very_mask():
    mask = jnp.asarray(MASKS[0])
    for name in MERGES:
        scope, arrays = Scope(), [jnp.asarray(x) for x in inputs(3)]
        for x in arrays:
            scope.set_mask(x, mask)
        assert scope.mask_of(scope.call(getattr(layers, name)(), 'merge', {}, *arrays)) is mask


def test_an_input_with_fewer_axes_has_no_mask_of_time():
    x, vector = inputs(1)[0], np.ones((4, 5), np.float32)
    y, mask = ours_on(layers.Multiply(), [x, vector], [MASKS[0], np.zeros((4, 5), bool)])
    assert mask is None
    np.testing.assert_allclose(y, np.where(MASKS[0][..., None], x, 1), rtol=1e-6)


@pytest.mark.parametrize('layer', [layers.Flatten(), layers.Reshape((5, 3)), layers.Permute((2, 1))])
def test_layers_that_move_time_lose_the_mask(layer):
    assert ours_on(layer, inputs(1), MASKS[:1])[1] is None


@pytest.mark.parametrize(
    'layer',
    [
        layers.Activation('relu'),
        layers.Dropout(0.5),
        layers.GaussianNoise(0.1),
        layers.Identity(),
        layers.LayerNormalization(scale=False, center=False),
    ],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize('given', [True, False])
def test_layers_that_keep_time_keep_the_mask(layer, given):
    scope, (x,) = Scope(), (jnp.asarray(a) for a in inputs(1))
    mask = jnp.asarray(MASKS[0])
    if not given:
        scope.set_mask(x, mask)
    y = scope.call(layer, 'layer', {}, x, **({'mask': mask} if given else {}))
    assert scope.mask_of(y) is mask


# --- softmax ---


def softmax(x, mask, axis=-1):
    scope = Scope()
    y = scope.call(layers.Softmax(axis), 'softmax', {}, x, mask=mask)
    return y, scope.mask_of(y)


@pytest.mark.slow
@pytest.mark.parametrize('shape', [(4, 3, 5), (4, 1, 5), (1, 3, 5)])
@pytest.mark.parametrize('axis', [-1, 1, (1, 2)])
def test_a_masked_softmax_is_that_of_keras_and_rows_without_entries_are_zero(shape, axis):
    (x,), mask = inputs(1), np.random.default_rng(3).random(shape) < 0.5
    mask[0] = False
    theirs = keras.layers.Softmax(axis)

    def ours(x):
        y, passed_on = softmax(x, jnp.asarray(mask), axis)
        assert passed_on is None
        return jnp.sum(jnp.sin(y)), y

    def wanted(x):
        y = theirs(x, mask=mask)
        return jnp.sum(jnp.sin(y)), y

    ((_, y), gradient), ((_, their_y), their_gradient) = (jax.value_and_grad(f, has_aux=True)(jnp.asarray(x)) for f in (ours, wanted))
    np.testing.assert_allclose(y, their_y, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, their_gradient, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(y[0], 0)
    assert np.isfinite(gradient).all()


def test_a_mask_of_time_steps_leaves_them_out_whatever_the_axis():
    (x,), mask = inputs(1), MASKS[0]
    y, passed_on = softmax(jnp.asarray(x), jnp.asarray(mask), axis=1)
    np.testing.assert_allclose(np.sum(y, 1), np.repeat(mask.any(1)[:, None], 5, 1), rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(y)[~mask], 0)
    np.testing.assert_array_equal(passed_on, mask)
    y, _ = softmax(jnp.asarray(x), jnp.asarray(mask).astype(jnp.float32))
    np.testing.assert_allclose(np.sum(y, -1), mask, rtol=1e-5)


@pytest.mark.parametrize('shape', [(5,), (4, 5), (4, 3, 4), (4, 3, 5, 1)])
def test_a_mask_that_does_not_fit_is_refused(shape):
    with pytest.raises(ShapeError, match='Add axes of size 1 to the mask'):
        softmax(jnp.ones((4, 3, 5)), jnp.ones(shape, bool))


# --- masking ---


@pytest.mark.parametrize('value', [0.0, 1.0])
def test_masking_is_that_of_keras_and_reaches_the_loss(value):
    x = np.random.default_rng(0).integers(0, 2, (4, 3, 2)).astype(np.float32)
    x[3] = value
    scope = Scope()
    y = scope.call(layers.Masking(value), 'masking', {}, jnp.asarray(x))
    wanted = keras.layers.Masking(value)(x)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(scope.mask_of(y), wanted._keras_mask)

    model = lamina.Sequential([lamina.Input((3, 2)), layers.Masking(value), layers.Dense(1), layers.Activation('linear')], seed=0)
    model.compile(loss='mse')
    errors = np.square(np.asarray(model.predict(x, verbose=0)) - 7)[..., 0]
    counted = np.asarray(wanted._keras_mask)
    target = np.full((4, 3, 1), 7.0, np.float32)
    assert model.evaluate(x, target, verbose=0) == pytest.approx(errors[counted].sum() / counted.sum(), rel=1e-5)


def test_a_step_counts_where_any_of_its_features_does():
    x = jnp.zeros((1, 3, 2, 2)).at[0, 1, 0, 1].set(5.0)
    scope = Scope()
    y = scope.call(layers.Masking(), 'masking', {}, x)
    np.testing.assert_array_equal(scope.mask_of(y), [[False, True, False]])
    np.testing.assert_array_equal(y, x)


REFUSED = [
    (layers.Masking(), (4,), r'Add a features axis, or use Embedding\(mask_zero=True\)'),
    (layers.PReLU(shared_axes=(2,)), (4,), 'Change shared_axes'),
    (layers.PReLU(), (None, 4), 'Give it in Input'),
    (layers.Softmax(axis=2), (4,), 'Change axis'),
    (layers.Softmax(axis=(1, 3)), (4, 5), 'Change axis'),
]


@pytest.mark.parametrize(('layer', 'shape', 'remedy'), REFUSED, ids=[f'{r[0]!r}-{r[1]}' for r in REFUSED])
def test_shapes_that_do_not_fit_are_refused_by_name(layer, shape, remedy):
    with pytest.raises(ShapeError, match=f"'odd'.*({remedy})"):
        layer.replace(name='odd')(lamina.Input(shape))


def test_a_mask_that_a_call_gives_is_that_calls_alone():

    x, keep = lamina.Input((4, 3)), lamina.Input((4,), dtype='bool')
    masked = layers.Dropout(0.5)(x, mask=keep)
    plain = layers.SimpleRNN(2, name='plain')(x)
    model = lamina.Model([x, keep], [masked, plain], seed=1)
    alone = lamina.Model(x, plain)
    alone.set_variables({p: v for p, v in model.variables.items() if p.startswith('plain/')})
    data, mask = np.ones((2, 4, 3), np.float32), np.zeros((2, 4), bool)
    np.testing.assert_allclose(model.predict([data, mask])[1], alone.predict(data), rtol=1e-6)
