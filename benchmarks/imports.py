"""What `import lamina` costs beside `import jax`, and that it brings no optional dependency: `python benchmarks/imports.py --help`."""

import argparse
import sys

from measure import importing, results, tables
from measure.catalogue import BASELINE
from measure.comparison import say
from measure.environments import EnvironmentFailed, prepare
from measure.processes import ProcessFailed

ALLOWED_S = 0.15


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 0 where both promises hold, 1 where one does not, 2 where nothing could be run."""
    parser = argparse.ArgumentParser(
        prog='python benchmarks/imports.py',
        description='Import Lamina and JAX in fresh processes in turn; tell the medians and what else was imported.',
        epilog='example: python benchmarks/imports.py --repeats 21',
    )
    parser.add_argument('--repeats', type=int, default=11, help='processes of each; default: %(default)s')
    parser.add_argument('--keep', action='store_true', help='keep the results in benchmarks/results/imports.json')
    chosen = parser.parse_args(arguments)
    try:
        measured = importing.compare(prepare(BASELINE, say), max(1, chosen.repeats))
    except (EnvironmentFailed, ProcessFailed) as error:
        say(f'imports: {error}')
        return 2
    print(f'import lamina {tables.seconds(measured["lamina_s"])}, import jax {tables.seconds(measured["jax_s"])}: ', end='')
    print(f'{measured["difference_s"]:+.3f} s, of which {ALLOWED_S} s are allowed')
    print(f'with every room {tables.seconds(measured["every_room_s"])}: {measured["every_room_difference_s"]:+.3f} s')
    print(f'optional packages imported: {", ".join(measured["brought_along"]) or "none"}')
    if chosen.keep:
        command = ['python', 'benchmarks/imports.py', *(sys.argv[1:] if arguments is None else arguments)]
        say(f'kept as {results.keep(results.header("imports", "What an import costs", command) | measured)}')
    return 0 if measured['difference_s'] <= ALLOWED_S and not measured['brought_along'] else 1


if __name__ == '__main__':
    sys.exit(main())
