"""Rules that layers of categories share."""

from typing import Any

import numpy as np

from lamina.core.fields import Rule, whole

_whole, _INT32 = whole(0), np.iinfo(np.int32)

DENSE = Rule(lambda v: v is False, 'False: arrays are dense', bad=(True, 'yes', 1))

INTEGER = Rule(
    lambda v: whole(int(_INT32.min)).accepts(v) and v <= _INT32.max, 'a whole number of 32 bits', bad=('one', 1.5, 2**31, -(2**31) - 1)
)

SALT = Rule(
    lambda v: isinstance(v, tuple) and len(v) == 2 and all(_whole.accepts(n) and n < 2**64 for n in v),
    'a whole number of at least 0, or two of them, of 64 bits',
    bad=('salt', -1, (1,), (1, 2, 3), (1, 2**64)),
)


def as_salt(value: Any) -> Any:
    """A single whole number as both parts of the key."""
    return (value, value) if _whole.accepts(value) else value


def listed(values: Any) -> Any:
    """An array as a list of Python numbers; anything else as it is."""
    return np.asarray(values).tolist() if hasattr(values, '__array__') else values
