"""How far a download has come: a Rich bar on a terminal, a few plain lines anywhere else."""

import sys
from typing import Protocol

from lamina.core.notices import notice


class Progress(Protocol):
    """What the download reports to: how many bytes of the file are there now."""

    def update(self, done_bytes: int) -> None:
        """Tell that `done_bytes` of the file have arrived."""

    def close(self) -> None:
        """Finish the display."""


def progress(name: str, total_bytes: int | None, done_bytes: int = 0) -> Progress:
    """A display fit for where stderr goes.

    Args:
        name: the file's name.
        total_bytes: its size, or None where the server does not tell.
        done_bytes: what an earlier, interrupted download left.
    """
    kind = Bar if sys.stderr.isatty() else Lines
    return kind(name, total_bytes, done_bytes)


class Bar:
    """A Rich progress bar with size, rate and time left."""

    def __init__(self, name: str, total_bytes: int | None, done_bytes: int = 0):
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn('{task.description}'), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._rich = RichProgress(*columns, console=Console(stderr=True))
        self._task = self._rich.add_task(name, total=total_bytes, completed=done_bytes)
        self._rich.start()

    def update(self, done_bytes: int) -> None:
        """Move the bar."""
        self._rich.update(self._task, completed=done_bytes)

    def close(self) -> None:
        """Stop redrawing and leave the last state on the screen."""
        self._rich.stop()


class Lines:
    """One line at the start and one at each quarter, fit for a log file."""

    def __init__(self, name: str, total_bytes: int | None, done_bytes: int = 0):
        self._name, self._total, self._done = name, total_bytes, done_bytes
        self._quarter = 4 * done_bytes // total_bytes if total_bytes else 0
        resumed = f', going on at {megabytes(done_bytes)}' if done_bytes else ''
        notice(f'fetching {name} ({megabytes(total_bytes)}{resumed})')

    def update(self, done_bytes: int) -> None:
        """Print a line where another quarter is complete."""
        self._done = done_bytes
        if self._total and (quarter := 4 * done_bytes // self._total) > self._quarter and quarter < 4:
            self._quarter = quarter
            notice(f'fetching {self._name}: {25 * quarter} % of {megabytes(self._total)}')

    def close(self) -> None:
        """Print how much has arrived."""
        notice(f'fetching {self._name}: {megabytes(self._done)} received')


def megabytes(size_bytes: int | None) -> str:
    """`'11.5 MB'`, or `'size unknown'`."""
    return 'size unknown' if size_bytes is None else f'{size_bytes / 1e6:.1f} MB'
