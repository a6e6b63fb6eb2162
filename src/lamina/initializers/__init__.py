"""How weights begin. Values are drawn on the host by NumPy: nothing to compile, the same bits on every device.

An initializer is a description that is called with a random generator, a shape and a dtype. With a `seed` it draws from a
generator of its own and gives the same values wherever it is used; without, from the one it is given, which a model derives
from its seed and the weight's path.
"""

import numbers
from typing import Any

import jax
import numpy as np

from lamina.core.described import Described, resolve
from lamina.core.errors import ConfigError
from lamina.initializers.base import FunctionInitializer, Initializer
from lamina.initializers.constant import Constant, Identity, Ones, Zeros
from lamina.initializers.random import Orthogonal, RandomInitializer, RandomNormal, RandomUniform, TruncatedNormal
from lamina.initializers.scaled import (
    Fixup,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    ScaledInitializer,
    VarianceScaling,
    fans,
)


def get(value: Any) -> Initializer | None:
    """An initializer from what a user may write for one.

    Args:
        value: an Initializer, its class, its name in any spelling (`'glorot_uniform'`, `'HeNormal'`, `'zeros'`), a number
            or an array for `Constant`, a function (see `FunctionInitializer`), or None.

    Returns:
        An Initializer, or None for None.

    Raises:
        UnknownNameError: no initializer has this name; the nearest one is proposed.
        ConfigError: the value is none of these; pass a name such as 'glorot_uniform'.

    >>> get('he_normal'), get(0.5)
    (HeNormal(), Constant(value=0.5))
    """
    found = resolve(Initializer.kind, value)
    if found is None or isinstance(found, Initializer):
        return found
    if isinstance(found, (numbers.Real, np.ndarray, jax.Array)) and not isinstance(found, bool):
        return Constant(found)
    if callable(found) and not isinstance(found, (type, Described)):
        return FunctionInitializer(found)
    expected = 'an Initializer, a name, a number, an array, a function or None'
    raise ConfigError('initializer', repr(value), expected, "Pass a name such as 'glorot_uniform', or HeNormal(seed=1).")


zeros = Zeros
ones = Ones
constant = Constant
identity = Identity
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
orthogonal = Orthogonal
variance_scaling = VarianceScaling
fixup = Fixup
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform

__all__ = [
    'Constant',
    'Fixup',
    'FunctionInitializer',
    'GlorotNormal',
    'GlorotUniform',
    'HeNormal',
    'HeUniform',
    'Identity',
    'Initializer',
    'LecunNormal',
    'LecunUniform',
    'Ones',
    'Orthogonal',
    'RandomInitializer',
    'RandomNormal',
    'RandomUniform',
    'ScaledInitializer',
    'TruncatedNormal',
    'VarianceScaling',
    'Zeros',
    'fans',
    'get',
]
