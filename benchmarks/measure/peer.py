"""The peer's side: what a measured script is told, the few times it takes from inside, and its one line of JSON."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Unavailable(Exception):
    """This machine has not what the peer needs for the work; the message tells what."""


class Task:
    """One run of one work by one peer.

    Args:
        data: the npz file to train on.
        is_mnist: whether that file is MNIST itself, or arrays of its shape.
        epochs, batch_size, seed: of the fit.
        options: what distinguishes this row from the same peer's others.
        steps: of an epoch, where the work says it; a script whose steps are too short to be timed may take more.
        in_turn: each epoch waits for a line of input and is told when it ends, so that peers can take turns.
    """

    def __init__(
        self,
        *,
        data: str,
        is_mnist: bool = False,
        epochs: int = 1,
        batch_size: int = 1,
        seed: int = 0,
        options: dict | None = None,
        steps: int = 0,
        in_turn: bool = False,
    ):
        self.data, self.is_mnist = Path(data), is_mnist
        self.epochs, self.batch_size, self.seed = epochs, batch_size, seed
        self.options = options or {}
        self.steps, self.in_turn = steps, in_turn
        self.noted: dict = {}
        self.import_s = 0.0
        self.epochs_s: list[float] = []
        self._epoch_started = 0.0

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Counts what is imported inside as the peer's import time."""
        started = time.perf_counter()
        yield
        self.import_s += time.perf_counter() - started

    def load_mnist(self):
        """`(x_train, y_train), (x_test, y_test)` of the npz file, as unsigned bytes."""
        import numpy

        with numpy.load(self.data) as arrays:
            return (arrays['x_train'], arrays['y_train']), (arrays['x_test'], arrays['y_test'])

    def epoch_begins(self, *_, **__) -> None:
        """Takes and ignores whatever a framework's callback is given."""
        if self.in_turn and not sys.stdin.readline():
            raise SystemExit('nobody gives turns any more')
        self._epoch_started = time.perf_counter()

    def epoch_ends(self, *_, **__) -> None:
        """Notes the seconds since the epoch began."""
        self.epochs_s.append(time.perf_counter() - self._epoch_started)
        if self.in_turn:
            print(json.dumps({'epoch_s': self.epochs_s[-1]}), flush=True)

    def note(self, **facts) -> None:
        """Adds to what is reported at the end."""
        self.noted |= facts


def main(*works: Callable[[Task], float | None]) -> None:
    """Do the work named by the first argument, as the JSON of the second says, and print what was measured.

    A work is a function of a `Task` that returns the test accuracy, or None where there is none.
    """
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    work = {work.__name__: work for work in works}[name]
    task = Task(**settings)
    started = time.perf_counter()
    try:
        accuracy = work(task)
    except Unavailable as error:
        print(json.dumps({'unavailable': str(error)}), flush=True)
        return
    inside_s = time.perf_counter() - started
    measured = {'import_s': task.import_s, 'epochs_s': task.epochs_s, 'inside_s': inside_s}
    print(json.dumps(measured | {'accuracy': None if accuracy is None else float(accuracy)} | task.noted), flush=True)


def time_compilation(task: Task, step: Callable[[], object]) -> None:
    """Note the seconds of the first step, and how much longer it took than the quicker of the next two: what is done once."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    task.note(first_s=seconds[0], step_s=min(seconds[1:]), compile_s=seconds[0] - min(seconds[1:]))
