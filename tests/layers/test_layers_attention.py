"""What the table of layers cannot say of attention: masks, keys, dropout, shared products, layers within, bad input."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.described import lookup
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.core.keys import device_key
from lamina.layers import AdditiveAttention, Attention, DenseGeneral, GroupedQueryAttention, MultiHeadAttention, Scope
from lamina.layers.attention.masks import dropped
from lamina.layers.base import weights_of
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')

BATCH, TIME, SOURCE, DIM = 3, 5, 4, 6
RNG = np.random.default_rng(0)
QUERY, VALUE, KEY = (RNG.normal(size=(BATCH, n, DIM)).astype(np.float32) for n in (TIME, SOURCE, SOURCE))
QUERY_MASK = np.arange(TIME)[None] < np.array([[5], [3], [0]])
VALUE_MASK = np.arange(SOURCE)[None] < np.array([[4], [1], [0]])
PAIRS = RNG.random((BATCH, TIME, SOURCE)) > 0.4
OURS = {'attention': MultiHeadAttention(2, 3), 'grouped': GroupedQueryAttention(3, 2, 1)}


def values_of(layer, *inputs):
    """Initial values that are not zero, nested as `apply` takes them."""
    flat = initial_values({'layer': weights_of(layer, *((None, *x.shape[1:]) for x in inputs))}, seed=1)
    rng = np.random.default_rng(2)
    return lamina.core.paths.nest({path: v + 0.1 * rng.normal(size=v.shape).astype(np.float32) for path, v in flat.items()})


def run(layer, values, *inputs, scope=None, **keywords):
    """The outputs; compiled as one program where nothing is asked of the scope."""
    if scope is not None:
        return scope.call(layer, 'layer', values, *map(jnp.asarray, inputs), **keywords)
    return jax.jit(lambda values, *inputs: Scope().call(layer, 'layer', values, *inputs, **keywords))(values, *inputs)


def theirs_like(layer, values, *inputs):
    """Keras's layer with these values."""
    names = {MultiHeadAttention: keras.layers.MultiHeadAttention, GroupedQueryAttention: keras.layers.GroupQueryAttention}
    required = [getattr(layer, f.name) for f in dataclasses.fields(layer) if f.default is dataclasses.MISSING and not f.kw_only]
    theirs = names[type(layer)](*required)
    theirs(*inputs)
    theirs.set_weights(jax.tree.leaves([list(v.values()) for v in values['layer'].values()]))
    return theirs


