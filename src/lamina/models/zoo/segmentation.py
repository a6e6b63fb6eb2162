"""A class for each pixel."""

from typing import Any

from lamina.core.errors import ShapeError
from lamina.core.shapes import Shape, show
from lamina.layers import Activation, BatchNormalization, Chain, Concatenate, Conv2D, Conv2DTranspose, Dropout, Input, MaxPooling2D
from lamina.models.model import Model


def unet(
    input_shape: Shape = (128, 128, 1),
    classes: int = 2,
    *,
    filters: int = 32,
    depth: int = 4,
    batch_normalization: bool = False,
    dropout: float = 0.0,
    classifier_activation: Any = 'softmax',
    name: str = 'unet',
    seed: int | None = None,
) -> Model:
    """U-Net: down to a few wide pixels and up again, each level seeing what the level of its size saw on the way down.

    Convolutions are padded, so that the output has the size of the input, where the paper's is smaller.

    Args:
        input_shape: (height, width, channels), multiples of 2^depth.
        classes: of a pixel; 1 with `classifier_activation='sigmoid'` for one kind of thing.
        filters: the width of the first level, which doubles at each; the paper has 64.
        depth: how often the image is halved.
        batch_normalization: whether each convolution is normalized, as is usual since; default False.
        dropout: probability of dropping, at the lowest level.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Shapes:
        (batch, height, width, channels) → (batch, height, width, classes).

    Raises:
        ShapeError: the height or width cannot be halved so often.

    Source: Ronneberger, Fischer, Brox (2015), figure 1.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.unet((16, 16, 1), filters=4, depth=2).output_shape
        (None, 16, 16, 2)
    """
    if any(size is not None and size % 2**depth for size in input_shape[:2]):
        raise ShapeError(f'unet {name!r}', show(input_shape), f'multiples of {2**depth}', 'Resize or pad the images, or lower depth.')
    image = x = Input(input_shape, name='image')
    beside = []
    for level in range(depth):
        beside.append(_level(filters << level, batch_normalization, f'down{level + 1}')(x))
        x = MaxPooling2D(name=f'pool{level + 1}')(beside[-1])
    x = Dropout(dropout, name='dropout')(_level(filters << depth, batch_normalization, 'bottom')(x))
    for level in reversed(range(depth)):
        x = Conv2DTranspose(filters << level, 2, 2, kernel_initializer='he_normal', name=f'grow{level + 1}')(x)
        x = Concatenate(name=f'join{level + 1}')([beside[level], x])
        x = _level(filters << level, batch_normalization, f'up{level + 1}')(x)
    return Model(image, Conv2D(classes, 1, activation=classifier_activation, name='head')(x), name=name, seed=seed)


def _level(filters: int, normalized: bool, name: str) -> Chain:
    layers = []
    for i in (1, 2):
        layers.append(Conv2D(filters, 3, padding='same', use_bias=not normalized, kernel_initializer='he_normal', name=f'conv{i}'))
        layers += [BatchNormalization(momentum=0.9, name=f'norm{i}')] if normalized else []
        layers.append(Activation('relu', name=f'relu{i}'))
    return Chain(tuple(layers), name=name)
