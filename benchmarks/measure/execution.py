"""One run of one peer: its script in a fresh process, measured from outside, together with what it reports from inside."""

import json
from pathlib import Path

from measure.catalogue import Peer
from measure.environments import Environment
from measure.places import BENCHMARKS, ENVIRONMENTS, PEERS
from measure.processes import report_of, run


def execute(
    peer: Peer,
    environment: Environment,
    work: str,
    *,
    data: Path,
    is_mnist: bool,
    epochs: int,
    batch_size: int,
    seed: int,
    cache: str,
    timeout_s: float,
) -> dict:
    """`wall_s`, `peak_bytes`, and the script's `import_s`, `epochs_s`, `inside_s` and `accuracy`.

    Raises:
        ProcessFailed: it ended badly, ran longer than `timeout_s`, or did not report.
    """
    task = {
        'data': str(data), 'is_mnist': is_mnist, 'epochs': epochs, 'batch_size': batch_size, 'seed': seed, 'options': dict(peer.options),
    }  # fmt: skip
    # A home of its own: what the user has set in ~/.keras would hold for the peers too.
    own = {'PYTHONPATH': str(BENCHMARKS), 'LAMINA_DATA': str(data.parent), 'KERAS_HOME': str(ENVIRONMENTS / 'keras-home')}
    variables = {**peer.variables, **own}
    if peer.keeps_cache:
        variables['LAMINA_CACHE'] = cache
    command = [str(environment.python), str(PEERS / peer.script / 'run.py'), work, json.dumps(task)]
    finished = run(command, variables=variables, folder=environment.python.parent, timeout_s=timeout_s)
    return {'seed': seed, 'wall_s': finished.wall_s, 'peak_bytes': finished.peak_bytes, **report_of(finished)}
