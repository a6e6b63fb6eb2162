"""Random streams, each named by a seed and a path, so that adding a layer never changes another layer's numbers.

Initial weights and shuffles are drawn on the host by NumPy's Philox: nothing to compile, the same bits on every device.
On the device, layers draw with JAX's `rbg` generator, whose keys are folded from the step and the path; masks come from
`hashed_bits`, which XLA fuses into the operation that uses them.
"""

import hashlib
import itertools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

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
    # The words that jax.random.key(seed, impl='rbg') would compile a program to find.
    words = np.array([0, int(seed) & 0xFFFFFFFF] * 2, np.uint32)
    return jax.random.wrap_key_data(jax.device_put(words), impl='rbg')


def path_number(path: str) -> int:
    """A stable 32-bit number for a path, to fold into a key."""
    return zlib.crc32(path.encode())


def hashed_bits(key: jax.Array, step: jax.Array | int, path: str | jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """32 random bits for each element, for masks: a counter, mixed with the key, the step and the path.

    Every element is a handful of whole-number operations of its own, so that no array of bits is made where XLA can fuse
    them into their use. Not for cryptography, and not for long sequences of numbers that must be independent.

    Args:
        key: the root key of the run.
        step: how many steps were trained.
        path: of the layer that draws, or its `path_number`.
        shape: of the result.

    Returns:
        uint32 of that shape.

    Source: the mixing function is 'lowbias32' of Wellons (2018), found by search for the least avalanche bias; between
    its rounds a second word of the key is added, so that two draws never are shifts of each other.
    """
    first, second = jax.random.key_data(key)[:2]
    number = jnp.uint32(path_number(path)) if isinstance(path, str) else path
    step = jnp.asarray(step).astype(jnp.uint32)
    outer = _mixed(step ^ first, number)
    inner = _mixed(number ^ second, step)
    counter = lax.iota(jnp.uint32, int(np.prod(shape, dtype=np.int64))).reshape(shape)
    return _mixed(counter * jnp.uint32(0x9E3779B9) + outer, inner)


def _mixed(x: jax.Array, word: jax.Array) -> jax.Array:
    """Every bit of the result depends on every bit of both."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ word ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)
