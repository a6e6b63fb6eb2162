"""Recurrence beyond the table: masks, direction, states, settings, what is refused, and PyTorch as a second reference."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from recurrence import LENGTHS, LINES, RIGHT_PADDED, RNG, X, each, inputs_of, near, run, training, values_of

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.layers import Scope
from lamina.layers.recurrent.cells import ProjectedCell
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')


# --- masks and direction ---


@pytest.mark.slow
@each(0, 3, 5)
def test_a_masked_batch_is_each_row_alone_at_its_own_length(layer):
    x, layer = inputs_of(layer), layer.replace(return_state=True)
    whole = jax.tree.leaves(run(layer, x, mask=RIGHT_PADDED))
    for i in (1, 2):
        alone = jax.tree.leaves(run(layer, x[i : i + 1, : LENGTHS[i]]))
        near([a[i : i + 1] for a in whole], alone)


@each(0, 4, within=(0, 4, 6))
def test_masked_steps_repeat_the_output_before_them_or_are_zeros(layer):
    x, mask = inputs_of(layer), RIGHT_PADDED.copy()
    mask[0, 2] = mask[1, 0] = False
    sequence = np.asarray(run(layer.replace(return_sequences=True), x, mask=mask))
    np.testing.assert_array_equal(sequence[0, 2], sequence[0, 1])
    np.testing.assert_array_equal(sequence[2, 1:], np.broadcast_to(sequence[2, :1], sequence[2, 1:].shape))
    np.testing.assert_array_equal(sequence[1, 0], 0)
    zeros = np.asarray(run(layer.replace(return_sequences=True, zero_output_for_mask=True), x, mask=mask))
    assert (zeros[~mask] == 0).all()
    np.testing.assert_array_equal(zeros[mask], sequence[mask])
    last = np.asarray(run(layer.replace(zero_output_for_mask=True), x, mask=mask))
    assert (last[1:] == 0).all()
    assert (last[0] != 0).any()


@each(0, 5)
def test_going_backwards_is_flipping_the_sequence(layer):
    x, mask = inputs_of(layer), RIGHT_PADDED
    settings = {'return_sequences': True, 'return_state': True}
    backwards = run(layer.replace(go_backwards=True, **settings), x, mask=mask)
    near(backwards, run(layer.replace(**settings), x[:, ::-1], mask=mask[:, ::-1]))


def test_the_mask_of_a_sequence_goes_the_way_the_sequence_does():
    for backwards, expected in ((False, RIGHT_PADDED), (True, RIGHT_PADDED[:, ::-1])):
        scope = Scope()
        y, *states = run(layers.GRU(2, return_sequences=True, return_state=True, go_backwards=backwards), X, scope=scope, mask=RIGHT_PADDED)
        np.testing.assert_array_equal(scope.mask_of(y), expected)
        assert scope.mask_of(states[0]) is None


@each(0, 4, within=(0, 1, 2, 3, 4, 6, 7))
def test_a_row_without_any_step_is_finite_and_has_no_gradient(layer):
    x, mask = inputs_of(layer), RIGHT_PADDED.copy()
    mask[1] = False
    values = values_of(layer, x)

    def total(x):
        return jnp.sum(jnp.square(run(layer, x, values, mask=mask)))

    value, gradient = jax.value_and_grad(total)(x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert (np.asarray(gradient)[1] == 0).all()
    assert (np.asarray(run(layer, x, values, mask=mask))[1] == 0).all()


def test_a_step_of_a_finer_mask_counts_where_any_of_its_parts_does():
    finer = np.repeat(RIGHT_PADDED[..., None], 2, -1)
    finer[..., 1] = False
    np.testing.assert_array_equal(run(layers.LSTM(2), X, mask=finer), run(layers.LSTM(2), X, mask=RIGHT_PADDED))
    with pytest.raises(ShapeError, match=r'Pass mask=… with the axes \(batch, time\)'):
        run(layers.LSTM(2), X, mask=RIGHT_PADDED[:, 1:])


# --- states ---


@pytest.mark.parametrize('settings', [{}, {'recurrent_activation': 'hard_sigmoid'}], ids=['kernel', 'loop'])
def test_an_initial_state_is_that_of_keras_and_is_repeated_until_a_step_counts(settings):
    layer = layers.LSTM(3, return_sequences=True, return_state=True, **settings)
    mask = RIGHT_PADDED[:, ::-1]
    state, values = [RNG.normal(size=(4, 3)).astype(np.float32) for _ in range(2)], values_of(layer, X)
    theirs = keras.layers.LSTM(3, return_sequences=True, return_state=True, **settings)
    theirs.build(X.shape)
    theirs.set_weights(list(values.values()))
    got = run(layer, X, values, mask=mask, initial_state=state)
    near(got, tuple(theirs(X, mask=mask, initial_state=state)))
    np.testing.assert_array_equal(got[0][2, :5], np.broadcast_to(state[0][2], (5, 3)))


def test_states_of_stacked_cells_stand_together_as_in_keras():
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_state=True)
    _, lstm, gru = run(layer, X)
    assert [h.shape for h in lstm] == [(4, 3), (4, 3)]
    assert gru.shape == (4, 2)
    near(run(layer, X, initial_state=[[h * 0 for h in lstm], gru * 0]), run(layer, X))
    assert layer.output_shape((None, 6, 3)) == ((None, 2), ((None, 3), (None, 3)), (None, 2))


def test_an_initial_state_may_be_a_symbol_of_a_network():
    x, h = lamina.Input((6, 3)), lamina.Input((2,))
    encoded, state = layers.GRU(2, return_state=True)(x)
    decoded = layers.GRU(2, return_sequences=True)(x, initial_state=[state])
    started = layers.GRU(2)(x, initial_state=h)
    model = lamina.Model([x, h], [encoded, decoded, started])
    a, b, c = model.predict([X, np.ones((4, 2), np.float32)], verbose=0)
    assert (a.shape, b.shape, c.shape) == ((4, 2), (4, 6, 2), (4, 2))
    with pytest.raises(UnknownNameError, match="Did you mean 'initial_state'"):
        layers.GRU(2)(x, initial_states=h)
    with pytest.raises(ShapeError, match='with one array per state'):
        layers.LSTM(2)(x, initial_state=[h])


@each(0, 5, within=(0, 3, 5, 6))
@pytest.mark.parametrize('scope_of', [Scope, training], ids=['inference', 'training'])
def test_a_stateful_layer_over_two_halves_is_one_pass(layer, scope_of):
    x, mask = inputs_of(layer), RIGHT_PADDED.copy()
    mask[0, 3] = False
    plain = layer.replace(return_sequences=True)
    stateful = plain.replace(stateful=True, batch_size=4)
    values = values_of(stateful, x)
    names = [n for n in values if n.startswith('rnn_state')]
    halves = []
    for half in (slice(0, 3), slice(3, 6)):
        scope = scope_of()
        halves.append(run(stateful, x[:, half], values, scope, mask=mask[:, half]))
        assert sorted(scope.records.updates) == sorted(f'layer/{n}' for n in names)
        values = {**values, **{n: scope.records.updates[f'layer/{n}'] for n in names}}
    near(np.concatenate(halves, 1), run(plain, x, {n: v for n, v in values.items() if n not in names}, mask=mask))


def test_stateful_steps_are_those_of_keras():
    layer, theirs = layers.LSTM(3, stateful=True, batch_size=4), keras.layers.LSTM(3, stateful=True)
    theirs.build(X.shape)
    values = values_of(layer, X)
    theirs.set_weights([v for n, v in values.items() if not n.startswith('rnn_state')])
    for _ in range(2):
        scope = Scope()
        near(run(layer, X, values, scope), np.asarray(theirs(X)))
        values |= {p.removeprefix('layer/'): v for p, v in scope.records.updates.items()}


def test_state_is_a_weight_that_is_not_trained():
    declared = layers.LSTM(3, stateful=True, batch_size=4).weights((None, 6, 3))
    assert list(declared) == ['kernel', 'recurrent_kernel', 'bias', 'rnn_state', 'rnn_state_1']
    assert [(w.shape, w.trainable) for n, w in declared.items() if n.startswith('rnn')] == [((4, 3), False)] * 2
    model = lamina.Sequential([lamina.Input((6, 3)), layers.GRU(2, stateful=True, batch_size=4)])
    assert model.output_shape == (None, 2)
    assert model.count_params() == 3 * 6 + 2 * 6 + 2 * 6 + 4 * 2


def test_what_a_stateful_layer_needs_is_told():
    with pytest.raises(ConfigError, match='Pass batch_size=…, the same as to fit, evaluate and predict'):
        layers.GRU(3, stateful=True)
    layer = layers.GRU(3, stateful=True, batch_size=2)
    with pytest.raises(ShapeError, match='Pass batch_size=2 to fit, evaluate and predict'):
        run(layer, X)
    model = lamina.Sequential([lamina.Input((6, 3)), layer])
    with pytest.raises(ShapeError, match='Pass batch_size=2 to fit, evaluate and predict'):
        model.predict(X, verbose=0)
    assert model.predict(X, batch_size=2, verbose=0).shape == (4, 3)


def test_a_smaller_batch_goes_on_from_the_first_states_and_padding_changes_none():
    layer = layers.GRU(3, stateful=True, batch_size=4)
    state = RNG.normal(size=(4, 3)).astype(np.float32)
    values = values_of(layer, X) | {'rnn_state': state}
    whole, part = Scope(), Scope()
    y = run(layer, X, values, whole)
    near(run(layer, X[:2], values, part), y[:2])
    near(part.records.updates['layer/rnn_state'], np.concatenate([y[:2], state[2:]]))
    padded = Scope(valid=jnp.array([1.0, 0.0, 1.0, 0.0]))
    run(layer, X, values, padded)
    near(padded.records.updates['layer/rnn_state'], np.stack([y[0], state[1], y[2], state[3]]))


def test_states_go_from_batch_to_batch_while_a_network_trains():
    model = lamina.Sequential([lamina.Input((6, 3)), layers.SimpleRNN(2, stateful=True, batch_size=2), layers.Dense(1)])
    model.compile(optimizer=lamina.optimizers.SGD(0.0), loss='mse')
    model.fit(X, X[:, 0, :1], batch_size=2, shuffle=False, verbose=0)
    kernel, recurrent, bias, state = model.get_weights()[:4]
    weights = {'kernel': kernel, 'recurrent_kernel': recurrent, 'bias': bias}
    near(state, run(layers.SimpleRNN(2), np.concatenate([X[:2], X[2:]], 1), weights))


# --- shapes and settings ---


@each(0, 1, 2, 3, 4, 6, within=(0, 1, 2, 3, 4, 6))
def test_inputs_without_time_are_refused_when_the_network_is_built(layer):
    inner = inputs_of(layer).shape[2:]
    with pytest.raises(ShapeError, match='give the input a time axis after the batch'):
        layer.weights((None, 3))
    with pytest.raises(ShapeError, match='Remove the empty sequences'):
        layer.weights((None, 0, *inner))
    with pytest.raises(ShapeError, match='Remove the empty sequences'):
        run(layer, np.zeros((4, 0, *inner), np.float32), values_of(layer, inputs_of(layer)))
    assert layer.output_shape((None, None, *inner))[0] is None


def test_another_number_of_features_than_at_building_is_refused():
    with pytest.raises(ShapeError, match=r'Pass x\[..., :3\], or build a new model'):
        run(layers.LSTM(2, activation='relu'), np.zeros((4, 6, 5), np.float32), values_of(layers.LSTM(2), X))
    with pytest.raises(ShapeError, match=r'Pass x\[..., :3\], or build a new model'):
        run(layers.LSTM(2), np.zeros((4, 6, 5), np.float32), values_of(layers.LSTM(2), X))
    with pytest.raises(ShapeError, match='Give it in Input'):
        layers.LSTM(2).weights((None, 6, None))


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="or padding='same'"):
        layers.ConvLSTM1D(2, 9).weights((None, 6, 5, 2))
    with pytest.raises(ShapeError, match='Give it in Input'):
        layers.ConvLSTM2D(2, 3).weights((None, 6, 5, None, 2))
    with pytest.raises(ConfigError, match='Set strides=1 or dilation_rate=1'):
        layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2)
    with pytest.raises(ConfigError, match='Write kernel_size=3, or one number per dimension'):
        layers.ConvLSTM2D(2, (3, 3, 3))
    with pytest.raises(ShapeError, match='or build a new model'):
        run(layers.ConvLSTM1D(2, 2), np.zeros((4, 6, 5, 1), np.float32), values_of(layers.ConvLSTM1D(2, 2), LINES))


def test_the_forget_gate_starts_open():
    for layer in (layers.LSTM(2, bias_initializer='he_normal'), layers.ConvLSTM1D(2, 2, bias_initializer='he_normal')):
        declared = layer.weights((None, *inputs_of(layer).shape[1:]))
        bias = initial_values({'bias': declared['bias']}, 1)['bias']
        assert (bias[2:4] == 1).all()
        assert (np.delete(bias, [2, 3]) != 0).all()
    plain = layers.LSTM(2, unit_forget_bias=False).weights((None, 6, 3))
    assert (initial_values({'bias': plain['bias']}, 1)['bias'] == 0).all()


@pytest.mark.parametrize('name', ['LSTMCell', 'StackedRNNCells', 'Bidirectional'])
def test_settings_of_layers_with_a_twin_of_their_own_are_those_of_keras(name):
    given = {'LSTMCell': 3, 'StackedRNNCells': (layers.GRUCell(2),), 'Bidirectional': layers.GRU(2)}[name]
    ours = getattr(layers, name)
    parameters = list(inspect.signature(getattr(keras.layers, name).__init__).parameters.values())[1:]
    known = [p for p in parameters if p.name not in ('kwargs', 'weights')]
    assert [f.name for f in dataclasses.fields(ours) if not f.kw_only] == [p.name for p in known]
    assert ours(given, **{p.name: p.default for p in known[1:]}) == ours(given)


def test_an_activity_regularizer_sees_every_output_once():
    layer = layers.GRU(3, activity_regularizer=lamina.regularizers.L2(0.1), return_state=True)
    scope = Scope()
    y, h = run(layer, X, scope=scope)
    assert float(sum(scope.records.losses)) == pytest.approx(0.1 * (np.sum(np.square(y)) + np.sum(np.square(h))) / 4, rel=1e-5)


@each(0, 3, 4, within=(0, 3, 4))
def test_half_precision_and_whole_numbers_go_through(layer):
    values = values_of(layer, X)
    half = run(layer, jnp.asarray(X, jnp.bfloat16), jax.tree.map(lambda v: jnp.asarray(v, jnp.bfloat16), values))
    assert half.dtype == jnp.bfloat16
    near(half.astype(np.float32), run(layer, X, values), 0.1)
    assert run(layer, jnp.ones((4, 6, 3), jnp.int32), values).dtype == jnp.float32


def test_every_cell_built_in_projects_its_inputs_ahead():
    assert all(isinstance(c, ProjectedCell) for c in (layers.LSTMCell(2), layers.GRUCell(2), layers.SimpleRNNCell(2)))


def test_a_network_of_them_learns_and_is_saved(tmp_path):
    x = RNG.normal(size=(64, 5, 2)).astype(np.float32)
    y = (x[:, :, 0].sum(1) > 0).astype(np.float32)[:, None]
    model = lamina.Sequential(
        [
            lamina.Input((5, 2)),
            layers.Bidirectional(layers.GRU(4, return_sequences=True)),
            layers.RNN(layers.LSTMCell(4, recurrent_dropout=0.1)),
            layers.Dense(1, activation='sigmoid'),
        ]
    )
    model.compile(optimizer=lamina.optimizers.Adam(0.03), loss='binary_crossentropy')
    history = model.fit(x, y, epochs=15, verbose=0).history['loss']
    assert history[-1] < 0.7 * history[0]
    model.save(tmp_path / 'model.lamina')
    np.testing.assert_array_equal(lamina.load(tmp_path / 'model.lamina').predict(x, verbose=0), model.predict(x, verbose=0))


# --- PyTorch as a second reference ---


def torch_weights(module, values, order, reset_after=True):
    """PyTorch's parameters from ours: gates in its order, kernels transposed."""
    torch = pytest.importorskip('torch')

    def arranged(v):
        parts = np.split(np.asarray(v), len(order), -1)
        return torch.tensor(np.concatenate([parts[k] for k in order], -1).T.copy())

    bias = values['bias']
    state = {'weight_ih_l0': arranged(values['kernel']), 'weight_hh_l0': arranged(values['recurrent_kernel'])}
    both = (bias[0], bias[1]) if bias.ndim == 2 else (bias, np.zeros_like(bias))
    state |= {f'bias_{n}_l0': arranged(b) for n, b in zip(('ih', 'hh'), both, strict=True)}
    module.load_state_dict(state)


