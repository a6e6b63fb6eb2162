"""The tables of works measured in fresh processes: compile time by depth, and the latency of a call."""

import statistics
from collections.abc import Iterable

from measure import tables
from measure.catalogue import BASELINE


def median(record: dict, name: str) -> float | None:
    """The median of what the runs of a case report by this name."""
    return statistics.median(run[name] for run in record['runs']) if record['runs'] and not record['error'] else None


def by_peer(records: Iterable[dict]) -> dict[str, list[dict]]:
    """The cases of each peer, in their order."""
    found: dict[str, list[dict]] = {}
    for record in records:
        found.setdefault(record['name'], []).append(record)
    return found


def why(record: dict) -> str | None:
    """Why a case has no result, or None where it has one."""
    if record['unavailable']:
        return f'not available: {record["unavailable"]}'
    return f'failed: {record["error"].splitlines()[0]}' if record['error'] else None


def notes(records: Iterable[dict]) -> list[str]:
    """What a reader must know of single rows, once each."""
    told = {f'{record["title"]}: {note}': None for record in records if (note := why(record) or _noted(record))}
    return list(told)


def _noted(record: dict) -> str:
    """The note of the run; Lamina's in the catalogue is about whole processes."""
    own = next((run['note'] for run in record['runs'] if run.get('note')), None)
    return own or ('' if record['name'] == BASELINE else record['note'])


# --- depth ---


def depth_cells(kept: dict) -> list[tuple[str, ...]]:
    """Seconds to compile by number of blocks, and the deepest by the shallowest."""
    depths = sorted({int(record['label']) for record in kept['cases']})
    header = ('', *(f'{depth:,} blocks' for depth in depths), 'deepest by shallowest', 'the deepest, a block')
    return [header, *(_depth_row(records, depths) for records in by_peer(kept['cases']).values())]


def _depth_row(records: list[dict], depths: list[int]) -> tuple[str, ...]:
    found = {int(r['label']): median(r, 'compile_s') for r in records}
    told = {int(r['label']): 'not available' if r['unavailable'] else 'failed' for r in records if why(r)}
    measured = [(depth, seconds) for depth, seconds in found.items() if seconds is not None]
    shown = (told.get(depth) or tables.seconds(found.get(depth)) for depth in depths)
    if len(measured) < 2:
        return (records[0]['title'], *shown, '–', '–')
    (_, first), (deepest, last) = min(measured), max(measured)
    return (records[0]['title'], *shown, tables.times(last / first) if first > 0 else '–', f'{last / deepest * 1000:.2f} ms')


def depth_judged(kept: dict) -> tuple[float, float, bool] | None:
    """Lamina's compile time of the deepest network, by that of the shallowest, and whether both bars are met."""
    found = {int(r['label']): median(r, 'compile_s') for r in by_peer(kept['cases']).get(BASELINE, [])}
    first, last = (found[pick(found)] if found else None for pick in (min, max))
    if not first or not last:
        return None
    return last, last / first, last / first <= kept['bar']['ratio'] and last <= kept['bar']['seconds']


def depth_sentence(kept: dict) -> str:
    """What the table shows, in words."""
    result = depth_judged(kept)
    if result is None:
        return 'Lamina was not measured.'
    seconds, ratio, met = result
    wanted = f'at most {kept["bar"]["seconds"]} s and {kept["bar"]["ratio"]}× were wanted'
    return f'The deepest of Lamina takes {tables.seconds(seconds)}, {ratio:.2f}× the shallowest; {wanted}: {"met" if met else "missed"}.'


# --- latency ---


def microseconds(value: float | None) -> str:
    """Seconds as whole microseconds."""
    return '–' if value is None else f'{value * 1e6:.0f} µs'


def latency_cells(kept: dict) -> list[tuple[str, ...]]:
    """The median and the 95th percentile of a call, by peer, with ratios to the fastest ONNX Runtime."""
    best = fastest_reference(kept)
    rows = []
    for record in kept['cases']:
        middle = median(record, 'median_s')
        shown = microseconds(middle) if not why(record) else 'not available' if record['unavailable'] else 'failed'
        ratio = tables.times(middle / best) if middle and best else '–'
        rows.append((record['title'], shown, microseconds(median(record, 'p95_s')), ratio))
    return [('', 'median', '95th percentile', 'of ONNX Runtime'), *rows]


def fastest_reference(kept: dict) -> float | None:
    """The quicker of ONNX Runtime's rows."""
    times = [t for record in kept['cases'] if record['name'].startswith('onnxruntime') and (t := median(record, 'median_s'))]
    return min(times, default=None)


def latency_judged(kept: dict) -> tuple[float, bool] | None:
    """Lamina's median by that of ONNX Runtime, and whether it is within the bar."""
    own = next((median(record, 'median_s') for record in kept['cases'] if record['name'] == BASELINE), None)
    best = fastest_reference(kept)
    return (own / best, own / best <= kept['bar']) if own and best else None


def latency_sentence(kept: dict) -> str:
    """What the table shows, in words."""
    result = latency_judged(kept)
    if result is None:
        return 'Lamina and ONNX Runtime were not both measured.'
    return f"Lamina takes {result[0]:.2f}× ONNX Runtime's time; at most {kept['bar']}× was wanted: {'met' if result[1] else 'missed'}."
