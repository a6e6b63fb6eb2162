"""What a person sees while a network trains: a bar on a terminal, a line an epoch anywhere else."""

import sys
from typing import Any

import numpy as np

from lamina.core.errors import ConfigError
from lamina.training.callbacks import Callback


def progress(verbose: Any) -> 'list[Display]':
    """The display for a `verbose` argument.

    Args:
        verbose: 0 for none, 1 for a bar, 2 for a line an epoch, 'auto' for a bar on a terminal and lines elsewhere.
    """
    if verbose == 'auto':
        verbose = 1 if sys.stdout.isatty() else 2
    if verbose not in (0, 1, 2):
        raise ConfigError("argument 'verbose'", repr(verbose), "0, 1, 2 or 'auto'", 'Pass verbose=0 for silence.')
    return [] if not verbose else [Bar() if verbose == 1 else Lines()]


def shown(logs: dict[str, Any]) -> str:
    """Logs on one line; values that are no single number are left out."""
    return ' - '.join(f'{name}: {_number(value)}' for name, value in logs.items() if np.ndim(value) == 0)


def _number(value: float) -> str:
    return f'{value:.4f}' if value == 0 or abs(value) >= 1e-3 else f'{value:.3e}'


def _ending(session: Any) -> str:
    done = f'{session.step} of {session.steps}' if session.steps else str(session.step)
    return f'Stopped by Ctrl-C in epoch {session.epoch + 1} after {done} steps; the model keeps the weights of that step.'


class Display(Callback):
    """What shows training."""

    def close(self) -> None:
        """Leave the screen as it should be, whatever ended training."""


class Lines(Display):
    """One line after each epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        session = self.session
        seconds = session.epoch_seconds()
        rate = session.step / max(seconds, 1e-9)
        print(f'Epoch {epoch + 1}/{session.epochs} - {seconds:.1f}s - {rate:,.0f} steps/s - {shown(logs or {})}', flush=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.session.interrupted:
            print(_ending(self.session), flush=True)


class Bar(Display):
    """A Rich bar for the running epoch, with loss, metrics, rate and time left; finished epochs stay as lines above it."""

    _progress: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # Imported here: Rich costs a tenth of a second, and most processes show no bar.
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn('{task.description}'),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn('{task.fields[rate]}'),
            TimeRemainingColumn(compact=True),
            TextColumn('{task.fields[logs]}'),
        )
        self._progress = Progress(*columns, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._progress.start()
        self._task: Any = None

    def close(self) -> None:
        """Stop drawing, also when training ended by an error."""
        if self._progress is not None:
            self._progress.stop()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
        name = f'Epoch {epoch + 1}/{self.session.epochs}'
        note = 'compiling' if self.session.chunks == 0 else ''
        self._task = self._progress.add_task(name, total=self.session.steps, rate='', logs=note)

    def on_chunk_end(self, step: int, logs: dict[str, Any] | None = None) -> None:
        rate = step / max(self.session.epoch_seconds(), 1e-9)
        self._progress.update(self._task, completed=step, rate=f'{rate:,.0f} steps/s', logs=shown(self.session.logs()))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        session = self.session
        seconds = session.epoch_seconds()
        line = f'Epoch {epoch + 1}/{session.epochs} {seconds:.1f}s {session.step / max(seconds, 1e-9):,.0f} steps/s - {shown(logs or {})}'
        self._progress.console.print(line, highlight=False, soft_wrap=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.close()
        if self.session.interrupted:
            print(_ending(self.session), flush=True)
