"""Predictions counted against many thresholds at once: each is put into one bin, and the counts are sums over bins.

With T thresholds a prediction's level is the number of thresholds below it, 0 … T. Two histograms of levels, of the
examples that are positive and of those that are negative, hold all that precision, recall and the curves need: those above
threshold j are the ones of a level greater than j. So the compiled loop never compares a batch with every threshold, and the
cumulative sums are left to the host. Beside such a comparison of 200 thresholds this takes a tenth of the time on a CPU.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lamina.metrics.arrays import EPSILON, histogram
from lamina.metrics.base import ratio

# Up to this many thresholds, comparing with each of them is cheaper than a binary search.
_FEW = 16


@dataclass(frozen=True)
class Grid:
    """Thresholds in rising order.

    Args:
        thresholds: the values; a prediction is positive where it is greater.
        even: they divide [0, 1] into equal steps, so that a level is one multiplication.
        open_ended: the first lies just below 0 and the last just above 1: every prediction is above the first.
    """

    thresholds: tuple[float, ...]
    even: bool = False
    open_ended: bool = False

    @classmethod
    def of(cls, thresholds: tuple[float, ...], *, open_ended: bool = False) -> 'Grid':
        """A grid of any thresholds in rising order, recognized as even within rounding."""
        steps = len(thresholds) - 1
        even = steps >= 2 and np.allclose(thresholds, np.arange(steps + 1, dtype=np.float32) / steps, atol=EPSILON)
        return cls(thresholds, bool(even), open_ended)

    @classmethod
    def evenly(cls, count: int, *, open_ended: bool = False) -> 'Grid':
        """`count` thresholds from 0 to 1 in equal steps; a single one is 0.5."""
        if count == 1:
            return cls((0.5,))
        return cls(tuple(i / (count - 1) for i in range(count)), True, open_ended)

    def levels(self, scores: jax.Array) -> jax.Array:
        """How many thresholds each score exceeds; 0 for a NaN, which is above none of them."""
        count = len(self.thresholds)
        if self.even:
            levels = jnp.ceil(jnp.clip(scores, 0.0, 1.0) * (count - 1))
            levels = jnp.maximum(levels, 1) if self.open_ended else levels
        else:
            levels = self._search(scores)
        return jnp.where(jnp.isnan(scores), 0, levels).astype(jnp.int32)

    def _search(self, scores: jax.Array) -> jax.Array:
        values = np.asarray(self.thresholds, np.float64)
        if self.open_ended:
            values[0], values[-1] = values[0] - EPSILON, values[-1] + EPSILON
        method = 'compare_all' if len(self.thresholds) <= _FEW else 'scan'
        return jnp.searchsorted(values.astype(np.float32), scores, side='left', method=method)


def tally(levels: jax.Array, positive: jax.Array, weight: jax.Array, count: int) -> dict[str, jax.Array]:
    """The two histograms of levels 0 … count, of everything in the batch."""
    bins = count + 1
    index = jnp.where(positive, levels, levels + bins)
    both = histogram(index, weight, 2 * bins).reshape(2, bins)
    return {'positives': both[0], 'negatives': both[1]}


def tally_columns(levels: jax.Array, positive: jax.Array, weight: jax.Array, count: int) -> dict[str, jax.Array]:
    """The same for each column of (batch, labels), as (count + 1, labels)."""
    bins, labels = count + 1, levels.shape[1]
    index = (jnp.where(positive, levels, levels + bins)) * labels + jnp.arange(labels)
    both = histogram(index, weight, 2 * bins * labels).reshape(2, bins, labels)
    return {'positives': both[0], 'negatives': both[1]}


class Counts(NamedTuple):
    """What lies above and below each threshold, (thresholds,) or (thresholds, labels)."""

    true_positives: np.ndarray
    false_positives: np.ndarray
    true_negatives: np.ndarray
    false_negatives: np.ndarray

    @classmethod
    def of(cls, sums: Any) -> 'Counts':
        """The counts of two histograms of levels."""
        (above, below), (false_above, false_below) = (_above_and_below(sums[k]) for k in ('positives', 'negatives'))
        return cls(above, false_above, false_below, below)

    def precision(self) -> np.ndarray:
        """The share of what was called positive that is; 0 where nothing was."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    def recall(self) -> np.ndarray:
        """The share of the positives that was found; 0 where there are none."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    def specificity(self) -> np.ndarray:
        """The share of the negatives that was left out; 0 where there are none."""
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)

    def false_positive_rate(self) -> np.ndarray:
        """The share of the negatives that was called positive; 0 where there are none."""
        return ratio(self.false_positives, self.true_negatives + self.false_positives)


def _above_and_below(levels: Any) -> tuple[np.ndarray, np.ndarray]:
    levels = np.asarray(levels, np.float64)
    above = np.cumsum(levels[::-1], axis=0)[::-1][1:]
    return above, np.cumsum(levels, axis=0)[:-1]
