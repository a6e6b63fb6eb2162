"""The first convolutional network that read handwriting on cheques."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input
from lamina.models.sequential import Sequential


def lenet5(
    input_shape: Shape = (28, 28, 1),
    classes: int = 10,
    *,
    activation: Any = 'tanh',
    classifier_activation: Any = 'softmax',
    name: str = 'lenet5',
    seed: int | None = None,
) -> Sequential:
    """LeNet-5: two convolutions, each with a pooling, and three dense layers; for small grey pictures.

    Images of less than 32 pixels are padded by the first convolution, as MNIST's were in the paper. Differs from the paper in that the
    second convolution sees all channels, poolings have no weights, and the output is a softmax.

    Args:
        input_shape: (height, width, channels), of at least 12 pixels.
        classes: number of classes.
        activation: of the hidden layers; `'relu'` learns faster.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: LeCun, Bottou, Bengio, Haffner (1998), section II.B.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.lenet5().count_params()
        61706
    """
    small = any(size is not None and size < 32 for size in input_shape[:2])
    layers = [
        Input(input_shape),
        Conv2D(6, 5, padding='same' if small else 'valid', activation=activation, name='conv1'),
        AveragePooling2D(2, name='pool1'),
        Conv2D(16, 5, activation=activation, name='conv2'),
        AveragePooling2D(2, name='pool2'),
        Flatten(name='flatten'),
        Dense(120, activation, name='dense1'),
        Dense(84, activation, name='dense2'),
        Dense(classes, classifier_activation, name='head'),
    ]
    return Sequential(layers, name=name, seed=seed)
