"""One run of one peer: its script in a fresh process, measured from outside, together with what it reports from inside."""

import json
import os
from pathlib import Path

from measure.catalogue import Peer
from measure.environments import Environment
from measure.places import BENCHMARKS, ENVIRONMENTS
from measure.processes import PeerUnavailable, report_of, run


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
    task = {'is_mnist': is_mnist, 'epochs': epochs, 'batch_size': batch_size, 'seed': seed}
    command, variables = invocation(peer, environment, work, data, task)
    if peer.keeps_cache:
        variables['LAMINA_CACHE'] = cache
    finished = run(command, variables=variables, folder=environment.python.parent, timeout_s=timeout_s)
    return {'seed': seed, 'wall_s': finished.wall_s, 'peak_bytes': finished.peak_bytes, **report_of(finished)}


def report(
    peer: Peer, environment: Environment, work: str, *, data: Path | None = None, options: dict | None = None, timeout_s: float = 600
) -> dict:
    """What a peer's script says of a work in a fresh process, without what is measured from outside.

    Raises:
        ProcessFailed: it ended badly, ran longer than `timeout_s`, or did not report.
        PeerUnavailable: it cannot do this work here.
    """
    command, variables = invocation(peer, environment, work, data or Path(os.devnull), {'options': options or {}})
    said = report_of(run(command, variables=variables, folder=environment.python.parent, timeout_s=timeout_s))
    if 'unavailable' in said:
        raise PeerUnavailable(said['unavailable'])
    return said


def invocation(peer: Peer, environment: Environment, work: str, data: Path, task: dict) -> tuple[list[str], dict[str, str]]:
    """The command by which a peer does a work, and the variables it runs under.

    Args:
        task: what `measure.peer.Task` is told beside the data and the peer's options, which may be given here as well.
    """
    told = {**task, 'data': str(data), 'options': {**peer.options, **task.get('options', {})}}
    # A home of its own: what the user has set in ~/.keras would hold for the peers too.
    own = {'PYTHONPATH': str(BENCHMARKS), 'LAMINA_DATA': str(data.parent), 'KERAS_HOME': str(ENVIRONMENTS / 'keras-home')}
    return [str(environment.python), str(peer.file(work)), work, json.dumps(told)], {**peer.variables, **own}