@pytest.mark.parametrize('name', OURS)
def test_masks_of_pairs_queries_and_values_are_those_of_keras(name):
    layer = OURS[name]
    values = values_of(layer, QUERY, VALUE)
    theirs = theirs_like(layer, values, QUERY, VALUE)
    masks = {'attention_mask': PAIRS, 'value_mask': VALUE_MASK}
    y, scores = run(layer, values, QUERY, VALUE, return_attention_scores=True, **masks)
    expected, their_scores = theirs(QUERY, VALUE, return_attention_scores=True, **masks)
    np.testing.assert_allclose(scores, their_scores, atol=1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(run(layer, values, QUERY, VALUE, **masks), expected, atol=1e-5)
    assert np.all(scores[2] == 0)


def test_a_mask_for_all_heads_or_each_or_the_whole_batch_is_taken():
    layer, pairs = OURS['attention'], np.broadcast_to(PAIRS[:1], PAIRS.shape)
    values = values_of(layer, QUERY, VALUE)
    expected = run(layer, values, QUERY, VALUE, attention_mask=pairs)
    np.testing.assert_allclose(run(layer, values, QUERY, VALUE, attention_mask=PAIRS[0]), expected, atol=1e-6)
    np.testing.assert_allclose(
        run(layer, values, QUERY, VALUE, attention_mask=np.stack([pairs] * 2, 1).astype(np.int32)), expected, atol=1e-6
    )


@pytest.mark.parametrize('name', OURS)
def test_the_masks_that_inputs_carry_count_by_themselves(name):
    layer = OURS[name]
    values, scope = values_of(layer, QUERY, VALUE), Scope()
    query, value = jnp.asarray(QUERY), jnp.asarray(VALUE)
    scope.set_mask(query, jnp.asarray(QUERY_MASK))
    scope.set_mask(value, jnp.asarray(VALUE_MASK))
    y = scope.call(layer, 'layer', values, query, value)
    said = run(layer, values, QUERY, VALUE, query_mask=QUERY_MASK, value_mask=VALUE_MASK)
    np.testing.assert_allclose(y, said, atol=1e-6)
    np.testing.assert_array_equal(scope.mask_of(y), QUERY_MASK)
    changed = np.where(VALUE_MASK[..., None], VALUE, 99.0).astype(np.float32)
    np.testing.assert_allclose(run(layer, values, QUERY, changed, query_mask=QUERY_MASK, value_mask=VALUE_MASK), said, atol=1e-6)


def test_a_network_with_padding_does_as_keras_does():
    ids = np.array([[1, 2, 3, 0], [4, 0, 0, 0]], np.int32)

    def network(library, input_of, model_of):
        x = input_of((4,), dtype='int32')
        h = library.Embedding(6, 8, mask_zero=True)(x)
        return model_of(x, library.MultiHeadAttention(2, 4)(h, h))

    ours = network(layers, lamina.Input, lamina.Model)
    theirs = network(keras.layers, keras.Input, keras.Model)
    ours.set_weights([np.asarray(w.value) for w in theirs.weights])
    counted = (ids != 0)[..., None]
    np.testing.assert_allclose(ours.predict(ids, verbose=0) * counted, theirs.predict(ids, verbose=0) * counted, atol=1e-5)


def test_a_key_of_its_own_comes_by_position_or_by_name():
    layer = OURS['attention']
    values = values_of(layer, QUERY, VALUE, KEY)
    expected = theirs_like(layer, values, QUERY, VALUE, KEY)(QUERY, VALUE, KEY)
    np.testing.assert_allclose(run(layer, values, QUERY, VALUE, KEY), expected, atol=1e-5)
    np.testing.assert_allclose(run(layer, values, QUERY, VALUE, key=jnp.asarray(KEY)), expected, atol=1e-5)
    masked = run(layer, values, QUERY, VALUE, KEY, key_mask=VALUE_MASK)
    np.testing.assert_allclose(masked, run(layer, values, QUERY, VALUE, KEY, value_mask=VALUE_MASK), atol=1e-6)
    assert np.abs(masked - expected).max() > 1e-3


def test_one_product_for_equal_inputs_is_three_products_for_equal_values():
    layer = MultiHeadAttention(2, 3, use_gate=True, activity_regularizer='l2')
    values = values_of(layer, QUERY, QUERY)
    losses = []

    def total(values, *inputs):
        scope = Scope()
        y = scope.call(layer, 'layer', values, *inputs)
        losses.append(len(scope.records.losses))
        return jnp.sum(jnp.sin(y)) + sum(scope.records.losses)

    x = jnp.asarray(QUERY)
    one, shared = jax.jit(jax.value_and_grad(lambda v, x: total(v, x, x), (0, 1)))(values, x)
    three, (separate, a, b) = jax.jit(jax.value_and_grad(total, (0, 1, 2)))(values, x, x + 0)
    np.testing.assert_allclose(one, three, rtol=1e-5)
    jax.tree.map(lambda p, q: np.testing.assert_allclose(p, q, atol=1e-5), shared, (separate, a + b))
    assert losses == [5, 5]


def test_an_activity_regularizer_counts_each_projection_as_in_keras():
    layer = MultiHeadAttention(2, 3, activity_regularizer='l2')
    values, scope = values_of(layer, QUERY, VALUE), Scope()
    run(layer, values, QUERY, VALUE, scope=scope)
    theirs = keras.layers.MultiHeadAttention(2, 3, activity_regularizer='l2')
    theirs(QUERY, VALUE)
    theirs.set_weights(jax.tree.leaves([list(v.values()) for v in values['layer'].values()]))
    theirs(QUERY, VALUE)
    np.testing.assert_allclose(sum(scope.records.losses), sum(theirs.losses), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    'layer',
    [
        MultiHeadAttention(2, 3, dropout=0.5),
        GroupedQueryAttention(3, 2, 2, dropout=0.5),
        Attention(dropout=0.5),
        AdditiveAttention(dropout=0.5),
    ],
)
def test_dropout_of_weights_happens_in_training_only_and_keeps_the_mean(layer):
    query, value = np.tile(QUERY[:1], (400, 1, 1)), np.tile(VALUE[:1], (400, 1, 1))
    values = values_of(layer, query, value)
    expected = run(layer, values, query, value)
    np.testing.assert_allclose(expected, run(layer.replace(dropout=0.0), values, query, value), atol=1e-6)
    scope = Scope(training=True, key=device_key(3))
    y = run(layer, values, query, value, scope=scope)
    assert np.abs(y - expected).max() > 0.1
    np.testing.assert_allclose(jnp.mean(y, 0), expected[0], atol=0.3)
    again = run(layer, values, query, value, scope=Scope(training=True, key=device_key(3)))
    np.testing.assert_array_equal(y, again)
    seeded = [run(layer.replace(seed=7), values, query, value, scope=Scope(training=True, key=device_key(k))) for k in (3, 4)]
    np.testing.assert_array_equal(*seeded)


def test_a_share_of_the_weights_as_large_as_the_rate_is_dropped():
    dropout = dropped(Scope(training=True, key=device_key(0)), (50, 2, 20, 20), 0.25, None)
    assert dropout.keep.shape == (50, 2, 20, 20)
    assert abs(float(dropout.keep.mean()) - 0.75) < 0.01
    assert dropped(Scope(), (1,), 0.25, None) is None


@pytest.mark.slow
@pytest.mark.parametrize('ours', [Attention(use_scale=True), Attention(score_mode='concat'), AdditiveAttention()])
@pytest.mark.parametrize('keywords', [{}, {'use_causal_mask': True, 'return_attention_scores': True}])
def test_masks_of_single_attention_are_those_of_keras(ours, keywords):
    theirs = getattr(keras.layers, type(ours).__name__)(
        **{f.name: getattr(ours, f.name) for f in dataclasses.fields(ours) if f.name in ('use_scale', 'score_mode')}
    )
    values = values_of(ours, QUERY, VALUE)
    theirs([QUERY, VALUE])
    theirs.set_weights(list(values['layer'].values()))
    # Where nothing may be attended to Keras takes the mean of all values; ours are zeros: the next test.
    rows, masks = slice(0, 2), [QUERY_MASK[:2], VALUE_MASK[:2]]
    expected = theirs([QUERY[rows], VALUE[rows]], mask=[jnp.asarray(m) for m in masks], **keywords)
    scope = Scope()
    y = run(ours, values, QUERY[rows], VALUE[rows], scope=scope, mask=[jnp.asarray(m) for m in masks], **keywords)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), tuple(jax.tree.leaves(y)), tuple(jax.tree.leaves(expected)))
    np.testing.assert_array_equal(scope.mask_of(jax.tree.leaves(y)[0]), masks[0])


