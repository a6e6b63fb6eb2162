"""Stacks of small convolutions: the plain convolutional network."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import Activation, BatchNormalization, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from lamina.models.sequential import Sequential


def vgg_small(
    input_shape: Shape = (32, 32, 3),
    classes: int = 10,
    *,
    filters: tuple[int, ...] = (32, 64, 128),
    units: int = 128,
    dropout: float = 0.5,
    classifier_activation: Any = 'softmax',
    name: str = 'vgg_small',
    seed: int | None = None,
) -> Sequential:
    """A small VGG: for each width two convolutions of 3×3 and a pooling, then one hidden dense layer.

    Differs from the paper in size, and in a batch normalization after each convolution, without which it trains slowly.

    Args:
        input_shape: (height, width, channels), of at least 2 pixels for each width.
        classes: number of classes.
        filters: the width of each stage.
        units: of the hidden dense layer.
        dropout: probability of dropping its outputs.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: Simonyan, Zisserman (2015), section 2.1.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.vgg_small((8, 8, 1), filters=(8, 16), units=32).output_shape
        (None, 10)
    """
    layers: list[Any] = [Input(input_shape)]
    for stage, width in enumerate(filters, start=1):
        for i in (1, 2):
            conv = Conv2D(width, 3, padding='same', use_bias=False, kernel_initializer='he_normal', name=f'conv{stage}_{i}')
            norm, relu = BatchNormalization(momentum=0.9, name=f'norm{stage}_{i}'), Activation('relu', name=f'relu{stage}_{i}')
            layers += [conv, norm, relu]
        layers.append(MaxPooling2D(name=f'pool{stage}'))
    layers += [
        Flatten(name='flatten'),
        Dense(units, 'relu', kernel_initializer='he_normal', name='hidden'),
        Dropout(dropout, name='dropout'),
    ]
    return Sequential([*layers, Dense(classes, classifier_activation, name='head')], name=name, seed=seed)
