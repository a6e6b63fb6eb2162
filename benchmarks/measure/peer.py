"""The peer's side: what a measured script is told, the few times it takes from inside, and its one line of JSON."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Task:
    """One run of one work by one peer.

    Args:
        data: the npz file to train on.
        is_mnist: whether that file is MNIST itself, or arrays of its shape.
        epochs, batch_size, seed: of the fit.
        options: what distinguishes this row from the same peer's others.
    """

    def __init__(self, *, data: str, is_mnist: bool, epochs: int, batch_size: int, seed: int, options: dict | None = None):
        self.data, self.is_mnist = Path(data), is_mnist
        self.epochs, self.batch_size, self.seed = epochs, batch_size, seed
        self.options = options or {}
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
        self._epoch_started = time.perf_counter()

    def epoch_ends(self, *_, **__) -> None:
        """Notes the seconds since the epoch began."""
        self.epochs_s.append(time.perf_counter() - self._epoch_started)


def main(*works: Callable[[Task], float]) -> None:
    """Do the work named by the first argument, as the JSON of the second says, and print what was measured.

    A work is a function of a `Task` that returns the test accuracy.
    """
    name, settings = sys.argv[1], json.loads(sys.argv[2])
    work = {work.__name__: work for work in works}[name]
    task = Task(**settings)
    started = time.perf_counter()
    accuracy = float(work(task))
    inside_s = time.perf_counter() - started
    measured = {'import_s': task.import_s, 'epochs_s': task.epochs_s, 'inside_s': inside_s, 'accuracy': accuracy}
    print(json.dumps(measured), flush=True)
