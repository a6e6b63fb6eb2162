"""The floors of the step works: the matrix products of a training step alone, in one compiled loop, in plain JAX.

A convolution counts as the product of its patches with its kernel, forward, for the kernel's gradient and for that of the patches;
making the patches and adding them up again is left out, and so is all that is not a product. ResNet's are done as products of large
matrices. An embedding's floor is bytes instead.
Each loop's products take what the last ones made, or the compiler would do them once.
"""

import functools
import os

import jax
import jax.numpy as jnp
from jax import lax
from measure.peer import Task, main

# So small that the weights stay as they are, and no product can be left out.
RATE = 1e-12


def convnet(task: Task) -> None:
    batch = task.batch_size
    dense(task, [(batch * 26 * 26, 9, 32, 1), (batch * 11 * 11, 288, 64, 1), (batch, 1600, 10, 1)])


def resnet(task: Task) -> None:
    pixels = task.batch_size * 32 * 32
    first = [(pixels, 27, 16, 1), (pixels, 144, 16, 6)]
    second = [(pixels // 4, 144, 32, 1), (pixels // 4, 16, 32, 1), (pixels // 4, 288, 32, 5)]
    third = [(pixels // 16, 288, 64, 1), (pixels // 16, 32, 64, 1), (pixels // 16, 576, 64, 5)]
    dense(task, as_large([*first, *second, *third]))


def as_large(products: list[tuple[int, int, int, int]], size: int = 1024, times: int = 5) -> list[tuple[int, int, int, int]]:
    """As many multiplications in products that a processor does at its best rate.

    Patches of few channels are mostly memory to write, which a convolution that makes none does not pay for.
    """
    multiplications = sum(rows * inputs * outputs * many for rows, inputs, outputs, many in products)
    return [(round(multiplications / (size * size * times)), size, size, times)]


def transformer(task: Task) -> None:
    tokens = 128 * task.batch_size
    attention = jax.random.normal(jax.random.key(1), (3, task.batch_size * 8, 128, 16)) / 128

    def attend(qkv, _):
        q, k, v = qkv
        scores = q @ k.mT  # (batch × heads, time, time); taken for the weights too
        out = scores @ v
        back = out @ v.mT
        grads = back @ k, back.mT @ q, scores.mT @ out
        return jnp.stack([q + RATE * grads[0], k + RATE * grads[1], v + RATE * grads[2]]), None

    products = [(tokens, 128, 384, 4), (tokens, 128, 128, 4), (tokens, 128, 512, 4), (tokens, 512, 128, 4), (task.batch_size, 128, 10, 1)]
    dense(task, products, attention, lambda qkv: lax.scan(attend, qkv, length=4)[0])


def dense(task: Task, products: list[tuple[int, int, int, int]], more=None, other=lambda x: x) -> None:
    """Steps of these products.

    Args:
        products: (rows, inputs, outputs, how many of them one after another); the first of several needs no gradient of its input.
        more, other: what else is carried from step to step, and the function that makes the next of it.
    """
    keys = jax.random.split(jax.random.key(0), 2 * len(products))
    inputs = [jax.random.normal(k, (rows, size)) for k, (rows, size, _, _) in zip(keys, products, strict=False)]
    weights = [
        jax.random.normal(k, (times, size, units)) / size**0.5 for k, (_, size, units, times) in zip(reversed(keys), products, strict=False)
    ]

    def layer(is_first, x, w):
        y = x @ w
        return (x if is_first else y @ w.T), w - RATE * (x.T @ y)

    def step(_, carry):
        inputs, weights, more = carry
        made = [
            lax.scan(functools.partial(layer, i == 0 < len(products) - 1), x, w)
            for i, (x, w) in enumerate(zip(inputs, weights, strict=True))
        ]
        return [x for x, _ in made], [w for _, w in made], other(more)

    run = jax.jit(lambda carry, steps: lax.fori_loop(0, steps, step, carry), donate_argnums=0)
    epochs(task, run, (inputs, weights, more))


def lstm(task: Task) -> None:
    recurrent(task, 4)


def gru(task: Task) -> None:
    recurrent(task, 3)


def recurrent(task: Task, gates: int, time: int = 100, size: int = 32, units: int = 128) -> None:
    """The input's product for all steps at once, those of the state one by one, forward and backward, the kernels' gradients at once.

    Each core does its share of the batch, since the products of one step are too small to be shared.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    jax.config.update('jax_num_cpu_devices', cores)
    batch = task.batch_size // cores
    keys = jax.random.split(jax.random.key(0), 4)
    x, states = jax.random.normal(keys[0], (time * batch, size)), jax.random.normal(keys[1], (time * batch, units))
    w, u = jax.random.normal(keys[2], (size, gates * units)) / 10, jax.random.normal(keys[3], (units, gates * units)) / 30

    def step(_, carry):
        w, u, h, dh = carry
        z = (x @ w).reshape(time, batch, gates * units)
        h, _ = lax.scan(lambda h, z: ((z + h @ u)[:, :units], None), h, z)
        dh, _ = lax.scan(lambda dh, z: (dh + z @ u.T, None), dh, z, reverse=True)
        z = z.reshape(time * batch, -1)
        return w - RATE * (x.T @ z), u - RATE * (states.T @ z), h, dh

    state = jnp.zeros((batch, units))
    carry = jax.tree.map(lambda a: jnp.stack([a] * cores), (w, u, state, state))
    epochs(task, jax.pmap(lambda carry, steps: lax.fori_loop(0, steps, step, carry), in_axes=(0, None), donate_argnums=0), carry)


def embedding(task: Task) -> None:
    """As many bytes as the batch's rows of a table and of Adam's two moments hold, read and written in one piece each."""
    task.steps *= 20
    tables = jnp.zeros((3, 100_000, 64))

    def step(i, tables):
        start = (i * 7919) % (tables.shape[1] - task.batch_size)
        rows = lax.dynamic_slice_in_dim(tables, start, task.batch_size, 1)
        return lax.dynamic_update_slice_in_dim(tables, rows + 1, start, 1)

    epochs(task, jax.jit(lambda tables, steps: lax.fori_loop(0, steps, step, tables), donate_argnums=0), tables)


def epochs(task: Task, run, carry) -> None:
    """Epochs of `run`, a compiled function of what is carried and of the number of steps."""
    for _ in range(task.epochs):
        task.epoch_begins()
        carry = jax.block_until_ready(run(carry, task.steps))
        task.epoch_ends()
    task.note(steps=task.steps)


if __name__ == '__main__':
    main(convnet, lstm, gru, resnet, transformer, embedding)
