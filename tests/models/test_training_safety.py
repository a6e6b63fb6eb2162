"""Training keeps what it has: calls in the wrong place are refused, other threads may look, edits keep rate, step and optimizer."""

import gc
import os
import signal
import threading
import weakref

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, DataError, StateError

X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
Y = X.sum(1, keepdims=True)


def regression(*, optimizer='adam', **settings):
    layers = [lamina.layers.Dense(3, name='hidden', input_shape=(4,)), lamina.layers.Dense(1, name='out')]
    model = lamina.Sequential(layers, seed=0)
    model.compile(optimizer, 'mse', **settings)
    return model


class Call(lamina.callbacks.Callback):
    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, epoch, logs=None):
        self.function(self.model)


@pytest.mark.parametrize(
    'call',
    [
        lambda m: m.train_on_batch(X, Y),
        lambda m: m.fit(X, Y, verbose=0),
        lambda m: m.compile('sgd', 'mse'),
        lambda m: m.freeze('hidden'),
        lambda m: m.add(lamina.layers.Dense(2)),
    ],
    ids=['train_on_batch', 'fit', 'compile', 'freeze', 'add'],
)
def test_what_would_break_a_running_fit_is_refused_and_the_weights_stay(call):
    model = regression()
    with pytest.raises(StateError, match='Let fit return first'):
        model.fit(X, Y, epochs=3, verbose=0, callbacks=Call(call))
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(X, Y, verbose=0)


def test_evaluating_predicting_and_saving_in_a_callback_are_welcome(tmp_path):
    def look(model):
        model.evaluate(X, Y, verbose=0)
        model.predict(X)
        model.save(tmp_path / 'running')

    model = regression()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=Call(look))
    assert lamina.load(tmp_path / 'running.lamina').predict(X).shape == (64, 1)


def test_other_threads_may_predict_while_the_model_trains():
    model, errors, stop = regression(), [], threading.Event()
    model.predict(X)

    def predict():
        while not stop.is_set():
            try:
                assert np.isfinite(model.predict(X)).all()
                model.get_weights()
            except Exception as error:
                errors.append(error)

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        model.fit(X, Y, epochs=60, batch_size=8, verbose=0, chunk_steps=2)
    finally:
        stop.set()
        thread.join()
    assert errors == []


def test_freezing_keeps_rate_step_and_what_adam_remembers_of_the_rest():
    model = regression()
    model.fit(X, Y, epochs=3, verbose=0)
    model.learning_rate = 1e-5
    before = model.state
    model.freeze('hidden')
    after = model.state
    assert model.learning_rate == pytest.approx(1e-5)
    assert int(after.step) == int(before.step) == int(after.optimizer.updates)
    assert set(after.trainable) == {'out/kernel', 'out/bias'}
    hidden = model.variables['hidden/kernel']
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(hidden, model.variables['hidden/kernel'])
    model.unfreeze('hidden')
    assert model.state.optimizer is None
    assert model.learning_rate == pytest.approx(1e-5)


def test_adding_a_layer_keeps_rate_and_step():
    model = regression()
    model.fit(X, Y, verbose=0)
    model.learning_rate = 0.5
    kernel, step = model.variables['hidden/kernel'], int(model.state.step)
    model.add(lamina.layers.Dense(1))
    assert model.learning_rate == 0.5
    assert int(model.state.step) == step
    np.testing.assert_array_equal(kernel, model.variables['hidden/kernel'])


def test_trainable_freezes_everything_as_in_keras():
    model = regression()
    model.trainable = False
    weights = model.get_weights()
    model.fit(X, Y, verbose=0)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not model.trainable
    model.trainable = True
    assert model.trainable


def test_a_shared_normalization_averages_over_all_its_uses():
    a, b = lamina.Input((1,), name='a'), lamina.Input((1,), name='b')
    shared = lamina.layers.BatchNormalization(momentum=0.5, name='norm')
    model = lamina.Model({'a': a, 'b': b}, shared(a) + shared(b), seed=0)
    model.compile('sgd', 'mse')
    n = np.ones((8, 1), np.float32)
    model.fit({'a': n * 100, 'b': n * 0}, n, batch_size=8, verbose=0)
    # 0 → 0.5·0 + 0.5·100 = 50 by the first use → 0.5·50 + 0.5·0 = 25 by the second.
    np.testing.assert_allclose(model.variables['norm/moving_mean'], [25.0])


def test_a_shared_dropout_draws_anew_at_each_use():
    x = lamina.Input((64,))
    drop = lamina.layers.Dropout(0.5)
    model = lamina.Model(x, lamina.layers.Subtract()([drop(x), drop(x)]), seed=0)
    difference = np.asarray(model(np.ones((8, 64), np.float32), training=True))
    assert np.mean(difference != 0) == pytest.approx(0.5, abs=0.1)


def test_an_interrupted_validation_gives_no_score():
    model = regression()

    def batches():
        for number in range(50):
            if number == 5:
                os.kill(os.getpid(), signal.SIGINT)
            yield X[:8], Y[:8]

    history = model.fit(X, Y, epochs=3, verbose=0, validation_data=batches)
    assert history.interrupted
    assert list(history.history) == ['loss']


def test_weighted_metrics_want_one_weight_an_example():
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(5, 4))])
    model.compile('sgd', 'mse', weighted_metrics=['mae'])
    x = np.ones((6, 5, 4), np.float32)
    with pytest.raises(DataError, match='weigh whole examples'):
        model.fit(x, np.ones((6, 5, 1)), sample_weight=np.ones((6, 5)), verbose=0)


