"""Descriptions: equality, hash, repr, replace, freezing, names, pickling."""

import copy
import dataclasses
import inspect
import os
import pickle
import subprocess
import sys
from typing import Any, ClassVar

import pytest

from lamina.core.described import (
    Described,
    FrozenDict,
    described,
    freeze,
    lookup,
    normalized,
    registered,
    resolve,
    snake_case,
    unregistered,
)
from lamina.core.errors import ConfigError, UnknownNameError
from lamina.core.fields import real, setting, text, whole


class Fruit(Described):
    """A kind of its own, so that these tests touch no other registry."""

    kind: ClassVar[str] = 'fruit'


@described
class Apple(Fruit):
    """With every sort of field."""

    aliases: ClassVar[tuple[str, ...]] = ('Malus',)

    size: int = setting(whole(1))
    sweet: float = setting(real(0, 1), default=0.5)
    parts: Any = setting(default=())
    label_text: str = setting(convert=str, default=7)
    name: str | None = setting(text(), default=None, kw_only=True, compare=False)
    hidden: int = setting(default=0, repr=False)


@described
class Pear(Fruit):
    """Without fields."""


def test_settings_are_checked_converted_and_frozen():
    apple = Apple(3, parts=[1, {'a': [2]}])
    assert apple.parts == (1, {'a': (2,)})
    assert isinstance(apple.parts[1], FrozenDict)
    assert apple.label_text == '7'
    with pytest.raises(ConfigError, match=r"Apple, setting 'size': got 0; expected a whole number of at least 1\. Change size=…"):
        Apple(0)
    with pytest.raises(ConfigError, match=r"Apple 'red', setting 'sweet'.*Change sweet=… to such a value"):
        Apple(1, 2.0, name='red')
    with pytest.raises(ConfigError, match='Change size=… to such a value'):
        Apple(None)
    assert Apple(1, name=None).name is None


def test_equality_and_hash_follow_the_settings_and_their_types():
    assert Apple(3) == Apple(3, 0.5)
    assert hash(Apple(3)) == hash(Apple(3, 0.5))
    assert Apple(3, name='a') == Apple(3, name='b')
    assert Apple(3) != Apple(4)
    assert Apple(3, 1) != Apple(3, 1.0)
    assert Apple(3) != Pear()
    assert Pear() == Pear()
    assert Apple(3) != 'Apple(3)'
    assert len({Apple(3), Apple(3), Apple(4)}) == 2
    assert hash(Apple(1, parts={'b': 1, 'a': 2})) == hash(Apple(1, parts={'b': 1, 'a': 2}))


def test_nothing_can_be_changed():
    apple = Apple(3, parts={'a': 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        apple.size = 4
    with pytest.raises(dataclasses.FrozenInstanceError):
        apple.colour = 'red'
    with pytest.raises(dataclasses.FrozenInstanceError):
        del apple.size
    for change in (lambda d: d.update(b=2), lambda d: d.pop('a'), lambda d: d.__setitem__('a', 2), lambda d: d.clear()):
        with pytest.raises(TypeError, match='build a new one'):
            change(apple.parts)
    assert apple == Apple(3, parts={'a': 1})


def test_replace_makes_another():
    apple = Apple(3)
    assert apple.replace(size=5) == Apple(5)
    assert apple.size == 3
    with pytest.raises(ConfigError, match='Change size=… to such a value'):
        apple.replace(size=0)
    with pytest.raises(UnknownNameError, match=r'Remove colour=…'):
        apple.replace(colour='red')


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Apple(3, swet=0.1), r"^Apple, name of a setting: got 'swet'; expected one of .*Did you mean 'sweet'\?$"),
        (lambda: Apple(3, lt='x'), r"Did you mean 'label_text'\?$"),
        (lambda: Apple(3, colour='red', name='Fuji'), r"^Apple 'Fuji', name of a setting: got 'colour'.*Remove colour=…\.$"),
        (lambda: Apple(sweet=0.1), r"^Apple: got no 'size'; expected the setting 'size', which has no default\. Add size=…\.$"),
        (lambda: Apple(3, size=4), r"^Apple: got the setting 'size' twice.*Remove size=…\.$"),
        (lambda: Apple(1, 0.5, (), 'x', 0, 'y'), r'^Apple: got 6 settings without a name; expected at most 5: size, .*name=value\.$'),
        (lambda: Pear(1), r'^Pear: got 1 settings without a name; expected settings by name only\. Write the others as name=value\.$'),
    ],
)
def test_settings_that_do_not_exist_or_are_missing_are_explained(make, message):
    with pytest.raises(ConfigError, match=message) as caught:
        make()
    assert isinstance(caught.value.__cause__, TypeError)


def test_the_names_that_keras_users_write():
    import lamina

    with pytest.raises(ConfigError, match="Did you mean 'activation'"):
        lamina.layers.Dense(3, activaton='relu')
    with pytest.raises(ConfigError, match="Did you mean 'learning_rate'"):
        lamina.optimizers.Adam(lr=0.1)
    with pytest.raises(ConfigError, match='Add units=…'):
        lamina.layers.Dense()
    with pytest.raises(ConfigError, match="Did you mean 'from_logits'"):
        lamina.losses.BinaryCrossentropy(logits=True)


