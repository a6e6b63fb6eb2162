"""What a dropout mask costs inside the compiled loop, by how its bits are made: `python benchmarks/masks.py --help`.

Run it with a Python that has Lamina: `.venv/bin/python benchmarks/masks.py`. The loop is the forward and backward products of
784-128-10 at batch 32; each way of making the mask is timed in turn, several times over, and the quickest run counts.
"""

import argparse
import json
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core.keys import device_key, hashed_bits

STEPS, BATCH = 1875, 32
THRESHOLD = np.uint32(0.2 * 2**32)


def hashed(key, step, shape):
    return hashed_bits(key, step, 'dropout', shape)


def drawn(key, step, shape):
    return jax.random.bits(jax.random.fold_in(jax.random.fold_in(key, step), 1), shape, jnp.uint32)


WAYS = {
    'no mask': (None, device_key(0)),
    'hashed counter': (hashed, device_key(0)),
    'rbg': (drawn, jax.random.key(0, impl='rbg')),
    'threefry': (drawn, jax.random.key(0, impl='threefry2x32')),
}


def loop(bits):
    """A compiled epoch of the products, with the hidden layer masked by these bits."""

    def step(i, weights, x, key):
        def loss(weights):
            hidden = jnp.maximum(x @ weights[0], 0)
            if bits is not None:
                hidden = jnp.where(bits(key, i, hidden.shape) >= THRESHOLD, hidden * 1.25, 0)
            return jnp.mean((hidden @ weights[1]) ** 2)

        return jax.tree.map(lambda w, g: w - 1e-3 * g, weights, jax.grad(loss)(weights))

    return jax.jit(lambda weights, x, key: lax.fori_loop(0, STEPS, lambda i, w: step(i, w, x, key), weights))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--repeats', type=int, default=7, help='runs of each way (default 7)')
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    weights = tuple(rng.normal(0, 0.05, shape).astype(np.float32) for shape in ((784, 128), (128, 10)))
    x = rng.normal(size=(BATCH, 784)).astype(np.float32)
    programs = {name: (loop(bits), key) for name, (bits, key) in WAYS.items()}
    seconds = dict.fromkeys(programs, float('inf'))
    for repeat in range(arguments.repeats + 1):
        for name, (program, key) in programs.items():
            began = time.perf_counter()
            jax.block_until_ready(program(weights, x, key))
            if repeat:  # the first run compiles
                seconds[name] = min(seconds[name], time.perf_counter() - began)
    rows = {name: {'seconds': s, 'of no mask': s / seconds['no mask']} for name, s in seconds.items()}
    if arguments.json:
        print(json.dumps(rows))
    else:
        for name, row in rows.items():
            print(f'{name:16} {row["seconds"]:.3f} s  {row["of no mask"]:.2f}× no mask')


if __name__ == '__main__':
    main()