@pytest.mark.parametrize('layer', [Attention(), Attention(score_mode='concat'), AdditiveAttention()])
def test_single_attention_to_nothing_is_zeros_without_gradient(layer):
    values = values_of(layer, QUERY, VALUE)
    masks = [jnp.asarray(np.ones_like(QUERY_MASK)), jnp.asarray(VALUE_MASK)]

    def output(query, value):
        return Scope().call(layer, 'layer', values, query, value, mask=masks)

    y = output(jnp.asarray(QUERY), jnp.asarray(VALUE))
    assert np.all(y[2] == 0)
    for gradient in jax.jit(jax.grad(lambda *x: output(*x).sum(), (0, 1)))(QUERY, VALUE):
        assert np.all(gradient[2] == 0)
        assert np.isfinite(gradient).all()


def test_axes_may_be_attended_over_together_or_one_by_one_with_masks():
    x = RNG.normal(size=(BATCH, 3, TIME, DIM)).astype(np.float32)
    values = values_of(MultiHeadAttention(2, 3), x, x)
    together = run(MultiHeadAttention(2, 3), values, x, x)
    flat = x.reshape(BATCH, 15, DIM)
    np.testing.assert_allclose(together, run(MultiHeadAttention(2, 3), values, flat, flat).reshape(x.shape), atol=1e-5)
    layer = MultiHeadAttention(2, 3, attention_axes=2)
    row = run(layer, values, x, x, use_causal_mask=True, attention_mask=PAIRS[0, :, :1] & np.ones((TIME, TIME), bool))
    for i in range(3):
        alone = run(
            MultiHeadAttention(2, 3),
            values,
            x[:, i],
            x[:, i],
            use_causal_mask=True,
            attention_mask=PAIRS[0, :, :1] & np.ones((TIME, TIME), bool),
        )
        np.testing.assert_allclose(row[:, i], alone, atol=1e-5)
    theirs = keras.layers.MultiHeadAttention(2, 3, attention_axes=(1,))
    theirs(x, x)
    theirs.set_weights(jax.tree.leaves([list(v.values()) for v in values['layer'].values()]))
    mask = RNG.random((BATCH, 3, 3)) > 0.4
    mask[..., 0] = True
    layer = MultiHeadAttention(2, 3, attention_axes=1)
    full = np.broadcast_to(mask[:, None, None], (BATCH, TIME, 2, 3, 3))
    y, scores = run(layer, values, x, x, attention_mask=full, return_attention_scores=True)
    expected, their_scores = theirs(x, x, attention_mask=full, return_attention_scores=True)
    np.testing.assert_allclose(scores, their_scores, atol=1e-5)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    padded = run(layer, values, x, x, value_mask=np.array([[True, True, False]] * BATCH))
    np.testing.assert_allclose(padded[:, :, 0], run(MultiHeadAttention(2, 3), values, x[:, :, 0], x[:, :2, 0]), atol=1e-5)


