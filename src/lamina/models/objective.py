"""From a network and what `compile` was told to the pure functions that the training room trains."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamina import metrics
from lamina.core import paths
from lamina.core.errors import ConfigError, DataError
from lamina.core.serial import encode
from lamina.core.structure import leaves
from lamina.data import Arrays
from lamina.layers.base import InputLayer, Layer, holds, paths_of, weights_of
from lamina.layers.depth import Stacks, members, stacks_within
from lamina.layers.scope import Scope
from lamina.layers.weight import Weight
from lamina.losses import FunctionLoss
from lamina.models.ports import Ports, outputs_in_order, ports_of
from lamina.models.settings import CompileSettings, per_output
from lamina.optimizers import Schedule
from lamina.training.layout import Layout, Unstacked
from lamina.training.program import Program
from lamina.training.task import Batch, Pass, Task


def program_for(
    network: Layer, inputs: Any, settings: CompileSettings | None, own: dict[Any, Program], targets: tuple | None = None
) -> Program:
    """The compiled programs of a description. Equal descriptions share them, so that a second model of one kind compiles nothing.

    Args:
        network, inputs, settings: the description; without settings, for prediction only.
        own: a model's own programs. Only here are those of descriptions that hold functions: they may hold data, and must not
            outlive the model.
        targets: shapes of the targets, where what a metric means depends on them.
    """
    key = (network, inputs, settings, targets)
    if key not in own:
        shared = _has_saved_form(network) and _has_saved_form(settings)
        own[key] = _shared_program(*key) if shared else _program(*key)
    return own[key]


def _has_saved_form(value: Any) -> bool:
    try:
        encode(value)
    except ConfigError:
        return False
    return True


@functools.lru_cache(maxsize=32)
def _shared_program(network: Layer, inputs: Any, settings: CompileSettings | None, targets: tuple | None) -> Program:
    return _program(network, inputs, settings, targets)


def _program(network: Layer, inputs: Any, settings: CompileSettings | None, targets: tuple | None) -> Program:
    ports = ports_of(network, inputs)
    shapes = tuple(i.batch_shape for i in leaves(inputs))
    declared = weights_of(network, *shapes)
    stacks = stacks_within(network, shapes)
    layout = layout_of(members(stacks, declared), settings)
    weights = paths.flatten(declared)
    forward = forward_of(network, ports.input_layers, weights, layout, stacks, settings.remat if settings else False)
    constrain = constrain_of(weights, layout)
    carried = tuple(layout.firsts({path: w for path, w in weights.items() if w.carried}))
    if settings is None:
        return Program(Task(forward, _no_loss, _no_metrics, constrain, report=dict, layout=layout, carried=carried))
    objectives = Objectives(ports, settings, targets)
    schedule = getattr(settings.optimizer, 'learning_rate', None)
    return Program(
        Task(
            forward,
            objectives.loss,
            objectives.measure,
            constrain,
            report=objectives.report,
            optimizer=settings.optimizer if layout.slots else Unstacked(settings.optimizer, layout),
            layout=layout,
            carried=carried,
            step_by_step=holds(network, lambda layer: layer.step_by_step),
            tables=tables_of(network, weights, layout, settings),
            rate=settings.optimizer.rate if isinstance(schedule, Schedule) else None,
        )
    )


def layout_of(members: dict[str, tuple[str, ...]], settings: CompileSettings | None) -> Layout:
    """How programs hold the weights of runs of equal blocks, for the optimizer of these settings."""
    optimizer = None if settings is None else settings.optimizer
    return Layout(members, slots=optimizer is None or optimizer.treats_alike(members.values()))


def tables_of(network: Layer, weights: dict[str, Weight], layout: Layout, settings: CompileSettings) -> tuple[str, ...]:
    """The paths of the weights whose gradients are taken by row."""
    stacked = {path for group in layout.members.values() for path in group}
    # What a loop over time looks up cannot leave the loop.
    within_loops = paths_of(network, lambda layer: layer.step_by_step)
    if not settings.optimizer.treats_alike(()):
        return ()
    return tuple(
        path
        for path, w in weights.items()
        if w.by_row and w.trainable and path not in stacked and not any(path.startswith(p + paths.SEPARATOR) for p in within_loops)
    )


def forward_of(
    network: Layer, inputs: list[InputLayer], weights: dict[str, Weight], layout: Layout, stacks: Stacks, remat: bool | str
) -> Callable[..., Pass]:
    """The network as a function of its weights, as the layout holds them, and a batch, with what its regularizers add to the loss."""
    regularized = layout.firsts({path: w.regularizer for path, w in weights.items() if w.regularizer is not None and w.trainable})

    def forward(trainable: dict, other: dict, batch: Batch, training: bool, key: jax.Array | None, step: Any, lookups: Any = None) -> Pass:
        scope = Scope(training=training, key=key, step=step, valid=batch.valid, stacks=stacks, remat=remat, lookups=lookups)
        arrays = [x.astype(layer.dtype) for x, layer in zip(batch.inputs, inputs, strict=True)]
        outputs = network.apply(paths.nest({**trainable, **other}), *arrays, scope=scope)
        penalties = [jnp.sum(layout.each(penalize, path, trainable[path])) for path, penalize in regularized.items()]
        ordered = outputs_in_order(outputs)
        masks = tuple(scope.mask_of(y) for y in ordered)
        return Pass(ordered, scope.records.updates, sum(penalties + scope.records.losses, start=0.0), masks)

    return forward


def constrain_of(weights: dict[str, Weight], layout: Layout) -> Callable[[dict], dict]:
    """Applies each trainable weight's constraint."""
    constrained = {path: w.constraint for path, w in weights.items() if w.constraint is not None and w.trainable}

    def constrain(trainable: dict) -> dict:
        return {path: layout.each(constrained[path], path, w) if path in constrained else w for path, w in trainable.items()}

    return constrain


