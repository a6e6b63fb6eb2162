"""From a model file back to a model."""

from pathlib import Path

import numpy as np

from lamina.layers.compose import Chain
from lamina.models import archive
from lamina.models.model import Model
from lamina.models.sequential import Sequential
from lamina.training.state import owned


def load(path: str | Path, *, compile: bool = True) -> Model:
    """Read a model that `Model.save` wrote. Its predictions are equal, bit for bit, on the same machine.

    Classes of your own must be defined (with `@lamina.described`) before a model that uses them is loaded.

    Args:
        path: of the file.
        compile: whether to restore what `compile` was told and the optimizer's state, so that training goes on.

    Raises:
        ArchiveError: the file is damaged, hostile, or of a newer format; nothing of it was used.
        UnknownNameError: it names a class that is not registered.
        StorageError: there is no such file, or it cannot be read.
    """
    stored = archive.read(path)
    kind = Sequential if isinstance(stored.network, Chain) else Model
    model = kind.__new__(kind)
    model._start(stored.network, stored.inputs, stored.name, stored.seed)
    model.settings = stored.settings if compile else None
    model._install(stored.weights)
    model.state = model.state._replace(step=owned(stored.step, np.int32))
    if model.settings is not None:
        model.state = model.state._replace(optimizer=stored.optimizer, learning_rate=owned(stored.learning_rate, np.float32))
    return model


# Keras's name for it.
load_model = load
