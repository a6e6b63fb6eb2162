"""Attention: projections, heads, gates, windows, causality, dropout, axes; positions and transformer blocks, which Keras has not."""

import functools

from parity import Row

from lamina import layers

A, B, C = (5, 6), (4, 6), (3, 5, 6)
CAUSAL, SCORES = {'use_causal_mask': True}, {'return_attention_scores': True}


def mha(*settings, **named):
    """Keras's layer, one setting of which we call otherwise."""
    import keras

    return keras.layers.MultiHeadAttention(*settings, **named)


def grouped(*settings, **named):
    """Keras's layer, which its module of layers exports under another name than its class has."""

    def make():
        import keras

        return keras.layers.GroupQueryAttention(*settings, **named)

    return make


def general(equation, shape, **named):
    """The layer of Keras that does what `DenseGeneral` does."""
    import keras

    return keras.layers.EinsumDense(equation, shape, **named)


ROWS = [
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3), (A, B), keras=functools.partial(mha, 2, 3)),
    # Keras 3.15 on JAX fails where value_dim is not key_dim, but for layers that drop weights, which take another path.
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=5, use_bias=False, dropout=0.1), (A, (4, 7))),
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3, dropout=0.5), (A, A), keywords={**CAUSAL, **SCORES}),
    Row(layers.MultiHeadAttention(num_heads=3, key_dim=2, sliding_window=2), (A, A), keywords=CAUSAL),
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3, use_gate=True), (A, B), keywords=SCORES),
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3, output_dim=4), (A, B), keras=functools.partial(mha, 2, 3, output_shape=4)),
    Row(
        layers.MultiHeadAttention(num_heads=2, key_dim=3, output_dim=(2, 4)),
        (A, B),
        keras=functools.partial(mha, 2, 3, output_shape=(2, 4)),
        slow=True,
    ),
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3, attention_axes=(2,)), (C, C), keywords=SCORES),
    Row(layers.MultiHeadAttention(num_heads=2, key_dim=3), (C, (2, 4, 6)), slow=True),
    Row(
        layers.MultiHeadAttention(
            num_heads=2, key_dim=3, kernel_regularizer='l2', bias_regularizer='l1', bias_initializer='ones', kernel_constraint='non_neg'
        ),
        (A, B),
    ),
    Row(layers.GroupedQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2), (A, B), keras=grouped(3, 4, 2)),
    Row(
        layers.GroupedQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=1, use_bias=False),
        (A, A),
        keywords=CAUSAL,
        keras=grouped(3, 4, 1, use_bias=False),
    ),
    Row(
        layers.GroupedQueryAttention(head_dim=2, num_query_heads=4, num_key_value_heads=4, use_gate=True),
        (A, A),
        keywords=SCORES,
        keras=grouped(2, 4, 4, use_gate=True),
    ),
    Row(
        layers.GroupedQueryAttention(head_dim=2, num_query_heads=2, num_key_value_heads=1, sliding_window=3, dropout=0.5),
        (A, A),
        keras=grouped(2, 2, 1, sliding_window=3, dropout=0.5),
    ),
    Row(layers.Attention(), (A, B)),
    Row(layers.Attention(use_scale=True), (A, B, B), keywords=SCORES),
    Row(layers.Attention(score_mode='concat', use_scale=True, dropout=0.5), (A, B)),
    Row(layers.Attention(score_mode='concat'), (A, A), keywords=CAUSAL),
    Row(layers.Attention(), (A, A), keywords=CAUSAL),
    Row(layers.AdditiveAttention(), (A, B, B)),
    Row(layers.AdditiveAttention(use_scale=False, dropout=0.3), (A, A), keywords={**CAUSAL, **SCORES}),
    Row(
        layers.DenseGeneral(units=(2, 3)),
        (A,),
        keras=functools.partial(general, 'abc,cde->abde', (None, 2, 3), bias_axes='de'),
    ),
    Row(
        layers.DenseGeneral(units=4, input_axes=2, activation='tanh'),
        (C,),
        keras=functools.partial(general, 'abcd,cde->abe', (None, 4), bias_axes='e', activation='tanh'),
    ),
    Row(layers.DenseGeneral(units=(2, 2), use_bias=False), (C,), keras=functools.partial(general, 'abcd,def->abcef', (None, None, 2, 2))),
    Row(layers.SinusoidalPositionEncoding(), (A,), keras=None),
    Row(layers.SinusoidalPositionEncoding(max_wavelength=50, add=True), (C,), keywords={'start_index': 3}, keras=None),
    Row(layers.LearnedPositionEmbedding(sequence_length=7), (A,), keras=None),
    Row(layers.LearnedPositionEmbedding(sequence_length=5, add=True, initializer='uniform'), (C,), keras=None),
    Row(layers.RotaryEmbedding(), (A,), keras=None),
    Row(layers.RotaryEmbedding(max_wavelength=100, scaling_factor=2.0, interleaved=True), (C,), keywords={'start_index': 2}, keras=None),
    Row(layers.TransformerEncoder(intermediate_dim=7, num_heads=2), (A,), masked=True, keras=None),
    Row(layers.TransformerEncoder(intermediate_dim=7, num_heads=3, normalize_first=True, activation='gelu'), (A,), keras=None),
    Row(layers.TransformerDecoder(intermediate_dim=7, num_heads=2), (A,), masked=True, keras=None),
    Row(layers.TransformerDecoder(intermediate_dim=7, num_heads=3, normalize_first=True, dropout=0.1), (A, (4, 5)), keras=None),
]
