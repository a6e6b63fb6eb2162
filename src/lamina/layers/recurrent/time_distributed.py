"""A layer at every time step."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import setting
from lamina.core.shapes import Shape, TypedShape, dtype_of
from lamina.layers.base import Layer, weights_of
from lamina.layers.compose import as_layer
from lamina.layers.scope import Scope
from lamina.layers.weight import Weights


@described
class TimeDistributed(Layer):
    """Applies a layer to every time step, with the same weights.

    All steps of all examples are one batch for the layer within: its statistics are those of all steps that count, masked steps and
    rows of padding left out. A mask with more axes than (batch, time) is the layer's mask at each step.

    Args:
        layer: a layer or a model.

    Call arguments:
        mask: (batch, time), false where a step does not count; or (batch, time, …), of which the layer gets its part.

    Shapes:
        x: (batch, time, …) → (batch, time, …), the axes after time those of the layer's output.

    Raises:
        ConfigError: `layer` is not a layer.
        ShapeError: x has fewer than three axes or no time steps, or a mask of other axes.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, TimeDistributed
        >>> TimeDistributed(Dense(16)).output_shape((None, 10, 8))
        (None, 10, 16)

    Source: as Keras; where that takes the statistics of a batch normalization step by step, they are taken over all steps here.
    """

    layer: Layer = setting()

    def validate(self) -> None:
        object.__setattr__(self, 'layer', as_layer(self.layer, f"{self.label}, setting 'layer'"))

    def children(self) -> dict[str, Layer]:
        return {'layer': self.layer}

    def with_children(self, children: Mapping[str, Layer]) -> 'TimeDistributed':
        return self.replace(layer=children['layer'])

    def weights(self, shape: Shape) -> Weights:
        self._require_sequences(shape)
        declared = weights_of(self.layer, TypedShape((shape[0], *shape[2:]), dtype_of(shape)))
        return {'layer': declared} if declared else {}

    def _require_sequences(self, shape: Shape) -> None:
        remedy = 'Pass sequences: give the input a time axis after the batch.'
        self.require(len(shape) >= 3, shape, 'at least (batch, time, features)', remedy)
        self.require(shape[1] != 0, shape, 'at least one time step', 'Remove the empty sequences from the data.')

    def apply(self, variables, x, *, scope):
        self._require_sequences(x.shape)
        steps, mask = x.shape[:2], self._mask(x, scope)
        inner = dataclasses.replace(scope, valid=_counting(scope.valid, mask, steps))
        keywords = {} if mask is None or mask.ndim == 2 else {'mask': mask.reshape(-1, *mask.shape[2:])}
        y = inner.call(self.layer, 'layer', variables, x.reshape(-1, *x.shape[2:]), **keywords)
        return jax.tree.map(lambda a: self._unfolded(a, steps, mask, inner), y)

    def _mask(self, x: Any, scope: Scope) -> Any:
        mask = scope.mask_of(x)
        if mask is None:
            return None
        if mask.shape[:2] != x.shape[:2]:
            got, expected = f'a mask of shape {mask.shape}', f'{x.shape[:2]} for its first axes'
            raise ShapeError(self.label, got, expected, 'Pass mask=… with the axes (batch, time).')
        return jnp.asarray(mask).astype(bool)

    def _unfolded(self, y: Any, steps: tuple[int, int], mask: Any, scope: Scope) -> Any:
        """An output of the layer within, with the time axis again; what its mask is, is said to the scope."""
        outputs = y.reshape(*steps, *y.shape[1:])
        outer = None if mask is None else mask.any(tuple(range(2, mask.ndim)))
        found = scope.mask_of(y)
        if found is not None:
            found = jnp.asarray(found).astype(bool).reshape(*steps, *found.shape[1:])
            outer = found if outer is None else found & outer.reshape(*steps, *(1,) * (found.ndim - 2))
        if outer is not None:
            scope.set_mask(outputs, outer)
        return outputs


def _counting(valid: Any, mask: Any, steps: tuple[int, int]) -> Any:
    """Ones for the steps that count, in the order of the folded batch; None where all do."""
    if valid is None and mask is None:
        return None
    rows = jnp.ones(steps) if valid is None else jnp.broadcast_to(valid[:, None], steps)
    if mask is not None:
        counted = rows * mask.any(tuple(range(2, mask.ndim)))
        # A batch without any step that counts has the statistics of all its steps; nothing is divided by zero.
        rows = jnp.where(counted.sum() > 0, counted, rows)
    return rows.reshape(-1)
