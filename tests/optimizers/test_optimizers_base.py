"""Clipping, weight decay and the learning rate, which all optimizers share."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.core.errors import ConfigError
from lamina.optimizers import SGD, AdamW, Muon, Optimizer
from lamina.optimizers.base import leaf_path, leafwise, matches
from lamina.optimizers.schedules import ExponentialDecay, FunctionSchedule

ONES = {'dense/kernel': jnp.ones((2, 2)), 'dense/bias': jnp.ones(3)}


def moved(optimizer, grads, params=ONES, learning_rate=1.0):
    return optimizer.update(grads, optimizer.init(params), params, learning_rate, 0)[0]


def norm(tree):
    return float(jnp.sqrt(sum(jnp.sum(jnp.square(x)) for x in jax.tree.leaves(tree))))


def gradient_seen(optimizer, grads):
    zeros = jax.tree.map(jnp.zeros_like, grads)
    return jax.tree.map(jnp.negative, moved(optimizer, grads, zeros))


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
def test_clipping_bounds_the_gradient_and_keeps_its_direction(size, bound):
    grads = {'a': size * jnp.array([3.0, -4.0]), 'b': size * jnp.array([[12.0]])}
    for clipped in (gradient_seen(SGD(clipnorm=bound), grads)['a'], gradient_seen(SGD(global_clipnorm=bound), grads)['a']):
        np.testing.assert_allclose(clipped[1] / clipped[0], -4 / 3, rtol=1e-5)
    by_leaf, by_all = gradient_seen(SGD(clipnorm=bound), grads), gradient_seen(SGD(global_clipnorm=bound), grads)
    np.testing.assert_allclose([norm(by_leaf['a']), norm(by_leaf['b'])], [min(5 * size, bound), min(12 * size, bound)], rtol=1e-5)
    np.testing.assert_allclose(norm(by_all), min(13 * size, bound), rtol=1e-5)
    by_value = gradient_seen(SGD(clipvalue=bound), grads)
    np.testing.assert_allclose(by_value['a'], np.clip(grads['a'], -bound, bound), rtol=1e-6)


def test_a_zero_gradient_is_clipped_to_zero():
    zeros = jax.tree.map(jnp.zeros_like, ONES)
    for optimizer in (SGD(clipnorm=1.0), SGD(clipvalue=1.0), SGD(global_clipnorm=1.0)):
        for path, p in moved(optimizer, zeros).items():
            np.testing.assert_array_equal(p, ONES[path])


@pytest.mark.parametrize('clips', [{'clipnorm': 1.0, 'clipvalue': 2.0}, {'clipvalue': 1.0, 'global_clipnorm': 2.0}])
def test_two_ways_of_clipping_are_refused(clips):
    remaining = list(clips)[-1]
    with pytest.raises(ConfigError, match=f'Keep one, for example {remaining}=2.0'):
        SGD(**clips)


def test_weight_decay_is_decoupled_and_leaves_out_what_is_excluded():
    zeros = jax.tree.map(jnp.zeros_like, ONES)
    plain = moved(AdamW(weight_decay=0.2), zeros, learning_rate=0.5)
    np.testing.assert_allclose(plain['dense/kernel'], 0.9)
    np.testing.assert_allclose(plain['dense/bias'], 0.9)
    for words in ('bias', ['kernel?', 'b*s'], ['dense/b*'], ['nobody', '[ab]ias']):
        excluded = moved(AdamW(weight_decay=0.2, exclude_from_weight_decay=words), zeros, learning_rate=0.5)
        np.testing.assert_allclose(excluded['dense/kernel'], 0.9)
        np.testing.assert_array_equal(excluded['dense/bias'], 1.0)


def test_muon_excludes_from_weight_decay_as_well():
    zeros = jax.tree.map(jnp.zeros_like, ONES)
    end = moved(Muon(weight_decay=0.2, adam_weight_decay=0.4, exclude_from_weight_decay=('bias',)), zeros, learning_rate=0.5)
    np.testing.assert_allclose(end['dense/kernel'], 0.9)
    np.testing.assert_array_equal(end['dense/bias'], 1.0)


def test_adamw_does_not_take_none_for_its_weight_decay():
    with pytest.raises(ConfigError, match='Change weight_decay='):
        AdamW(weight_decay=None)


def test_nested_weights_give_the_same_as_flat_ones():
    flat = moved(AdamW(exclude_from_weight_decay=('dense/bias',)), ONES)
    nested_ones = {'dense': {'kernel': ONES['dense/kernel'], 'bias': ONES['dense/bias']}}
    nested = moved(AdamW(exclude_from_weight_decay=('dense/bias',)), nested_ones, nested_ones)
    np.testing.assert_array_equal(flat['dense/bias'], nested['dense']['bias'])
    np.testing.assert_array_equal(flat['dense/kernel'], nested['dense']['kernel'])


def test_a_network_without_weights_has_nothing_to_update():
    for optimizer in (SGD(momentum=0.9), AdamW(global_clipnorm=1.0), Muon()):
        assert optimizer.update({}, optimizer.init({}), {}, 0.1, 0)[0] == {}


def test_the_rate_is_the_number_or_the_schedules_value():
    assert SGD(0.25).rate(7) == 0.25
    assert SGD().rate(0) == 0.01
    assert float(SGD(ExponentialDecay(0.1, 10, 0.5)).rate(10)) == pytest.approx(0.05)
    by_function = SGD(lambda step: 0.1 / (1 + step))
    assert isinstance(by_function.learning_rate, FunctionSchedule)
    assert float(by_function.rate(1)) == pytest.approx(0.05)


@pytest.mark.parametrize('number', [1, np.float32(0.5), np.int64(2)])
def test_any_real_number_is_a_rate_and_becomes_a_float(number):
    assert type(SGD(number).learning_rate) is float


def test_a_schedule_inside_a_compiled_loop_is_the_schedule_step_by_step():
    optimizer, grads = SGD(ExponentialDecay(0.1, 2, 0.5), momentum=0.9), jax.tree.map(jnp.ones_like, ONES)

    def body(carry, step):
        return optimizer.update(grads, carry[1], carry[0], optimizer.rate(step), step), None

    (scanned, _), _ = jax.lax.scan(body, (ONES, optimizer.init(ONES)), jnp.arange(5))
    params, state = ONES, optimizer.init(ONES)
    for step in range(5):
        params, state = optimizer.update(grads, state, params, optimizer.rate(step), step)
    np.testing.assert_allclose(scanned['dense/bias'], params['dense/bias'], rtol=1e-6)


def test_a_subclass_without_a_rule_says_what_to_write():
    with pytest.raises(ConfigError, match=r'Define direction\(self\) in the class'):
        Optimizer().init(ONES)


def test_equal_settings_are_equal_whatever_the_name():
    assert SGD(0.1, name='a') == SGD(0.1, name='b')
    assert hash(SGD(0.1, name='a')) == hash(SGD(0.1))
    assert SGD(0.1) != SGD(0.1, momentum=0.5)


def test_leafwise_returns_one_tree_for_each_output():
    added, multiplied = leafwise(lambda x, y: (x + y, x * y), 2, {'a': 2, 'b': {'c': 3}}, {'a': 5, 'b': {'c': 7}})
    assert (added, multiplied) == ({'a': 7, 'b': {'c': 10}}, {'a': 10, 'b': {'c': 21}})


def test_paths_of_leaves_and_what_matches_them():
    (path, _), *_ = jax.tree_util.tree_leaves_with_path({'block': [{'kernel': 1}]})
    assert leaf_path(path) == 'block/0/kernel'
    assert not matches((), 'a/bias')


@pytest.mark.parametrize(
    ('word', 'path', 'matched'),
    [
        ('norm', 'a/layer_norm_1/scale', True),
        ('norm_1/s', 'a/layer_norm_1/scale', True),
        ('Norm', 'a/layer_norm_1/scale', False),
        ('a.b', 'axb', False),
        ('norm*', 'a/layer_norm_1/scale', False),
        ('*norm*', 'a/layer_norm_1/scale', True),
        ('a', 'a/layer_norm_1/scale', True),
        ('layer_norm_?', 'a/layer_norm_1/scale', True),
        ('layer_norm_?', 'a/layer_norm_12/scale', False),
        ('layer_norm_[0-9]', 'a/layer_norm_1/scale', True),
        ('*/scale', 'a/layer_norm_1/scale', True),
        ('a/*', 'a/layer_norm_1/scale', True),
        ('layer_norm_1/*', 'a/layer_norm_1/scale', False),
    ],
)
def test_a_word_occurs_anywhere_and_a_pattern_is_of_the_whole_path_or_of_a_name(word, path, matched):
    assert matches((word,), path) is matched


@pytest.mark.parametrize('expression', ['bias$', '^dense', r'norm_\d', 'a|b', 'norm.*scale', 'norm_.+'])
def test_regular_expressions_are_refused(expression):
    for wrong in ({'exclude_from_weight_decay': [expression]}, {'exclude_layers': expression}):
        with pytest.raises(ConfigError, match=f'like .conv.*no regular expressions.*Change {next(iter(wrong))}='):
            Muon(**wrong)


@pytest.mark.parametrize('pattern', ['a*' * 30 + 'b', '*a' * 500 + '*b', '?*' * 100 + 'b', '[a]*' * 100 + 'b', '*' * 5000 + 'b', '(a+)+b'])
def test_no_pattern_takes_for_ever(pattern):
    start = time.process_time()
    assert not matches((pattern,), 'a' * 1000)
    assert time.process_time() - start < 2
