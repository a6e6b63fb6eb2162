"""Rules: what each accepts, what it refuses, and that its `bad` values are bad."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamina.core.fields import axes, flag, one_of, real, setting, sizes, text, whole

RULES = [
    (whole(), [1, 5, np.int64(3)], [0, -1, 1.0, True, '1', None]),
    (whole(0), [0, 2], [-1, False]),
    (real(), [0, -1.5, np.float32(2), math.inf], [math.nan, '1', None, True, 1j]),
    (real(0, 1), [0, 1, 0.5], [-0.1, 1.1]),
    (real(above=0), [1e-9, 5], [0, -1]),
    (real(0, below=1), [0, 0.999], [1, 2]),
    (one_of('a', 'b'), ['a', 'b'], ['c', None, 1]),
    (one_of(1, 2), [1, 2], [1.0, True, 3]),
    (flag(), [True, False], [1, 0, 'yes', None]),
    (text(), ['a', 'layer_1'], ['', 'a/b', 3, None]),
    (axes(), [-1, 0, (1, 2)], ['last', 1.5, (), (1.5,), [1], True]),
    (sizes(), [(1, 2), ()], [(0,), (-1,), 3, [1], (1.5,)]),
    (sizes(0), [(0, 2)], [(-1,)]),
    (sizes(wildcard=True), [(-1, 2), (3,)], [(-1, -1), (0,), (-2,)]),
]


@pytest.mark.parametrize(('rule', 'good', 'bad'), RULES, ids=[r[0].expected for r in RULES])
def test_what_a_rule_accepts(rule, good, bad):
    assert [v for v in good if not rule.accepts(v)] == []
    assert [v for v in bad if rule.accepts(v)] == []
    assert len(rule.bad) > 0
    assert [v for v in rule.bad if rule.accepts(v)] == []


def test_ranges_are_written_as_mathematics_does():
    assert real(0, 1).expected == 'a number in [0, 1]'
    assert real(above=0).expected == 'a number in (0, inf)'
    assert real(0, below=1).expected == 'a number in [0, 1)'
    assert real().expected == 'a number in (-inf, inf)'
    assert one_of('a', 2).expected == "one of 'a', 2"


@given(low=st.floats(-1e6, 1e6), span=st.floats(0, 1e6), value=st.floats(allow_nan=True))
def test_real_is_the_interval(low, span, value):
    high = low + span
    assert real(low, high).accepts(value) == (low <= value <= high)
    assert real(above=low, below=high).accepts(value) == (low < value < high)


def test_a_setting_carries_its_rule():
    f = setting(whole(), convert=int, default=3)
    assert f.metadata['rule'].accepts(3)
    assert f.metadata['convert'] is int
    assert f.default == 3
