"""What the arguments of `fit` and its kin may be, and what is returned for them."""

from typing import Any

import numpy as np

from lamina.core.errors import ConfigError, DataError
from lamina.core.fields import whole
from lamina.data import Arrays
from lamina.training.callbacks import Callback
from lamina.training.feed import feed
from lamina.training.fit import Feed
from lamina.training.program import Program

BATCH_SIZE = 32


def batch_size_of(batch_size: int | None) -> int:
    """The batch size, 32 where none was given."""
    if batch_size is None:
        return BATCH_SIZE
    if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool) or batch_size < 1:
        raise ConfigError("argument 'batch_size'", repr(batch_size), 'a whole number of at least 1', 'Pass batch_size=32, say.')
    return int(batch_size)


def check_counts(**counts: tuple[Any, int]) -> None:
    """Each argument is None or a whole number of at least so much."""
    for name, (value, least) in counts.items():
        rule = whole(least)
        if value is not None and not rule.accepts(value):
            raise ConfigError(f'fit, argument {name!r}', repr(value), rule.expected, f'Pass {name}={max(least, 1)}, say.')


def one_pass(dataset: Any, batch_size: int | None, steps: int | None, program: Program) -> Feed:
    """A feed for evaluation: at most one pass over arrays, so that no example counts twice."""
    size = batch_size_of(batch_size)
    if isinstance(dataset, Arrays) and steps is not None:
        steps = min(steps, -(-len(dataset) // size))
    return feed(dataset, size, steps=steps, place=program.place)


def frequency_of(value: Any) -> int | tuple[int, ...]:
    """After how many epochs to validate, or after which."""
    numbers = tuple(value) if isinstance(value, (list, tuple, set, range)) else (value,)
    for number in numbers:
        check_counts(validation_freq=(number, 1))
    return value if isinstance(value, int) else numbers


def one_batch_of(dataset: Any, where: str) -> Arrays:
    """The dataset, which must be arrays."""
    if not isinstance(dataset, Arrays):
        raise DataError(
            f'{where}, x', 'a source of batches', 'the arrays of one batch', f'Take a batch first: {where}(*next(iter(source))).'
        )
    return dataset


def callback_list(callbacks: Any) -> list[Callback]:
    """None, one callback or several, as a list."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def first_or_dict(logs: dict[str, Any], return_dict: bool) -> Any:
    """What Keras returns of logs: a dict, the loss alone, or a list of all values."""
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
