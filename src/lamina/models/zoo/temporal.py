"""Sequences seen by convolutions that reach further back from block to block."""

from typing import Any

from lamina.core.errors import ShapeError
from lamina.core.shapes import Shape, show
from lamina.layers import (
    Activation,
    Chain,
    Conv1D,
    Cropping1D,
    Dense,
    Flatten,
    Input,
    Layer,
    Residual,
    SpatialDropout1D,
    WeightNormalization,
)
from lamina.models.sequential import Sequential


def tcn(
    input_shape: Shape,
    classes: int,
    filters: tuple[int, ...] = (32, 32, 32, 32),
    *,
    kernel_size: int = 3,
    dropout: float = 0.0,
    classifier_activation: Any = 'softmax',
    name: str = 'tcn',
    seed: int | None = None,
) -> Sequential:
    """A temporal convolutional network: residual blocks of two causal convolutions, dilated twice as far in each block.

    The output follows from the last step, which sees 2 · (kernel_size - 1) · (2^blocks - 1) steps back.

    Args:
        input_shape: (time, features).
        classes: number of classes; 1 with `classifier_activation=None` for a quantity.
        filters: the width of each block.
        kernel_size: how many steps each filter has.
        dropout: probability of dropping a filter, after each convolution.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Raises:
        ShapeError: the time is not known.

    Source: Bai, Kolter, Koltun (2018), section 3.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.tcn((784, 1), 10, (25,) * 8, kernel_size=7).count_params()
        66910
    """
    if len(input_shape) != 2 or input_shape[0] is None:
        raise ShapeError(f'tcn {name!r}', show(input_shape), '(time, features), both known', 'Pad the sequences to one length.')
    layers: list[Any] = [Input(input_shape)]
    for i, width in enumerate(filters):
        before = filters[i - 1] if i else input_shape[1]
        layers.append(_block(width, kernel_size, 2**i, dropout, before != width, f'block{i + 1}'))
    layers += [Cropping1D((input_shape[0] - 1, 0), name='last'), Flatten(name='flatten')]
    return Sequential([*layers, Dense(classes, classifier_activation, name='head')], name=name, seed=seed)


def _block(width: int, size: int, dilation: int, dropout: float, changes: bool, name: str) -> Residual:
    branch: list[Layer] = []
    for i in (1, 2):
        conv = Conv1D(width, size, padding='causal', dilation_rate=dilation, kernel_initializer='he_normal', name=f'conv{i}')
        branch += [WeightNormalization(conv, name=f'normalized{i}'), Activation('relu', name=f'relu{i}')]
        branch += [SpatialDropout1D(dropout, name=f'dropout{i}')] if dropout else []
    return Residual(Chain(tuple(branch)), Conv1D(width, 1) if changes else None, 'relu', name=name)
