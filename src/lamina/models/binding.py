"""Datasets bound to a network: arrays in the order of its inputs and outputs, targets checked against its losses."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from lamina.core.errors import DataError
from lamina.data import Arrays, Batches, class_weights
from lamina.losses.targets import check_targets
from lamina.models.settings import per_output


def bound(model: Any, dataset: Arrays | Batches, where: str) -> 'Arrays | BoundBatches':
    """The dataset with inputs, targets and weights as tuples in the order of the model's inputs and outputs.

    Raises:
        DataError: targets are missing, or hold values that their loss cannot take.
        ShapeError: axes do not fit an input or an output.
    """
    if not isinstance(dataset, Arrays):
        return BoundBatches(model, dataset, where)
    ports = model.ports
    losses = per_output(model.settings.loss, ports.output_names, 'loss')
    unused = tuple(name for name, loss in zip(ports.output_names, losses, strict=True) if loss is None)
    targets = ports.bind_outputs(dataset.targets, f'{where}, y', unused)
    if targets is None:
        raise DataError(f'{where}, y', 'no targets', 'one for each example', 'Pass y, or batches of (x, y).')
    for loss, target, shape, name in zip(losses, targets, ports.output_shapes, ports.output_names, strict=True):
        if loss is not None:
            check_targets(loss, np.asarray(target), shape, f'{where}, y' if len(targets) == 1 else f'{where}, y of output {name!r}')
    return Arrays(ports.bind_inputs(dataset.inputs, where), targets, _weights(dataset.weights, ports, where))


def _weights(weights: Any, ports: Any, where: str) -> Any:
    """Sample weights for each output; one array serves them all."""
    if weights is None:
        return None
    if isinstance(weights, (tuple, list, Mapping)):
        return ports.bind_outputs(weights, f'{where}, sample_weight')
    return (weights,) * len(ports.output_names)


class BoundBatches:
    """A source whose batches are bound one by one as they are read, and weighted by class where asked.

    Args:
        model: to whose inputs and outputs they are bound.
        source: of the batches.
        where: the call that reads them, for errors.
        weights: a factor for each class, or None.
    """

    def __init__(self, model: Any, source: Batches, where: str, weights: Mapping[int, float] | None = None):
        self.model, self.source, self.where, self.weights = model, source, where, weights
        self.length, self.repeatable = source.length, source.repeatable

    def first(self) -> Arrays:
        """The first batch, which stays the first to be read."""
        return self._bound(self.source.peek(), 1)

    def __iter__(self) -> Iterator[Arrays]:
        for number, batch in enumerate(self.source, start=1):
            yield self._bound(batch, number)

    def _bound(self, batch: Arrays, number: int) -> Arrays:
        arrays = cast(Arrays, bound(self.model, batch, f'{self.where}, batch {number}'))
        return arrays if self.weights is None else _weighted(arrays, self.weights)


def with_class_weights(dataset: Arrays | BoundBatches, weights: Mapping[int, float]) -> Arrays | BoundBatches:
    """A bound dataset with each example's weight multiplied by its class's.

    Raises:
        DataError: the model has several outputs, or a class has no weight.
    """
    if isinstance(dataset, Arrays):
        return _weighted(dataset, weights)
    return BoundBatches(dataset.model, dataset.source, dataset.where, weights)


def _weighted(arrays: Arrays, weights: Mapping[int, float]) -> Arrays:
    by_class = class_weights(arrays.targets if len(arrays.targets) > 1 else arrays.targets[0], weights)
    given = 1.0 if arrays.weights is None else np.asarray(arrays.weights[0]).reshape(-1)
    return Arrays(arrays.inputs, arrays.targets, (np.asarray(by_class * given, np.float32),))
