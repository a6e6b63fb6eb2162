"""Sequences read step by step, and then named."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Embedding, Input
from lamina.models.sequential import Sequential


def lstm_classifier(
    input_shape: Shape,
    classes: int,
    units: tuple[int, ...] = (64,),
    *,
    vocabulary_size: int | None = None,
    embedding_dim: int = 64,
    bidirectional: bool = False,
    dropout: float = 0.0,
    classifier_activation: Any = 'softmax',
    name: str = 'lstm_classifier',
    seed: int | None = None,
) -> Sequential:
    """LSTM layers over a sequence, whose last output tells the class.

    Args:
        input_shape: (time, features), or (time,) of tokens where there is a vocabulary; a time of None takes any length.
        classes: number of classes; 1 with `classifier_activation=None` for a quantity.
        units: of each layer.
        vocabulary_size: how many tokens there are, which are then embedded, with 0 as padding; default None: inputs are features.
        embedding_dim: of the vectors of tokens.
        bidirectional: whether sequences are read from both ends.
        dropout: probability of dropping, before the output.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: Hochreiter, Schmidhuber (1997); both directions: Graves, Schmidhuber (2005).

    Example:
        >>> from lamina.models import zoo
        >>> zoo.lstm_classifier((None, 32), 10, (128,)).count_params()
        83722
    """
    layers = _layers(LSTM, input_shape, units, vocabulary_size, embedding_dim, bidirectional)
    layers += [Dropout(dropout, name='dropout')] if dropout else []
    return Sequential([*layers, Dense(classes, classifier_activation, name='head')], name=name, seed=seed)


def gru_classifier(
    input_shape: Shape,
    classes: int,
    units: tuple[int, ...] = (64,),
    *,
    vocabulary_size: int | None = None,
    embedding_dim: int = 64,
    bidirectional: bool = False,
    dropout: float = 0.0,
    classifier_activation: Any = 'softmax',
    name: str = 'gru_classifier',
    seed: int | None = None,
) -> Sequential:
    """GRU layers, which have a quarter fewer weights, over a sequence; arguments as for `lstm_classifier`.

    Source: Cho et al. (2014).

    Example:
        >>> from lamina.models import zoo
        >>> zoo.gru_classifier((None,), 2, vocabulary_size=100, bidirectional=True).output_shape
        (None, 2)
    """
    layers = _layers(GRU, input_shape, units, vocabulary_size, embedding_dim, bidirectional)
    layers += [Dropout(dropout, name='dropout')] if dropout else []
    return Sequential([*layers, Dense(classes, classifier_activation, name='head')], name=name, seed=seed)


def _layers(kind, input_shape, units, vocabulary_size, embedding_dim, bidirectional) -> list[Any]:
    layers: list[Any] = [Input(input_shape)]
    if vocabulary_size is not None:
        layers = [Input(input_shape, dtype='int32'), Embedding(vocabulary_size, embedding_dim, mask_zero=True, name='embedding')]
    for i, size in enumerate(units, start=1):
        layer = kind(size, return_sequences=i < len(units), name=f'{kind.__name__.lower()}{i}')
        layers.append(Bidirectional(layer, name=f'both{i}') if bidirectional else layer)
    return layers
