"""What an initializer is, and how a plain function becomes one."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import numpy as np

from lamina.core.described import Described, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import Rule, setting


class Initializer(Described):
    """The base of every initializer: override `__call__` and decorate with `@lamina.described`.

    >>> import math
    >>> from lamina.core.described import described
    >>> @described
    ... class Ramp(Initializer):
    ...     def __call__(self, rng, shape, dtype=np.float32):
    ...         return np.arange(math.prod(shape), dtype=dtype).reshape(shape)
    >>> Ramp()(np.random.default_rng(0), (3,)).tolist()
    [0.0, 1.0, 2.0]
    """

    kind: ClassVar[str] = 'initializer'

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
        """The first values of a weight.

        Args:
            rng: where random values come from, unless the initializer has a seed.
            shape: of the weight.
            dtype: of the weight; default float32.

        Returns:
            A NumPy array of that shape and dtype.
        """
        raise ConfigError(type(self).__name__, 'an initializer without __call__', '__call__(rng, shape, dtype)', 'Define it in the class.')


@unregistered
class FunctionInitializer(Initializer):
    """A plain function as an initializer. It works everywhere but cannot be saved.

    Its first argument tells what it expects: `shape` for a function `(shape, dtype)` as Keras has it, `key` for one of
    `jax.nn.initializers`, `(key, shape, dtype)`; any other name for `(rng, shape, dtype)`.

    Args:
        function: returns an array of the shape it is given.

    Raises:
        ShapeError: the function returned an array of another shape.

    >>> half = FunctionInitializer(lambda rng, shape, dtype: np.full(shape, 0.5, dtype))
    >>> half(np.random.default_rng(0), (2,)).tolist()
    [0.5, 0.5]
    """

    function: Callable = setting(Rule(callable, 'a function (rng, shape, dtype) → array', bad=(3,)))

    def __call__(self, rng, shape, dtype=np.float32):
        """What the function returns, as a NumPy array of the dtype."""
        first = next(iter(inspect.signature(self.function).parameters), '')
        if first == 'shape':
            values = self.function(shape, dtype=dtype)
        elif first == 'key':
            values = self.function(jax.random.key(int(rng.integers(2**31))), shape, dtype)
        else:
            values = self.function(rng, shape, dtype)
        values = np.asarray(values)
        if values.shape != tuple(shape):
            name = getattr(self.function, '__name__', 'the function')
            raise ShapeError(
                f'initializer {name!r}', f'an array of shape {values.shape}', f'{tuple(shape)}', 'Return one of the given shape.'
            )
        return values.astype(dtype, copy=False)
