"""A step work by every peer: all processes stay alive, and in each round each does one epoch while the others wait."""

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from measure.catalogue import Peer
from measure.environments import Environment
from measure.execution import invocation
from measure.processes import PeerUnavailable, ProcessFailed
from measure.turns import Turns

# The first epoch compiles and lets a framework find its pace.
WARM_UP = 1


@dataclass(frozen=True)
class StepWork:
    """A network whose training step is compared. The peers do it in a function of this name.

    Args:
        name: of those functions and of the section of the results.
        title, about: for documents.
        steps: of an epoch.
        batch_size: examples a step.
        parameters: the trainable weights of the network, by which a peer is known to train the same one.
        bar: Lamina's time by that of the fastest peer, at the most; None where nothing is promised.
        least_accuracy: what a peer must reach on MNIST in `rounds` or more; 0 where there is none to reach.
        tolerance: how far its accuracy may lie from the median of all.
        rounds: how many epochs are measured by default.
    """

    name: str
    title: str
    about: str
    steps: int
    batch_size: int
    parameters: int
    bar: float | None = None
    least_accuracy: float = 0.0
    tolerance: float = 1.0
    rounds: int = 3


def measure(
    work: StepWork,
    peers: Sequence[Peer],
    environments: dict[str, Environment],
    errors: dict[str, str],
    *,
    repeats: int,
    data: Path,
    is_mnist: bool,
    say: Callable[[str], None],
    timeout_s: float = 600,
) -> dict:
    """One work by these peers, as the results keep it.

    Args:
        errors: what is already known to be wrong, by peer; those are told and left out.
        repeats: rounds after the first epoch of each.
    """
    records = {peer.name: _Record(errors.get(peer.name)) for peer in peers}
    epochs = WARM_UP + repeats
    task = {'is_mnist': is_mnist, 'epochs': epochs, 'batch_size': work.batch_size, 'steps': work.steps, 'in_turn': True}
    with ExitStack() as stack:
        # One after another, so that none starts while another is measured.
        for peer in peers:
            records[peer.name].attempt(lambda r, p=peer: r.start(stack, p, environments[p.environment], work.name, data, task, timeout_s))
        for number in range(repeats):
            # Every second round runs backwards, so that a machine that slows down slows all alike.
            for peer in peers if number % 2 == 0 else reversed(peers):
                records[peer.name].attempt(lambda r: r.epoch())
        for peer in peers:
            records[peer.name].attempt(lambda r: r.finish())
            say(f'{work.name}, {peer.name}: {records[peer.name].told(work.steps)}')
    return {
        **asdict(work),
        'repeats': repeats,
        'data': 'MNIST' if is_mnist else 'arrays of the shape of MNIST',
        'peers': [_gathered(peer, environments.get(peer.environment), records[peer.name]) for peer in peers],
    }


class _Record:
    """What is known of one peer: its process, its epochs, and why it stopped where it did."""

    def __init__(self, error: str | None):
        self.error = error
        self.unavailable: str | None = None
        self.epochs_s: list[float] = []
        self.report: dict = {}
        self.turns: Turns | None = None

    def attempt(self, act: Callable[['_Record'], None]) -> None:
        if self.error or self.unavailable:
            return
        try:
            act(self)
        except ProcessFailed as error:
            self.error = str(error)
        except PeerUnavailable as reason:
            self.unavailable = str(reason)
        if (self.error or self.unavailable) and self.turns:
            self.turns.close()

    def start(self, stack: ExitStack, peer: Peer, environment: Environment, work: str, data: Path, task: dict, timeout_s: float) -> None:
        command, variables = invocation(peer, environment, work, data, task)
        self.turns = stack.enter_context(Turns(command, variables, environment.python.parent, timeout_s))
        for _ in range(WARM_UP):
            self.turns.epoch()

    def epoch(self) -> None:
        if self.turns:
            self.epochs_s.append(self.turns.epoch())

    def finish(self) -> None:
        if self.turns:
            self.report = self.turns.finish()
            self.turns.close()

    def told(self, steps: int) -> str:
        if self.error or self.unavailable:
            return (self.error or f'not available: {self.unavailable}').splitlines()[0]
        return f'{statistics.median(self.epochs_s) / self.report.get("steps", steps) * 1000:.3g} ms a step'


def _gathered(peer: Peer, environment: Environment | None, record: _Record) -> dict:
    return {
        'name': peer.name,
        'title': peer.title,
        'note': peer.note,
        'versions': environment.versions(peer.packages) if environment else {},
        'options': dict(peer.options),
        'epochs_s': record.epochs_s,
        'report': {name: value for name, value in record.report.items() if name != 'epochs_s'},
        'error': record.error,
        'unavailable': record.unavailable,
    }
