"""A convolutional network with the habits of transformers."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.initializers import Constant, TruncatedNormal
from lamina.layers import (
    Chain,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    Input,
    Layer,
    LayerNormalization,
    Residual,
    StochasticDepth,
)
from lamina.models.sequential import Sequential

DRAWN = TruncatedNormal(stddev=0.02)


def convnext_tiny(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    depths: tuple[int, ...] = (3, 3, 9, 3),
    filters: tuple[int, ...] = (96, 192, 384, 768),
    drop_path_rate: float = 0.0,
    classifier_activation: Any = 'softmax',
    name: str = 'convnext_tiny',
    seed: int | None = None,
) -> Sequential:
    """ConvNeXt-T: blocks of a 7×7 convolution of each channel alone and two dense layers of each pixel alone, in four stages.

    Args:
        input_shape: (height, width, channels), of at least 4 pixels, twice as many for each stage after the first.
        classes: number of classes.
        depths: how many blocks each stage has; from eight on they run as one loop.
        filters: the width of each stage.
        drop_path_rate: of stochastic depth in the last block, growing from 0; the paper trains with 0.1. Blocks then differ: no loop.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: Liu, Mao, Wu, Feichtenhofer, Darrell, Xie (2022), section 2.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.convnext_tiny((16, 16, 3), 10, depths=(1, 1), filters=(8, 16)).output_shape
        (None, 10)
    """
    rates = iter([drop_path_rate * i / max(1, sum(depths) - 1) for i in range(sum(depths))])
    layers = [Input(input_shape), Conv2D(filters[0], 4, 4, kernel_initializer=DRAWN, name='stem'), _norm('stem_norm')]
    for stage, (width, depth) in enumerate(zip(filters, depths, strict=True), start=1):
        if stage > 1:
            layers += [_norm(f'narrow{stage}_norm'), Conv2D(width, 2, 2, kernel_initializer=DRAWN, name=f'narrow{stage}')]
        layers += [_block(width, next(rates), f'stage{stage}_block{i + 1}') for i in range(depth)]
    layers += [GlobalAveragePooling2D(name='pool'), _norm('head_norm')]
    head = Dense(classes, classifier_activation, kernel_initializer=DRAWN, name='head')
    return Sequential([*layers, head], name=name, seed=seed)


def _norm(name: str) -> Layer:
    return LayerNormalization(epsilon=1e-6, name=name)


def _block(width: int, rate: float, name: str) -> Residual:
    dense = [Dense(4 * width, 'gelu', kernel_initializer=DRAWN, name='widen'), Dense(width, kernel_initializer=DRAWN, name='narrow')]
    # One factor for each channel, which starts near nothing.
    scale = DepthwiseConv2D(1, use_bias=False, depthwise_initializer=Constant(1e-6), name='layer_scale')
    branch = [DepthwiseConv2D(7, padding='same', depthwise_initializer=DRAWN, name='conv'), _norm('norm'), *dense, scale]
    return Residual(Chain((*branch, StochasticDepth(rate, name='drop')) if rate else tuple(branch)), name=name)
