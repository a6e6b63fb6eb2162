"""Whole numbers and quantities as categories: one-hot and counted, or put into bins."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina.core.described import described
from lamina.core.errors import ConfigError, DataError, ShapeError
from lamina.core.fields import Rule, one_of, real, setting, whole
from lamina.core.shapes import Shape, show
from lamina.layers.base import Layer
from lamina.layers.preprocessing.adapting import batches_of
from lamina.layers.preprocessing.rules import DENSE, listed
from lamina.layers.preprocessing.vocabulary import COUNTING_MODES, encode, unadapted
from lamina.layers.weight import Weights


@described
class CategoryEncoding(Layer):
    """Whole numbers in [0, num_tokens) as rows of that width; a number outside counts nowhere.

    Args:
        num_tokens: the width.
        output_mode: 'multi_hot' (default): a row for each example, 1 where a number occurs; 'count': how often it occurs;
            'one_hot': a row for each number.
        sparse: False.

    Call arguments:
        count_weights: what each number adds to the count, of the shape of x; for 'count' only.

    Shapes:
        x: (batch, length) → (batch, num_tokens), or (batch, length, num_tokens) for 'one_hot', where a length of 1 is dropped.

    Raises:
        ConfigError: no num_tokens, or count_weights in another mode.

    Example:
        >>> import lamina
        >>> count = lamina.layers.CategoryEncoding(4, output_mode='count')
        >>> lamina.Sequential([lamina.Input((3,), dtype='int32'), count]).predict([[0, 1, 1], [3, 3, 3]], verbose=0)
        array([[1., 2., 0., 0.],
               [0., 0., 0., 3.]], dtype=float32)
    """

    num_tokens: int | None = setting(whole(), default=None)
    output_mode: str = setting(one_of('multi_hot', 'one_hot', 'count'), default='multi_hot')
    sparse: bool = setting(DENSE, default=False)

    def validate(self) -> None:
        if self.num_tokens is None:
            raise ConfigError(
                f"{self.label}, setting 'num_tokens'",
                'None',
                'the number of categories',
                'Give num_tokens=…, or use IntegerLookup().adapt(x).',
            )

    def apply(self, variables, x, *, count_weights=None, scope):
        if count_weights is not None:
            count_weights = jnp.asarray(count_weights, jnp.float32)
            if self.output_mode != 'count':
                raise ConfigError(
                    f'{self.label}, count_weights', 'weights', "none where output_mode is not 'count'", "Use output_mode='count'."
                )
            if count_weights.shape != x.shape:
                got = f'count_weights of shape {show(count_weights.shape)} for an input of {show(x.shape)}'
                raise ShapeError(self.label, got, 'a weight for each number of the input', 'Give both the same shape.')
        return encode(x, self.output_mode, self.num_tokens or 0, count_weights=count_weights)


def _is_increasing(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(map(real().accepts, value)) and all(map(np.less, value, value[1:]))


@described
class Discretization(Layer):
    """Quantities as the number of the bin that they fall into.

    Args:
        bin_boundaries: increasing numbers; n of them make n + 1 bins, each with its lower boundary; default None.
        num_bins: how many bins `adapt` shall make, as equally filled as it can; default None.
        epsilon: how finely `adapt` looks at the data: it keeps about 1 / epsilon values; default 0.01.
        output_mode: 'int' (default), the numbers of the bins; 'one_hot', 'multi_hot', 'count' as in `CategoryEncoding`.
        sparse: False.

    Shapes:
        x: (batch, …) → the same for 'int'; (batch, n) → (batch, bins) or (batch, n, bins) otherwise.

    Raises:
        ConfigError: both or neither of bin_boundaries and num_bins.
        StateError: no boundaries yet; the message says how to adapt.

    Example:
        >>> import lamina
        >>> bins = lamina.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])
        >>> lamina.Sequential([lamina.Input((4,)), bins]).predict([[-1.5, 1.0, 3.4, 0.5]], verbose=0)
        array([[0, 2, 3, 1]], dtype=int32)
    """

    bin_boundaries: tuple[float, ...] | None = setting(
        Rule(_is_increasing, 'increasing numbers, at least one', bad=((), (1.0, 0.0), (0.0, 0.0), 'wide', 3.0)),
        convert=listed,
        default=None,
    )
    num_bins: int | None = setting(whole(2), default=None)
    epsilon: float = setting(real(0, 1, above=0), default=0.01)
    output_mode: str = setting(one_of(*COUNTING_MODES), default='int')
    sparse: bool = setting(DENSE, default=False)

    def validate(self) -> None:
        if (self.bin_boundaries is None) == (self.num_bins is None):
            got = 'neither' if self.num_bins is None else 'both'
            where = f"{self.label}, settings 'bin_boundaries' and 'num_bins'"
            raise ConfigError(where, got, 'one of them', 'Give bin_boundaries, or num_bins and adapt.')

    def weights(self, shape: Shape) -> Weights:
        if self.bin_boundaries is None:
            raise unadapted(self, 'list of boundaries')
        return {}

    def apply(self, variables, x, scope):
        if self.bin_boundaries is None:
            raise unadapted(self, 'list of boundaries')
        boundaries = np.asarray(self.bin_boundaries, np.float32)
        method = 'compare_all' if len(boundaries) <= 64 else 'scan'
        indices = jnp.searchsorted(boundaries, x.astype(jnp.float32), side='right', method=method)
        return encode(indices, self.output_mode, len(boundaries) + 1)

    def adapt(self, data: Any, steps: int | None = None) -> 'Discretization':
        """A layer whose boundaries part these data into `num_bins` bins, about equally filled; this one stays as it is.

        Args:
            data: an array, a list of numbers, a list of arrays, or any source of batches, of which the inputs count.
            steps: how many batches of a source to read; default None, all.

        Returns:
            The adapted layer, which has `bin_boundaries` in the place of `num_bins`.

        Raises:
            ConfigError: the layer has boundaries already.
            DataError: no data, or values too alike for so many bins.
        """
        if self.num_bins is None:
            raise ConfigError(
                f'{self.label}, adapt', 'a layer with bin_boundaries', 'one with num_bins', 'Write Discretization(num_bins=…).'
            )
        summary = np.zeros((2, 0), np.float32)
        # One summary of an array that is at hand, so that its quantiles are as exact as epsilon allows.
        for batch in [np.asarray(data)] if isinstance(data, np.ndarray) else batches_of(data, f'{self.label}, adapt', steps):
            merged = np.concatenate([_summary(batch, self.epsilon), summary], 1)
            summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)
        boundaries = _compressed(summary, 1 / self.num_bins)[0, :-1].tolist() if summary.size else []
        if not _is_increasing(tuple(boundaries)):
            got = f'data with too few different values for {self.num_bins} bins'
            raise DataError(f'{self.label}, adapt', got, 'more different values', 'Ask for fewer bins, or give bin_boundaries.')
        return self.replace(bin_boundaries=tuple(boundaries), num_bins=None)


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """About 1 / epsilon of the values at equal ranks, and how many values each stands for."""
    ordered = np.sort(values.astype(np.float32).reshape(-1))
    step = max(ordered.size * epsilon, 1)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of at most 1 / epsilon values, interpolated at equal parts of the whole weight."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    reached = np.cumsum(summary[1])
    share = reached / reached[-1]
    weights = np.diff(np.interp(parts, share, reached), prepend=0)
    return np.stack([np.interp(parts, share, summary[0]), weights]).astype(np.float32)
