"""Rules for settings that only metrics have."""

import math
import numbers

from lamina.core.fields import Rule, whole


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def probabilities() -> Rule:
    """A number in [0, 1], or a tuple of such numbers."""

    def accepts(v):
        values = v if isinstance(v, tuple) else (v,)
        return len(values) > 0 and all(_is_number(p) and 0 <= p <= 1 for p in values)

    return Rule(accepts, 'a number in [0, 1], or a tuple of such numbers', bad=('half', -0.1, 1.1, math.nan, (), (0.5, 2.0)))


def weights() -> Rule:
    """A tuple of numbers of at least 0."""
    return Rule(
        lambda v: isinstance(v, tuple) and len(v) > 0 and all(_is_number(w) and w >= 0 for w in v),
        'a tuple of numbers of at least 0',
        bad=(1.0, (), (1.0, -1.0), ('a',)),
    )


def classes() -> Rule:
    """A tuple of class numbers."""
    return Rule(
        lambda v: isinstance(v, tuple) and len(v) > 0 and all(whole(0).accepts(c) for c in v),
        'a tuple of whole numbers of at least 0',
        bad=(1, (), (-1,), (0.5,)),
    )


def inner_axis() -> Rule:
    """A whole number other than 0: the batch is not an axis to compute over, since batches are added up."""
    return Rule(
        lambda v: isinstance(v, numbers.Integral) and not isinstance(v, bool) and v != 0,
        'an axis (a whole number) other than 0, the batch',
        bad=(0, 'last', 1.5, True),
    )


def function() -> Rule:
    """Anything that can be called."""
    return Rule(callable, 'a function (y_true, y_pred) → one value per example', bad=('mse', 3))


def as_numbers(value):
    """An array or a list of numbers as a tuple; anything else unchanged."""
    return value.tolist() if hasattr(value, 'tolist') else value
