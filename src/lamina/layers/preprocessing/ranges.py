"""Rules for the ranges from which augmentations draw, and what a range means when the user wrote one number."""

from typing import Any

from lamina.core.fields import Rule, real

FILL_VALUE = real()


def _is_pair(value: Any, rule: Rule) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(rule.accepts(v) for v in value)


def factor(low: float, high: float, *, above: float | None = None, ordered: bool = True) -> Rule:
    """One number, or a pair (lower, upper), in [low, high]; `above` excludes the lower bound."""
    one = real(low, high, above=above)
    bad: tuple = ('much', high + 1, (low, high + 1), (high,), (low, high, high))

    def accepts(value: Any) -> bool:
        return one.accepts(value) or (_is_pair(value, one) and (not ordered or value[0] <= value[1]))

    order = 'with lower ≤ upper, ' if ordered else ''
    return Rule(
        accepts, f'{one.expected}, or two of them (lower, upper), {order}'.rstrip(', '), (*bad, (high, high / 2)) if ordered else bad
    )


def pair(low: float, high: float) -> Rule:
    """A pair (lower, upper) in [low, high]."""
    one = real(low, high)
    return Rule(
        lambda v: _is_pair(v, one) and v[0] <= v[1], f'two numbers in [{low:g}, {high:g}], (lower, upper)', (1.5, (high, low), (low,))
    )


def values() -> Rule:
    """A pair (lowest, highest) of pixel values."""
    one = real()
    return Rule(lambda v: _is_pair(v, one) and v[0] < v[1], 'two numbers (lowest, highest)', (255, (255, 0), (0, 0), (0, 1, 2)))


def symmetric(value: Any) -> tuple[float, float]:
    """A number f as (-f, f); a pair as it is."""
    return value if isinstance(value, tuple) else (-abs(value), abs(value))


def from_zero(value: Any) -> tuple[float, float]:
    """A number f as (0, f); a pair as it is."""
    return value if isinstance(value, tuple) else (0.0, value)


def both(value: Any) -> tuple[float, float]:
    """A number f as (f, f); a pair as it is."""
    return value if isinstance(value, tuple) else (value, value)
