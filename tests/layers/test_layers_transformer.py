"""Transformer blocks beside Keras's layers put together by hand, and PyTorch's blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core import paths
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.keys import device_key
from lamina.layers import Dropout, Scope, TransformerDecoder, TransformerEncoder
from lamina.layers.base import weights_of
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')

RNG = np.random.default_rng(0)
X, ENCODED = (RNG.normal(size=(3, n, 8)).astype(np.float32) for n in (5, 4))
MASK = np.arange(5)[None] < np.array([[5], [3], [1]])
SOURCE_MASK = np.arange(4)[None] < np.array([[4], [1], [2]])
ENCODER, DECODER = TransformerEncoder(6, 2, activation='gelu', layer_norm_epsilon=1e-3), TransformerDecoder(6, 2)


def values_of(layer, *shapes):
    """Values that are not zero, by path."""
    flat = initial_values(weights_of(layer, *shapes), seed=1)
    return {path: v + 0.1 * np.random.default_rng(2).normal(size=v.shape).astype(np.float32) for path, v in flat.items()}


def run(layer, values, *inputs, scope=None, **keywords):
    """The outputs; compiled as one program where nothing is asked of the scope."""

    def call(values, *inputs, scope=scope):
        return (scope or Scope()).call(layer, 'block', {'block': paths.nest(values)}, *inputs, **keywords)

    return call(values, *map(jnp.asarray, inputs)) if scope is not None else jax.jit(call)(values, *inputs)


class ByHand:
    """A block of Keras's layers with our values."""

    def __init__(self, block, values):
        self.block, self.values = block, values

    def layer(self, name, layer, *inputs, **keywords):
        layer(*inputs, **keywords)
        layer.set_weights([v for path, v in self.values.items() if path.startswith(f'{name}/')])
        return layer(*inputs, **keywords)

    def norm(self, name, x):
        return self.layer(f'{name}_layer_norm', keras.layers.LayerNormalization(epsilon=self.block.layer_norm_epsilon), x)

    def residual(self, part, x, branch):
        if self.block.normalize_first:
            return x + branch(self.norm(part, x))
        return self.norm(part, x + branch(x))

    def attention(self, name, x, other, **keywords):
        layer = keras.layers.MultiHeadAttention(self.block.num_heads, x.shape[-1] // self.block.num_heads)
        return self.layer(name, layer, x, other, **keywords)

    def feedforward(self, x):
        def dense(h):
            first = keras.layers.Dense(self.block.intermediate_dim, self.block.activation)
            return self.layer(
                'feedforward_output_dense', keras.layers.Dense(x.shape[-1]), self.layer('feedforward_intermediate_dense', first, h)
            )

        return self.residual('feedforward', x, dense)


@pytest.mark.parametrize('normalize_first', [False, True])
def test_the_encoder_is_keras_layers_put_together(normalize_first):
    block = ENCODER.replace(normalize_first=normalize_first)
    values = values_of(block, (None, 5, 8))
    pairs = RNG.random((3, 5, 5)) > 0.3
    pairs[..., 0] = True
    hand = ByHand(block, values)
    mask = {'attention_mask': pairs & MASK[:, None]}
    expected = hand.feedforward(hand.residual('self_attention', X, lambda h: hand.attention('self_attention_layer', h, h, **mask)))
    y = run(block, values, X, padding_mask=MASK, attention_mask=pairs)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    again, scores = run(block, values, X, padding_mask=MASK, attention_mask=pairs, return_attention_scores=True)
    np.testing.assert_allclose(again, expected, atol=1e-5)
    assert scores.shape == (3, 2, 5, 5)
    assert np.all(np.asarray(scores)[np.broadcast_to(~mask['attention_mask'][:, None], scores.shape)] == 0)


@pytest.mark.parametrize('normalize_first', [False, True])
@pytest.mark.parametrize('crossed', [False, True])
def test_the_decoder_is_keras_layers_put_together(normalize_first, crossed):
    block, inputs = DECODER.replace(normalize_first=normalize_first), (X, ENCODED) if crossed else (X,)
    values = values_of(block, *((None, *x.shape[1:]) for x in inputs))
    hand = ByHand(block, values)
    x = hand.residual('self_attention', X, lambda h: hand.attention('self_attention', h, h, use_causal_mask=True))
    if crossed:
        mask = {'attention_mask': np.broadcast_to(SOURCE_MASK[:, None], (3, 5, 4))}
        x = hand.residual('cross_attention', x, lambda h: hand.attention('cross_attention', h, ENCODED, **mask))
    expected = hand.feedforward(x)
    said = {'encoder_padding_mask': SOURCE_MASK} if crossed else {}
    np.testing.assert_allclose(run(block, values, *inputs, **said), expected, atol=1e-5)
    assert any('cross' in path for path in values) == crossed


def test_the_order_of_weights_is_that_of_keras_hub():
    heads = ['query', 'key', 'value', 'attention_output']
    parts = list(weights_of(ENCODER, (None, 5, 8)))
    assert parts == [
        'self_attention_layer', 'self_attention_layer_norm', 'feedforward_layer_norm', 'feedforward_intermediate_dense',
        'feedforward_output_dense',
    ]  # fmt: skip
    assert list(weights_of(ENCODER, (None, 5, 8))['self_attention_layer']) == heads
    assert list(weights_of(DECODER, (None, 5, 8), (None, 4, 8))) == [
        'self_attention', 'self_attention_layer_norm', 'cross_attention', 'cross_attention_layer_norm', 'feedforward_intermediate_dense',
        'feedforward_output_dense', 'feedforward_layer_norm',
    ]  # fmt: skip


def test_the_mask_of_the_input_counts_and_passes_on():
    for block, keyword in ((ENCODER, 'padding_mask'), (DECODER, 'decoder_padding_mask')):
        values, scope = values_of(block, (None, 5, 8)), Scope()
        x = jnp.asarray(X)
        scope.set_mask(x, jnp.asarray(MASK))
        y = scope.call(block, 'block', {'block': paths.nest(values)}, x)
        said = run(block, values, X, **{keyword: MASK})
        np.testing.assert_allclose(y * MASK[..., None], said * MASK[..., None], atol=1e-5)
        np.testing.assert_array_equal(scope.mask_of(y), MASK)
        changed = np.where(MASK[..., None], X, 9.0).astype(np.float32)
        np.testing.assert_allclose(run(block, values, changed, **{keyword: MASK}) * MASK[..., None], said * MASK[..., None], atol=1e-5)


def test_later_steps_change_earlier_ones_only_without_the_causal_mask():
    values, changed = values_of(DECODER, (None, 5, 8)), np.concatenate([X[:, :3], X[:, 3:] + 1], 1)
    np.testing.assert_allclose(run(DECODER, values, X)[:, :3], run(DECODER, values, changed)[:, :3], atol=1e-5)
    free = [run(DECODER, values, x, use_causal_mask=False)[:, :3] for x in (X, changed)]
    assert np.abs(free[0] - free[1]).max() > 1e-3
    above = np.tril(np.ones((5, 5), bool))[None]
    said = run(DECODER, values, X, use_causal_mask=False, decoder_attention_mask=above)
    np.testing.assert_allclose(said, run(DECODER, values, X), atol=1e-5)


def test_dropout_and_the_penalty_of_activity_count_in_training():
    block = ENCODER.replace(dropout=0.5, activity_regularizer='l2')
    values, scope = values_of(block, (None, 5, 8)), Scope()
    y = run(block, values, X, scope=scope)
    np.testing.assert_allclose(y, run(ENCODER, values, X), atol=1e-6)
    np.testing.assert_allclose(scope.records.losses, [0.01 * np.sum(np.square(y)) / 3], rtol=1e-5)
    trained = run(block, values, X, scope=Scope(training=True, key=device_key(0)))
    assert np.abs(trained - y).max() > 0.1
    assert np.isfinite(trained).all()
    assert block.children()['feedforward_dropout'] == Dropout(0.5)


def test_a_stack_of_blocks_learns_and_its_parts_can_be_frozen():
    x = lamina.Input((5, 8))
    h = x
    for i in range(2):
        h = TransformerEncoder(16, 2, name=f'block_{i}')(h)
    model = lamina.Model(x, lamina.layers.Dense(1)(h))
    model.freeze('block_0/self_attention_layer/query')
    model.compile('adam', 'mse')
    inputs = np.random.default_rng(0).normal(size=(32, 5, 8)).astype(np.float32)
    before = {
        path: np.array(v) for path, v in zip(paths.flatten(weights_of(model.network, (None, 5, 8))), model.get_weights(), strict=True)
    }
    history = model.fit(inputs, inputs[..., :1].cumsum(1), epochs=8, batch_size=16, verbose=0)
    after = dict(zip(before, model.get_weights(), strict=True))
    assert history.history['loss'][-1] < 0.8 * history.history['loss'][0]
    still = {path for path in before if np.array_equal(before[path], after[path])}
    assert still == {'block_0/self_attention_layer/query/kernel', 'block_0/self_attention_layer/query/bias'}


def test_bad_inputs_say_what_to_do():
    with pytest.raises(ShapeError, match='Put an Embedding before'):
        ENCODER(lamina.Input((8,)))
    with pytest.raises(ShapeError, match='Lower num_heads'):
        TransformerDecoder(4, 9)(lamina.Input((5, 8)))
    x = lamina.Input((5, 8))
    with pytest.raises(ShapeError, match=r'Call decoder\(x\) or decoder\(x, encoder_sequence\)'):
        run(DECODER, values_of(DECODER, (None, 5, 8)), X, X, X)
    with pytest.raises(ShapeError, match='each pair of steps'):
        ENCODER(x, attention_mask=lamina.Input((4, 5), dtype='bool'))
    with pytest.raises(ConfigError, match='Change dropout=… to such a value'):
        TransformerEncoder(4, 2, dropout=1.0)


@pytest.mark.slow
@pytest.mark.parametrize('normalize_first', [False, True])
def test_pytorch_computes_the_same_encoder(normalize_first):
    torch = pytest.importorskip('torch')
    block = TransformerEncoder(6, 2, normalize_first=normalize_first)
    values = values_of(block, (None, 5, 8))
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 6, dropout=0.0, batch_first=True, norm_first=normalize_first)
    heads = 'self_attention_layer'
    joined = np.concatenate([values[f'{heads}/{n}/kernel'].reshape(8, 8) for n in ('query', 'key', 'value')], 1).T
    state = {
        'self_attn.in_proj_weight': joined,
        'self_attn.in_proj_bias': np.concatenate([values[f'{heads}/{n}/bias'].ravel() for n in ('query', 'key', 'value')]),
        'self_attn.out_proj.weight': values[f'{heads}/attention_output/kernel'].reshape(8, 8).T,
        'self_attn.out_proj.bias': values[f'{heads}/attention_output/bias'],
        'norm1.weight': values['self_attention_layer_norm/gamma'],
        'norm1.bias': values['self_attention_layer_norm/beta'],
        'norm2.weight': values['feedforward_layer_norm/gamma'],
        'norm2.bias': values['feedforward_layer_norm/beta'],
        'linear1.weight': values['feedforward_intermediate_dense/kernel'].T,
        'linear1.bias': values['feedforward_intermediate_dense/bias'],
        'linear2.weight': values['feedforward_output_dense/kernel'].T,
        'linear2.bias': values['feedforward_output_dense/bias'],
    }
    theirs.load_state_dict({name: torch.tensor(np.ascontiguousarray(v)) for name, v in state.items()})
    x = torch.tensor(X, requires_grad=True)
    expected = theirs(x, src_key_padding_mask=torch.tensor(~MASK))
    torch.sin(expected * torch.tensor(MASK[..., None])).sum().backward()

    def total(x):
        y = run(block, values, x, padding_mask=MASK)
        return jnp.sum(jnp.sin(y * MASK[..., None])), y

    (_, y), gradient = jax.jit(jax.value_and_grad(total, has_aux=True))(X)
    np.testing.assert_allclose(y * MASK[..., None], expected.detach().numpy() * MASK[..., None], atol=1e-5)
    np.testing.assert_allclose(gradient, x.grad, atol=1e-4)
