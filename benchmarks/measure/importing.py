"""What an import costs, and what it brings along: each counted in processes of their own."""

import statistics

from measure.environments import Environment
from measure.processes import ProcessFailed, report_of, run

# What `import lamina` must leave alone: each is loaded by the function that needs it.
OPTIONAL = (
    'matplotlib', 'pandas', 'polars', 'sklearn', 'PIL', 'mlxtend', 'torch', 'tensorflow', 'keras', 'flax', 'equinox', 'rich', 'typer',
)  # fmt: skip
# Rooms are imported on first use, so the honest figure is also that of all of them together.
EVERY_ROOM = 'import lamina; [getattr(lamina, name) for name in lamina.__all__]'
STATEMENTS = (EVERY_ROOM, 'import lamina', 'import jax')


def import_seconds(environment: Environment, repeats: int) -> dict[str, list[float]]:
    """The wall seconds of fresh processes that only import, the statements taken in turn so that noise falls on both alike.

    Raises:
        ProcessFailed: a statement failed.
    """
    samples: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
    # The first round, uncounted, brings the files into the system's cache.
    for number in range(repeats + 1):
        for statement in STATEMENTS:
            finished = run([str(environment.python), '-c', statement], folder=environment.python.parent)
            if finished.code != 0:
                raise ProcessFailed(f'{statement}: {finished.errors.strip()[-400:]}')
            if number:
                samples[statement].append(finished.wall_s)
    return samples


def brought_along(environment: Environment) -> list[str]:
    """The optional packages that Lamina, with every room, loads and `import jax` does not: none, as it should be."""
    script = f'import json, sys; print(json.dumps({{"loaded": [name for name in {OPTIONAL!r} if name in sys.modules]}}))'
    commands = [[str(environment.python), '-c', f'{statement}; {script}'] for statement in (STATEMENTS[0], STATEMENTS[-1])]
    loaded = [set(report_of(run(command, folder=environment.python.parent))['loaded']) for command in commands]
    return sorted(loaded[0] - loaded[1])


def compare(environment: Environment, repeats: int) -> dict:
    """Both, as the results keep them."""
    samples = import_seconds(environment, repeats)
    medians = {statement: statistics.median(seconds) for statement, seconds in samples.items()}
    return {
        'lamina_s': medians['import lamina'],
        'every_room_s': medians[EVERY_ROOM],
        'jax_s': medians['import jax'],
        'difference_s': medians['import lamina'] - medians['import jax'],
        'every_room_difference_s': medians[EVERY_ROOM] - medians['import jax'],
        'samples': samples,
        'brought_along': brought_along(environment),
    }
