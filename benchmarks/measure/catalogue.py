"""The peers, one row each: what it is called, where its code and its environment are, what sets it apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from measure.places import PEERS


@dataclass(frozen=True)
class Peer:
    """One row of a comparison.

    Args:
        name: what `--peers` calls it.
        title: what the tables call it.
        environment: the folder of `peers/` whose requirements it is installed from.
        script: the folder of `peers/` whose `run.py` does the work.
        packages: those whose versions are reported.
        variables: environment variables it runs under.
        options: handed to its script.
        keeps_cache: it is run once unmeasured, so that the measured runs find its compilation cache filled.
        note: what a reader of the table must know.
    """

    name: str
    title: str
    environment: str
    script: str
    packages: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, bool] = field(default_factory=dict)
    keeps_cache: bool = False
    note: str = ''

    def does(self, work: str) -> bool:
        """Whether its script has a function of this name."""
        text = (PEERS / self.script / 'run.py').read_text(encoding='utf-8')
        return re.search(rf'^def {re.escape(work)}\(', text, re.MULTILINE) is not None


BASELINE = 'lamina'

CATALOGUE = (
    Peer(
        BASELINE, 'Lamina', 'lamina', 'lamina', ('lamina', 'jax', 'optax', 'numpy'),
        {'LAMINA_COMPILATION_CACHE': 'off'}, note='compiles everything anew, without its cache',
    ),
    Peer(
        'lamina-cached', 'Lamina, second start', 'lamina', 'lamina', ('lamina', 'jax', 'optax', 'numpy'),
        keeps_cache=True, note='its persistent compilation cache filled by a run before, as it is by default',
    ),
    Peer(
        'keras-tensorflow', 'Keras on TensorFlow', 'keras-tensorflow', 'keras', ('keras', 'tensorflow-cpu', 'numpy'),
        {'KERAS_BACKEND': 'tensorflow', 'TF_CPP_MIN_LOG_LEVEL': '3'},
    ),
    Peer('keras-jax', 'Keras on JAX', 'keras-jax', 'keras', ('keras', 'jax', 'numpy'), {'KERAS_BACKEND': 'jax'}),
    Peer(
        'keras-jax-epoch', 'Keras on JAX, whole epoch', 'keras-jax', 'keras', ('keras', 'jax', 'numpy'), {'KERAS_BACKEND': 'jax'},
        {'whole_epoch': True}, note='`steps_per_execution` is the whole epoch; this Keras calls its steps one by one all the same',
    ),
    Peer('keras-torch', 'Keras on PyTorch', 'keras-torch', 'keras', ('keras', 'torch', 'numpy'), {'KERAS_BACKEND': 'torch'}),
    Peer('torch', 'PyTorch, eager', 'torch', 'torch', ('torch', 'numpy'), note='tensors in memory, batches by permutation, fused Adam'),
    Peer('lightning', 'PyTorch Lightning', 'lightning', 'lightning', ('lightning', 'torch', 'numpy'), note='DataLoader, fused Adam'),
    Peer(
        'sklearn', 'scikit-learn MLPClassifier', 'sklearn', 'sklearn', ('scikit-learn', 'numpy'),
        note='no dropout; its epoch is the mean of all, the first with them',
    ),
)  # fmt: skip


def participants(work: str, chosen: list[str] | None = None) -> list[Peer]:
    """The peers that do this work, in the catalogue's order; Lamina's row is always among them.

    Raises:
        ValueError: a chosen name is not that of a peer that does this work.
    """
    able = [peer for peer in CATALOGUE if peer.does(work)]
    if unknown := sorted(set(chosen or ()) - {peer.name for peer in able}):
        raise ValueError(f'no peer {", ".join(unknown)}; choose among {", ".join(peer.name for peer in able)}')
    return [peer for peer in able if not chosen or peer.name in chosen or peer.name == BASELINE]
