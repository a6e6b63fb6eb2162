"""Where things lie: the repository, the peers, their environments, the results."""

from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
REPOSITORY = BENCHMARKS.parent
PEERS = BENCHMARKS / 'peers'
ENVIRONMENTS = BENCHMARKS / '.environments'
RESULTS = BENCHMARKS / 'results'
