"""What may happen between chunks and epochs. Inside them the program is compiled and nothing of Python runs."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lamina.core.errors import ConfigError

if TYPE_CHECKING:
    from lamina.training.session import Session

_PER_BATCH = ('on_batch_begin', 'on_batch_end', 'on_train_batch_begin', 'on_train_batch_end', 'on_test_batch_begin', 'on_test_batch_end')


class Callback:
    """The base of callbacks, with Keras's names. Override what you need.

    Inside a method `self.session` tells where training stands and `self.model` is the model, its weights up to date;
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
    session: 'Session'

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
        ConfigError: one overrides a per-batch method, which a compiled epoch never calls.
    """

    def __init__(self, callbacks: Iterable[Callback]):
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            _refuse_per_batch(callback)

    def begin(self, session: 'Session', model: Any) -> None:
        """Introduce the session and the model to each, then say that training begins."""
        for callback in self.callbacks:
            callback.session = session
            callback.set_model(model)
        self('on_train_begin', {})

    def __call__(self, event: str, *arguments: Any) -> None:
        """Call the method of this name of every callback."""
        for callback in self.callbacks:
            getattr(callback, event)(*arguments)


def _refuse_per_batch(callback: Callback) -> None:
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

    def __repr__(self) -> str:
        last = ', '.join(f'{k}={v[-1]:.4g}' for k, v in self.history.items() if v and isinstance(v[-1], float))
        return f'History({len(self.epoch)} epochs{": " + last if last else ""})'
