"""The peers, one row each: what it is called, where its code and its environment are, what sets it apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from measure.places import PEERS


@dataclass(frozen=True)
class Peer:
    """One row of a comparison.

    Args:
        name: what `--peers` calls it.
        title: what the tables call it.
        environment: the folder of `peers/` whose requirements it is installed from.
        script: the folder of `peers/` one of whose files does the work.
        packages: those whose versions are reported.
        variables: environment variables it runs under.
        options: handed to its script.
        only: the works it is for; those that its script has where none is named.
        keeps_cache: it is run once unmeasured, so that the measured runs find its compilation cache filled.
        note: what a reader of the table must know.
    """

    name: str
    title: str
    environment: str
    script: str
    packages: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, bool | int] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    keeps_cache: bool = False
    note: str = ''

    def does(self, work: str) -> bool:
        """Whether it is for this work, and its script has a function of this name."""
        return (not self.only or work in self.only) and self.file(work) is not None

    def file(self, work: str) -> Path | None:
        """The file of its script with a function of this name."""
        function = re.compile(rf'^def {re.escape(work)}\(', re.MULTILINE)
        files = sorted((PEERS / self.script).glob('*.py'))
        return next((file for file in files if function.search(file.read_text(encoding='utf-8'))), None)


BASELINE = 'lamina'
FLOOR = 'floor'

STEPS = ('convnet', 'lstm', 'gru', 'resnet', 'transformer', 'embedding')
_IMAGES = ('convnet', 'resnet')
_LAMINA = ('lamina', 'jax', 'optax', 'numpy')
_TENSORFLOW = ('keras', 'tensorflow-cpu', 'numpy')
_UNCACHED = {'LAMINA_COMPILATION_CACHE': 'off'}
_QUIET = {'KERAS_BACKEND': 'tensorflow', 'TF_CPP_MIN_LOG_LEVEL': '3'}

CATALOGUE = (
    Peer(BASELINE, 'Lamina', 'lamina', 'lamina', _LAMINA, _UNCACHED, note='compiles everything anew, without its cache'),
    Peer(
        'lamina-cached', 'Lamina, second start', 'lamina', 'lamina', _LAMINA, only=('listing',),
        keeps_cache=True, note='its persistent compilation cache filled by a run before, as it is by default',
    ),
    Peer('lamina-1000', 'Lamina, 1,000 rows', 'lamina', 'lamina', _LAMINA, _UNCACHED, {'rows': 1000}, ('embedding',)),
    Peer('lamina-1000000', 'Lamina, 1,000,000 rows', 'lamina', 'lamina', _LAMINA, _UNCACHED, {'rows': 1_000_000}, ('embedding',)),
    Peer('onnxruntime', 'ONNX Runtime', 'onnxruntime', 'onnxruntime', ('onnxruntime', 'onnx', 'numpy')),
    Peer(
        'onnxruntime-1', 'ONNX Runtime, one thread', 'onnxruntime', 'onnxruntime', ('onnxruntime', 'onnx', 'numpy'),
        options={'threads': 1}, note='one intra-op thread',
    ),
    Peer('keras-tensorflow', 'Keras on TensorFlow', 'keras-tensorflow', 'keras', _TENSORFLOW, _QUIET),
    Peer(
        'keras-tensorflow-graph', 'Keras on TensorFlow, no XLA', 'keras-tensorflow', 'keras', _TENSORFLOW, _QUIET,
        {'graph': True}, STEPS, note='`jit_compile=False`: TensorFlow\'s own kernels in a graph; Keras\'s default compiles with XLA',
    ),
    Peer('tensorflow', 'TensorFlow', 'keras-tensorflow', 'keras-tensorflow', _TENSORFLOW, _QUIET, note='`tf.function` of a Keras model'),
    Peer('keras-jax', 'Keras on JAX', 'keras-jax', 'keras', ('keras', 'jax', 'numpy'), {'KERAS_BACKEND': 'jax'}),
    Peer(
        'keras-jax-epoch', 'Keras on JAX, whole epoch', 'keras-jax', 'keras', ('keras', 'jax', 'numpy'), {'KERAS_BACKEND': 'jax'},
        {'whole_epoch': True}, ('listing', *STEPS),
        note='`steps_per_execution` is the whole epoch; this Keras calls its steps one by one all the same',
    ),
    Peer(
        'keras-torch', 'Keras on PyTorch', 'keras-torch', 'keras', ('keras', 'torch', 'numpy'), {'KERAS_BACKEND': 'torch'},
        only=('listing', *STEPS),
    ),
    Peer('torch', 'PyTorch, eager', 'torch', 'torch', ('torch', 'numpy'), note='tensors in memory, batches by permutation, fused Adam'),
    Peer('torch-channels-last', 'PyTorch, channels last', 'torch', 'torch', ('torch', 'numpy'), {}, {'channels_last': True}, _IMAGES),
    Peer(
        'torch-compiled', 'PyTorch, torch.compile', 'torch', 'torch', ('torch', 'numpy'), options={'compiled': True},
        only=(*STEPS, 'depth', 'latency'),
    ),
    Peer('lightning', 'PyTorch Lightning', 'lightning', 'lightning', ('lightning', 'torch', 'numpy'), note='DataLoader, fused Adam'),
    Peer(
        'sklearn', 'scikit-learn MLPClassifier', 'sklearn', 'sklearn', ('scikit-learn', 'numpy'),
        note='no dropout; its epoch is the mean of all, the first with them',
    ),
    Peer(FLOOR, 'Floor', 'lamina', 'floor', ('jax', 'numpy')),
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
