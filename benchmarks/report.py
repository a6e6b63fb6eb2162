"""The kept results as the document of benchmarks: `python benchmarks/report.py > docs/benchmarks.md`."""

import sys

from measure import case_rows, ratios, results, step_rows, tables

HEAD = """# Benchmarks

Every figure on this page was measured by a command of `benchmarks/` and is kept with its single runs in `benchmarks/results/`.
Times of one machine say little about another; **compare within a table**, whose rows were measured in turn in one run.
"""

READING = """Each row is a whole process: import, load, scale, define, compile, fit, evaluate. *Of Lamina* divides by Lamina's first row, so
above 1× means that the peer took more. A *warm epoch* is the median epoch after the first, and the *floor* is a compiled loop of nothing
but the matrix products of that epoch. Peak memory is the kernel's count for the process. A peer whose test accuracy lies further than
{tolerance} from the median of all did other work and is given no ratio.
"""

STEPS = """One step is forward, backward and Adam, in float32, as each framework trains: `fit` of Keras and Lamina, a plain loop in PyTorch.
Every peer is a process in an environment of its own; all stay alive and take turns, an epoch each, and a row tells the median epoch
after the first divided by its steps. The *floor* is the matrix products of the step alone in one compiled loop, or, for the embedding,
the bytes of the rows that it changes. Only peers with the same parameters, and with the accuracy of the others where there is one,
are given a ratio.
"""

DEPTH = """Equal residual blocks x + relu(Dense(x)) of width 128, batch 32: what the first training step takes more than a later one,
with no cache. Eager PyTorch compiles nothing; its row is what the first step does once.
"""

LATENCY = """The MNIST convnet with one image, from NumPy array to NumPy array, some thousand calls in a process; the same weights
everywhere, and outputs within 1e-5 of Lamina's.
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
            _versions(kept['peers']),
            '',
        ]
    )


def steps(kept: dict) -> str:
    """The section of the training steps, one part a work."""
    parts = [step_part(section) for section in kept['works'].values()]
    peers = [peer for section in kept['works'].values() for peer in section['peers']]
    return '\n'.join([f'## {kept["title"]}\n\n{STEPS}', *parts, _versions(peers), ''])


def step_part(section: dict) -> str:
    """A work's table, with what was done before it and what it shows after it."""
    found = step_rows.rows(section)
    about = f'{section["about"]}; {section["repeats"]} epochs of {section["steps"]} steps, {section["parameters"]:,} parameters.'
    if section['least_accuracy']:
        seen = (section['repeats'] + 1) * section['steps'] * section['batch_size']
        about += f' {section["data"]}; test accuracy after {seen:,} images.'
    cells = tables.as_markdown(step_rows.cells(found))
    return '\n'.join(
        [
            _title(section, '###'),
            f'{about}\n',
            cells,
            '',
            f'{step_rows.sentence(found, section["bar"])}\n',
            *_listed(step_rows.notes(found)),
        ]
    )


def depth(kept: dict) -> str:
    """The section of the compile times."""
    return _cases(kept, DEPTH, case_rows.depth_cells(kept), case_rows.depth_sentence(kept))


def latency(kept: dict) -> str:
    """The section of the latencies."""
    return _cases(kept, LATENCY, case_rows.latency_cells(kept), case_rows.latency_sentence(kept))


def _cases(kept: dict, about: str, cells: list[tuple[str, ...]], sentence: str) -> str:
    notes = _listed(case_rows.notes(kept['cases']))
    return '\n'.join([_title(kept), about, tables.as_markdown(cells), '', f'{sentence}\n', *notes, _versions(kept['cases']), ''])


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


def _title(kept: dict, level: str = '##') -> str:
    machine = kept['machine']
    where = f'{machine["processor"]}, {machine["cores"]} cores, {machine["memory_gib"]} GiB, machine `{machine["name"]}`'
    return f'{level} {kept["title"]}\n\n`{kept["command"]}` on {kept["date"][:10]} ({where}).\n'


def _versions(peers: list[dict]) -> str:
    installed = dict.fromkeys((peer['title'], tables.versions(peer['versions'])) for peer in peers if peer['versions'])
    return tables.as_markdown([('Row', 'Versions'), *installed]).replace('---:', '---')


def _listed(notes: list[str]) -> list[str]:
    return [*(f'- {note}' for note in notes), ''] if notes else []


WRITERS = {'listing': comparison, 'steps': steps, 'depth': depth, 'latency': latency, 'accuracy': accuracy, 'imports': imports}

if __name__ == '__main__':
    sys.exit(main())
