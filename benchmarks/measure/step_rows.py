"""From the epochs of a step work to its table: milliseconds a step, ratios to Lamina and to the floor, and whether the bar is met."""

import statistics
from dataclasses import dataclass

from measure import tables
from measure.catalogue import BASELINE, FLOOR
from measure.ratios import DIFFERS, FAILED, SAME, verdict

UNAVAILABLE = 'not available'
ANOTHER = 'another network'
# PyTorch's recurrent layers have a second bias, which is half a percent of the weights.
_PARAMETERS_WITHIN = 0.01


@dataclass(frozen=True)
class StepRow:
    """One peer of a step work. A ratio is None where the peer did other work or something it needs was not measured."""

    name: str
    title: str
    verdict: str
    note: str = ''
    step_ms: float | None = None
    ratio: float | None = None
    floor_ratio: float | None = None
    accuracy: float | None = None
    is_peer: bool = True


def step_ms(peer: dict, steps: int) -> float | None:
    """The median milliseconds a step of a peer's measured epochs."""
    return statistics.median(peer['epochs_s']) / peer['report'].get('steps', steps) * 1000 if peer['epochs_s'] else None


def rows(section: dict) -> list[StepRow]:
    """A row for each peer of a work, Lamina first and the floor last, as they were measured."""
    times = {peer['name']: step_ms(peer, section['steps']) for peer in section['peers'] if not peer['error']}
    verdicts = _verdicts(section)
    base = times.get(BASELINE) if verdicts.get(BASELINE) == SAME else None
    return [_row(peer, verdicts[peer['name']], times.get(peer['name']), base, times.get(FLOOR)) for peer in section['peers']]


def fastest(found: list[StepRow]) -> StepRow | None:
    """The quickest of the peers that did the same work."""
    able = [row for row in found if row.is_peer and row.verdict == SAME and row.step_ms]
    return min(able, key=lambda row: row.step_ms or 0.0, default=None)


def judged(found: list[StepRow], bar: float | None) -> tuple[float, bool] | None:
    """Lamina's time by that of the fastest peer, and whether that is within the bar; None where one was not measured."""
    best, own = fastest(found), next((row for row in found if row.name == BASELINE), None)
    if best is None or best.step_ms is None or own is None or own.step_ms is None or own.verdict != SAME:
        return None
    ratio = own.step_ms / best.step_ms
    return ratio, bar is None or ratio <= bar


def sentence(found: list[StepRow], bar: float | None) -> str:
    """What the table shows, in words."""
    best, result = fastest(found), judged(found, bar)
    if best is None or result is None:
        return 'Lamina and a peer were not both measured.'
    ratio, met = result
    said = f'Lamina takes {ratio:.2f}× the time of the fastest peer, {best.title}'
    return f'{said}.' if bar is None else f'{said}; at most {bar}× was wanted: {"met" if met else "missed"}.'


def cells(found: list[StepRow]) -> list[tuple[str, ...]]:
    """The cells of a work's table, its header first; accuracy only where there is one."""
    with_accuracy = any(row.accuracy is not None for row in found)
    header = ('', 'a step', 'of Lamina', 'of floor', *(('accuracy',) if with_accuracy else ()))
    return [header, *(_cells(row, with_accuracy) for row in found)]


def notes(found: list[StepRow]) -> list[str]:
    """What a reader must know of single rows; Lamina's note is about whole processes."""
    return [f'{row.title}: {row.note}' for row in found if row.note and (row.name != BASELINE or row.verdict == FAILED)]


def milliseconds(value: float | None) -> str:
    """Three figures."""
    if value is None:
        return '–'
    return f'{value:.3f} ms' if value < 1 else f'{value:.2f} ms' if value < 10 else f'{value:.1f} ms' if value < 100 else f'{value:.0f} ms'


def _verdicts(section: dict) -> dict[str, str]:
    reached = {p['name']: p['report'].get('accuracy') for p in section['peers'] if not p['error']}
    known = [accuracy for accuracy in reached.values() if accuracy is not None]
    median = statistics.median(known) if known else 0.0
    least = section['least_accuracy'] if section['data'] == 'MNIST' and section['repeats'] >= section['rounds'] else 0.0
    return {peer['name']: _verdict(peer, section, median, least) for peer in section['peers']}


def _verdict(peer: dict, section: dict, median: float, least: float) -> str:
    if peer['unavailable']:
        return UNAVAILABLE
    if peer['error'] or not peer['epochs_s']:
        return FAILED
    parameters, accuracy = peer['report'].get('parameters'), peer['report'].get('accuracy')
    if parameters and 'rows' not in peer['options'] and abs(parameters / section['parameters'] - 1) > _PARAMETERS_WITHIN:
        return ANOTHER
    return SAME if accuracy is None else verdict(accuracy, median, least, section['tolerance'])


def _row(peer: dict, said: str, measured: float | None, base: float | None, floor: float | None) -> StepRow:
    name, same = peer['name'], said == SAME
    reasons = {UNAVAILABLE: f'{UNAVAILABLE}: {peer["unavailable"]}', FAILED: f'{FAILED}: {(peer["error"] or "not run").splitlines()[0]}'}
    return StepRow(
        name,
        peer['title'],
        said,
        reasons.get(said) or peer['report'].get('note') or peer['note'],
        step_ms=measured,
        ratio=measured / base if same and measured and base else None,
        floor_ratio=measured / floor if same and measured and floor else None,
        accuracy=peer['report'].get('accuracy'),
        is_peer=name != FLOOR and name.partition('-')[0] != BASELINE,
    )


def _cells(row: StepRow, with_accuracy: bool) -> tuple[str, ...]:
    if row.verdict in (FAILED, UNAVAILABLE):
        return (row.title, row.verdict, *('–',) * (3 if with_accuracy else 2))
    accuracy = '–' if row.accuracy is None else f'{row.accuracy:.4f}'
    if row.verdict in (DIFFERS, ANOTHER):
        accuracy = f'{accuracy} ({row.verdict})'
    more = (accuracy,) if with_accuracy else ()
    shown = milliseconds(row.step_ms) + (f' ({row.verdict})' if row.verdict == ANOTHER and not with_accuracy else '')
    return (row.title, shown, tables.times(row.ratio), tables.times(row.floor_ratio), *more)
