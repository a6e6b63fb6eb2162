"""The saved form of descriptions: round trips, and JSON that wants more than it may."""

import contextlib
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamina
from lamina.core.errors import ArchiveError, ConfigError, LaminaError, UnknownNameError
from lamina.core.serial import MAX_DEPTH, decode, encode

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_plain_values_come_back(value):
    assert decode(json.loads(json.dumps(encode(value), allow_nan=False))) == value


def test_numbers_keep_their_type_and_their_infinities():
    assert [type(decode(encode(v))) for v in (1, 1.0, True, np.int64(3), np.float32(0.5))] == [int, float, bool, int, float]
    assert decode(encode(-math.inf)) == -math.inf
    assert math.isnan(decode(encode(math.nan)))


def test_descriptions_come_back_through_text():
    layer = lamina.layers.Dense(3, activation='relu', kernel_regularizer=lamina.regularizers.L2(0.1), name='head', input_shape=(None, 4))
    again = decode(json.loads(json.dumps(encode(layer))))
    assert again == layer
    assert (again.name, again.input_shape) == ('head', (None, 4))


@pytest.mark.parametrize('value', [lambda x: x, np.zeros(3), object(), {1, 2}, b'bytes', 1j, len])
def test_what_has_no_saved_form_is_refused(value):
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        encode(value)
    with pytest.raises(ConfigError, match=r"Activation 'act', setting 'activation'.*Write it as a small"):
        encode(lamina.layers.Activation(lambda x: x, name='act'))


DENSE: dict[str, Any] = encode(lamina.layers.Dense(3))  # type: ignore[assignment]
HOSTILE = [
    ({**DENSE, 'name': 'Dens'}, UnknownNameError, "Did you mean 'Dense'"),
    ({**DENSE, 'name': 'os.system'}, UnknownNameError, 'Check the spelling'),
    ({**DENSE, 'name': ['Dense']}, UnknownNameError, "Did you mean 'Dense'"),
    ({**DENSE, 'name': None}, UnknownNameError, 'Check the spelling'),
    ({**DENSE, 'name': 'lamina.layers.Dense'}, UnknownNameError, 'Check the spelling|Did you mean'),
    ({**DENSE, 'kind': 'module'}, UnknownNameError, 'Check the spelling'),
    ({**DENSE, 'kind': 7}, ArchiveError, 'was not written by Lamina'),
    ({**DENSE, 'kind': ''}, UnknownNameError, 'Check the spelling'),
    ({**DENSE, 'settings': []}, ArchiveError, 'was not written by Lamina'),
    ({**DENSE, 'settings': {'units': 3, 'shell': 'rm'}}, ArchiveError, 'Update Lamina, or re-save the model'),
    ({**DENSE, 'settings': {'units': 3, '__class__': 'x'}}, ArchiveError, 'Update Lamina, or re-save the model'),
    ({**DENSE, 'settings': {}}, (ArchiveError, ConfigError), r'Re-save the model|Add units=…'),
    ({**DENSE, 'settings': {'units': 'many'}}, ConfigError, 'Change units=… to such a value'),
    ({**DENSE, 'settings': {'units': {'float': 'inf'}}}, ConfigError, 'Change units=… to such a value'),
    ({**DENSE, 'settings': {'units': 3, 'activation': 'eval'}}, UnknownNameError, 'Did you mean|Check the spelling'),
    ({**DENSE, 'settings': {'units': 3, 'kernel_initializer': DENSE}}, (ConfigError, ArchiveError), ' '),
    ({**DENSE, 'extra': 1}, ArchiveError, 'was not written by Lamina'),
    ({}, ArchiveError, 'was not written by Lamina'),
    ({'float': '1e999'}, ArchiveError, 'was not written by Lamina'),
    ({'float': 3}, ArchiveError, 'was not written by Lamina'),
    ({'items': [1]}, ArchiveError, 'was not written by Lamina'),
]


@pytest.mark.parametrize(('data', 'error', 'remedy'), HOSTILE, ids=[str(i) for i in range(len(HOSTILE))])
def test_hostile_json_is_refused(data, error, remedy):
    with pytest.raises(error, match=remedy) as caught:
        decode(data)
    assert isinstance(caught.value, LaminaError)


def test_deep_nesting_is_refused_before_the_stack_ends():
    data: Any = 1
    for _ in range(5000):
        data = [data]
    with pytest.raises(ArchiveError, match='Do not load this file'):
        decode(data)
    data = {'items': {}}
    for _ in range(300):
        data = {'items': {'a': data}}
    with pytest.raises(ArchiveError, match='Do not load this file'):
        decode(data)


@pytest.mark.slow
@pytest.mark.parametrize('wrap', [lambda v: (v,), lambda v: {'a': v}, lambda v: lamina.Sequential([v]).network])
def test_what_can_be_encoded_can_be_decoded_at_every_depth(wrap):
    value: Any = lamina.layers.Flatten()
    for _ in range(MAX_DEPTH + 2):
        try:
            data = encode(value)
        except ConfigError:
            break
        assert decode(json.loads(json.dumps(data, indent=1))) == value
        value = wrap(value)
    with pytest.raises(ConfigError, match=f'deeper than {MAX_DEPTH} levels.*Put their layers in a row'):
        encode(value)


@pytest.mark.parametrize('key', [1, 1.5, None, True, ('a', 'b')])
def test_keys_that_are_no_strings_are_refused(key):
    with pytest.raises(ConfigError, match=r'Use strings as keys, or a tuple of \(key, value\) pairs'):
        encode({'outer': {key: 2}})
    assert decode(encode({'outer': ((key, 2),)})) == {'outer': ((key, 2),)}


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(['layer', 'Dense', 'Chain', 'Graph', 'nan']),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(['kind', 'name', 'settings', 'items', 'float', 'units', 'layers', 'x']), inner, max_size=3)
        | st.fixed_dictionaries(
            {'kind': st.just('layer'), 'name': st.sampled_from(sorted(['Dense', 'Chain', 'Flatten', 'Dot'])), 'settings': inner}
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(anything)
def test_any_json_is_decoded_or_refused_with_one_of_our_errors(data):
    with contextlib.suppress(LaminaError):
        decode(data)