def test_a_type_error_from_deeper_passes_unchanged():
    def broken(value):
        raise TypeError('deeper')

    @unregistered
    class Quince(Fruit):
        size: int = setting(convert=broken, default=1)

    with pytest.raises(TypeError, match=r'^deeper$'):
        Quince(2)


def test_signatures_are_those_of_the_settings():
    assert list(inspect.signature(Apple).parameters) == ['size', 'sweet', 'parts', 'label_text', 'hidden', 'name']


def test_a_class_gives_its_own_advice_on_assignment():
    import lamina

    with pytest.raises(dataclasses.FrozenInstanceError, match=r'Use \.replace\(size=…\), which returns a changed copy\.$'):
        Apple(3).size = 4
    with pytest.raises(dataclasses.FrozenInstanceError, match=r'Set model\.learning_rate = …'):
        lamina.optimizers.Adam().learning_rate = 1e-4
    with pytest.raises(dataclasses.FrozenInstanceError, match=r'optimizer\.replace\(clipnorm=…\)'):
        lamina.optimizers.SGD().clipnorm = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError, match=r'model\.freeze\(name\) to freeze a layer'):
        lamina.layers.Dense(3).trainable = False


def test_repr_shows_what_differs_from_the_defaults_and_can_be_evaluated():
    assert repr(Apple(3)) == 'Apple(3)'
    assert repr(Pear()) == 'Pear()'
    apple = Apple(3, 0.25, parts=[1], name='x', hidden=4)
    assert repr(apple) == "Apple(3, sweet=0.25, parts=(1,), name='x')"
    assert eval(repr(apple)) == apple.replace(hidden=0)


def test_frozen_dicts_differ_by_order_and_equal_plain_dicts():
    one, other = FrozenDict(a=1, b=2), FrozenDict(b=2, a=1)
    assert one != other
    assert (one == other) is False
    assert one == {'b': 2, 'a': 1}
    assert one == FrozenDict(a=1, b=2)
    assert hash(one) == hash(FrozenDict(a=1, b=2))
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


def test_freeze_keeps_named_tuples():
    import collections

    pair = collections.namedtuple('pair', 'a b')([1], 2)
    assert freeze(pair) is pair
    assert freeze([[1, 2], {'k': [3]}]) == ((1, 2), {'k': (3,)})


def test_copies_and_pickles_are_equal_also_in_another_process():
    apple = Apple(3, parts={'word': 'text'})
    hash(apple)
    assert copy.deepcopy(apple) == copy.copy(apple) == pickle.loads(pickle.dumps(apple)) == apple
    code = """
import pickle, sys
from lamina.layers import Dense
d = pickle.load(sys.stdin.buffer)
assert d == Dense(3, activation='relu') and hash(d) == hash(Dense(3, activation='relu'))
"""
    from lamina.layers import Dense

    dense = Dense(3, activation='relu')
    hash(dense)
    environment = {**os.environ, 'PYTHONHASHSEED': '12345'}
    subprocess.run([sys.executable, '-c', code], input=pickle.dumps(dense), check=True, env=environment)


@pytest.mark.parametrize(
    ('name', 'snake'), [('Dense', 'dense'), ('BatchNormalization', 'batch_normalization'), ('GRUCell', 'gru_cell'), ('L1L2', 'l1l2')]
)
def test_snake_case(name, snake):
    assert snake_case(name) == snake
    assert normalized(snake) == normalized(name)


def test_names_are_found_in_any_spelling():
    for name in ('Apple', 'apple', 'APPLE', 'malus', 'Malus'):
        assert lookup('fruit', name) is Apple
    assert set(registered('fruit')) == {'Apple', 'Pear'}
    with pytest.raises(UnknownNameError, match="Did you mean 'Apple'"):
        lookup('fruit', 'Aple')
    with pytest.raises(UnknownNameError, match='register your own first'):
        lookup('fruit', 3)
    with pytest.raises(UnknownNameError, match='register your own first'):
        lookup('no such kind', 'Apple')


def test_resolve_takes_what_users_write():
    assert resolve('fruit', 'pear') == Pear()
    assert resolve('fruit', Pear) == Pear()
    apple = Apple(2)
    assert resolve('fruit', apple) is apple
    assert resolve('fruit', None) is None
    assert resolve('fruit', 3.5) == 3.5


def test_a_name_that_is_taken_is_refused_and_a_class_defined_again_is_not():
    def again():
        class Pear(Fruit):
            """Another pear."""

        return Pear

    with pytest.raises(ConfigError, match='Rename the class'):
        described(again())
    assert lookup('fruit', 'Pear') is Pear
    same = type('Pear', (Fruit,), {'__module__': __name__, '__qualname__': 'Pear', '__doc__': 'The same place.'})
    assert described(same) is same
    assert lookup('fruit', 'Pear') is same
    described(Pear)


def test_unregistered_classes_have_no_name():
    @unregistered
    class Quince(Fruit):
        """Cannot be named by a file."""

        size: int = setting(whole(1), default=1)

    assert repr(Quince(2)) == 'Quince(size=2)'
    assert 'Quince' not in registered('fruit')
    with pytest.raises(dataclasses.FrozenInstanceError):
        Quince().size = 3
