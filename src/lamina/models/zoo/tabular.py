"""Rows of a table: columns of numbers and columns of categories."""

from collections.abc import Mapping
from typing import Any

from lamina.core.errors import ConfigError
from lamina.layers import Activation, BatchNormalization, Chain, Concatenate, Dense, Dropout, Embedding, Flatten, Input, Repeat, Residual
from lamina.models.model import Model


def tabular_mlp(
    numeric: int,
    categories: Mapping[str, int] | None = None,
    classes: int = 2,
    *,
    dim: int = 128,
    depth: int = 3,
    dropout: float = 0.1,
    classifier_activation: Any = 'softmax',
    name: str = 'tabular_mlp',
    seed: int | None = None,
) -> Model:
    """Residual dense blocks over numbers and embedded categories: hard to beat among networks for tables.

    Args:
        numeric: how many columns of numbers, which should have a deviation of about 1; 0 for none.
        categories: how many values each column of categories has, by its name; they are whole numbers from 0 to one less.
        classes: number of classes; 1 with `classifier_activation=None` for a quantity.
        dim: the width of the blocks.
        depth: how many blocks; from eight on they run as one loop.
        dropout: probability of dropping, within each block.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Shapes:
        a dict of `'numeric'`: (batch, numeric) and, by name, each column of categories: (batch,) → (batch, classes).

    Raises:
        ConfigError: there are no columns, or one of categories is named 'numeric'.

    Source: Gorishniy, Rubachev, Khrulkov, Babenko (2021), section 3.2; embedded categories: Guo, Berkhahn (2016).

    Example:
        >>> from lamina.models import zoo
        >>> model = zoo.tabular_mlp(3, {'colour': 5, 'city': 200})
        >>> model.predict({'numeric': [[0.1, -1.0, 2.0]], 'colour': [4], 'city': [17]}).shape
        (1, 2)
    """
    if not (numeric or categories) or 'numeric' in (categories or ()):
        expected = "columns, of which none of categories is named 'numeric'"
        got, remedy = f'numeric={numeric}, categories={categories}', 'Give numeric or categories, and rename such a column.'
        raise ConfigError(f'tabular_mlp {name!r}', got, expected, remedy)
    inputs = {'numeric': Input((numeric,), name='numeric')} if numeric else {}
    inputs |= {column: Input((1,), dtype='int32', name=column) for column in categories or ()}
    columns = [inputs['numeric']] if numeric else []
    for column, size in (categories or {}).items():
        vectors = Embedding(size, min(64, round(1.6 * size**0.56)), name=f'{column}_embedding')
        columns.append(Flatten(name=f'{column}_flat')(vectors(inputs[column])))
    x = Concatenate(name='columns')(columns) if len(columns) > 1 else columns[0]
    within = [
        BatchNormalization(name='norm'),
        Dense(2 * dim, 'relu', name='widen'),
        Dropout(dropout, name='dropout'),
        Dense(dim, name='narrow'),
    ]
    body = [Dense(dim, name='first'), Repeat(Residual(Chain(tuple(within)), name='block'), depth, name='blocks')]
    last = [BatchNormalization(name='norm'), Activation('relu', name='relu'), Dense(classes, classifier_activation, name='head')]
    return Model(inputs, Chain((*body, *last), name='body')(x), name=name, seed=seed)
