"""An image as a sequence of patches that look at one another."""

from typing import Any

from lamina.core.errors import ShapeError
from lamina.core.shapes import Shape, show
from lamina.initializers import TruncatedNormal
from lamina.layers import (
    Conv2D,
    Cropping1D,
    Dense,
    Flatten,
    Input,
    LayerNormalization,
    LearnedPositionEmbedding,
    Repeat,
    Reshape,
    TransformerEncoder,
    ZeroPadding1D,
)
from lamina.models.sequential import Sequential


def vit_tiny(
    input_shape: Shape = (224, 224, 3),
    classes: int = 1000,
    *,
    patch_size: int = 16,
    dim: int = 192,
    depth: int = 12,
    num_heads: int = 3,
    dropout: float = 0.0,
    classifier_activation: Any = 'softmax',
    name: str = 'vit_tiny',
    seed: int | None = None,
) -> Sequential:
    """ViT-Ti/16: twelve equal encoder blocks, which run as one loop, over patches of 16×16 pixels and a first token for the class.

    The class token is the vector of position 0, to which nothing is added: one vector where the paper has the sum of two.

    Args:
        input_shape: (height, width, channels), multiples of the patch size.
        classes: number of classes.
        patch_size: pixels of a patch, each way.
        dim: the size of each patch's vector.
        depth: how many encoder blocks.
        num_heads: of each attention.
        dropout: probability of dropping, in training.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Raises:
        ShapeError: the image is not a whole number of patches.

    Source: Dosovitskiy et al. (2021), section 3.1; this width: Touvron et al. (2021), table 1.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.vit_tiny((8, 8, 1), 10, patch_size=4, dim=16, depth=2, num_heads=2).output_shape
        (None, 10)
    """
    if len(input_shape) != 3 or any(size is None or size % patch_size for size in input_shape[:2]):
        raise ShapeError(f'vit {name!r}', show(input_shape), f'multiples of {patch_size} pixels', 'Resize the images, or set patch_size.')
    patches = (input_shape[0] // patch_size) * (input_shape[1] // patch_size)  # type: ignore[operator]
    drawn = TruncatedNormal(stddev=0.02)
    block = TransformerEncoder(4 * dim, num_heads, dropout, 'gelu', 1e-6, drawn, normalize_first=True, name='block')
    layers = [
        Input(input_shape),
        Conv2D(dim, patch_size, patch_size, kernel_initializer=drawn, name='patches'),
        Reshape((patches, dim), name='sequence'),
        ZeroPadding1D((1, 0), name='class_token'),
        LearnedPositionEmbedding(patches + 1, drawn, add=True, name='positions'),
        Repeat(block, depth, name='encoder'),
        LayerNormalization(epsilon=1e-6, name='norm'),
        Cropping1D((0, patches), name='first'),
        Flatten(name='flatten'),
        Dense(classes, classifier_activation, kernel_initializer=drawn, name='head'),
    ]
    return Sequential(layers, name=name, seed=seed)
