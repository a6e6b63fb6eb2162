"""A training run in progress: where it stands, how fast it goes, and whether it was asked to stop."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import jax

from lamina.core.devices import on_one
from lamina.training.layout import Layout
from lamina.training.program import Program
from lamina.training.state import State, Sums

# How long one compiled chunk should take: short enough that a progress bar moves and Ctrl-C answers.
CHUNK_SECONDS = 0.25


class Pace:
    """Chooses how many steps the next chunk has, from how long the last ones took.

    Args:
        steps: a fixed number of steps; None to choose by time.
    """

    def __init__(self, steps: int | None = None):
        self.fixed = steps is not None
        self.steps = steps or 1

    def observe(self, steps: int, seconds: float) -> None:
        """Take note of a chunk; the first one, which compiled, only lets the second be longer."""
        if not self.fixed:
            wanted = int(steps * CHUNK_SECONDS / max(seconds, 1e-6))
            self.steps = max(1, min(wanted, 8 * self.steps))


class Session:
    """The state of the run between chunks; callbacks see it as `self.session`.

    Args:
        program: the compiled task.
        state: to start from, as the program's layout holds it; replaced after every chunk, since its buffers are given to the next one.
        seed: of shuffles and of everything random on the device.
        chunk_steps: a fixed chunk length; None to choose by time. Results do not depend on it.
        lock: held while a chunk runs, since the state's buffers are then the chunk's.
    """

    def __init__(
        self,
        program: Program,
        state: State,
        *,
        seed: int,
        key: jax.Array,
        chunk_steps: int | None = None,
        lock: contextlib.AbstractContextManager | None = None,
    ):
        self.program, self.state, self.seed, self.key = program, state, seed, key
        self.lock = lock or contextlib.nullcontext()
        self.pace = Pace(chunk_steps)
        self.sums: Sums | None = None
        self.epoch = 0
        self.epochs = 0
        self.step = 0
        self.first_step = 0
        self.steps: int | None = None
        self.stop = False
        self.interrupted = False
        self.chunks = 0
        self._epoch_began = time.perf_counter()

    @property
    def layout(self) -> Layout:
        """How the state is held."""
        return self.program.task.layout

    def apart(self) -> State:
        """The state as it is outside of a session: every weight by itself, on one device."""
        return self.layout.apart(on_one(self.state))

    def begin_epoch(self, epoch: int, steps: int | None) -> None:
        """Set the counters for a new epoch."""
        self.epoch, self.step, self.steps, self.sums = epoch, 0, steps, None
        self.first_step = int(self.state.step)
        self._epoch_began = time.perf_counter()

    def epoch_seconds(self) -> float:
        """Seconds since this epoch began."""
        return time.perf_counter() - self._epoch_began

    def logs(self) -> dict[str, float]:
        """Loss and metrics over the epoch so far."""
        return {} if self.sums is None else report(self.program, self.sums)

    @contextlib.contextmanager
    def stopping_on_interrupt(self) -> Iterator[None]:
        """Let Ctrl-C end training after the running chunk; a second Ctrl-C raises KeyboardInterrupt at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            if self.interrupted:
                signal.default_int_handler(number, frame)
            self.stop = self.interrupted = True

        before = signal.signal(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def report(program: Program, sums: Sums) -> dict[str, Any]:
    """Means of the losses and results of the metrics, from the sums of an epoch."""
    values = sums.read()
    examples = max(float(values['examples']), 1.0)
    losses = {name: float(total) / examples for name, total in values['losses'].items()}
    # 'loss' first, then its parts, then metrics: the order in which people read them.
    ordered = {'loss': losses.pop('loss'), **losses}
    return {**ordered, **program.task.report(values['metrics'])}
