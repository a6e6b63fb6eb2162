"""The data of the step works: MNIST's images, or arrays drawn from a fixed seed, the same for every peer."""

import numpy as np

from measure.peer import Task

CLASSES = 10


def digits(task: Task) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """`(x_train, y_train), (x_test, y_test)`: as many of MNIST's images as an epoch takes, and all those of its test."""
    (x_train, y_train), (x_test, y_test) = task.load_mnist()
    count = task.steps * task.batch_size
    return (_scaled(x_train[:count]), y_train[:count].astype('int32')), (_scaled(x_test), y_test.astype('int32'))


def sequences(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """x: (n, 100, 32), y: (n, 1)."""
    return _normal(task, 100, 32), _normal(task, 1)


def images(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """x: (n, 32, 32, 3), y: (n,) of ten classes."""
    return _normal(task, 32, 32, 3), _labels(task)


def embedded(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Sequences as an embedding would make them. x: (n, 128, 128), y: (n,) of ten classes."""
    return _normal(task, 128, 128), _labels(task)


def ids(task: Task, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """x: (n, 1) of row numbers, y: (n, 1)."""
    random = np.random.default_rng(2)
    return random.integers(rows, size=(task.steps * task.batch_size, 1)).astype('int32'), _normal(task, 1)


def _scaled(images: np.ndarray) -> np.ndarray:
    return (images / 255.0).astype('float32')[..., None]


def _normal(task: Task, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((task.steps * task.batch_size, *shape), np.float32)


def _labels(task: Task) -> np.ndarray:
    return np.random.default_rng(1).integers(CLASSES, size=task.steps * task.batch_size).astype('int32')
