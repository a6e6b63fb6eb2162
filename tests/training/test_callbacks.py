"""Callbacks, interruption, history and what is shown while training."""

import os
import pickle
import signal

import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, DataError, StateError
from lamina.training.callbacks import CallbackList


class Recorder(lamina.callbacks.Callback):
    def __init__(self):
        self.events = []

    def on_train_begin(self, logs=None):
        self.events.append('train begin')

    def on_epoch_begin(self, epoch, logs=None):
        self.events.append(f'epoch {epoch} begin')

    def on_chunk_end(self, step, logs=None):
        self.events.append(f'chunk {step}')

    def on_epoch_end(self, epoch, logs=None):
        self.events.append(f'epoch {epoch} end {sorted(logs)}')

    def on_train_end(self, logs=None):
        self.events.append('train end')


def fitted(callback=None, *, epochs=2, **options):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))], seed=0)
    model.compile('sgd', 'mse')
    history = model.fit(x, x.sum(1), batch_size=10, epochs=epochs, callbacks=callback, **{'verbose': 0} | options)
    return model, history


def test_events_come_in_order():
    recorder = Recorder()
    fitted(recorder, chunk_steps=3, validation_split=0.25)
    assert recorder.events == [
        'train begin',
        'epoch 0 begin',
        'chunk 3',
        "epoch 0 end ['loss', 'val_loss']",
        'epoch 1 begin',
        'chunk 3',
        "epoch 1 end ['loss', 'val_loss']",
        'train end',
    ]


def test_a_callback_sees_current_weights_and_can_stop_training():
    class Stop(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.weights = self.model.get_weights()
            self.model.stop_training = epoch == 1

    stop = Stop()
    model, history = fitted(stop, epochs=5)
    assert history.epoch == [0, 1]
    np.testing.assert_array_equal(stop.weights[0], model.get_weights()[0])
    assert not history.interrupted


def test_a_callback_can_set_weights_and_the_learning_rate():
    class Reset(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights([np.zeros((3, 1)), np.ones(1)])
            self.model.learning_rate = 0.0

    model, _ = fitted(Reset(), epochs=3)
    np.testing.assert_array_equal(model.get_weights()[0], np.zeros((3, 1)))
    assert model.learning_rate == 0.0


def test_a_callback_that_raises_leaves_the_trained_weights():
    class Raise(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ValueError('mine')

    x = np.ones((20, 3), np.float32)
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))], seed=0)
    model.compile('sgd', 'mse')
    with pytest.raises(ValueError, match='mine'):
        model.fit(x, x.sum(1), callbacks=[Raise()], verbose=0)
    assert int(model.state.step) == 1
    assert np.isfinite(model.predict(x)).all()


def test_ctrl_c_stops_after_the_running_chunk_and_keeps_model_and_history():
    class Press(lamina.callbacks.Callback):
        def on_chunk_end(self, step, logs=None):
            if self.session.epoch == 1 and step == 2:
                os.kill(os.getpid(), signal.SIGINT)

    model, history = fitted(Press(), epochs=50, chunk_steps=1)
    assert history.interrupted
    assert history.epoch == [0]
    assert int(model.state.step) == 4 + 2
    assert np.isfinite(model.predict(np.ones((2, 3)))).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_raises_at_once():
    class Press(lamina.callbacks.Callback):
        def on_chunk_end(self, step, logs=None):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fitted(Press())


def test_per_batch_callbacks_are_refused_with_the_way_out():
    class Old(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    with pytest.raises(ConfigError, match='Rename the method to on_chunk_end'):
        fitted(Old())
    with pytest.raises(ConfigError, match=r'Subclass lamina\.callbacks\.Callback'):
        fitted(print)


@pytest.mark.parametrize('name', ['on_test_begin', 'on_test_end', 'on_predict_begin', 'on_predict_end', 'on_predict_batch_end'])
def test_methods_of_other_calls_are_refused_with_the_way_out(name):
    callback = type('Old', (lamina.callbacks.Callback,), {name: lambda self, logs=None: None})()
    with pytest.raises(ConfigError, match=rf"method {name}.*Read logs\['val_loss'\] in on_epoch_end, or do it before or after the call"):
        fitted(callback)


def test_callbacks_know_the_parameters_before_training_begins():
    class Remember(lamina.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seen = dict(self.params)

    remember = Remember()
    assert remember.params is None
    _, history = fitted(remember, epochs=3)
    assert remember.seen == history.params == {'epochs': 3, 'steps': 4, 'batch_size': 10, 'verbose': 0}


def test_parameters_may_be_given_to_the_list():
    class Session:
        pass

    one, history = lamina.callbacks.Callback(), lamina.callbacks.History()
    CallbackList([one, history]).begin(Session(), 'model', {'epochs': 7})
    assert one.params == history.params == {'epochs': 7}
    assert one.model == 'model'


def test_a_history_is_pickled_without_model_and_session():
    _, history = fitted()
    copy = pickle.loads(pickle.dumps(history))
    assert copy.history == history.history
    assert (copy.epoch, copy.params, copy.seconds) == (history.epoch, history.params, history.seconds)
    assert repr(copy) == repr(history)
    assert copy.model is None
    assert history.model is not None


def test_lines_show_loss_and_rate(capsys):
    fitted(verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('Epoch 1/2 - ')
    assert 'steps/s' in lines[0]
    assert 'loss: ' in lines[0]


def test_the_bar_reaches_its_end_and_leaves_a_line_an_epoch(capsys):
    fitted(verbose=1)
    out = capsys.readouterr().out
    assert 'Epoch 1/2' in out
    assert 'Epoch 2/2' in out
    assert 'loss: ' in out


def test_auto_shows_lines_where_there_is_no_terminal(capsys):
    fitted(verbose='auto')
    assert capsys.readouterr().out.count('Epoch ') == 2


def test_verbose_has_a_clear_error():
    with pytest.raises(ConfigError, match='Pass verbose=0'):
        fitted(verbose='loud')


def test_history_prints_its_last_values():
    _, history = fitted()
    assert repr(history).startswith('History(2 epochs: loss=')
    assert history.params['steps'] == 4
    assert len(history.seconds) == 2


def test_fit_before_compile_says_what_to_call():
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))])
    with pytest.raises(StateError, match=r'Call model\.compile'):
        model.fit(np.ones((2, 3)), np.ones(2))


def test_an_iterator_that_is_used_up_says_how_to_pass_it():
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))])
    model.compile('sgd', 'mse')
    batches = iter([(np.ones((4, 3)), np.ones(4))] * 3)
    with pytest.raises(DataError, match=r'pass a function|Pass a source'):
        model.fit(batches, epochs=2, verbose=0)
    assert int(model.state.step) == 3


def test_steps_per_epoch_goes_on_where_the_stream_stood():
    model = lamina.Sequential([lamina.layers.Dense(1, input_shape=(3,))])
    model.compile('sgd', 'mse')
    seen = []

    def endless():
        number = 0
        while True:
            seen.append(number)
            number += 1
            yield np.ones((4, 3)), np.ones(4)

    model.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)
    assert int(model.state.step) == 6
    assert seen[:6] == [0, 1, 2, 3, 4, 5]