class Objectives:
    """The losses and metrics of every output.

    Raises:
        ConfigError: no output has a loss, or loss weights and losses do not match.
    """

    def __init__(self, ports: Ports, settings: CompileSettings, targets: tuple | None = None):
        names = ports.output_names
        self.targets = targets or (None,) * len(names)
        self.names = names
        self.losses = per_output(settings.loss, names, 'loss')
        weights = per_output(settings.loss_weights, names, 'loss_weights')
        self.weights = [1.0 if w is None else float(w) for w in weights]
        if settings.loss is not None and all(loss is None for loss in self.losses):
            raise ConfigError("compile, argument 'loss'", 'no loss for any output', f'a loss for one of {names}', 'Give a loss.')
        self.metrics = self._named(settings, ports)

    def loss(self, result: Pass, batch: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The weighted sum of the outputs' losses, and each of them where there are several."""
        total, parts = jnp.float32(0), {}
        for i, (name, loss, factor) in enumerate(zip(self.names, self.losses, self.weights, strict=True)):
            if loss is not None:
                _check_reduction(loss, name)
                masked = {} if result.masks[i] is None else {'mask': result.masks[i]}
                value = loss(batch.targets[i], result.outputs[i], sample_weight=_at(batch.weights, i), valid=batch.valid, **masked)
                total = total + factor * value
                parts[f'{name}_loss'] = value
        return total, parts if len(self.names) > 1 else {}

    def measure(self, result: Pass, batch: Batch) -> dict[str, Any]:
        """The sums of every metric over this batch."""
        sums = {}
        for name, (i, metric, weighted) in self.metrics.items():
            weight = batch.valid
            if weighted and (given := _at(batch.weights, i)) is not None:
                weight = weight * _per_example(given, self.names[i])
            target, output = batch.targets[i], result.outputs[i]
            if (mask := result.masks[i]) is not None:
                target, output, weight = _by_position(target, output, weight, mask)
            sums[name] = metric.sums(target, output, weight)
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
                    loss, shape, target = self.losses[i], ports.output_shapes[i], self.targets[i]
                    metric = metrics.get(value, loss=loss, output_shape=shape, target_shape=target)
                    if metric is None:
                        continue
                    name = f'{self.names[i]}_{metric.display_name}' if len(self.names) > 1 else metric.display_name
                    named[_unused(name, named)] = (i, metric, weighted)
        return named


def target_shapes(dataset: Any, settings: CompileSettings) -> tuple | None:
    """The shapes of a dataset's targets, where a metric is named 'accuracy' beside a loss that does not say what its targets are."""
    unclear = any(isinstance(loss, FunctionLoss) for loss in leaves(settings.loss))
    if not unclear:
        return None
    batch = dataset if isinstance(dataset, Arrays) else dataset.first()
    return tuple(None if t is None else (None, *t.shape[1:]) for t in batch.targets)


def _check_reduction(loss: Any, name: str) -> None:
    if getattr(loss, 'reduction', '') in (None, 'none'):
        raise ConfigError(
            f'the loss of output {name!r}', "reduction='none'", 'a loss that is one number', "Use reduction='sum_over_batch_size' to train."
        )


def _per_example(weights: jax.Array, name: str) -> jax.Array:
    if weights.size != weights.shape[0]:
        raise DataError(
            f'sample_weight of output {name!r}',
            f'shape {weights.shape}',
            'one weight for each example, (batch,), where there are weighted_metrics',
            'Measure with metrics= instead, or weigh whole examples.',
        )
    return weights.reshape(-1)


def _by_position(target: jax.Array, output: jax.Array, weight: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Every position that the mask tells apart as an example of its own, those that do not count with weight 0."""
    weight = weight.reshape(-1, *(1,) * (mask.ndim - 1)) * mask
    return target.reshape(-1, *target.shape[mask.ndim :]), output.reshape(-1, *output.shape[mask.ndim :]), weight.reshape(-1)


def _unused(name: str, taken: dict) -> str:
    """The name, numbered where a metric is given twice."""
    number, unused = 0, name
    while unused in taken:
        number += 1
        unused = f'{name}_{number}'
    return unused


def _at(values: Any, i: int) -> Any:
    return None if values is None else values[i]


def _no_loss(result: Pass, batch: Batch) -> tuple[jax.Array, dict[str, jax.Array]]:
    return jnp.float32(0), {}


def _no_metrics(result: Pass, batch: Batch) -> dict[str, Any]:
    return {}
