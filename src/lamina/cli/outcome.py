"""How a verb ends: human text or one JSON document on stdout, errors in four parts on stderr, an exit code for scripts."""

import contextlib
import json
import math
import os
import sys
import traceback as tracebacks
from collections.abc import Iterator
from typing import Any

import typer

from lamina.core.errors import (
    ArchiveError,
    ConfigError,
    DataError,
    DownloadError,
    LaminaError,
    MissingDependencyError,
    ShapeError,
    StateError,
    StorageError,
)

USAGE, DATA, UNAVAILABLE, MODEL, STORAGE, INTERRUPTED = 2, 3, 4, 5, 6, 130
_CODES: tuple[tuple[type[LaminaError], int], ...] = (
    (ArchiveError, MODEL),
    (DownloadError, UNAVAILABLE),
    (MissingDependencyError, UNAVAILABLE),
    (StorageError, STORAGE),
    (DataError, DATA),
    (ShapeError, DATA),
    (ConfigError, USAGE),
    (StateError, USAGE),
)


def exit_code(error: LaminaError) -> int:
    """The exit code that tells a script what kind of error this was."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 1)


class Outcome:
    """What a verb has to say.

    Args:
        json: whether stdout is kept for one JSON document.
    """

    def __init__(self, json: bool):
        self.json = json
        self.document: Any = None
        self.code = 0

    def say(self, text: str = '') -> None:
        """A line for people: on stdout, or on stderr where stdout is kept for JSON."""
        print(text, flush=True)

    def table(self, *columns: str, rows: list[tuple[str, ...]], right: tuple[str, ...] = ()) -> None:
        """A table for people; the columns in `right` hold numbers."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column, justify='right' if column in right else 'left', overflow='fold')
        for row in rows:
            table.add_row(*row)
        # A pipe has no width: nothing is wrapped there, so that grep and cut find whole rows.
        Console(file=sys.stdout, highlight=False, markup=False, width=None if sys.stdout.isatty() else 240).print(table)


@contextlib.contextmanager
def outcome(*, json: bool, traceback: bool) -> Iterator[Outcome]:
    """Run a verb: with `json`, whatever it prints goes to stderr and its document alone to stdout; errors become exit codes.

    Args:
        json: print the document that the verb leaves in `Outcome.document`, or `{"error": …}` where it failed.
        traceback: show where in the code an error was raised; also by LAMINA_TRACEBACK=1.
    """
    result = Outcome(json)
    try:
        with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():
            yield result
    except LaminaError as error:
        result.code = exit_code(error)
        result.document = {'error': _as_document(error), 'exit_code': result.code}
        if traceback or os.environ.get('LAMINA_TRACEBACK', '') not in ('', '0'):
            tracebacks.print_exception(error)
        print(in_four_parts(error), file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        result.code = INTERRUPTED
        result.document = {'error': {'kind': 'KeyboardInterrupt'}, 'exit_code': result.code}
        print('Interrupted by Ctrl-C.', file=sys.stderr, flush=True)
    if json:
        print(as_json(result.document), flush=True)
    if result.code:
        raise typer.Exit(result.code)


def in_four_parts(error: LaminaError) -> str:
    """The error as a person reads it: where, what was got, what was expected, what to do."""
    rows = (('error', error.where), ('got', error.got), ('expected', error.expected), ('do this', error.remedy))
    return '\n'.join(f'{name + ":":<10}{text}' for name, text in rows)


def _as_document(error: LaminaError) -> dict[str, str]:
    return {
        'kind': type(error).__name__,
        'where': error.where,
        'got': error.got,
        'expected': error.expected,
        'remedy': error.remedy,
    }


def as_json(value: Any) -> str:
    """The value as JSON that every reader accepts: arrays as lists, numbers that are not finite as null."""
    return json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, 'tolist'):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
