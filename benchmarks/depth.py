"""How long the training step of a deep network takes to compile, by Lamina and by its peers: `python benchmarks/depth.py --help`."""

import sys
from collections.abc import Sequence

from measure import case_rows, fresh
from measure.cases import Bench, run
from measure.catalogue import Peer

# Peers whose compile time grows with the blocks are not waited for at a thousand.
DEPTHS = {'lamina': (50, 200, 1000), 'torch': (50, 200, 1000)}
OTHERS = (50, 200)


def cases(peers: Sequence[Peer]) -> list[fresh.Case]:
    """Each peer at each of its depths."""
    return [fresh.Case(p, str(blocks), {'blocks': blocks}) for p in peers for blocks in DEPTHS.get(p.name, OTHERS)]


BENCH = Bench(
    name='depth',
    title='Compiling a deep network',
    description="""Measure what the first training step costs beyond a later one, for equal residual blocks x + relu(Dense(x)) of width 128,
batch 32: tracing and compiling, without caches. PyTorch's eager row compiles nothing; what it has is what its first step does once.""",
    bar={'seconds': 1.5, 'ratio': 1.3},
    cases=cases,
    cells=case_rows.depth_cells,
    sentence=case_rows.depth_sentence,
    met=lambda kept: (result := case_rows.depth_judged(kept)) is not None and result[-1],
)

if __name__ == '__main__':
    sys.exit(run(BENCH))
