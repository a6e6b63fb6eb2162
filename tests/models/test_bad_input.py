"""Every mistake the documentation names, at the door where a user makes it: a four-part error, and nothing lost."""

import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, DataError, LaminaError, ShapeError, StateError, UnknownNameError

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
Y = np.arange(20) % 3


@pytest.fixture
def model():
    model = lamina.Sequential([lamina.layers.Dense(3, name='head', input_shape=(4,))], seed=0)
    model.compile('adam', lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
    model.fit(X, Y, verbose=0)
    return model


def changed(array, index, value):
    array = np.array(array, float)
    array[index] = value
    return array


BAD = {
    'NaN inputs': (lambda: (changed(X, (3, 1), np.nan), Y), DataError, r'row 3.*Fill or drop them'),
    'infinite inputs': (lambda: (changed(X, (0, 0), np.inf), Y), DataError, 'Fill or drop them'),
    'a label too large': (lambda: (X, changed(Y, 7, 3).astype(int)), DataError, r'3.*row 7'),
    'a negative label': (lambda: (X, changed(Y, 7, -1).astype(int)), DataError, '-1'),
    'labels counted from one': (lambda: (X, Y + 1), DataError, 'y - 1'),
    'float labels': (lambda: (X, Y + 0.5), DataError, 'whole numbers'),
    'one-hot labels': (lambda: (X, np.eye(3)[Y]), (DataError, ShapeError), 'CategoricalCrossentropy'),
    'mismatched lengths': (lambda: (X, Y[:19]), DataError, '19'),
    'mismatched weights': (lambda: (X, Y, np.ones(3)), DataError, '3'),
    'too few features': (lambda: (X[:, :3], Y), ShapeError, r'\(batch, 4\)'),
    'a single example': (lambda: (X[0], Y[:4]), ShapeError, r'x\[None\]'),
    'wrong rank': (lambda: (X[:, :, None], Y), ShapeError, r'reshape\(-1, 4\)'),
    'no examples': (lambda: (X[:0], Y[:0]), DataError, 'at least one'),
    'no targets': (lambda: (X, None), DataError, 'Pass y'),
    'text': (lambda: (np.array([['a'] * 4] * 20), Y), DataError, 'Turn them into numbers'),
    'ragged lists': (lambda: ([[1.0, 2.0], [1.0]], [0, 1]), DataError, 'pad|Pad'),
    'two inputs for one': (lambda: ([X, X], Y), DataError, 'Pass one array'),
    'an unknown input name': (lambda: ({'inputs': X}, Y), UnknownNameError, "Did you mean 'input'"),
}


@pytest.mark.parametrize('case', BAD, ids=str)
def test_fit_refuses_and_loses_nothing(model, case):
    make, error, message = BAD[case]
    weights, step = model.get_weights(), int(model.state.step)
    x, y, *weight = make()
    with pytest.raises(error, match=message) as caught:
        model.fit(x, y, sample_weight=weight[0] if weight else None, verbose=0)
    assert isinstance(caught.value, LaminaError)
    assert all((caught.value.where, caught.value.got, caught.value.expected, caught.value.remedy))
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert int(model.state.step) == step
    model.fit(X, Y, verbose=0)


def test_a_bad_batch_in_a_stream_is_named_and_earlier_steps_are_kept(model):
    def batches():
        yield X, Y
        yield changed(X, (0, 0), np.nan), Y

    with pytest.raises(DataError, match='batch 2'):
        model.fit(batches(), verbose=0)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ('call', 'error', 'message'),
    [
        (lambda m: m.compile('adm', 'mse'), UnknownNameError, "Did you mean 'Adam'"),
        (lambda m: m.compile('adam', 'mean_sqared_error'), UnknownNameError, 'MeanSquaredError'),
        (lambda m: m.fit(X, Y, batch_size=0), ConfigError, 'batch_size=32'),
        (lambda m: m.fit(X, Y, validation_split=1.5), ConfigError, r'validation_split=0\.2'),
        (lambda m: m.fit(X, Y, class_weight={0: 1.0}), DataError, 'Add 1'),
        (lambda m: m.set_weights([np.zeros((4, 3))]), ShapeError, 'get_weights'),
        (lambda m: m.set_weights([np.zeros((3, 4)), np.zeros(3)]), ShapeError, 'order'),
        (lambda m: m.get_layer('hed'), UnknownNameError, "Did you mean 'head'"),
        (lambda m: m.freeze('conv*'), UnknownNameError, 'head'),
        (lambda m: lamina.Sequential([lamina.layers.Dense]), ConfigError, 'parentheses'),
        (lambda m: lamina.Sequential([len]), ConfigError, r'lamina\.external\.as_layer'),
        (lambda m: lamina.Sequential().summary(), (StateError, ConfigError), 'input shape|layer'),
        (lambda m: lamina.layers.Dense(3)(X), StateError, r'lamina\.Input'),
        (lambda m: lamina.layers.Dense('ten'), ConfigError, 'whole number'),
        (lambda m: lamina.layers.Dense(3, activation='rellu'), UnknownNameError, "'relu'"),
        (lambda m: setattr(m.layers[0], 'trainable', False), AttributeError, r'model\.freeze'),
    ],
)
def test_calls_refuse_with_the_way_out(model, call, error, message):
    with pytest.raises(error, match=message):
        call(model)


def test_a_layer_that_does_not_fit_is_named():
    with pytest.raises(ShapeError, match=r"Reshape 'shape'.*Change target_shape"):
        lamina.Sequential([lamina.layers.Dense(5, input_shape=(4,)), lamina.layers.Reshape((2, 2), name='shape')])


def test_a_users_own_layer_that_fails_is_named():
    class Broken(lamina.Layer):
        def apply(self, variables, x, scope):
            return x @ np.zeros((7, 7))

    with pytest.raises(ShapeError, match='Broken'):
        lamina.Sequential([lamina.described(Broken)(input_shape=(4,))])
