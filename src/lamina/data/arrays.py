"""The data of a whole dataset, or of one batch, in memory: inputs, targets and weights, as long as one another."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from lamina.core.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Arrays:
    """Examples in memory.

    Args:
        inputs: one array `(n, …)`, or a tuple or dict of such arrays.
        targets: the same, or None.
        weights: one number per example `(n,)`, arrays in the structure of the targets, or None.

    Example:
        >>> import numpy as np
        >>> from lamina.data import Arrays
        >>> arrays = Arrays(np.arange(10.0), np.arange(10))
        >>> first, last = arrays.split(0.2)
        >>> len(first), last.targets
        (8, array([8, 9]))
    """

    inputs: Any
    targets: Any = None
    weights: Any = None

    def __len__(self) -> int:
        return jax.tree.leaves(self.inputs)[0].shape[0]

    def __repr__(self) -> str:
        shapes = jax.tree.map(lambda a: f'{a.dtype}{list(a.shape)}', (self.inputs, self.targets, self.weights))
        return f'Arrays(inputs={shapes[0]}, targets={shapes[1]}, weights={shapes[2]})'

    @property
    def size_bytes(self) -> int:
        """The memory that all the arrays take."""
        return sum(leaf.nbytes for leaf in jax.tree.leaves((self.inputs, self.targets, self.weights)))

    def select(self, indices: Any) -> 'Arrays':
        """The examples at these positions, in this order; a slice gives views without copying."""
        inputs, targets, weights = jax.tree.map(lambda a: a[indices], (self.inputs, self.targets, self.weights))
        return Arrays(inputs, targets, weights)

    def split(self, fraction: float) -> tuple['Arrays', 'Arrays']:
        """Everything before the last `fraction` of the examples, and that last part: Keras's `validation_split`, before any shuffle.

        Args:
            fraction: in (0, 1); the first part has `floor(n · (1 - fraction))` examples.

        Raises:
            ConfigError: the fraction is outside (0, 1), or one part would be empty.
        """
        where = 'argument validation_split'
        if not isinstance(fraction, (int, float, np.number)) or not 0 < fraction < 1:
            raise ConfigError(where, repr(fraction), 'a number in (0, 1)', 'Pass validation_split=0.2 to hold out the last fifth.')
        cut = math.floor(len(self) * (1.0 - fraction))
        if cut == 0 or cut == len(self):
            got = f'{fraction!r} of {len(self)} examples, which leaves one part empty'
            raise ConfigError(
                where, got, 'at least one example in each part', 'Give more data or another fraction, or pass validation_data.'
            )
        return self.select(slice(0, cut)), self.select(slice(cut, len(self)))
