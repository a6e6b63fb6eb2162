"""From a network and what `compile` was told to the pure functions that the training room trains."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamina import metrics
from lamina.core import paths
from lamina.core.errors import ConfigError
from lamina.core.structure import leaves
from lamina.layers.base import InputLayer, Layer, weights_of
from lamina.layers.scope import Scope
from lamina.layers.weight import Weight
from lamina.models.ports import Ports, outputs_in_order, ports_of
from lamina.models.settings import CompileSettings, per_output
from lamina.optimizers import Schedule
from lamina.training.program import Program
from lamina.training.task import Batch, Pass, Task


@functools.lru_cache(maxsize=32)
def program_for(network: Layer, inputs: Any, settings: CompileSettings | None) -> Program:
    """The compiled programs for equal descriptions are the same: a second model of one kind compiles nothing."""
    ports = ports_of(network, inputs)
    weights = paths.flatten(weights_of(network, *(i.batch_shape for i in leaves(inputs))))
    forward = forward_of(network, ports.input_layers, weights)
    constrain = constrain_of(weights)
    if settings is None:
        return Program(Task(forward, _no_loss, _no_metrics, constrain, report=dict))
    objectives = Objectives(ports, settings)
    schedule = getattr(settings.optimizer, 'learning_rate', None)
    return Program(
        Task(
            forward,
            objectives.loss,
            objectives.measure,
            constrain,
            report=objectives.report,
            optimizer=settings.optimizer,
            rate=settings.optimizer.rate if isinstance(schedule, Schedule) else None,
        )
    )


def forward_of(network: Layer, inputs: list[InputLayer], weights: dict[str, Weight]) -> Callable[..., Pass]:
    """The network as a function of its weights and a batch, with what its regularizers add to the loss."""
    regularized = {path: w.regularizer for path, w in weights.items() if w.regularizer is not None and w.trainable}

    def forward(trainable: dict, other: dict, batch: Batch, training: bool, key: jax.Array | None, step: Any) -> Pass:
        scope = Scope(training=training, key=key, step=step, valid=batch.valid)
        arrays = [x.astype(layer.dtype) for x, layer in zip(batch.inputs, inputs, strict=True)]
        outputs = network.apply(paths.nest({**trainable, **other}), *arrays, scope=scope)
        penalties = [penalize(trainable[path]) for path, penalize in regularized.items()]
        return Pass(outputs_in_order(outputs), scope.records.updates, sum(penalties + scope.records.losses, start=0.0))

    return forward


def constrain_of(weights: dict[str, Weight]) -> Callable[[dict], dict]:
    """Applies each trainable weight's constraint."""
    constrained = {path: w.constraint for path, w in weights.items() if w.constraint is not None and w.trainable}
    return lambda trainable: {path: constrained[path](w) if path in constrained else w for path, w in trainable.items()}


class Objectives:
    """The losses and metrics of every output.

    Raises:
        ConfigError: no output has a loss, or loss weights and losses do not match.
    """

    def __init__(self, ports: Ports, settings: CompileSettings):
        names = ports.output_names
        self.names = names
        self.losses = per_output(settings.loss, names, 'loss')
        weights = per_output(settings.loss_weights, names, 'loss_weights')
        self.weights = [1.0 if w is None else float(w) for w in weights]
        if settings.loss is not None and all(loss is None for loss in self.losses):
            raise ConfigError("compile, argument 'loss'", 'no loss for any output', f'a loss for one of {names}', 'Give a loss.')
        self.metrics = self._named(settings, ports)

    def loss(self, outputs: list, batch: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The weighted sum of the outputs' losses, and each of them where there are several."""
        total, parts = jnp.float32(0), {}
        for i, (name, loss, factor) in enumerate(zip(self.names, self.losses, self.weights, strict=True)):
            if loss is not None:
                value = loss(batch.targets[i], outputs[i], sample_weight=_at(batch.weights, i), valid=batch.valid)
                total = total + factor * value
                parts[f'{name}_loss'] = value
        return total, parts if len(self.names) > 1 else {}

    def measure(self, outputs: list, batch: Batch) -> dict[str, Any]:
        """The sums of every metric over this batch."""
        sums = {}
        for name, (i, metric, weighted) in self.metrics.items():
            weight = batch.valid
            if weighted and (given := _at(batch.weights, i)) is not None:
                weight = weight * given.reshape(weight.shape)
            sums[name] = metric.sums(batch.targets[i], outputs[i], weight)
        return sums

    def report(self, sums: dict[str, Any]) -> dict[str, Any]:
        """The value of every metric."""
        return {name: metric.result(sums[name]) for name, (_, metric, _) in self.metrics.items()}

    def _named(self, settings: CompileSettings, ports: Ports) -> dict[str, tuple[int, Any, bool]]:
        """Metrics by the name they have in logs: prefixed by the output's where there are several outputs."""
        named: dict[str, tuple[int, Any, bool]] = {}
        for argument, weighted in (('metrics', False), ('weighted_metrics', True)):
            for i, entry in enumerate(per_output(getattr(settings, argument), self.names, argument, several=True)):
                for value in leaves(entry) if entry is not None else []:
                    metric = metrics.get(value, loss=self.losses[i], output_shape=ports.output_shapes[i])
                    if metric is None:
                        continue
                    name = f'{self.names[i]}_{metric.display_name}' if len(self.names) > 1 else metric.display_name
                    named[_unused(name, named)] = (i, metric, weighted)
        return named


def _unused(name: str, taken: dict) -> str:
    """The name, numbered where a metric is given twice."""
    number, unused = 0, name
    while unused in taken:
        number += 1
        unused = f'{name}_{number}'
    return unused


def _at(values: Any, i: int) -> Any:
    return None if values is None else values[i]


def _no_loss(outputs: list, batch: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
    return jnp.float32(0), {}


def _no_metrics(outputs: list, batch: Batch) -> dict[str, Any]:
    return {}
