"""The npz file that every peer trains on: MNIST where it lies nearby, else arrays of its shape that can be learned."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from measure.environments import Environment
from measure.places import ENVIRONMENTS, REPOSITORY
from measure.processes import clean_environment

# Ten smooth prototypes under heavy noise: near 0.98 can be reached, so that peers could differ.
_DRAW = """
import sys
import numpy as np
random = np.random.default_rng(0)
prototypes = np.kron(random.normal(size=(10, 7, 7)), np.ones((4, 4)))
def draw(count):
    labels = random.integers(10, size=count)
    images = prototypes[labels] * 0.16 + random.normal(size=(count, 28, 28))
    return np.clip(images * 40 + 100, 0, 255).astype('uint8'), labels.astype('uint8')
(x_train, y_train), (x_test, y_test) = draw(60000), draw(10000)
np.savez(sys.argv[1], x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
"""


def find(choice: str) -> Path | None:
    """MNIST's npz file: the given one, or with 'auto' the first of `$LAMINA_DATA` and `../shared/data` that has it, else None.

    Raises:
        FileNotFoundError: the given file is not there.
    """
    if choice != 'auto':
        path = Path(choice).expanduser().resolve()
        if not path.is_file():
            raise FileNotFoundError(f'--data {choice}: no such file; give the path of an mnist.npz, or auto')
        return path
    folders = [Path(os.environ['LAMINA_DATA'])] if os.environ.get('LAMINA_DATA') else []
    folders.append(REPOSITORY.parent / 'shared' / 'data')
    found = [folder / 'mnist.npz' for folder in folders if (folder / 'mnist.npz').is_file()]
    return found[0].resolve() if found else None


def settle(choice: str, environment: Environment, say: Callable[[str], None]) -> tuple[Path, bool]:
    """The file to train on, and whether it is MNIST itself: it is where its name is mnist.npz.

    Raises:
        FileNotFoundError: the given file is not there.
    """
    found = find(choice)
    if found is None:
        say('no mnist.npz in $LAMINA_DATA or ../shared/data: arrays of its shape instead, so accuracy is compared among the peers only')
        return make(environment), False
    say(f'data: {found}')
    return found, found.name == 'mnist.npz'


def make(environment: Environment) -> Path:
    """An npz file of MNIST's shapes, drawn once by that environment's NumPy and kept."""
    path = ENVIRONMENTS / 'mnist-shaped.npz'
    if not path.is_file():
        unfinished = path.with_name('mnist-shaped.unfinished.npz')
        subprocess.run([str(environment.python), '-c', _DRAW, str(unfinished)], check=True, env=clean_environment())
        unfinished.replace(path)
    return path
