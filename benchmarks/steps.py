"""The time of a training step of common networks, by Lamina and by each peer: `python benchmarks/steps.py --help`."""

import argparse
import shlex
import sys

from measure import data, results, step_rows, tables
from measure.catalogue import BASELINE, FLOOR, STEPS, Peer, participants
from measure.command import warn_if_busy
from measure.comparison import build, say
from measure.environments import EnvironmentFailed
from measure.rounds import StepWork, measure

REPEATS = StepWork.rounds

WORKS = {
    work.name: work
    for work in (
        StepWork(
            'convnet', 'Convolutional network on MNIST', 'Conv 32 – pool – Conv 64 – pool – Dropout – Dense on 28×28, batch 128',
            steps=156, batch_size=128, parameters=34_826, bar=0.8, least_accuracy=0.97, tolerance=0.008,
        ),
        StepWork('lstm', 'LSTM', 'LSTM of 128 units over 100 steps of 32, Dense, batch 64', 20, 64, 82_561, 0.8),
        StepWork('gru', 'GRU', 'GRU of 128 units over 100 steps of 32, Dense, batch 64', 20, 64, 62_337, 0.8),
        StepWork('resnet', 'ResNet-20', 'the network of He et al. (2015), section 4.2, on 32×32×3, batch 128', 3, 128, 272_474, 0.9),
        StepWork(
            'transformer', 'Transformer encoder', '4 layers of width 128, 8 heads, 512 between, over 128 steps, batch 32',
            5, 32, 794_378, 0.9,
        ),
        StepWork('embedding', 'Embedding', 'a table of 100,000 × 64, one row an example, Dense, batch 1024', 20, 1024, 6_400_065),
    )
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure the chosen works; 0 where every bar was met, 1 where one was missed or a peer failed, 2 where nothing could be run."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    chosen = parser.parse_args(given)
    if unknown := sorted(set(chosen.works) - set(WORKS)):
        parser.error(f'no work {", ".join(unknown)}; choose among {", ".join(WORKS)}')
    command = shlex.join(['python', 'benchmarks/steps.py', *given])
    try:
        peers = {name: _peers(name, chosen.peers) for name in chosen.works or WORKS}
        kept = run(peers, max(1, chosen.repeats), chosen.data, command)
    except (EnvironmentFailed, FileNotFoundError, ValueError) as error:
        say(f'steps: {error}')
        return 2
    print(results.as_json(kept) if chosen.json else '\n\n'.join(describe(section) for section in kept['works'].values()))
    if not chosen.peers and chosen.repeats >= REPEATS:
        say(f'kept as {results.keep(merged(results.load("steps"), kept))}')
    return 0 if all(succeeded(section) for section in kept['works'].values()) else 1


def run(peers: dict[str, list[Peer]], repeats: int, choice: str, command: str) -> dict:
    """The results of these works.

    Raises:
        EnvironmentFailed: Lamina's environment could not be built.
        FileNotFoundError: the data file given is not there.
    """
    data.find(choice)
    environments, errors = build(list({peer.name: peer for named in peers.values() for peer in named}.values()), say)
    path, is_mnist = data.settle(choice, environments[BASELINE], say)
    sections = {}
    warn_if_busy()
    for name, able in peers.items():
        before = results.header(name, WORKS[name].title, [command])
        measured = measure(WORKS[name], able, environments, errors, repeats=repeats, data=path, is_mnist=is_mnist, say=say)
        sections[name] = before | measured
    return {'benchmark': 'steps', 'title': 'A training step', 'works': sections}


def merged(before: dict | None, now: dict) -> dict:
    """What was kept, with the works measured now in the place of their older sections, in the order of the works."""
    sections = {**(before or {}).get('works', {}), **now['works']}
    return {**now, 'works': {name: sections[name] for name in STEPS if name in sections}}


def describe(section: dict) -> str:
    """A work's result as text for the terminal."""
    found = step_rows.rows(section)
    lines = [f'{section["title"]}: {section["about"]}; {section["repeats"]} × {section["steps"]} steps', '']
    lines += [tables.as_text(step_rows.cells(found)), '', step_rows.sentence(found, section['bar'])]
    return '\n'.join([*lines, *(f'· {note}' for note in step_rows.notes(found))])


def succeeded(section: dict) -> bool:
    """Whether the bar was met and every peer that can run here did the work."""
    found = step_rows.rows(section)
    result = step_rows.judged(found, section['bar'])
    return result is not None and result[1] and all(row.verdict in (step_rows.SAME, step_rows.UNAVAILABLE) for row in found)


def _peers(work: str, chosen: list[str] | None) -> list[Peer]:
    known = {peer.name for name in STEPS for peer in participants(name)}
    if unknown := sorted(set(chosen or ()) - known):
        raise ValueError(f'no peer {", ".join(unknown)}; choose among {", ".join(sorted(known))}')
    return [peer for peer in participants(work) if not chosen or peer.name in (*chosen, BASELINE, FLOOR)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python benchmarks/steps.py',
        description="""Measure the time of a training step (forward, backward, Adam, float32), each peer in a process and an environment
of its own. All processes of a work stay alive and take turns, an epoch each, in rounds whose order alternates; the first epoch,
which compiles, is left out, and medians are told.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"""works: {', '.join(f'{work.name} ({work.title})' for work in WORKS.values())}
examples:
  python benchmarks/steps.py                              every work and peer; kept in benchmarks/results/steps.json
  python benchmarks/steps.py lstm gru --repeats 9         these two, more rounds; kept in the place of their older results
  python benchmarks/steps.py convnet --peers torch        Lamina and another, quickly; not kept""",
    )
    parser.add_argument('works', nargs='*', metavar='WORK', help='default: all')
    parser.add_argument(
        '--peers', type=lambda text: [name for name in text.split(',') if name], metavar='A,B', help='only these beside Lamina'
    )
    parser.add_argument('--repeats', type=int, default=REPEATS, help=f'rounds, one epoch each; kept from {REPEATS}, the default')
    parser.add_argument('--data', default='auto', metavar='auto|FILE', help='an mnist.npz; auto looks in $LAMINA_DATA and ../shared/data')
    parser.add_argument('--json', action='store_true', help='print JSON instead of tables')
    return parser


if __name__ == '__main__':
    sys.exit(main())
