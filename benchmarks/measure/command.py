"""The command line of a comparison, the same for every work."""

import argparse
import shlex
import sys
from pathlib import Path

from measure import machine, ratios, results, tables
from measure.catalogue import participants
from measure.comparison import Comparison, Plan, Work, say
from measure.environments import EnvironmentFailed
from measure.processes import ProcessFailed

# Above this load something else is running: a framework of many threads then slows down far more than one of few.
BUSY = 0.7


def main(work: Work, arguments: list[str] | None = None) -> int:
    """Run the comparison and print it. Returns 0, 1 where a peer failed or its accuracy differs, 2 where nothing could be run."""
    chosen = _parser(work).parse_args(arguments)
    try:
        peers = participants(work.name, chosen.peers)
        if chosen.list:
            print('\n'.join(f'{peer.name:<18} {peer.title}{": " + peer.note if peer.note else ""}' for peer in peers))
            return 0
        before = results.header(work.name, work.title, _command(work, arguments))
        warn_if_busy()
        plan = Plan(tuple(peers), chosen.epochs, chosen.seeds, chosen.repeats, chosen.data, chosen.timeout)
        measured = Comparison(work, plan, say).measure()
    except (ValueError, FileNotFoundError, EnvironmentFailed, ProcessFailed) as error:
        say(f'{work.name}: {error}')
        return 2
    kept = before | measured
    rows = ratios.rows(kept)
    if chosen.json == '-':
        print(results.as_json(kept))
    else:
        print(describe(kept, rows))
        _keep(kept, chosen.json, whole=peers == participants(work.name) and chosen.epochs >= work.epochs)
    return 0 if all(row.verdict == ratios.SAME for row in rows) else 1


def warn_if_busy() -> None:
    """Tell where something else is running."""
    load = machine.facts()['load']
    if isinstance(load, float) and load > BUSY:
        say(f'this machine is busy (load {load}): times will say little; wait, or use --repeats')


def describe(kept: dict, rows: list[ratios.Row]) -> str:
    """What a comparison found, as text for the terminal."""
    machine, imports, floor = kept['machine'], kept['imports'], kept['floor']
    lines = [
        f'{kept["title"]}: {kept["settings"]["epochs"]} epochs, {kept["settings"]["data"]}',
        f'{machine["name"]}: {machine["processor"]}, {machine["cores"]} cores, {machine["memory_gib"]} GiB; {machine["system"]}',
        '',
        tables.as_text(tables.comparison(rows)),
        '',
        f'floor: {tables.seconds(floor["epoch_s"])} for the matrix products of an epoch' if floor else 'floor: not measured',
        f'import lamina {tables.seconds(imports["lamina_s"])}, import jax {tables.seconds(imports["jax_s"])}',
        *(f'· {note}' for note in tables.notes(rows)),
        *(f'· {peer["title"]}: {tables.versions(peer["versions"])}' for peer in kept['peers'] if peer['versions']),
    ]
    return '\n'.join(lines)


def _keep(kept: dict, path: str | None, whole: bool) -> None:
    if path or whole:
        say(f'kept as {results.keep(kept, Path(path) if path else None)}')
    else:
        say('not kept, since not every peer ran every epoch: give --json FILE to keep it')


def _command(work: Work, arguments: list[str] | None) -> list[str]:
    given = sys.argv[1:] if arguments is None else arguments
    return ['python', f'benchmarks/{work.name}.py', *map(shlex.quote, given)]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is below 1')
    return number


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(',') if name.strip()]


def _parser(work: Work) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f'python benchmarks/{work.name}.py',
        description=work.description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"""examples:
  python benchmarks/{work.name}.py                                   every peer; kept in benchmarks/results/{work.name}.json
  python benchmarks/{work.name}.py --repeats 5                       medians of five rounds, for a machine whose times vary
  python benchmarks/{work.name}.py --peers torch,keras-jax --epochs 2    Lamina and two others, quickly
  python benchmarks/{work.name}.py --json - | python -m json.tool    everything measured, for other programs

The environments are built on the first run (some minutes, about 6 GB) in benchmarks/.environments and kept. PyTorch is wanted
without CUDA: where the index serves the other build, set PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.
Codes: 0 all did the same work, 1 a peer failed or its accuracy differs, 2 nothing could be run.""",
    )
    parser.add_argument('--peers', type=_names, metavar='A,B', help='only these beside Lamina (see --list); default: all')
    parser.add_argument('--epochs', type=_positive, default=work.epochs, help='default: %(default)s')
    parser.add_argument('--seeds', type=_positive, default=1, help='how many seeds, 0, 1, …; default: %(default)s')
    parser.add_argument('--repeats', type=_positive, default=1, help='rounds of each seed, of which medians are told; default: %(default)s')
    parser.add_argument('--data', default='auto', metavar='auto|FILE', help='an mnist.npz; auto looks in $LAMINA_DATA and ../shared/data')
    parser.add_argument('--json', metavar='FILE', help='keep the results there; - prints them instead of the table')
    parser.add_argument('--timeout', type=_positive, default=3600, metavar='SECONDS', help='for one process; default: %(default)s')
    parser.add_argument('--list', action='store_true', help='name the peers and end')
    return parser
