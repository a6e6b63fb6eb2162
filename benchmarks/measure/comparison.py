"""A comparison: the same work by every peer in turn, in fresh processes, with Lamina's floor measured between them."""

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import data, importing
from measure.catalogue import BASELINE, Peer
from measure.environments import Environment, EnvironmentFailed, prepare
from measure.execution import execute
from measure.places import BENCHMARKS
from measure.processes import ProcessFailed, report_of, run


@dataclass(frozen=True)
class Work:
    """What is compared. The peers do it in a function of this name; `floors.py` may have one as well.

    Args:
        name: of those functions and of the results file.
        title, description: for help and documents.
        epochs, batch_size: what the work is by default.
        least_accuracy: what a peer must reach on MNIST at that many epochs or more.
        tolerance: how far a peer's accuracy may lie from the median of all.
    """

    name: str
    title: str
    description: str
    epochs: int
    batch_size: int
    least_accuracy: float
    tolerance: float


@dataclass(frozen=True)
class Plan:
    """How often and on what: each peer does the work `repeats` × `seeds` times."""

    peers: tuple[Peer, ...]
    epochs: int
    seeds: int = 1
    repeats: int = 1
    data: str = 'auto'
    timeout_s: float = 3600


class Comparison:
    """One execution of a plan; `measure` returns its results."""

    def __init__(self, work: Work, plan: Plan, say: Callable[[str], None]):
        self.work, self.plan, self.say = work, plan, say
        self.environments: dict[str, Environment] = {}
        self.errors: dict[str, str] = {}
        self.runs: dict[str, list[dict]] = {peer.name: [] for peer in plan.peers}

    def measure(self) -> dict:
        """Build what is missing, run every round, and gather what the results file keeps below its header.

        Raises:
            EnvironmentFailed: Lamina's own environment could not be built; without it there is nothing to compare with.
            FileNotFoundError: the data file given is not there.
        """
        data.find(self.plan.data)  # a wrong path is told before environments are built
        self.environments, self.errors = build(self.plan.peers, self.say)
        lamina = self.environments[BASELINE]
        path, is_mnist = data.settle(self.plan.data, lamina, self.say)
        imports = importing.compare(lamina, repeats=5)
        floors: list[float] = []
        with tempfile.TemporaryDirectory(prefix='lamina-benchmark-') as cache:
            self._fill_caches(path, is_mnist, cache)
            for number in range(self.plan.repeats * self.plan.seeds):
                floors += self._floor(lamina)
                self._round(number, path, is_mnist, cache)
        return {
            'settings': {
                'epochs': self.plan.epochs, 'batch_size': self.work.batch_size, 'seeds': self.plan.seeds, 'repeats': self.plan.repeats,
                'data': 'MNIST' if is_mnist else 'arrays of the shape of MNIST',
            },
            'accuracy_rule': {'least': self._least(is_mnist), 'tolerance': self.work.tolerance},
            'floor': {'epoch_s': statistics.median(floors), 'samples': floors} if floors else None,
            'imports': imports,
            'peers': [self._gathered(peer) for peer in self.plan.peers],
        }  # fmt: skip

    def _fill_caches(self, path: Path, is_mnist: bool, cache: str) -> None:
        for peer in self.plan.peers:
            if peer.keeps_cache and peer.name not in self.errors:
                self.say(f'{peer.name}: filling its compilation cache')
                self._once(peer, 0, path, is_mnist, cache)

    def _round(self, number: int, path: Path, is_mnist: bool, cache: str) -> None:
        # Every second round runs backwards, so that a machine that slows down slows all alike.
        for peer in self.plan.peers if number % 2 == 0 else reversed(self.plan.peers):
            if peer.name in self.errors:
                continue
            seed = number % self.plan.seeds
            measured = self._once(peer, seed, path, is_mnist, cache)
            if measured is not None:
                self.runs[peer.name].append(measured)
                self.say(f'{peer.name}: {measured["wall_s"]:.1f} s, {measured["peak_bytes"] / 2**20:.0f} MiB, {measured["accuracy"]:.4f}')

    def _once(self, peer: Peer, seed: int, path: Path, is_mnist: bool, cache: str) -> dict | None:
        try:
            return execute(
                peer,
                self.environments[peer.environment],
                self.work.name,
                data=path,
                is_mnist=is_mnist,
                epochs=self.plan.epochs,
                batch_size=self.work.batch_size,
                seed=seed,
                cache=cache,
                timeout_s=self.plan.timeout_s,
            )
        except ProcessFailed as error:
            self.errors[peer.name] = str(error)
            self.say(f'{peer.name}: {error}')
            return None

    def _floor(self, lamina: Environment) -> list[float]:
        finished = run([str(lamina.python), str(BENCHMARKS / 'floors.py'), self.work.name], folder=lamina.python.parent)
        try:
            measured = report_of(finished)
        except ProcessFailed as error:
            self.say(f'floor: {error}')
            return []
        self.say(f'floor: {measured["epoch_s"]:.3f} s an epoch')
        return measured['samples']

    def _least(self, is_mnist: bool) -> float:
        return self.work.least_accuracy if is_mnist and self.plan.epochs >= self.work.epochs else 0.0

    def _gathered(self, peer: Peer) -> dict:
        environment = self.environments.get(peer.environment)
        return {
            'name': peer.name,
            'title': peer.title,
            'note': peer.note,
            'versions': environment.versions(peer.packages) if environment else {},
            'runs': self.runs[peer.name],
            'error': self.errors.get(peer.name),
        }


def build(peers: Sequence[Peer], say: Callable[[str], None]) -> tuple[dict[str, Environment], dict[str, str]]:
    """The environments of these peers by name, and for each peer without one what went wrong.

    Raises:
        EnvironmentFailed: Lamina's own could not be built.
    """
    environments: dict[str, Environment] = {}
    errors: dict[str, str] = {}
    for name in dict.fromkeys(peer.environment for peer in peers):
        try:
            environments[name] = prepare(name, say)
        except EnvironmentFailed as error:
            if name == BASELINE:
                raise
            say(f'{name}: {error}')
            errors |= {peer.name: f'environment not built: {error}' for peer in peers if peer.environment == name}
    return environments, errors


def say(message: str) -> None:
    """A line of progress, beside the results rather than among them."""
    print(message, file=sys.stderr, flush=True)
