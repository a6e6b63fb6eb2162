"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import lamina

NAMES = sorted(info.name for info in pkgutil.walk_packages(lamina.__path__, 'lamina.') if not info.name.endswith('__main__'))


@pytest.mark.parametrize('name', NAMES)
def test_examples_of(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    with_examples = [t for name in NAMES for t in finder.find(importlib.import_module(name)) if t.examples]
    assert len(with_examples) > 50
