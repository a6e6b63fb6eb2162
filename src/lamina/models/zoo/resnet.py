"""Residual networks for images of about 224 pixels."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import Activation, BatchNormalization, Chain, Conv2D, Dense, GlobalAveragePooling2D, Input, Layer, MaxPooling2D, Residual
from lamina.models.sequential import Sequential


def resnet18(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    filters: int = 64,
    zero_init_residual: bool = False,
    classifier_activation: Any = 'softmax',
    name: str = 'resnet18',
    seed: int | None = None,
) -> Sequential:
    """ResNet-18: four stages of two residual blocks of two convolutions.

    Args:
        input_shape: (height, width, channels); 32 times smaller where the pooling is.
        classes: number of classes.
        filters: the width of the first stage, which doubles at each.
        zero_init_residual: whether each block starts as nothing, by a last gamma of 0; default False.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: He, Zhang, Ren, Sun (2015), table 1; blocks that start as nothing: Goyal et al. (2017), section 5.1.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.resnet18((32, 32, 3), 10, filters=8).output_shape
        (None, 10)
    """
    layers = _layers((2, 2, 2, 2), False, input_shape, classes, filters, zero_init_residual, classifier_activation)
    return Sequential(layers, name=name, seed=seed)


def resnet50(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    filters: int = 64,
    zero_init_residual: bool = False,
    classifier_activation: Any = 'softmax',
    name: str = 'resnet50',
    seed: int | None = None,
) -> Sequential:
    """ResNet-50: stages of 3, 4, 6 and 3 blocks of a 3×3 convolution between two of 1×1; arguments as for `resnet18`.

    The 3×3 convolution, not the first, has the strides, as is usual since (Goyal et al., 2017, section 5.1).
    """
    layers = _layers((3, 4, 6, 3), True, input_shape, classes, filters, zero_init_residual, classifier_activation)
    return Sequential(layers, name=name, seed=seed)


def _layers(blocks, wide, input_shape, classes, filters, zero_init_residual, classifier_activation) -> list[Any]:
    layers = [Input(input_shape), *_convolution(filters, 7, 2, 'stem'), Activation('relu', name='stem_relu')]
    layers.append(MaxPooling2D(3, 2, 'same', name='stem_pool'))
    for stage, count in enumerate(blocks):
        layers += [_block(filters << stage, stage, block, wide, zero_init_residual) for block in range(count)]
    return [*layers, GlobalAveragePooling2D(name='pool'), Dense(classes, classifier_activation, name='head')]


def _convolution(filters: int, size: int, strides: int, name: str, gamma: str = 'ones') -> list[Layer]:
    conv = Conv2D(filters, size, strides, 'same', use_bias=False, kernel_initializer='he_normal', name=name)
    return [conv, BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=f'{name}_norm')]


def _block(filters: int, stage: int, block: int, wide: bool, zero: bool) -> Residual:
    strides, gamma = 2 if stage and not block else 1, 'zeros' if zero else 'ones'
    branch = [*_convolution(filters, 1, 1, 'conv0'), Activation('relu', name='relu0')] if wide else []
    branch += [*_convolution(filters, 3, strides, 'conv1'), Activation('relu', name='relu1')]
    branch += _convolution(4 * filters, 1, 1, 'conv2', gamma) if wide else _convolution(filters, 3, 1, 'conv2', gamma)
    changes = block == 0 and (wide or stage > 0)
    beside = Chain(tuple(_convolution(4 * filters if wide else filters, 1, strides, 'conv'))) if changes else None
    return Residual(Chain(tuple(branch)), beside, 'relu', name=f'stage{stage + 1}_block{block + 1}')