def test_accuracy_beside_a_function_as_loss_follows_the_targets():
    def loss(y_true, y_pred):
        return lamina.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=True)

    model = lamina.Sequential([lamina.layers.Dense(3, input_shape=(4,))], seed=0)
    model.compile('adam', loss, metrics=['Accuracy'])
    labels = np.arange(64) % 3
    scores = model.fit(X, labels, verbose=0).history
    assert set(scores) == {'loss', 'accuracy'}
    assert model.evaluate(X, labels, verbose=0)[1] == np.mean(model.predict(X).argmax(1) == labels)


@pytest.mark.parametrize(
    'arguments',
    [
        {'epochs': -1},
        {'epochs': '3'},
        {'steps_per_epoch': 0},
        {'validation_freq': 0},
        {'validation_freq': [0]},
        {'validation_batch_size': -3},
        {'chunk_steps': 0},
        {'initial_epoch': -1},
    ],
    ids=str,
)
def test_counts_are_checked_before_anything_is_trained(arguments):
    model = regression()
    with pytest.raises(ConfigError, match='Pass '):
        model.fit(X, Y, verbose=0, validation_split=0.5, **arguments)
    assert int(model.state.step) == 0


def test_validation_after_given_epochs_only():
    history = regression().fit(X, Y, epochs=4, validation_data=[X, Y], validation_freq=[2, 3], verbose=0)
    assert len(history.history['val_loss']) == 2


def test_an_unreduced_loss_is_refused():
    model = regression()
    model.compile('sgd', lamina.losses.MeanSquaredError(reduction='none'))
    with pytest.raises(ConfigError, match='sum_over_batch_size'):
        model.fit(X, Y, verbose=0)


def test_loss_weights_may_be_an_array():
    model = regression(loss_weights=np.array([0.5]))
    whole = regression()
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(whole.evaluate(X, Y, verbose=0) / 2)


def test_targets_of_an_output_without_a_loss_may_be_left_out():
    x = lamina.Input((4,))
    model = lamina.Model(x, {'a': lamina.layers.Dense(1)(x), 'b': lamina.layers.Dense(1)(x)}, seed=0)
    model.compile('sgd', {'a': 'mse'})
    assert next(iter(model.fit(X, {'a': Y}, verbose=0).history)) == 'loss'


def test_predictions_can_be_written_to():
    prediction = regression().predict(X)
    prediction[0] = 1.0
    assert prediction[0] == 1.0


def test_a_bar_stops_drawing_when_training_fails():
    def batches():
        yield X, Y
        raise ValueError('mine')

    before = set(threading.enumerate())
    with pytest.raises(ValueError, match='mine'):
        regression().fit(batches(), verbose=1)
    drawing = [thread for thread in threading.enumerate() if thread not in before]
    for thread in drawing:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in drawing)


def test_a_loss_that_holds_data_dies_with_its_model():
    class Data:
        array = jnp.ones(10)

    data = Data()
    alive = weakref.ref(data)

    def loss(y_true, y_pred, data=data):
        return (y_true - y_pred) ** 2 * data.array[0]

    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(4,))])
    model.compile('sgd', loss)
    model.fit(X, Y, verbose=0)
    del model, loss, data
    gc.collect()
    assert alive() is None


def test_models_of_common_symbols_say_that_they_do_not_share(capsys):
    x = lamina.Input((8,))
    code = lamina.layers.Dense(2, name='code')(x)
    encoder = lamina.Model(x, code, name='encoder', seed=1)
    autoencoder = lamina.Model(x, lamina.layers.Dense(8)(code), name='autoencoder', seed=2)
    said = capsys.readouterr().err
    assert "'autoencoder' has layers in common with 'encoder'" in said
    np.testing.assert_array_equal(encoder.variables['code/kernel'], autoencoder.variables['code/kernel'])


def test_submodel_has_the_layers_that_lead_up_to_one_and_their_weights():
    x = lamina.Input((4,))
    left, right = lamina.layers.Dense(3, name='left')(x), lamina.layers.Dense(3, name='right')(x)
    both = lamina.layers.Concatenate(name='both')([left, right])
    model = lamina.Model(x, lamina.layers.Dense(1, name='end')(both), seed=0)
    part = model.submodel('both')
    expected = np.concatenate([X @ model.variables['left/kernel'], X @ model.variables['right/kernel']], 1)
    np.testing.assert_allclose(part.predict(X), expected, atol=1e-5)
    assert list(model.submodel('left').network.children()) == ['left']
    chain = regression()
    np.testing.assert_allclose(chain.submodel('hidden').predict(X), X @ chain.variables['hidden/kernel'], atol=1e-5)


def test_whole_numbers_of_32_bits_stay_whole_where_the_shape_is_inferred():
    class Pick(lamina.Layer):
        def apply(self, variables, x, scope):
            return jnp.take(jnp.arange(10.0), x)

    model = lamina.Sequential([lamina.described(Pick)()])
    np.testing.assert_array_equal(model.predict(np.array([[1, 2], [3, 4]])), [[1, 2], [3, 4]])


def test_more_steps_than_a_pass_count_no_example_twice():
    model = regression()
    assert model.evaluate(X, Y, steps=100, verbose=0) == model.evaluate(X, Y, verbose=0)
