"""Random streams, each named by a seed and a path, so that adding a layer never changes another layer's numbers.

Initial weights and shuffles are drawn on the host by NumPy's Philox: nothing to compile, the same bits on every device.
Dropout and its kin draw on the device with the `rbg` generator, whose keys are folded from the step and the path.
"""

import hashlib
import itertools
import zlib

import jax
import numpy as np

_process = {'seed': 0, 'models': itertools.count()}


def set_seed(seed: int) -> None:
    """Set the seed from which every model made afterwards takes its own; the default is 0."""
    _process['seed'] = int(seed)
    _process['models'] = itertools.count()


def next_seed() -> int:
    """The seed of the next model: two models of one program differ, two runs of one program do not."""
    return int(host_stream(_process['seed'], 'model', next(_process['models'])).integers(2**31 - 1))


def host_stream(seed: int, *path: str | int) -> np.random.Generator:
    """A NumPy generator of its own for this seed and path."""
    digest = hashlib.sha256(repr((int(seed), path)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], np.uint64)))


def device_key(seed: int) -> jax.Array:
    """The root key of everything random inside a compiled program."""
    return jax.random.key(int(seed) & 0xFFFFFFFF, impl='rbg')


def path_number(path: str) -> int:
    """A stable 32-bit number for a path, to fold into a key."""
    return zlib.crc32(path.encode())
