"""Layers around layers: residual sums, frozen and adapted layers, in networks that train, are saved and are edited."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core import paths
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.initializers import Fixup
from lamina.layers import Chain, Dense, Frozen, LoRA, Residual, Scope, merge_lora
from lamina.layers.base import weights_of
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def drawn(layer, *shapes):
    """Values for every weight, nested by name, none of them zero."""
    declared = paths.flatten(weights_of(layer, *((None, *s) for s in shapes)))
    return paths.nest({path: normal(*w.shape, seed=i) for i, (path, w) in enumerate(declared.items())})


def run(layer, values, *inputs, **keywords):
    return Scope().call(layer, 'layer', {'layer': values}, *inputs, **keywords)


# --- residual ---


def test_a_residual_is_the_sum_that_keras_makes():
    x = normal(5, 4)
    layer = Residual([Dense(8, activation='tanh'), Dense(6)], projection=Dense(6, use_bias=False), activation='relu')
    values = drawn(layer, (4,))
    inputs = keras.Input((4,))
    inner = keras.layers.Dense(6)(keras.layers.Dense(8, activation='tanh')(inputs))
    total = keras.layers.Activation('relu')(keras.layers.Add()([keras.layers.Dense(6, use_bias=False)(inputs), inner]))
    theirs = keras.Model(inputs, total)
    by_shape = {v.shape: v for v in paths.flatten(values).values() if v.shape != (6,)}
    theirs.set_weights([by_shape.get(w.shape, values['block']['dense_1']['bias']) for w in theirs.weights])
    np.testing.assert_allclose(run(layer, values, x), theirs(x), rtol=1e-5, atol=1e-5)


def test_the_scale_multiplies_the_block_alone():
    x, values = normal(5, 4), {'block': {'kernel': normal(4, 4), 'bias': normal(4)}}
    added = run(Dense(4), values['block'], x)
    np.testing.assert_allclose(run(Residual(Dense(4), scale=0.5), values, x), x + 0.5 * added, rtol=1e-5, atol=1e-6)
    learned = Residual(Dense(4), scale=0.25, learn_scale=True)
    np.testing.assert_allclose(run(learned, {**values, 'scale': jnp.float32(2)}, x), x + 2 * added, rtol=1e-5, atol=1e-6)
    assert initial_values(weights_of(learned, (None, 4)), seed=0)['scale'] == 0.25


def test_a_learned_scale_of_zero_starts_as_the_identity_and_grows():
    x = normal(64, 4)
    blocks = [Residual([Dense(16, activation='relu'), Dense(4)], scale=0, learn_scale=True) for _ in range(6)]
    model = lamina.Sequential([lamina.Input((4,)), *blocks], seed=0)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    model.compile(optimizer=lamina.optimizers.Adam(0.01), loss='mse')
    before = model.evaluate(x, -x, verbose=0)
    model.fit(x, -x, epochs=20, verbose=0)
    assert model.evaluate(x, -x, verbose=0) < 0.5 * before
    assert np.abs(model.get_weights()[4]) > 0


def test_fixup_blocks_start_small_and_end_in_zero():
    depth = 50
    block = [Dense(32, activation='relu', kernel_initializer=Fixup(depth)), Dense(8, kernel_initializer='zeros')]
    model = lamina.Sequential([lamina.Input((8,)), *(Residual(block) for _ in range(depth))], seed=0)
    x = normal(16, 8)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)


def test_the_output_has_the_mask_of_what_is_added_to_the_block():
    x, mask = jnp.asarray(normal(2, 3, 4)), jnp.array([[True, True, False], [True, False, False]])
    for layer in (Residual(layers.Permute((1, 2))), Residual(layers.Identity(), layers.Activation('tanh'))):
        scope = Scope()
        scope.set_mask(x, mask)
        y = scope.call(layer, 'r', {}, x)
        assert scope.mask_of(y) is mask
    scope = Scope()
    scope.set_mask(x, mask)
    assert scope.mask_of(scope.call(Residual(layers.Identity(), Chain((layers.Permute((2, 1)),) * 2)), 'r', {}, x)) is None


def test_further_inputs_go_to_the_block_alone():
    x, other = normal(2, 4), normal(2, 4, seed=1)
    np.testing.assert_allclose(run(Residual(layers.Multiply()), {}, x, other), x + x * other, rtol=1e-6)
    shared = lamina.Input((4,)), lamina.Input((4,))
    model = lamina.Model(list(shared), Residual(layers.Multiply())(*shared))
    np.testing.assert_allclose(model.predict([x, other], verbose=0), x + x * other, rtol=1e-6)


def test_shapes_that_differ_ask_for_a_projection():
    with pytest.raises(ShapeError, match=r"Residual 'odd': .*\(batch, 8\).*Give projection=…"):
        Residual(Dense(8), name='odd')(lamina.Input((4,)))
    with pytest.raises(ShapeError, match=r'of its projection.*Give projection=…'):
        Residual(Dense(8), Dense(7))(lamina.Input((4,)))
    with pytest.raises(ShapeError, match=r'several outputs.*change the block'):
        Residual(Chain((layers.Identity(),)))(lamina.Input((4,)), lamina.Input((4,)))


def test_settings_that_contradict_are_refused():
    with pytest.raises(ConfigError, match='Add learn_scale=True'):
        Residual(Dense(4), scale=0)
    with pytest.raises(ConfigError, match=r'Write Dense\(…\), with parentheses'):
        Residual(Dense)
    with pytest.raises(ConfigError, match=r'lamina\.external\.as_layer'):
        Residual(Dense(4), projection=jnp.tanh)
    with pytest.raises(ConfigError, match='Rename the layer within'):
        LoRA(Dense(4, name='low_rank'), 2)


# --- frozen ---


def test_nothing_within_frozen_trains_or_keeps_statistics():
    inner = Chain((Dense(4), layers.BatchNormalization(momentum=0.5)))
    model = lamina.Sequential([lamina.Input((4,)), Frozen(inner), Dense(1)], seed=0)
    model.compile(loss='mse')
    before = model.variables
    model.fit(normal(32, 4) + 3, np.zeros((32, 1)), epochs=2, verbose=0)
    changed = {path for path, value in model.variables.items() if (value != before[path]).any()}
    assert changed == {'dense/kernel', 'dense/bias'}
    again = Frozen(Dense(4)).with_children({'dense': Dense(4, trainable=True)})
    assert not any(w.trainable for w in paths.flatten(weights_of(again, (None, 4))).values())


def test_a_trained_model_can_be_frozen_inside_another():
    trained = lamina.Sequential([lamina.Input((4,)), Dense(3)], seed=0)
    frozen = Frozen(trained)
    x = normal(2, 4)
    values = {frozen.inner_name: paths.nest(trained.variables)}
    np.testing.assert_allclose(run(frozen, values, x), trained.predict(x, verbose=0), rtol=1e-6)


def test_a_wrapper_takes_the_keywords_of_its_layer_and_no_others():
    attention = layers.MultiHeadAttention(2, 4)
    x = normal(2, 3, 8)
    symbol = lamina.Input((3, 8))
    for wrapped in (Frozen(attention), LoRA(attention, 2)):
        model = lamina.Model(symbol, wrapped(symbol, symbol, use_causal_mask=True), seed=3)
        y = model.predict(x, verbose=0)
        x_changed = x.copy()
        x_changed[:, -1] += 1
        np.testing.assert_allclose(model.predict(x_changed, verbose=0)[:, :-1], y[:, :-1], rtol=1e-5, atol=1e-6)
        with pytest.raises(UnknownNameError, match="Did you mean 'use_causal_mask'"):
            wrapped(symbol, symbol, use_causal_msk=True)


# --- LoRA ---

ADAPTED = [
    (Dense(5), (4,), {'kernel': ((4, 2), (2, 5))}),
    (layers.Conv2D(5, 3), (6, 6, 2), {'kernel': ((3, 3, 2, 2), (2, 5))}),
    (layers.Conv1D(5, 3), (6, 2), {'kernel': ((3, 2, 2), (2, 5))}),
    (Chain((Dense(5, use_bias=False), Dense(2))), (4,), {'dense/kernel': ((4, 2), (2, 5)), 'dense_1/kernel': ((5, 2), (2, 2))}),
    (layers.SpectralNormalization(Dense(5)), (4,), {'dense/kernel': ((4, 2), (2, 5))}),
    (
        layers.MultiHeadAttention(3, 4),
        (6, 8),
        {
            'query/kernel': ((8, 2), (2, 3, 4)),
            'key/kernel': ((8, 2), (2, 3, 4)),
            'value/kernel': ((8, 2), (2, 3, 4)),
            'attention_output/kernel': ((3, 4, 2), (2, 8)),
        },
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(('layer', 'shape', 'factors'), ADAPTED, ids=[type(a[0]).__name__ for a in ADAPTED])
def test_a_product_is_added_to_every_kernel_and_starts_as_nothing(layer, shape, factors):
    adapted = LoRA(layer, 2, alpha=3.0)
    shapes = (shape, shape) if isinstance(layer, layers.MultiHeadAttention) else (shape,)
    inputs = [normal(2, *s, seed=i) for i, s in enumerate(shapes)]
    declared = weights_of(adapted, *((None, *s) for s in shapes))
    flat = paths.flatten(declared)
    trained = {p: w.shape for p, w in flat.items() if w.trainable}
    assert trained == {f'low_rank/{p}/{side}': s for p, both in factors.items() for side, s in zip('ab', both, strict=True)}

    start = paths.nest(initial_values(declared, seed=0))
    plain = start[adapted.inner_name]
    np.testing.assert_allclose(run(adapted, start, *inputs), run(layer, plain, *inputs), rtol=1e-5, atol=1e-7)

    values = drawn(adapted, *shapes)
    merged = paths.flatten(adapted.merged(values))
    for path, kernel in paths.flatten(values[adapted.inner_name]).items():
        if path in factors:
            a, b = (paths.flatten(values)[f'low_rank/{path}/{side}'] for side in 'ab')
            product = a.reshape(-1, 2) @ b.reshape(2, -1)
            np.testing.assert_allclose(merged[path], kernel + 1.5 * product.reshape(kernel.shape), rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(merged[path], kernel)
    np.testing.assert_allclose(run(adapted, values, *inputs), run(layer, adapted.merged(values), *inputs), rtol=1e-5, atol=1e-5)


def test_a_dense_layer_is_adapted_as_in_keras():
    x = normal(5, 4)
    theirs = keras.layers.Dense(3)
    theirs(x)
    theirs.enable_lora(2, lora_alpha=4)  # Dense(lora_rank=2, lora_alpha=4) forgets its alpha
    theirs.lora_kernel_a.assign(normal(4, 2, seed=1))
    theirs.lora_kernel_b.assign(normal(2, 3, seed=2))
    ours = LoRA(Dense(3), 2, 4.0)
    factors = {'kernel': {'a': np.asarray(theirs.lora_kernel_a.value), 'b': np.asarray(theirs.lora_kernel_b.value)}}
    values = {'dense': {'kernel': np.asarray(theirs._kernel.value), 'bias': np.asarray(theirs.bias.value)}, 'low_rank': factors}
    np.testing.assert_allclose(run(ours, values, x), theirs(x), rtol=1e-5, atol=1e-6)


def test_training_changes_the_product_alone_and_merging_gives_a_plain_network():
    x = normal(64, 4)
    model = lamina.Sequential([lamina.Input((4,)), LoRA(Dense(8, activation='relu'), 2, name='first'), LoRA(Dense(3), 1)], seed=0)
    model.compile(optimizer=lamina.optimizers.Adam(0.02), loss='mse')
    before = model.variables
    model.fit(x, x[:, :3], epochs=3, verbose=0)
    changed = {path for path, value in model.variables.items() if (value != before[path]).any()}
    assert changed == {path for path in before if '/low_rank/' in path}

    network, values = merge_lora(model.network, paths.nest(model.variables))
    assert [type(layer) for layer in network.layers] == [Dense, Dense]
    assert list(paths.flatten(values)) == ['first/kernel', 'first/bias', 'lora/kernel', 'lora/bias']
    y = np.asarray(Scope().call(network, 'n', {'n': values}, jnp.asarray(x)))
    np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    assert all(w.trainable for w in paths.flatten(weights_of(network, (None, 4))).values())


def test_merging_reaches_into_blocks_and_leaves_other_layers_alone():
    layer = Residual([LoRA(Dense(4), 1), layers.BatchNormalization()])
    values = drawn(layer, (4,))
    values['block']['batch_normalization']['moving_variance'] = np.ones(4, np.float32)
    merged, plain = merge_lora(layer, values)
    assert type(merged.block.layers[0]) is Dense
    np.testing.assert_allclose(run(merged, plain, normal(3, 4)), run(layer, values, normal(3, 4)), rtol=1e-5, atol=1e-5)
    assert 'low_rank' in values['block']['lora']


def test_targets_choose_the_weights():
    inner = Chain((Dense(5), Dense(2)))
    only = paths.flatten(weights_of(LoRA(inner, 2, targets=['dense_1/*nel']), (None, 4)))
    assert {p for p, w in only.items() if w.trainable} == {'low_rank/dense_1/kernel/a', 'low_rank/dense_1/kernel/b'}
    with pytest.raises(ConfigError, match=r'dense/bias.*Change targets=… to a name among them'):
        LoRA(inner, 2, targets=('embeddings',))(lamina.Input((4,)))
    with pytest.raises(ShapeError, match='Leave it out of targets'):
        LoRA(inner, 2, targets=('bias',))(lamina.Input((4,)))


# --- in a model ---


@pytest.mark.parametrize(
    'layer',
    [
        Frozen(Dense(4)),
        LoRA(Dense(4), 2),
        Residual([Dense(8, activation='relu'), Dense(4)], scale=0.5, learn_scale=True),
        layers.SpectralNormalization(Dense(4)),
        layers.WeightNormalization(Dense(4)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_wrapped_layer_is_summarized_saved_frozen_and_one_of_many(layer, tmp_path):
    x = normal(16, 4)
    model = lamina.Sequential([lamina.Input((4,)), layer.replace(name='wrapped'), Dense(1)], seed=0)
    model.compile(optimizer='sgd', loss='mse')
    model.fit(x, np.zeros((16, 1)), epochs=1, verbose=0)
    inside = next(iter(layer.children()))
    assert f'wrapped/{inside}' in {row.path for row in model.describe().rows}
    model.save(tmp_path / 'model.lamina')
    again = lamina.load(tmp_path / 'model.lamina')
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    model.freeze('wrapped')
    assert [path for path, w in paths.flatten(weights_of(model.network, (None, 4))).items() if w.trainable] == [
        'dense/kernel',
        'dense/bias',
    ]


@pytest.mark.parametrize(
    'layer', [Residual(layers.SpectralNormalization(Dense(4))), LoRA(Residual(Dense(4), scale=0, learn_scale=True), 1)]
)
def test_a_run_of_equal_blocks_is_the_same_as_the_blocks_one_by_one(layer):
    x = normal(8, 4)
    losses = []
    for blocks in ([layer] * 9, [layer.replace(trainable=True, name=f'b{i}') for i in range(9)]):
        model = lamina.Sequential([lamina.Input((4,)), *blocks], seed=0)
        values = np.random.default_rng(0)
        model.set_weights([0.3 * values.normal(size=w.shape).astype(np.float32) for w in model.get_weights()])
        model.compile(optimizer='sgd', loss='mse')
        model.fit(x, x[:, ::-1], epochs=2, verbose=0)
        losses.append((model.evaluate(x, x[:, ::-1], verbose=0), *model.get_weights()))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), *losses)
