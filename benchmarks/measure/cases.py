"""The command of a work that is measured in fresh processes."""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from measure import case_rows, fresh, results, tables
from measure.catalogue import BASELINE, Peer, participants
from measure.command import warn_if_busy
from measure.comparison import build, say
from measure.environments import EnvironmentFailed
from measure.execution import report
from measure.processes import PeerUnavailable, ProcessFailed

REPEATS = 3


@dataclass(frozen=True)
class Bench:
    """What is measured, judged and told.

    Args:
        name: of the peers' functions, of the script and of the results.
        title, description: for documents and help.
        bar: what is wanted, as the results keep it.
        cases: from the peers, what is run.
        cells, sentence, met: from the results, their table, what it shows in words, and whether the bar is met.
        before: options with which Lamina is run once before the rest, to leave them something in the folder that all are told of.
    """

    name: str
    title: str
    description: str
    bar: Any
    cases: Callable[[Sequence[Peer]], list[fresh.Case]]
    cells: Callable[[dict], list[tuple[str, ...]]]
    sentence: Callable[[dict], str]
    met: Callable[[dict], bool]
    before: dict | None = None


def run(bench: Bench, arguments: list[str] | None = None) -> int:
    """Measure and print; 0 where the bar is met and all peers did the work, 1 where not, 2 where nothing could be run."""
    given = sys.argv[1:] if arguments is None else arguments
    chosen = _parser(bench).parse_args(given)
    try:
        peers = participants(bench.name, chosen.peers)
        warn_if_busy()
        before = results.header(bench.name, bench.title, [shlex.join(['python', f'benchmarks/{bench.name}.py', *given])])
        kept = before | {'bar': bench.bar, 'repeats': chosen.repeats, 'cases': _measured(bench, peers, chosen.repeats)}
    except (EnvironmentFailed, ProcessFailed, PeerUnavailable, ValueError) as error:
        say(f'{bench.name}: {error}')
        return 2
    print(results.as_json(kept) if chosen.json else describe(bench, kept))
    if not chosen.peers and chosen.repeats >= REPEATS:
        say(f'kept as {results.keep(kept)}')
    return 0 if bench.met(kept) and not any(record['error'] for record in kept['cases']) else 1


def describe(bench: Bench, kept: dict) -> str:
    """The results as text for the terminal."""
    lines = [kept['title'], '', tables.as_text(bench.cells(kept)), '', bench.sentence(kept)]
    return '\n'.join([*lines, *(f'· {note}' for note in case_rows.notes(kept['cases']))])


def _measured(bench: Bench, peers: Sequence[Peer], repeats: int) -> list[dict]:
    environments, errors = build(peers, say)
    with tempfile.TemporaryDirectory(prefix='lamina-benchmark-') as folder:
        if bench.before:
            lamina = next(peer for peer in peers if peer.name == BASELINE)
            report(lamina, environments[lamina.environment], bench.name, options={**bench.before, 'folder': folder})
        cases = [replace(case, options={**case.options, 'folder': folder}) for case in bench.cases(peers)]
        return fresh.measure(bench.name, cases, environments, errors, repeats=repeats, say=say)


def _parser(bench: Bench) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f'python benchmarks/{bench.name}.py', description=bench.description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ', '.join(peer.name for peer in participants(bench.name))
    peers = f'only these beside Lamina, of {names}; not kept'
    parser.add_argument('--peers', type=lambda text: [n for n in text.split(',') if n], metavar='A,B', help=peers)
    parser.add_argument('--repeats', type=int, default=REPEATS, help=f'processes of each case; kept from {REPEATS}, the default')
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')
    return parser