@pytest.mark.slow
@pytest.mark.parametrize(('layer', 'order'), [(layers.LSTM(4), (0, 1, 2, 3)), (layers.GRU(4), (1, 0, 2))], ids=['LSTM', 'GRU'])
def test_sequences_and_gradients_are_those_of_torch(layer, order):
    torch = pytest.importorskip('torch')
    layer = layer.replace(return_sequences=True)
    values = values_of(layer, X)
    module = getattr(torch.nn, type(layer).__name__)(3, 4, batch_first=True)
    torch_weights(module, values, order)
    x = torch.tensor(X, requires_grad=True)
    y, _ = module(x)
    torch.sin(y).sum().backward()
    near(run(layer, X, values), y.detach().numpy())
    gradient = jax.grad(lambda v, x: jnp.sum(jnp.sin(run(layer, x, v))), argnums=(0, 1))(values, X)
    near(gradient[1], x.grad.numpy(), 1e-4)
    kernels = np.concatenate([np.split(np.asarray(gradient[0]['kernel']), len(order), -1)[k] for k in order], -1)
    near(kernels.T, module.weight_ih_l0.grad.numpy(), 1e-4)


@pytest.mark.slow
def test_packed_sequences_are_those_of_torch():
    torch = pytest.importorskip('torch')
    layer = layers.LSTM(4, return_state=True)
    values = values_of(layer, X)
    module = torch.nn.LSTM(3, 4, batch_first=True)
    torch_weights(module, values, (0, 1, 2, 3))
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(X), LENGTHS, batch_first=True, enforce_sorted=False)
    _, (h, c) = module(packed)
    near(run(layer, X, values, mask=RIGHT_PADDED)[1:], (h[0].detach().numpy(), c[0].detach().numpy()))
