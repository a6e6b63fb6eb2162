"""Works measured in a fresh process each time: every case in turn, several rounds whose order alternates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from measure.catalogue import Peer
from measure.environments import Environment
from measure.execution import report
from measure.processes import PeerUnavailable, ProcessFailed

# A run that takes longer than this is not repeated.
LONG_S = 60


@dataclass(frozen=True)
class Case:
    """One peer with one set of options.

    Args:
        label: tells it from the peer's other cases.
    """

    peer: Peer
    label: str = ''
    options: dict = field(default_factory=dict)


def measure(
    work: str,
    cases: Sequence[Case],
    environments: dict[str, Environment],
    errors: dict[str, str],
    *,
    repeats: int,
    say: Callable[[str], None],
    timeout_s: float = 600,
) -> list[dict]:
    """What each case reported, in their order, as the results keep it.

    Args:
        errors: what is already known to be wrong, by peer; those are told and left out.
    """
    records = [_record(case, environments.get(case.peer.environment), errors.get(case.peer.name)) for case in cases]
    pairs = list(zip(cases, records, strict=True))
    for number in range(repeats):
        # Every second round runs backwards, so that a machine that slows down slows all alike.
        for case, record in pairs if number % 2 == 0 else reversed(pairs):
            if _goes_on(record):
                _run(work, case, record, environments[case.peer.environment], timeout_s)
                say(f'{work}, {case.peer.name} {case.label}: {_told(record)}')
    return records


def _record(case: Case, environment: Environment | None, error: str | None) -> dict:
    return {
        'name': case.peer.name,
        'title': case.peer.title,
        'note': case.peer.note,
        'label': case.label,
        'versions': environment.versions(case.peer.packages) if environment else {},
        'runs': [],
        'error': error,
        'unavailable': None,
    }


def _goes_on(record: dict) -> bool:
    long = any(run['inside_s'] > LONG_S for run in record['runs'])
    return not (record['error'] or record['unavailable'] or long)


def _run(work: str, case: Case, record: dict, environment: Environment, timeout_s: float) -> None:
    try:
        record['runs'].append(report(case.peer, environment, work, options=case.options, timeout_s=timeout_s))
    except ProcessFailed as error:
        record['error'] = str(error)
    except PeerUnavailable as reason:
        record['unavailable'] = str(reason)


def _told(record: dict) -> str:
    if record['error'] or record['unavailable']:
        return (record['error'] or f'not available: {record["unavailable"]}').splitlines()[0]
    times = {name: value for name, value in record['runs'][-1].items() if name.endswith('_s') and isinstance(value, float)}
    return ', '.join(f'{name} {value:.4g}' for name, value in times.items() if name not in ('import_s', 'inside_s'))
