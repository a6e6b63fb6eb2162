"""The contract of a metric: `sums` runs inside the compiled loop, `result` on the host.

What `sums` returns is added up over batches, so a metric is a few sums of which a number is made at the end. The loop adds
them in its carry in single precision, the host adds the chunks in double precision, and neither keeps any state in the metric.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import Described, described, snake_case, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import setting, text
from lamina.metrics import rules
from lamina.metrics.arrays import example_means, spread, weighted_sum


@unregistered
class Metric(Described):
    """The base of every metric, built in or your own.

    Args:
        name: how logs and `History` call it; by default its class in snake case.

    Example:
        >>> import jax.numpy as jnp
        >>> import lamina
        >>> from lamina.metrics import Metric
        >>> @lamina.described
        ... class LargestError(Metric):
        ...     def sums(self, y_true, y_pred, weight):
        ...         return {'large': jnp.sum(weight * (abs(y_true - y_pred) > 1)), 'all': jnp.sum(weight)}
        ...
        ...     def result(self, sums):
        ...         return float(sums['large'] / sums['all'])
        >>> LargestError()([1.0, 2.0], [1.5, 9.0])
        0.5
    """

    kind: ClassVar[str] = 'metric'
    default_name: ClassVar[str] = ''

    name: str | None = setting(text(), default=None, kw_only=True)

    @property
    def display_name(self) -> str:
        """What logs and `History` call it: the name it was given, or Keras's default name."""
        return self.name or self.default_name or snake_case(type(self).__name__)

    def sums(self, y_true: jax.Array, y_pred: jax.Array, weight: jax.Array) -> Any:
        """Float32 sums over one batch, which add up over batches; traced inside the compiled loop.

        Args:
            weight: one number per example, the sample weight times 0 for padding. An example of weight 0 contributes
                nothing, even where it holds a NaN.
        """
        raise ConfigError(self.label, 'no method sums', 'sums(self, y_true, y_pred, weight)', 'Define it in the class.')

    def result(self, sums: Any) -> float | np.ndarray:
        """The value for sums added over any number of batches; computed by NumPy in double precision."""
        raise ConfigError(self.label, 'no method result', 'result(self, sums)', 'Define it in the class.')

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float | np.ndarray:
        """The metric of whole arrays at once.

        Args:
            sample_weight: one weight per example, (batch,) or (batch, 1); all 1 by default.

        Raises:
            ShapeError: targets, predictions and weights do not fit together.
        """
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        if y_pred.ndim == 0 or y_true.ndim == 0:
            raise ShapeError(self.label, 'a single number', 'arrays whose first axis is the batch', 'Wrap it in a list: [value].')
        return self.result(host(self.sums(y_true, y_pred, self._weight(sample_weight, len(y_pred)))))

    def _weight(self, sample_weight: Any, batch: int) -> jax.Array:
        if sample_weight is None:
            return jnp.ones(batch, jnp.float32)
        weight = jnp.asarray(sample_weight, jnp.float32)
        if weight.shape not in ((batch,), (batch, 1)):
            raise ShapeError(
                self.label, f'sample_weight of shape {weight.shape} for {batch} examples', f'({batch},)', 'Pass one weight per example.'
            )
        return weight.reshape(batch)


def host(sums: Any) -> Any:
    """The same sums as NumPy arrays in double precision, as `result` takes them."""
    return jax.tree.map(lambda a: np.asarray(a, np.float64), jax.device_get(sums))


def ratio(numerator: Any, denominator: Any) -> np.ndarray:
    """The quotient, or 0 where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    return np.divide(numerator, denominator, out=np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape)), where=denominator != 0)


def number(value: Any) -> float | np.ndarray:
    """A Python float where the array has one element and no axes, else the array."""
    value = np.asarray(value, np.float64)
    return float(value) if value.ndim == 0 else value


@unregistered
class MeanMetric(Metric):
    """The base of every metric that is a weighted mean of one value per example.

    A class defines `values`; the mean over its inner axes is the example's value. Without any example the result is 0, as in Keras.
    """

    def values(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """One value per example, (batch,), or several, (batch, …), that are averaged."""
        raise ConfigError(self.label, 'no method values', 'values(self, y_true, y_pred)', 'Define it in the class.')

    def sums(self, y_true, y_pred, weight):
        values = self.values(y_true, y_pred)
        spread(self.label, weight, values)
        return {'total': weighted_sum(example_means(values), weight), 'count': jnp.sum(weight).astype(jnp.float32)}

    def result(self, sums):
        return number(ratio(sums['total'], sums['count']))


@described
class FunctionMetric(MeanMetric):
    """The weighted mean of a function of your own.

    A function has no saved form: for a model that is to be saved, write a `@lamina.described` class with `values` instead.

    Args:
        function: takes (y_true, y_pred), traced by JAX, and returns one value per example, (batch,) or (batch, …).

    Raises:
        ShapeError: the function returns a single number. Padding could not be left out of it; let it return one value per example.

    Example:
        >>> from lamina.metrics import FunctionMetric
        >>> def within_one(y_true, y_pred):
        ...     return abs(y_true - y_pred) <= 1
        >>> FunctionMetric(within_one)([1.0, 2.0], [1.5, 9.0])
        0.5
    """

    function: Callable = setting(rules.function())

    @property
    def display_name(self):
        """The name it was given, or the function's own."""
        return self.name or getattr(self.function, '__name__', snake_case(type(self.function).__name__))

    def values(self, y_true, y_pred):
        values = jnp.asarray(self.function(y_true, y_pred))
        if values.ndim == 0 or values.shape[0] != y_pred.shape[0]:
            raise ShapeError(
                f'metric {self.display_name!r}',
                f'a value of shape {values.shape} for {y_pred.shape[0]} examples',
                'one value per example',
                'Let the function return an array of shape (batch,): average over the inner axes only.',
            )
        return values
