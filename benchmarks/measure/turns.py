"""Processes that take turns: each does an epoch when it is told to and waits in between, so that all meet the same noise."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

from measure.processes import Finished, PeerUnavailable, clean_environment, report_of


class Turns:
    """A peer's process, from its start until `close`; use it as a context.

    Args:
        timeout_s: for one epoch, or for what comes before the first and after the last.
    """

    def __init__(self, command: list[str], variables: dict[str, str], folder: Path, timeout_s: float):
        self.timeout_s = timeout_s
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=clean_environment(**variables),
            cwd=folder,
            text=True,
            start_new_session=True,
        )

    def epoch(self) -> float:
        """Let it do one epoch; the seconds it counted.

        Raises:
            ProcessFailed: it ended, or took too long.
            PeerUnavailable: it cannot do this work here.
        """
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write('go\n')
            self.process.stdin.flush()
        return self._answer('epoch_s')['epoch_s']

    def finish(self) -> dict:
        """What it reports at its end.

        Raises:
            ProcessFailed: it ended badly, or took too long.
        """
        return self._answer('epochs_s')

    def close(self) -> None:
        """End it, with whatever it started, where it has not ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def __enter__(self) -> 'Turns':
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _answer(self, name: str) -> dict:
        assert self.process.stdout
        alarm = threading.Timer(self.timeout_s, self.process.kill)
        alarm.start()
        try:
            for line in self.process.stdout:
                answer = _parsed(line)
                if 'unavailable' in answer:
                    raise PeerUnavailable(answer['unavailable'])
                if name in answer:
                    return answer
        finally:
            alarm.cancel()
        self.errors.seek(0)
        return report_of(Finished(0.0, 0, self.process.wait(), '', self.errors.read().decode('utf-8', 'replace')))


def _parsed(line: str) -> dict:
    try:
        value = json.loads(line) if line.startswith('{') else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
