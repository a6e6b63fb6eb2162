"""Cells of a user's own in `RNN`, and the wrappers: both directions, and a layer at every step."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from recurrence import RIGHT_PADDED, RNG, X, near, run, training, values_of

import lamina
from lamina import layers
from lamina.core import paths
from lamina.core.errors import ConfigError, ShapeError
from lamina.layers import Scope
from lamina.layers.weight import initial_values

# --- cells of one's own ---


@lamina.described
class Counting(lamina.Layer):
    """A cell with a layer within, a weight that it changes itself, and a loss."""

    inner: lamina.Layer = layers.Dropout(0.5)
    state_size = 3

    def children(self):
        return {'inner': self.inner}

    def weights(self, shape):
        return {'steps': lamina.Weight((), 'zeros', trainable=False)}

    def apply(self, variables, x, h, scope):
        scope.update('steps', variables['steps'] + 1)
        scope.add_loss(jnp.sum(x) * variables['steps'])
        y = scope.call(self.inner, 'inner', variables, x)
        return y, h + y


def test_what_a_cell_changes_goes_from_step_to_step():
    layer, scope = layers.RNN(Counting(), return_sequences=True, return_state=True), training()
    x = np.ones((4, 6, 3), np.float32)
    y, h = run(layer, x, values_of(layer, x), scope)
    assert {p: float(v) for p, v in scope.records.updates.items()} == {'layer/cell/steps': 6}
    assert float(sum(scope.records.losses)) == 12 * sum(range(6))
    y = np.asarray(y)
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    np.testing.assert_array_equal(h, y.sum(1))
    assert set(np.unique(y)) == {0, 2}
    again, _ = run(layer, x, values_of(layer, x), scope)
    assert (np.asarray(again) != y).any()


def test_a_cell_of_ones_own_is_the_layer_it_describes():
    @lamina.described
    class Elman(lamina.Layer):
        units: int = 3
        state_size = property(lambda self: self.units)

        def weights(self, shape):
            return {n: lamina.Weight((k, 3)) for n, k in (('kernel', shape[-1]), ('recurrent_kernel', 3))}

        def apply(self, variables, x, h, scope):
            h = jnp.tanh(x @ variables['kernel'] + h @ variables['recurrent_kernel'])
            return h, h

    known = layers.SimpleRNN(3, use_bias=False, return_sequences=True, return_state=True)
    values = values_of(known, X)
    layer = layers.RNN(Elman(), return_sequences=True, return_state=True)
    near(run(layer, X, {'cell': values}, mask=RIGHT_PADDED), run(known, X, values, mask=RIGHT_PADDED))


def test_a_cell_may_say_how_it_begins():
    @lamina.described
    class Begins(lamina.Layer):
        state_size = 3

        def get_initial_state(self, batch_size):
            return jnp.ones((batch_size, 3))

        def apply(self, variables, x, h, scope):
            return h, h * 2

    np.testing.assert_array_equal(run(layers.RNN(Begins()), X), np.full((4, 3), 32.0))
    declared = layers.RNN([layers.GRUCell(3), Begins()], stateful=True, batch_size=4).weights((None, 6, 3))
    assert initial_values({'rnn_state_1': declared['rnn_state_1']}, 0)['rnn_state_1'].tolist() == np.ones((4, 3)).tolist()


def test_a_cell_that_is_none_is_refused():
    with pytest.raises(ConfigError, match='Give the class state_size'):
        layers.RNN(layers.Dense(3))
    with pytest.raises(ConfigError, match='a class of your own'):
        layers.RNN('lstm')
    with pytest.raises(ConfigError, match='a class of your own'):
        layers.RNN([layers.GRUCell(3), 3])
    with pytest.raises(ConfigError, match='Write StackedRNNCells'):
        layers.RNN([])
    with pytest.raises(ShapeError, match=r'Put the cell into RNN\(cell\)'):
        layers.LSTMCell(3).weights((None, 6, 3))
    with pytest.raises(ShapeError, match=r'Call cell\(x, h, c\)'):
        run(layers.LSTMCell(3), X[:, 0], values_of(layers.LSTM(3), X))


def test_a_cell_that_returns_other_states_is_told_so():
    @lamina.described
    class Forgetful(lamina.Layer):
        state_size = (3, 3)

        def apply(self, variables, x, h, c, scope):
            return h, h

    with pytest.raises(ShapeError, match=r'Return \(output, \*states\)'):
        layers.RNN(Forgetful()).output_shape((None, 6, 3))


# --- wrappers ---


def test_bidirectional_is_two_layers_and_hands_out_states():
    layer = layers.Bidirectional(layers.LSTM(2, return_state=True, return_sequences=True))
    values = values_of(layer, X)
    state = [RNG.normal(size=(4, 2)).astype(np.float32) for _ in range(4)]
    scope = Scope()
    y, *states = run(layer, X, values, scope, mask=RIGHT_PADDED, initial_state=state)
    plain = layers.LSTM(2, return_state=True, return_sequences=True, zero_output_for_mask=True)
    a, *forward = run(plain, X, values['forward_layer'], mask=RIGHT_PADDED, initial_state=state[:2])
    b, *backward = run(plain.replace(go_backwards=True), X, values['backward_layer'], mask=RIGHT_PADDED, initial_state=state[2:])
    near(y, np.concatenate([a, b[:, ::-1]], -1))
    near(states, [*forward, *backward])
    assert (np.asarray(y)[~RIGHT_PADDED] == 0).all()
    np.testing.assert_array_equal(scope.mask_of(y), RIGHT_PADDED)
    assert all(scope.mask_of(h) is None for h in states)


def test_what_bidirectional_cannot_take_is_told():
    for wrong in (layers.Dense(3), layers.LSTMCell(3), 'lstm'):
        with pytest.raises(ConfigError, match=r'wrap a cell in RNN\(cell\)'):
            layers.Bidirectional(wrong)
    with pytest.raises(ConfigError, match='go_backwards=True'):
        layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3))
    with pytest.raises(ConfigError, match='Give both layers the same return_sequences'):
        layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3, go_backwards=True, return_sequences=True))
    with pytest.raises(ShapeError, match=r'\*forward_states, \*backward_states'):
        run(layers.Bidirectional(layers.GRU(3)), X, initial_state=[np.zeros((4, 3))])


def test_layers_within_can_be_exchanged():
    layer = layers.Bidirectional(layers.GRU(3, return_sequences=True))
    assert layer.with_children(layer.children()) is layer
    frozen = layer.with_children({n: c.replace(trainable=False) for n, c in layer.children().items()})
    assert not any(w.trainable for w in paths.flatten(frozen.weights((None, 6, 3))).values())
    for wrapper in (layers.RNN([layers.GRUCell(3), layers.GRUCell(2)]), layers.TimeDistributed(layers.Dense(3))):
        child = next(iter(wrapper.children().values())).replace(trainable=False)
        changed = wrapper.with_children(dict.fromkeys(wrapper.children(), child))
        assert not any(w.trainable for w in paths.flatten(changed.weights((None, 6, 3))).values())
    stack = layers.StackedRNNCells([layers.GRUCell(3), layers.GRUCell(2)])
    assert list(stack.children()) == ['gru_cell', 'gru_cell_1']
    assert stack.with_children(stack.children()) == stack


def test_statistics_of_each_step_leave_out_masked_steps_and_padding():
    layer = layers.TimeDistributed(layers.BatchNormalization(momentum=0.0))
    valid = jnp.array([1.0, 1.0, 1.0, 0.0])
    scope = dataclasses.replace(training(), valid=valid)
    y = run(
        layer, X, paths.nest({'layer/' + n: np.ones(3, np.float32) for n in ('gamma', 'beta', 'moving_mean', 'moving_variance')}), scope
    )
    near(scope.records.updates['layer/layer/moving_mean'], X[:3].mean((0, 1)))
    assert scope.mask_of(y) is None
    scope = dataclasses.replace(training(), valid=valid)
    y = run(
        layer,
        X,
        paths.nest({'layer/' + n: np.ones(3, np.float32) for n in ('gamma', 'beta', 'moving_mean', 'moving_variance')}),
        scope,
        mask=RIGHT_PADDED,
    )
    near(scope.records.updates['layer/layer/moving_mean'], X[:3][RIGHT_PADDED[:3]].mean(0))
    np.testing.assert_array_equal(scope.mask_of(y), RIGHT_PADDED)
    nothing = run(layer, X, values_of(layer, X) | {}, training(), mask=np.zeros((4, 6), bool))
    assert np.isfinite(nothing).all()


def test_a_layer_at_every_step_is_the_layer_on_every_step():
    x = RNG.normal(size=(4, 6, 5, 3)).astype(np.float32)
    mask = RNG.random((4, 6, 5)) < 0.7
    inner = layers.LSTM(2, return_sequences=True)
    layer = layers.TimeDistributed(inner)
    values, scope = values_of(layer, x), Scope()
    y = run(layer, x, values, scope, mask=mask)
    for t in (0, 5):
        near(y[:, t], run(inner, x[:, t], values['layer'], mask=mask[:, t]))
    np.testing.assert_array_equal(scope.mask_of(y), mask)
    scope = Scope()
    y = run(layers.TimeDistributed(layers.LSTM(2)), x, values, scope, mask=mask)
    np.testing.assert_array_equal(scope.mask_of(y), mask.any(-1))


def test_a_model_at_every_step():
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(2)])
    assert layers.TimeDistributed(model).output_shape((None, 6, 3)) == (None, 6, 2)
    with pytest.raises(ConfigError, match='Wrap a function'):
        layers.TimeDistributed(np.tanh)
    with pytest.raises(ShapeError, match='give the input a time axis after the batch'):
        layers.TimeDistributed(layers.Dense(2)).output_shape((None, 3))
    with pytest.raises(ShapeError, match='Remove the empty sequences'):
        layers.TimeDistributed(layers.Dense(2)).weights((None, 0, 3))
    with pytest.raises(ShapeError, match=r'with the axes \(batch, time\)'):
        run(layers.TimeDistributed(layers.Dense(2)), X, mask=RIGHT_PADDED[:, :2])
