"""Residual networks for images of about 32 pixels, 20 to 110 layers deep."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Chain,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    Layer,
    Permute,
    Residual,
    ZeroPadding2D,
)
from lamina.models.sequential import Sequential


def resnet20(
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    *,
    filters: int = 16,
    zero_init_residual: bool = False,
    classifier_activation: Any = 'softmax',
    name: str = 'resnet20',
    seed: int | None = None,
) -> Sequential:
    """ResNet-20 for small images: three stages of three residual blocks. Where it narrows, the other side skips pixels and adds zeros.

    Args:
        input_shape: (height, width, channels).
        classes: number of classes.
        filters: the width of the first stage, which doubles at each.
        zero_init_residual: whether each block starts as nothing, by a last gamma of 0; default False.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: He, Zhang, Ren, Sun (2015), section 4.2, option A.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.resnet20().describe().trainable
        269722
    """
    layers = _layers(3, input_shape, classes, filters, zero_init_residual, classifier_activation)
    return Sequential(layers, name=name, seed=seed)


def resnet56(
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    *,
    filters: int = 16,
    zero_init_residual: bool = False,
    classifier_activation: Any = 'softmax',
    name: str = 'resnet56',
    seed: int | None = None,
) -> Sequential:
    """ResNet-56 for small images, nine blocks in each stage; arguments as for `resnet20`."""
    layers = _layers(9, input_shape, classes, filters, zero_init_residual, classifier_activation)
    return Sequential(layers, name=name, seed=seed)


def resnet110(
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    *,
    filters: int = 16,
    zero_init_residual: bool = False,
    classifier_activation: Any = 'softmax',
    name: str = 'resnet110',
    seed: int | None = None,
) -> Sequential:
    """ResNet-110, 18 blocks in each stage; arguments as for `resnet20`. The paper begins with a tenth of the learning rate."""
    layers = _layers(18, input_shape, classes, filters, zero_init_residual, classifier_activation)
    return Sequential(layers, name=name, seed=seed)


def _layers(blocks, input_shape, classes, filters, zero_init_residual, classifier_activation) -> list[Any]:
    layers = [Input(input_shape), *_convolution(filters, 1, 'stem'), Activation('relu', name='stem_relu')]
    for stage in range(3):
        layers += [_block(filters << stage, stage, block, zero_init_residual) for block in range(blocks)]
    return [*layers, GlobalAveragePooling2D(name='pool'), Dense(classes, classifier_activation, name='head')]


def _convolution(filters: int, strides: int, name: str, gamma: str = 'ones') -> list[Layer]:
    conv = Conv2D(filters, 3, strides, 'same', use_bias=False, kernel_initializer='he_normal', name=name)
    return [conv, BatchNormalization(momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=f'{name}_norm')]


def _block(filters: int, stage: int, block: int, zero: bool) -> Residual:
    narrows = stage > 0 and block == 0
    first, second = _convolution(filters, 1 + narrows, 'conv1'), _convolution(filters, 1, 'conv2', 'zeros' if zero else 'ones')
    branch = [*first, Activation('relu', name='relu'), *second]
    # The channels stand for the rows while they are padded.
    zeros = [Permute((3, 2, 1)), ZeroPadding2D(((filters // 4, filters // 4), (0, 0))), Permute((3, 2, 1))]
    beside = Chain((AveragePooling2D(1, 2), *zeros)) if narrows else None
    return Residual(Chain(tuple(branch)), beside, 'relu', name=f'stage{stage + 1}_block{block + 1}')
