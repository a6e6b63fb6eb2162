"""Running one process and measuring it from outside: seconds on the wall and its own peak of resident memory."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# Settings of the caller's shell that would change what a peer does; each benchmark sets what it means to set.
_DROPPED = ('PYTHON', 'VIRTUAL_ENV', 'LAMINA', 'KERAS', 'JAX', 'XLA', 'TF_', 'TORCH', 'OMP_', 'MKL_', 'OPENBLAS_')


class ProcessFailed(Exception):
    """A measured process ended badly, ran too long, or did not report."""


class PeerUnavailable(Exception):
    """The peer found that this machine has not what it needs; the message is its reason."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    wall_s: float
    peak_bytes: int
    code: int
    output: str
    errors: str


def clean_environment(**changes: str) -> dict[str, str]:
    """This process's environment variables without those that steer Python or a framework, and with these changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    return {**kept, **changes}


def run(command: list[str], *, variables: dict[str, str] | None = None, folder: Path | None = None, timeout_s: float = 3600) -> Finished:
    """Run a command to its end.

    The peak is what the kernel counted for this child (`wait4`), so that one child's peak never hides the next one's, as it
    would with `getrusage(RUSAGE_CHILDREN)`, which keeps the largest of all. A child starts with its parent's peak at the
    moment it is made, some 20 MiB for a driver that imports the standard library only: keep it so.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=clean_environment(**(variables or {})), cwd=folder
        )
        alarm = threading.Timer(timeout_s, process.kill)
        alarm.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - started
            code = process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            alarm.cancel()
            if process.returncode is None:  # interrupted: leave no child behind
                process.kill()
                process.wait()
        texts = [_read(stream) for stream in (output, errors)]
    unit = 1 if sys.platform == 'darwin' else 1024
    return Finished(wall_s, usage.ru_maxrss * unit, code, *texts)


def report_of(finished: Finished) -> dict:
    """The JSON object that a process printed as its last such line.

    Raises:
        ProcessFailed: it ended badly or printed none; the message ends with the last lines of its errors.
    """
    lines = finished.errors.strip().splitlines() or ['it said nothing']
    tail = '\n'.join(lines[-8:])
    if finished.code != 0:
        raise ProcessFailed(f'ended with code {finished.code} after {finished.wall_s:.0f} s: {lines[-1].strip()}\n{tail}')
    for line in reversed(finished.output.splitlines()):
        if line.startswith('{') and line.rstrip().endswith('}'):
            try:
                return json.loads(line)
            except ValueError:
                continue
    raise ProcessFailed(f'printed no line of JSON\n{tail}')


def _read(stream) -> str:
    stream.seek(0)
    return stream.read().decode('utf-8', 'replace')
