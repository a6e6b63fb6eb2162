"""A model's raw outputs read as answers: classes with probabilities where it was trained to tell classes, numbers elsewhere."""

from typing import Any

import numpy as np

from lamina.core.described import Described
from lamina.layers import Chain
from lamina.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
)

_OF_CLASSES = (
    SparseCategoricalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
)


def last_activation(model: Any) -> str | None:
    """The name of the activation that the outputs have passed, where the network is a chain."""
    last: Described | None = model.layers[-1] if isinstance(model.network, Chain) else None
    return getattr(last, 'activation', None)


def answers(model: Any, outputs: np.ndarray, top: int) -> list[dict[str, Any]]:
    """One answer for each row of outputs.

    Args:
        model: its loss tells whether outputs are classes, and whether they are logits; without one, a last softmax tells it.
        outputs: `(n, outputs)`.
        top: how many classes to give, the likeliest first.

    Returns:
        `{'classes': [{'class': 7, 'probability': 0.98}, …]}` or `{'outputs': [0.3, …]}` for each row.
    """
    loss = model.settings.loss if model.settings is not None else None
    of_classes = isinstance(loss, _OF_CLASSES) or (loss is None and last_activation(model) in ('softmax', 'sigmoid'))
    if not of_classes or outputs.ndim != 2:
        return [{'outputs': row.tolist()} for row in outputs]
    return [{'classes': _likeliest(row, top)} for row in probabilities(outputs, from_logits=getattr(loss, 'from_logits', False))]


def probabilities(outputs: np.ndarray, *, from_logits: bool) -> np.ndarray:
    """Rows that sum to 1; a single output is the probability, or the logit, of class 1 of two.

    Args:
        outputs: `(n, classes)` or `(n, 1)`.
        from_logits: whether softmax, or the logistic function, is still to be applied.
    """
    values = outputs.astype(np.float64)
    if values.shape[1] == 1:
        positive = 0.5 * (1 + np.tanh(values / 2)) if from_logits else values
        return np.concatenate([1 - positive, positive], axis=1)
    if not from_logits:
        return values
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _likeliest(row: np.ndarray, top: int) -> list[dict[str, Any]]:
    return [{'class': int(i), 'probability': float(row[i])} for i in np.argsort(-row, kind='stable')[:top]]
