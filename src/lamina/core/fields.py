"""Rules for settings. A rule is declared once beside its field; from it come the check, the message and the tests."""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What a setting may be.

    Args:
        accepts: tells whether a value is valid.
        expected: completes the sentence 'expected …'.
        bad: values that must be refused; the contract tests try each of them.
    """

    accepts: Callable[[Any], bool]
    expected: str
    bad: tuple = ()


def _is_whole(value) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_real(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and not math.isnan(value)


def whole(at_least: int = 1) -> Rule:
    """A whole number of at least `at_least`."""
    return Rule(
        lambda v: _is_whole(v) and v >= at_least,
        f'a whole number of at least {at_least}',
        bad=(at_least - 1, at_least + 0.5, 'many'),
    )


def real(at_least: float = -math.inf, at_most: float = math.inf, *, above: float | None = None, below: float | None = None) -> Rule:
    """A real number in [at_least, at_most]; `above` and `below` exclude the bound."""
    low, high = (at_least if above is None else above), (at_most if below is None else below)
    left = '(' if above is not None or low == -math.inf else '['
    right = ')' if below is not None or high == math.inf else ']'

    def accepts(v):
        return _is_real(v) and (v > low if above is not None else v >= low) and (v < high if below is not None else v <= high)

    bad: tuple = ('much', math.nan)
    if low > -math.inf:
        bad += (low - 1, *((low,) if above is not None else ()))
    if high < math.inf:
        bad += (high + 1, *((high,) if below is not None else ()))
    return Rule(accepts, f'a number in {left}{low:g}, {high:g}{right}', bad)


def one_of(*choices: Any) -> Rule:
    """One of the listed values."""
    shown = ', '.join(repr(c) for c in choices)
    return Rule(lambda v: any(type(v) is type(c) and v == c for c in choices), f'one of {shown}', bad=('no such choice',))


def flag() -> Rule:
    """True or False."""
    return Rule(lambda v: isinstance(v, bool), 'True or False', bad=('yes', 2))


def text() -> Rule:
    """A non-empty string without '/'."""
    return Rule(lambda v: isinstance(v, str) and v != '' and '/' not in v, "a non-empty string without '/'", bad=('', 'a/b', 3))


def axes() -> Rule:
    """A whole number or a tuple of whole numbers."""
    return Rule(
        lambda v: _is_whole(v) or (isinstance(v, tuple) and len(v) > 0 and all(_is_whole(a) for a in v)),
        'an axis (a whole number) or a tuple of axes',
        bad=('last', 1.5, ()),
    )


def sizes(at_least: int = 1, *, wildcard: bool = False) -> Rule:
    """A tuple of whole numbers of at least `at_least`; with `wildcard`, at most one may be -1."""

    def accepts(v):
        if not isinstance(v, tuple) or not all(_is_whole(a) for a in v):
            return False
        free = [a for a in v if not a >= at_least]
        return not free or (wildcard and free == [-1])

    extra = ', one of which may be -1' if wildcard else ''
    return Rule(accepts, f'a tuple of whole numbers of at least {at_least}{extra}', bad=('wide', (at_least - 2, at_least - 2), (1.5,)))


def setting(rule: Rule | None = None, *, convert: Callable[[Any], Any] | None = None, **options) -> Any:
    """A dataclass field with a rule and a conversion.

    Args:
        rule: what values are accepted; None accepts any. A value of None is accepted where None is the default.
        convert: applied before the rule (`'relu'` → the name of an activation, `'l2'` → `L2()`).
        options: passed to `dataclasses.field`: `default`, `default_factory`, `kw_only`, `compare`, `repr`.
    """
    return field(metadata={'rule': rule, 'convert': convert}, **options)
