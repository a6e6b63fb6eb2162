"""A network for images on small devices."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import (
    Activation,
    BatchNormalization,
    Chain,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    Input,
    Layer,
    Residual,
)
from lamina.models.sequential import Sequential

# How much wider a block is within, its filters, how many there are, the strides of the first.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenet_v2_small(
    input_shape: Shape = (96, 96, 3),
    classes: int = 1000,
    *,
    alpha: float = 0.35,
    classifier_activation: Any = 'softmax',
    name: str = 'mobilenet_v2_small',
    seed: int | None = None,
) -> Sequential:
    """MobileNetV2 at about a third of its width: residual blocks that are wide within, where each filter sees one channel alone.

    Args:
        input_shape: (height, width, channels); 32 times smaller where the pooling is.
        classes: number of classes.
        alpha: what the numbers of filters are multiplied by; 1 is the paper's network.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: Sandler, Howard, Zhu, Zhmoginov, Chen (2018), table 2.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.mobilenet_v2_small((32, 32, 3), 10, alpha=0.1).output_shape
        (None, 10)
    """
    filters, last = _rounded(32 * alpha), _rounded(1280 * max(1.0, alpha))
    layers = [Input(input_shape), *_normalized(Conv2D(filters, 3, 2, 'same', use_bias=False, name='stem'))]
    for stage, (expansion, base, count, strides) in enumerate(STAGES, start=1):
        for block in range(count):
            before, filters = filters, _rounded(base * alpha)
            layers.append(_block(before, expansion, filters, 1 if block else strides, f'stage{stage}_block{block + 1}'))
    layers += [*_normalized(Conv2D(last, 1, use_bias=False, name='top')), GlobalAveragePooling2D(name='pool')]
    return Sequential([*layers, Dense(classes, classifier_activation, name='head')], name=name, seed=seed)


def _rounded(filters: float) -> int:
    """The nearest multiple of 8 that is not more than a tenth smaller."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * filters else nearest + 8


def _normalized(conv: Layer, activation: str = 'relu6') -> list[Layer]:
    norm = BatchNormalization(momentum=0.9, name=f'{conv.name}_norm')
    return [conv, norm] if activation == 'linear' else [conv, norm, Activation(activation, name=f'{conv.name}_{activation}')]


def _block(before: int, expansion: int, filters: int, strides: int, name: str) -> Layer:
    layers = _normalized(Conv2D(expansion * before, 1, use_bias=False, name='expand')) if expansion > 1 else []
    layers += _normalized(DepthwiseConv2D(3, strides, 'same', use_bias=False, name='depthwise'))
    layers += _normalized(Conv2D(filters, 1, use_bias=False, name='project'), 'linear')
    return Residual(Chain(tuple(layers)), name=name) if strides == 1 and before == filters else Chain(tuple(layers), name=name)
