"""The time of one prediction, by Lamina, ONNX Runtime and others: `python benchmarks/latency.py --help`."""

import sys
from collections.abc import Sequence

from measure import case_rows, fresh
from measure.cases import Bench, run
from measure.catalogue import Peer


def cases(peers: Sequence[Peer]) -> list[fresh.Case]:
    """Each peer with the weights that Lamina saves first."""
    return [fresh.Case(peer) for peer in peers]


BENCH = Bench(
    name='latency',
    title='Predicting one image',
    description="""Measure the call of the MNIST convnet with one image, from NumPy array to NumPy array, some thousand times in a process:
Lamina's `predict`, and the same weights in ONNX Runtime, TensorFlow and PyTorch. A peer whose outputs differ by more than 1e-5 fails.""",
    bar=1.5,
    cases=cases,
    cells=case_rows.latency_cells,
    sentence=case_rows.latency_sentence,
    met=lambda kept: (result := case_rows.latency_judged(kept)) is not None and result[-1],
    before={'save': True},
)

if __name__ == '__main__':
    sys.exit(run(BENCH))
