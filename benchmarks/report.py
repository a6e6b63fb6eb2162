"""The kept results as the document of benchmarks: `python benchmarks/report.py > docs/benchmarks.md`."""

import sys

from measure import ratios, results, tables

HEAD = """# Benchmarks

Every figure on this page was measured by a command of `benchmarks/` and is kept with its single runs in `benchmarks/results/`.
Times of one machine say little about another; **compare within a table**, whose rows were measured in turn in one run.
"""

READING = """Each row is a whole process: import, load, scale, define, compile, fit, evaluate. *Of Lamina* divides by Lamina's first row, so
above 1× means that the peer took more. A *warm epoch* is the median epoch after the first, and the *floor* is a compiled loop of nothing
but the matrix products of that epoch. Peak memory is the kernel's count for the process. A peer whose test accuracy lies further than
{tolerance} from the median of all did other work and is given no ratio.
"""


def main() -> int:
    """Print the document; 1 where no results are kept."""
    sections = [write(kept) for name, write in WRITERS.items() if (kept := results.load(name))]
    if not sections:
        print('no results are kept; run python benchmarks/listing.py first', file=sys.stderr)
        return 1
    print('\n'.join([HEAD, *sections]), end='')
    return 0


def comparison(kept: dict) -> str:
    """The section of a comparison."""
    rows, settings, imports, floor = ratios.rows(kept), kept['settings'], kept['imports'], kept['floor']
    facts = [
        f'Floor: {tables.seconds(floor["epoch_s"])} an epoch.' if floor else '',
        f'`import lamina` takes {tables.seconds(imports["lamina_s"])}, with every room {tables.seconds(imports["every_room_s"])}, '
        f'where `import jax` takes {tables.seconds(imports["jax_s"])}.',
    ]
    about = f'{settings["data"]}, {settings["epochs"]} epochs of batch {settings["batch_size"]}; {settings["repeats"] * settings["seeds"]} '
    installed = [(peer['title'], tables.versions(peer['versions'])) for peer in kept['peers'] if peer['versions']]
    return '\n'.join(
        [
            _title(kept),
            about + ('run' if settings['repeats'] * settings['seeds'] == 1 else 'runs') + ' of each.\n',
            tables.as_markdown(tables.comparison(rows)),
            '',
            READING.format(tolerance=kept['accuracy_rule']['tolerance']),
            ' '.join(filter(None, facts)),
            '',
            *(f'- {note}' for note in tables.notes(rows)),
            '',
            tables.as_markdown([('Row', 'Versions'), *installed]).replace('---:', '---'),
            '',
        ]
    )


def accuracy(kept: dict) -> str:
    """The section of the accuracy over seeds."""
    cells = [('seed', 'test accuracy'), *((str(seed), f'{reached:.4f}') for seed, reached in enumerate(kept['accuracies']))]
    about = f'{kept["data"]}, {kept["epochs"]} epochs; the mean is **{kept["mean"]:.4f}**.\n'
    return '\n'.join([_title(kept), about, tables.as_markdown(cells), ''])


def imports(kept: dict) -> str:
    """The section of the import times."""
    named = {'`import lamina`': 'lamina_s', 'with every room': 'every_room_s', '`import jax`': 'jax_s'}
    cells = [('', 'median'), *((name, tables.seconds(kept[key])) for name, key in named.items())]
    brought = ', '.join(kept['brought_along']) or 'none'
    return '\n'.join([_title(kept), tables.as_markdown(cells), '', f'Optional packages that `import lamina` loads: {brought}.', ''])


def _title(kept: dict) -> str:
    machine = kept['machine']
    where = f'{machine["processor"]}, {machine["cores"]} cores, {machine["memory_gib"]} GiB, machine `{machine["name"]}`'
    return f'## {kept["title"]}\n\n`{kept["command"]}` on {kept["date"][:10]} ({where}).\n'


WRITERS = {'listing': comparison, 'accuracy': accuracy, 'imports': imports}

if __name__ == '__main__':
    sys.exit(main())
