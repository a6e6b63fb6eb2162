"""From what was measured to what is said: medians, whether the peers did the same work, ratios to Lamina and to the floor."""

import statistics
from dataclasses import dataclass

from measure.catalogue import BASELINE

SAME = 'same'
DIFFERS = 'accuracy differs'
FAILED = 'failed'


@dataclass(frozen=True)
class Row:
    """One peer of a comparison. A ratio is None where the accuracy differs or something it needs was not measured."""

    name: str
    title: str
    verdict: str
    note: str
    wall_s: float | None = None
    wall_ratio: float | None = None
    warm_epoch_s: float | None = None
    floor_ratio: float | None = None
    peak_bytes: float | None = None
    peak_ratio: float | None = None
    import_s: float | None = None
    accuracy: float | None = None


def warm_epoch(runs: list[dict]) -> float | None:
    """The median epoch after the first of each run, which compiles; the only one where there is one."""
    epochs = [seconds for run in runs for seconds in (run['epochs_s'][1:] or run['epochs_s'])]
    return statistics.median(epochs) if epochs else None


def verdict(accuracy: float, median: float, least: float, tolerance: float) -> str:
    """Whether a peer reached what the others reached: at least `least`, and within `tolerance` of their median."""
    return SAME if accuracy >= least and abs(accuracy - median) <= tolerance else DIFFERS


def rows(results: dict) -> list[Row]:
    """A row for each peer of a comparison's results, in their order."""
    means = {peer['name']: statistics.fmean(run['accuracy'] for run in peer['runs']) for peer in results['peers'] if _complete(peer)}
    median = statistics.median(means.values()) if means else 0.0
    rule = results['accuracy_rule']
    verdicts = {name: verdict(mean, median, rule['least'], rule['tolerance']) for name, mean in means.items()}
    base = next((p for p in results['peers'] if p['name'] == BASELINE and verdicts.get(BASELINE) == SAME), None)
    return [_row(peer, verdicts.get(peer['name'], FAILED), means.get(peer['name']), base, results['floor']) for peer in results['peers']]


def _complete(peer: dict) -> bool:
    return not peer['error'] and bool(peer['runs'])


def _middle(peer: dict, name: str) -> float:
    return statistics.median(run[name] for run in peer['runs'])


def _row(peer: dict, said: str, accuracy: float | None, base: dict | None, floor: dict | None) -> Row:
    if said == FAILED:
        return Row(peer['name'], peer['title'], FAILED, peer['error'] or 'not run')
    wall, peak, epoch = _middle(peer, 'wall_s'), _middle(peer, 'peak_bytes'), warm_epoch(peer['runs'])
    same = said == SAME
    return Row(
        peer['name'],
        peer['title'],
        said,
        peer['note'],
        wall_s=wall,
        wall_ratio=wall / _middle(base, 'wall_s') if same and base else None,
        warm_epoch_s=epoch,
        floor_ratio=epoch / floor['epoch_s'] if same and floor and epoch else None,
        peak_bytes=peak,
        peak_ratio=peak / _middle(base, 'peak_bytes') if same and base else None,
        import_s=_middle(peer, 'import_s'),
        accuracy=accuracy,
    )
