"""The weights of the step works' convnet, which one process saves and the others load, and the calls of a network one image at a time."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from measure.peer import Task

CALLS = 3000
WARM_UP = 200
TOLERANCE = 1e-5
_FILE = 'convnet.npz'


def save(folder: str, weights: list[np.ndarray], images: np.ndarray, outputs: np.ndarray) -> None:
    """Keep the weights, in Keras's order and shapes, with some images and what the network makes of them."""
    arrays: dict[str, Any] = {f'weight{i}': weight for i, weight in enumerate(weights)}
    np.savez(Path(folder) / _FILE, images=images, outputs=outputs, **arrays)


def load(task: Task) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The weights, images (n, 28, 28, 1) and outputs (n, 10) that were saved."""
    with np.load(Path(str(task.options['folder'])) / _FILE) as arrays:
        return [arrays[f'weight{i}'] for i in range(6)], arrays['images'], arrays['outputs']


def channels_first(weights: list[np.ndarray]) -> list[np.ndarray]:
    """The weights for images of shape (batch, channels, height, width): kernels (out, in, height, width), rows of the last by channel."""
    first, b1, second, b2, dense, b3 = weights
    dense = dense.reshape(5, 5, 64, 10).transpose(2, 0, 1, 3).reshape(1600, 10)
    kernels = [np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)) for kernel in (first, second)]
    return [kernels[0], b1, kernels[1], b2, dense, b3]


def time_calls(task: Task, call: Callable[[np.ndarray], np.ndarray], images: np.ndarray, outputs: np.ndarray) -> None:
    """Note how long a call takes with one image, from NumPy to NumPy, and how far its outputs lie from those that were saved.

    Raises:
        ValueError: further than the tolerance.
    """
    difference = max(float(np.abs(call(images[i : i + 1]) - outputs[i]).max()) for i in range(len(images)))
    if difference > TOLERANCE:
        raise ValueError(f'outputs differ by {difference:.2g} from those of Lamina, {TOLERANCE} allowed: another network')
    seconds = []
    for number in range(WARM_UP + CALLS):
        image = images[number % len(images)][None]
        started = time.perf_counter()
        call(image)
        seconds.append(time.perf_counter() - started)
    seconds = sorted(seconds[WARM_UP:])
    task.note(median_s=statistics.median(seconds), p95_s=seconds[int(0.95 * len(seconds))], difference=difference)
