"""Paths: flatten and nest are inverse."""

from hypothesis import given
from hypothesis import strategies as st

from lamina.core.paths import flatten, nest

names = st.text(st.characters(exclude_characters='/', codec='utf-8'), min_size=1, max_size=4)
trees = st.dictionaries(names, st.recursive(st.integers(), lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3)), max_size=4)


def test_paths_are_names_joined_by_slashes_in_order():
    tree = {'dense': {'kernel': 1, 'bias': 2}, 'a': {'b': {'c': 3}}, 'scale': 4}
    flat = flatten(tree)
    assert list(flat.items()) == [('dense/kernel', 1), ('dense/bias', 2), ('a/b/c', 3), ('scale', 4)]
    assert nest(flat) == tree


def test_a_layer_without_weights_has_no_entry():
    assert flatten({'flatten': {}, 'dense': {'bias': 1}}) == {'dense/bias': 1}
    assert nest({}) == {}


@given(trees)
def test_nest_is_the_inverse_of_flatten_and_keeps_the_order(tree):
    flat = flatten(tree)
    assert nest(flat) == tree
    assert list(flatten(nest(flat))) == list(flat)
    assert all('/' in path or not isinstance(tree[path], dict) for path in flat)
