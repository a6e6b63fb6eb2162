"""Rows of a table whose categories look at one another."""

from collections.abc import Mapping
from typing import Any

from lamina.core.errors import ConfigError
from lamina.layers import Concatenate, Dense, Dropout, Embedding, Flatten, Input, LayerNormalization, Repeat, TransformerEncoder
from lamina.models.model import Model


def tab_transformer(
    numeric: int,
    categories: Mapping[str, int],
    classes: int = 2,
    *,
    dim: int = 32,
    depth: int = 6,
    num_heads: int = 8,
    dropout: float = 0.1,
    classifier_activation: Any = 'softmax',
    name: str = 'tab_transformer',
    seed: int | None = None,
) -> Model:
    """TabTransformer: the columns of categories as a sequence through encoder blocks, joined by the numbers for a perceptron.

    Args:
        numeric: how many columns of numbers; 0 for none.
        categories: how many values each column of categories has, by its name; they are whole numbers from 0 to one less.
        classes: number of classes; 1 with `classifier_activation=None` for a quantity.
        dim: the size of each category's vector.
        depth: how many encoder blocks; from eight on they run as one loop.
        num_heads: of each attention.
        dropout: probability of dropping, in training.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Shapes:
        a dict of `'numeric'`: (batch, numeric) and, by name, each column of categories: (batch,) → (batch, classes).

    Raises:
        ConfigError: there is no column of categories, or one is named 'numeric'.

    Source: Huang, Khetan, Cvitkovic, Karnin (2020), section 2.

    Example:
        >>> from lamina.models import zoo
        >>> zoo.tab_transformer(3, {'colour': 5, 'city': 200}, depth=2).output_shape
        (None, 2)
    """
    if not categories or 'numeric' in categories:
        remedy = 'Use tabular_mlp for numbers alone, and rename such a column.'
        raise ConfigError(f'tab_transformer {name!r}', f'{categories}', "columns of categories, none named 'numeric'", remedy)
    inputs = {column: Input((1,), dtype='int32', name=column) for column in categories}
    vectors = [Embedding(size, dim, name=f'{column}_embedding')(inputs[column]) for column, size in categories.items()]
    x = Concatenate(axis=1, name='sequence')(vectors) if len(vectors) > 1 else vectors[0]
    block = TransformerEncoder(4 * dim, num_heads, dropout, 'gelu', normalize_first=True, name='block')
    x = Flatten(name='flatten')(LayerNormalization(name='norm')(Repeat(block, depth, name='encoder')(x)))
    if numeric:
        inputs['numeric'] = Input((numeric,), name='numeric')
        x = Concatenate(name='columns')([x, LayerNormalization(name='numeric_norm')(inputs['numeric'])])
    for i, width in enumerate((4 * dim, 2 * dim), start=1):
        x = Dropout(dropout, name=f'dropout{i}')(Dense(width, 'relu', kernel_initializer='he_normal', name=f'hidden{i}')(x))
    return Model(inputs, Dense(classes, classifier_activation, name='head')(x), name=name, seed=seed)
