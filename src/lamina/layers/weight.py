"""What a layer declares about each of its weights, from which initial values, counts, penalties and limits all follow."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from lamina import constraints, initializers, regularizers
from lamina.core import paths
from lamina.core.keys import host_stream


@dataclass(frozen=True)
class Weight:
    """One array of a layer.

    Args:
        shape: its axes, all known.
        initializer: a name, an `Initializer`, or a function `(rng, shape, dtype) → array`.
        trainable: False for state that the layer itself updates (moving averages) and for frozen weights.
        regularizer: its value is added to the loss.
        constraint: applied to the weight after each step.
        dtype: of the array; float32 by default.
        by_row: whether it is a table of which a step changes only the rows that `Scope.look_up` found; what a layer reads of it in
            another way has no gradient.
        carried: whether it goes from batch to batch in inference as well as in training, as the states of a stateful layer do.
    """

    shape: tuple[int, ...]
    initializer: Any = 'zeros'
    trainable: bool = True
    regularizer: Any = None
    constraint: Any = None
    dtype: Any = np.float32
    by_row: bool = False
    carried: bool = False

    def __post_init__(self):
        object.__setattr__(self, 'initializer', initializers.get(self.initializer))
        object.__setattr__(self, 'regularizer', regularizers.get(self.regularizer))
        object.__setattr__(self, 'constraint', constraints.get(self.constraint))

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def abstract(self) -> jax.ShapeDtypeStruct:
        """Its shape and dtype, for tracing without values."""
        return jax.ShapeDtypeStruct(self.shape, self.dtype)


Weights = Mapping[str, Any]  # of Weight, or of Weights for a layer within


def frozen(weights: Weights) -> dict[str, Any]:
    """The same weights, none of them trainable."""
    return {k: replace(w, trainable=False) if isinstance(w, Weight) else frozen(w) for k, w in weights.items()}


def abstract(weights: Weights) -> dict[str, Any]:
    """The same tree with every Weight as its shape and dtype."""
    return {k: w.abstract() if isinstance(w, Weight) else abstract(w) for k, w in weights.items()}


def initial_values(weights: Weights, seed: int) -> dict[str, np.ndarray]:
    """Initial values by path, each drawn from its own stream: the path decides, not the order."""
    return {
        path: np.asarray(w.initializer(host_stream(seed, 'weight', path), w.shape, w.dtype)) for path, w in paths.flatten(weights).items()
    }
