"""The network to try first: layers of neurons, one after another."""

from typing import Any

from lamina.core.shapes import Shape
from lamina.layers import Dense, Dropout, Flatten, Input
from lamina.models.sequential import Sequential


def mlp(
    input_shape: Shape,
    classes: int,
    units: tuple[int, ...] = (128, 128),
    *,
    activation: Any = 'relu',
    dropout: float = 0.0,
    kernel_initializer: Any = 'he_normal',
    classifier_activation: Any = 'softmax',
    name: str = 'mlp',
    seed: int | None = None,
) -> Sequential:
    """A multilayer perceptron for examples of any shape, which it flattens.

    Args:
        input_shape: of one example.
        classes: number of outputs; 1 with `classifier_activation=None` for a quantity.
        units: the width of each hidden layer.
        activation: of the hidden layers.
        dropout: probability of dropping, after each hidden layer.
        kernel_initializer: of the hidden layers; the default is the one for rectifiers.
        classifier_activation: of the output; None gives logits.
        name, seed: of the model.

    Source: Rosenblatt (1958); Rumelhart, Hinton, Williams (1986).

    Example:
        >>> from lamina.models import zoo
        >>> zoo.mlp((28, 28), 10, (128,)).count_params()
        101770
    """
    layers: list[Any] = [Input(input_shape), Flatten(name='flatten')]
    for i, width in enumerate(units, start=1):
        layers.append(Dense(width, activation, kernel_initializer=kernel_initializer, name=f'hidden{i}'))
        if dropout:
            layers.append(Dropout(dropout, name=f'dropout{i}'))
    return Sequential([*layers, Dense(classes, classifier_activation, name='head')], name=name, seed=seed)
