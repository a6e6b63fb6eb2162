"""What the training program will be given, foreseen from the first row, so that it compiles while large data are checked and packed."""

from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaError
from lamina.core.keys import device_key
from lamina.data import Arrays, as_dataset
from lamina.data.packing import expected_form
from lamina.models.binding import bound

# Smaller data are ready before a thread would have begun.
LEAST_ELEMENTS = 1 << 22


def compile_ahead(model: Any, x: Any, y: Any, sample_weight: Any, batch_size: int) -> None:
    """Begin to compile the training program of `fit(x, y, sample_weight)` on large arrays; without effect on anything else.

    Nothing depends on the foresight being right: another form of the data is compiled when it is there.
    """
    given = [a for a in (x, y, sample_weight) if a is not None]
    if not model.built or x is None or y is None or not all(isinstance(a, np.ndarray) and a.ndim for a in given):
        return
    if x.size < LEAST_ELEMENTS or len({len(a) for a in given}) > 1:
        return
    try:
        first = as_dataset(*(None if a is None else a[:1] for a in (x, y, sample_weight)))
        dataset = bound(model, first, 'fit')
    except LaminaError:
        return  # fit itself will say what is wrong
    if isinstance(dataset, Arrays) and len(dataset.inputs) == 1:
        _prepare(model, dataset, x, batch_size)


def _prepare(model: Any, dataset: Arrays, x: np.ndarray, batch_size: int) -> None:
    rows = len(x)

    def whole(a: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((rows, *a.shape[1:]), a.dtype)

    targets, weights = jax.tree.map(whole, (dataset.targets, dataset.weights))
    data = ((expected_form(x, whole(dataset.inputs[0])),), targets, weights)
    program = model._begin(dataset)
    if program.mesh(batch_size) is not None:
        return
    state = program.task.layout.stacked(model.state)
    if state.optimizer is None:
        state = state._replace(optimizer=jax.eval_shape(program.start, state.trainable))
    index = jax.ShapeDtypeStruct((-(-rows // batch_size), batch_size), np.int32)
    sums = program.zero_sums(state._replace(optimizer=None), data)
    program.train.prepare(state, sums, data, index, 0, 1, device_key(model.seed))
