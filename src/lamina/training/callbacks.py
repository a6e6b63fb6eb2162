"""What may happen between chunks and epochs. Inside them the program is compiled and nothing of Python runs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lamina.core.errors import ConfigError

if TYPE_CHECKING:
    from lamina.training.session import Session

_PER_BATCH = ('on_batch_begin', 'on_batch_end', 'on_train_batch_begin', 'on_train_batch_end', 'on_test_batch_begin', 'on_test_batch_end')
_OF_OTHER_CALLS = (
    'on_test_begin',
    'on_test_end',
    'on_predict_begin',
    'on_predict_end',
    'on_predict_batch_begin',
    'on_predict_batch_end',
)


class Callback:
    """The base of callbacks, with Keras's names. Override what you need.

    Inside a method `self.session` tells where training stands and `self.model` is the model, its weights up to date;
    `self.params` is a dict of the epochs, the steps an epoch (None where not known), batch_size and verbose;
    `self.model.stop_training = True` ends training after the running epoch (or chunk, from `on_chunk_end`).

    Example:
        >>> import lamina
        >>> class StopAt(lamina.callbacks.Callback):
        ...     def __init__(self, loss):
        ...         self.loss = loss
        ...
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.model.stop_training = logs['loss'] < self.loss
    """

    model: Any = None
    params: dict[str, Any] | None = None
    session: 'Session'

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training, with what `self.params` is to be."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called once before training."""
        self.model = model

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """After the last epoch, also when training was stopped early."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """After an epoch and its validation; `logs` holds loss, metrics and their `val_` forms."""

    def on_chunk_end(self, step: int, logs: dict[str, float] | None = None) -> None:
        """After each chunk of steps, about four times a second; `step` counts within the epoch. Read values from `self.session.logs()`."""


class CallbackList:
    """Several callbacks as one.

    Raises:
        ConfigError: one has a method that is never called here: per batch, or of `evaluate` and `predict`.
    """

    def __init__(self, callbacks: Iterable[Callback]):
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            _refuse(callback)

    def begin(self, session: 'Session', model: Any, params: dict[str, Any] | None = None) -> None:
        """Introduce the session, the parameters and the model to each, then say that training begins.

        Args:
            params: what callbacks see as `self.params`; by default those of the `History` among them.
        """
        if params is None:
            params = next((callback.params for callback in self.callbacks if isinstance(callback, History)), {})
        for callback in self.callbacks:
            callback.session = session
            callback.set_params(params)
            callback.set_model(model)
        self('on_train_begin', {})

    def __call__(self, event: str, *arguments: Any) -> None:
        """Call the method of this name of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(*arguments)


def _refuse(callback: Callback) -> None:
    if not isinstance(callback, Callback):
        raise ConfigError(
            "fit, argument 'callbacks'",
            f'a {type(callback).__name__}',
            'lamina.callbacks.Callback objects',
            'Subclass lamina.callbacks.Callback.',
        )
    for name in _PER_BATCH:
        if getattr(type(callback), name, None) is not None:
            raise ConfigError(
                f'callback {type(callback).__name__}',
                f'the method {name}',
                'on_chunk_end or on_epoch_end: steps are compiled together and Python does not run between them',
                'Rename the method to on_chunk_end(self, step, logs=None).',
            )
    for name in _OF_OTHER_CALLS:
        if getattr(type(callback), name, None) is not None:
            raise ConfigError(
                f'callback {type(callback).__name__}',
                f'the method {name}',
                'methods of training: evaluate and predict take no callbacks, and validation ends before on_epoch_end',
                "Read logs['val_loss'] in on_epoch_end, or do it before or after the call of evaluate or predict.",
            )


class History(Callback):
    """What `fit` returns: the logs of every finished epoch.

    Args:
        history: lists by name, `history['val_accuracy'][-1]`.
        epoch: the numbers of the epochs, from 0.
        seconds: how long each epoch took, validation and callbacks included.
        interrupted: whether Ctrl-C ended the training.
    """

    def __init__(self):
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.seconds: list[float] = []
        self.params: dict[str, Any] = {}
        self.interrupted = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch.append(epoch)
        self.seconds.append(self.session.epoch_seconds())
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self.interrupted = self.session.interrupted

    def __getstate__(self) -> dict[str, Any]:
        # The session and the model hold compiled programs; what is kept or sent elsewhere is the record.
        return {name: value for name, value in self.__dict__.items() if name not in ('session', 'model')}

    def __repr__(self) -> str:
        last = ', '.join(f'{k}={v[-1]:.4g}' for k, v in self.history.items() if v and isinstance(v[-1], float))
        return f'History({len(self.epoch)} epochs{": " + last if last else ""})'