def test_settings_and_their_order_are_those_of_keras_but_for_one_name():
    without = {'self', 'kwargs', 'flash_attention'}
    for ours, theirs in ((MultiHeadAttention, keras.layers.MultiHeadAttention), (GroupedQueryAttention, keras.layers.GroupQueryAttention)):
        known = {p.name: p.default for p in inspect.signature(theirs.__init__).parameters.values() if p.name not in without}
        renamed = [{'output_shape': 'output_dim'}.get(name, name) for name in known]
        assert [f.name for f in dataclasses.fields(ours) if not f.kw_only] == renamed
        required = [2 for default in known.values() if default is inspect.Parameter.empty]
        defaults = {n: d for n, d in zip(renamed, known.values(), strict=True) if d is not inspect.Parameter.empty}
        assert ours(*required, **defaults) == ours(*required)
    assert lookup('layer', 'GroupQueryAttention') is GroupedQueryAttention


def test_a_projection_within_can_be_frozen_and_is_saved_so(tmp_path):
    x = lamina.Input((TIME, DIM))
    model = lamina.Model(x, MultiHeadAttention(2, 3, name='attention')(x, x))
    model.freeze('attention/key')
    frozen = model.network.children()['attention']
    assert frozen.within == {'key': {'trainable': False}}
    assert frozen.children()['key'].trainable is False
    assert [w.shape for w in weights_of(frozen, (None, 4, DIM), (None, 4, DIM))['key'].values() if not w.trainable] == [(6, 2, 3), (2, 3)]
    model.save(tmp_path / 'model.lamina')
    again = lamina.load(tmp_path / 'model.lamina')
    assert again.network == model.network
    np.testing.assert_array_equal(again.predict(QUERY, verbose=0), model.predict(QUERY, verbose=0))
    model.unfreeze('attention/key')
    assert model.network.children()['attention'] == MultiHeadAttention(2, 3)


def test_layers_within_take_other_settings_and_no_other_class():
    layer = MultiHeadAttention(2, 3, within={'value': {'use_bias': False}})
    assert list(weights_of(layer, (None, 4, 6), (None, 4, 6))['value']) == ['kernel']
    with pytest.raises(UnknownNameError, match="Did you mean 'query'"):
        MultiHeadAttention(2, 3, within={'queri': {'use_bias': False}})
    with pytest.raises(UnknownNameError, match="Did you mean 'use_bias'"):
        MultiHeadAttention(2, 3, within={'query': {'use_bais': False}})
    with pytest.raises(ConfigError, match='Change the settings of the layer within, not its class'):
        layer.with_children({**layer.children(), 'query': layers.Dense(3)})


