"""Results: one JSON file a benchmark, written whole or not at all."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from measure import machine
from measure.places import RESULTS


def header(name: str, title: str, command: list[str]) -> dict:
    """What every results file begins with: the benchmark, when, on what, by which command."""
    return {
        'benchmark': name,
        'title': title,
        'date': datetime.now(UTC).isoformat(timespec='seconds'),
        'command': ' '.join(command),
        'machine': machine.facts(),
    }


def as_json(results: dict) -> str:
    """Results as they are kept and printed."""
    return json.dumps(results, indent=1, ensure_ascii=False)


def keep(results: dict, path: Path | None = None) -> Path:
    """Write results to this path, or to the folder of results under the benchmark's name."""
    path = path or RESULTS / f'{results["benchmark"]}.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}.{os.getpid()}')
    unfinished.write_text(as_json(results) + '\n', encoding='utf-8')
    unfinished.replace(path)
    return path


def load(name: str) -> dict | None:
    """The kept results of this benchmark, or None."""
    path = RESULTS / f'{name}.json'
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() else None
