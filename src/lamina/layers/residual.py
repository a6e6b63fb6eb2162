"""The sum of a block and its input, which is what lets networks of hundreds of layers train."""

import math
from collections.abc import Mapping
from typing import Any

from lamina import activations
from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import flag, real, setting
from lamina.core.shapes import Shape, show
from lamina.layers.base import Layer, weights_of
from lamina.layers.compose import Chain, as_layer
from lamina.layers.weight import Weight, Weights


def _block(value: Any) -> Layer:
    return Chain(tuple(value)) if isinstance(value, (list, tuple)) else as_layer(value, "Residual, setting 'block'")


def _projection(value: Any) -> Layer | None:
    return None if value is None else as_layer(value, "Residual, setting 'projection'")


@described
class Residual(Layer):
    """A block with its input added to its output.

    Where the block changes the shape, a projection brings the input to the same. What further inputs a call has go to the block
    alone. The output has the mask of what is added to the block.

    Formula: `y = activation(x + scale · block(x))`, with `projection(x)` in the place of the first x where there is one.

    Args:
        block: a layer, a model, or a list of layers that run one after another.
        projection: a layer applied to x beside the block; default None.
        activation: of the sum, a name or a function; default None.
        scale: what the block's output is multiplied by; default 1. Below 1 it holds back the growth of activations with depth.
        learn_scale: whether the scale is a weight, a single number that starts at `scale`. `scale=0, learn_scale=True` makes a
            network of any depth start as the identity (ReZero, SkipInit); default False.

    Shapes:
        x: that of the block's input → that of its output. scale: ().

    Raises:
        ConfigError: a scale of 0 that is not learned: the block would never count.
        ShapeError: the shapes of the two sides differ.

    Source: He, Zhang, Ren, Sun (2015), section 3.2; learned scale: Bachlechner et al. (2020), De and Smith (2020); for blocks
    that start at zero without it, `initializers.Fixup` and zeros (Zhang, Dauphin, Ma 2019).

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, Residual
        >>> Residual([Dense(32, activation='relu'), Dense(8)]).output_shape((None, 8))
        (None, 8)
    """

    block: Layer = setting(convert=_block)
    projection: Layer | None = setting(convert=_projection, default=None)
    activation: Any = setting(convert=activations.name_of, default=None)
    scale: float = setting(real(above=-math.inf, below=math.inf), default=1.0, kw_only=True)
    learn_scale: bool = setting(flag(), default=False, kw_only=True)

    def validate(self) -> None:
        if self.scale == 0 and not self.learn_scale:
            raise ConfigError(f"{self.label}, setting 'scale'", '0, not learned', 'a block that can come to count', 'Add learn_scale=True.')

    def children(self) -> dict[str, Layer]:
        return {'block': self.block} if self.projection is None else {'block': self.block, 'projection': self.projection}

    def with_children(self, children: Mapping[str, Layer]) -> 'Residual':
        return self.replace(**children)

    def weights(self, shape: Shape, *others: Shape) -> Weights:
        weights: dict[str, Any] = {'block': weights_of(self.block, shape, *others)}
        if self.projection is not None:
            weights['projection'] = weights_of(self.projection, shape)
        weights = {name: declared for name, declared in weights.items() if declared}
        return {**weights, 'scale': Weight((), self.scale)} if self.learn_scale else weights

    def apply(self, variables, x, *others, scope):
        y = scope.call(self.block, 'block', variables, x, *others)
        beside = x if self.projection is None else scope.call(self.projection, 'projection', variables, x)
        self._require_equal(beside, y)
        mask = scope.mask_of(beside)
        if self.learn_scale:
            y = y * variables['scale']
        elif self.scale != 1:
            y = y * self.scale
        total = activations.get(self.activation)(beside + y)
        scope.set_mask(total, mask)
        return total

    def _require_equal(self, beside: Any, y: Any) -> None:
        if isinstance(y, (tuple, dict)) or y.shape != beside.shape:
            got = 'several outputs' if isinstance(y, (tuple, dict)) else f'the shape {show((None, *y.shape[1:]))}'
            side = 'its input' if self.projection is None else 'its projection'
            raise ShapeError(
                self.label,
                f'a block that returns {got}',
                f'the shape {show((None, *beside.shape[1:]))} of {side}',
                'Give projection=… a layer that brings the input to the shape of the output, or change the block.',
            )
