"""One row of the table of layers: a layer, what it is given, and its twin in Keras."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from lamina.core import paths
from lamina.core.described import Described
from lamina.layers import Layer
from lamina.layers.base import weights_of

BATCH = 6


@dataclasses.dataclass(frozen=True)
class Row:
    """A layer and its inputs.

    Args:
        layer: with settings worth a test.
        shapes: of one example of each positional input.
        draw: for each input 'normal', 'unit' (in [0, 1)), 'positive', or a whole number n for integers in [0, n); one serves all inputs.
        keywords: what the call says beside its inputs, plain values.
        masked: whether the first input comes with a mask (batch, time), at whose false steps nothing may count.
        keras: makes Keras's layer; by default the class of the same name with the same settings. None where Keras has no such
            layer: then another test of the family compares it with something else.
        tolerance: of values; gradients are allowed ten times as much.
        differentiable: whether gradients are compared.
        slow: left to continuous integration.
    """

    layer: Layer
    shapes: tuple[tuple[int, ...], ...]
    draw: Any = 'normal'
    keywords: dict[str, Any] = dataclasses.field(default_factory=dict)
    masked: bool = False
    keras: Callable[[], Any] | str | None = 'twin'
    tolerance: float = 1e-5
    differentiable: bool = True
    slow: bool = False

    @property
    def id(self) -> str:
        """How pytest calls it."""
        extra = ''.join(f'-{k}={v}' for k, v in self.keywords.items()) + ('-masked' if self.masked else '')
        return f'{self.layer!r}-{"-".join(map(str, self.shapes))}{extra}'.replace(' ', '')

    def inputs(self, batch: int = BATCH, seed: int = 0) -> tuple[np.ndarray, ...]:
        """Arrays for the positional inputs."""
        rng = np.random.default_rng(seed)
        kinds = self.draw if isinstance(self.draw, (tuple, list)) else (self.draw,) * len(self.shapes)
        return tuple(_drawn(rng, kind, (batch, *shape)) for kind, shape in zip(kinds, self.shapes, strict=True))

    def mask(self, batch: int = BATCH) -> np.ndarray | None:
        """(batch, time) booleans: ragged ends, a hole, and one row without any true step; None where the row is not masked."""
        if not self.masked:
            return None
        time = self.shapes[0][0]
        mask = np.arange(time)[None] < np.array([time, max(time - 1, 1), max(time // 2, 1), 1, time, 0] * batch)[:batch, None]
        mask[0, time // 2] = False
        return mask

    @property
    def declared(self) -> dict[str, Any]:
        """The layer's weights by path."""
        typed = [(None, *s) for s in self.shapes]
        return paths.flatten(weights_of(self.layer, *typed))

    def values(self) -> dict[str, np.ndarray]:
        """Values for every weight, none of them zero, variances positive."""
        rng = np.random.default_rng(1)
        return {
            p: (rng.uniform(0.5, 1.5, w.shape) if 'var' in p else rng.normal(size=w.shape) / np.sqrt(max(w.size, 1) ** 0.5)).astype(w.dtype)
            for p, w in self.declared.items()
        }

    def twin(self) -> Any:
        """Keras's layer, unbuilt."""
        return twin(self.layer) if self.keras == 'twin' else self.keras()  # type: ignore[operator]


def _drawn(rng: np.random.Generator, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(kind, int):
        return rng.integers(0, kind, shape).astype(np.int32)
    if kind == 'unit':
        return rng.random(shape, np.float32)
    values = rng.normal(size=shape).astype(np.float32)
    return np.abs(values) + 0.1 if kind == 'positive' else values


def twin(ours: Described) -> Any:
    """The object of the same name in Keras with the same settings; layers within are translated too."""
    import keras

    module = {'layer': keras.layers, 'regularizer': keras.regularizers, 'constraint': keras.constraints, 'initializer': keras.initializers}
    settings = {}
    for f in dataclasses.fields(ours):
        value = getattr(ours, f.name)
        plain = f.default if f.default is not dataclasses.MISSING else None
        if f.name in ('name', 'trainable', 'input_shape') or (f.default is not dataclasses.MISSING and value == plain):
            continue
        settings[f.name] = _translated(value)
    return getattr(module[ours.kind], type(ours).__name__)(**settings)


def _translated(value: Any) -> Any:
    if isinstance(value, Described):
        return twin(value)
    if isinstance(value, tuple) and any(isinstance(v, Described) for v in value):
        return [_translated(v) for v in value]
    return value


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Values by path as `apply` takes them."""
    return paths.nest(values)


def leaves(outputs: Any) -> list:
    """The arrays of what a layer returned."""
    return jax.tree.leaves(outputs)