BAD_CALLS = {
    'alone': (MultiHeadAttention(2, 3), [(4, 6)], {}, r'layer\(x, x\)'),
    'four': (MultiHeadAttention(2, 3), [(4, 6)] * 4, {}, r'layer\(query, value, key\)'),
    'vectors': (MultiHeadAttention(2, 3), [(6,)] * 2, {}, 'Add a time axis'),
    'lengths': (MultiHeadAttention(2, 3), [(4, 6), (5, 6), (3, 6)], {}, 'key and value equal'),
    'ranks': (GroupedQueryAttention(3, 2, 1), [(4, 6), (2, 5, 6)], {}, 'key and value equal'),
    'axes': (MultiHeadAttention(2, 3, attention_axes=(2,)), [(4, 6)] * 2, {}, 'change attention_axes'),
    'pairs': (MultiHeadAttention(2, 3), [(4, 6)] * 2, {'attention_mask': np.ones((1, 4, 3), bool)}, 'each pair of steps'),
    'padding': (MultiHeadAttention(2, 3), [(4, 6)] * 2, {'value_mask': np.ones((1, 3), bool)}, 'one boolean for each step'),
    'single': (Attention(), [(4, 6)], {}, r'layer\(\[query, value\]\)'),
    'features': (Attention(), [(4, 6), (4, 5)], {}, 'with a Dense before this layer'),
    'additive': (AdditiveAttention(), [(4, 6), (3, 5), (2, 6)], {}, 'each value a key'),
    'general': (DenseGeneral(3, 2), [(6,)], {}, 'Change input_axes'),
}


@pytest.mark.parametrize('name', BAD_CALLS)
def test_bad_calls_say_what_to_do(name):
    layer, shapes, keywords, remedy = BAD_CALLS[name]
    inputs = [np.zeros((1, *shape), np.float32) for shape in shapes]

    def use():
        run(layer, values_of(layer, *inputs), *inputs, **keywords)

    with pytest.raises(ShapeError, match=remedy):
        use()


def test_other_features_than_the_layer_was_built_for_are_refused():
    values = values_of(OURS['attention'], QUERY, VALUE)
    with pytest.raises(ShapeError, match='build a new model'):
        run(OURS['attention'], values, QUERY, VALUE, key=jnp.zeros((BATCH, SOURCE, DIM + 1)))


def test_heads_that_cannot_be_shared_and_the_name_of_keras_are_refused_with_a_remedy():
    with pytest.raises(ConfigError, match='Change num_key_value_heads'):
        GroupedQueryAttention(3, 4, 3)
    with pytest.raises(UnknownNameError, match='Write output_dim=…'):
        MultiHeadAttention(2, 3, output_shape=4)


@pytest.mark.slow
@pytest.mark.parametrize('causal', [False, True])
def test_pytorch_computes_the_same(causal):
    torch = pytest.importorskip('torch')
    theirs = torch.nn.MultiheadAttention(DIM, 2, batch_first=True)
    layer = MultiHeadAttention(2, 3)
    values = values_of(layer, QUERY, VALUE)['layer']
    with torch.no_grad():
        packed = [np.asarray(values[n]['kernel']).reshape(DIM, DIM).T for n in ('query', 'key', 'value')]
        theirs.in_proj_weight.copy_(torch.tensor(np.concatenate(packed)))
        theirs.in_proj_bias.copy_(torch.tensor(np.concatenate([np.ravel(values[n]['bias']) for n in ('query', 'key', 'value')])))
        theirs.out_proj.weight.copy_(torch.tensor(np.asarray(values['attention_output']['kernel']).reshape(DIM, DIM).T.copy()))
        theirs.out_proj.bias.copy_(torch.tensor(np.asarray(values['attention_output']['bias'])))
    query, value = (torch.tensor(x, requires_grad=True) for x in (QUERY, VALUE))
    above = torch.triu(torch.ones(TIME, SOURCE, dtype=torch.bool), 1) if causal else None
    expected, weights = theirs(query, value, value, attn_mask=above, average_attn_weights=False)
    torch.sin(expected).sum().backward()

    def total(query, value):
        y, scores = Scope().call(layer, 'l', {'l': values}, query, value, use_causal_mask=causal, return_attention_scores=True)
        return jnp.sum(jnp.sin(y)), scores

    (_, scores), gradients = jax.jit(jax.value_and_grad(total, (0, 1), has_aux=True))(QUERY, VALUE)
    np.testing.assert_allclose(scores, weights.detach(), atol=1e-5)
    for ours, leaf in zip(gradients, (query, value), strict=True):
        np.testing.assert_allclose(ours, leaf.grad, atol=1e-4)
