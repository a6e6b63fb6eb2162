"""Tokens that look at one another, and are then named together."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import (
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    Input,
    LayerNormalization,
    Repeat,
    SinusoidalPositionEncoding,
    TransformerEncoder,
)
from lamina.models.sequential import Sequential


def transformer_classifier(
    input_shape: Shape = (None,),
    classes: int = 2,
    vocabulary_size: int = 10_000,
    *,
    dim: int = 64,
    depth: int = 2,
    num_heads: int = 4,
    intermediate_dim: int | None = None,
    dropout: float = 0.1,
    classifier_activation: Any = 'softmax',
    name: str = 'transformer_classifier',
    seed: int | None = None,
) -> Sequential:
    """Embedded tokens with their positions, encoder blocks, and the mean over the steps that are no padding.

    Args:
        input_shape: (time,) of tokens, 0 for padding; a time of None takes any length.
        classes: number of classes.
        vocabulary_size: how many tokens there are.
        dim: the size of each token's vector.
        depth: how many encoder blocks; from eight on they run as one loop.
        num_heads: of each attention.
        intermediate_dim: the width within each block; default 4 · dim.
        dropout: probability of dropping, in training.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: Vaswani et al. (2017), section 3; normalization before each part: Xiong et al. (2020).

    Example:
        >>> from lamina.models import zoo
        >>> zoo.transformer_classifier((20,), 3, 100, dim=16, num_heads=2).output_shape
        (None, 3)
    """
    block = TransformerEncoder(intermediate_dim or 4 * dim, num_heads, dropout, 'gelu', normalize_first=True, name='block')
    layers = [
        Input(input_shape, dtype='int32'),
        Embedding(vocabulary_size, dim, mask_zero=True, name='embedding'),
        SinusoidalPositionEncoding(add=True, name='positions'),
        Repeat(block, depth, name='encoder'),
        LayerNormalization(name='norm'),
        GlobalAveragePooling1D(name='pool'),
        Dropout(dropout, name='dropout'),
        Dense(classes, classifier_activation, name='head'),
    ]
    return Sequential(layers, name=name, seed=seed)
