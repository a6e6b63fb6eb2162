"""What the matrix products of each work cost alone, in one compiled loop: no program of these layers can be quicker.

Run by the benchmarks in Lamina's environment: `python benchmarks/floors.py listing`.
"""

import json
import statistics
import sys
import time

import jax
import jax.numpy as jnp


def listing():
    """An epoch of 784-128-10 at batch 32: 1,875 steps of the two products of the forward pass and the three of the backward."""
    keys = jax.random.split(jax.random.key(0), 3)
    batches = jax.random.normal(keys[0], (1875, 32, 784))
    k1, k2 = jax.random.normal(keys[1], (784, 128)) / 28, jax.random.normal(keys[2], (128, 10)) / 11.3

    @jax.jit
    def epoch(batches, k1, k2):
        def step(_, x):
            h = x @ k1  # (32, 128)
            g = h @ k2  # (32, 10)
            dh = g @ k2.T  # (32, 128)
            return (x.T @ dh, h.T @ g), None

        return jax.lax.scan(step, (jnp.zeros_like(k1), jnp.zeros_like(k2)), batches)[0]

    return lambda: jax.block_until_ready(epoch(batches, k1, k2))


def measure(epoch, repeats: int = 9) -> dict:
    """The seconds of each of some epochs after the first, which compiles, and their median."""
    epoch()
    samples = []
    for _ in range(repeats):
        started = time.perf_counter()
        epoch()
        samples.append(time.perf_counter() - started)
    return {'epoch_s': statistics.median(samples), 'samples': samples}


if __name__ == '__main__':
    print(json.dumps(measure({'listing': listing}[sys.argv[1]]())))
