"""What the normalizations share: their scale and offset, their axes, and how a vector lies along one of them."""

from typing import Any

from lamina.core.errors import ConfigError
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


def affine_weights(layer: Any, sizes: tuple[int, ...]) -> dict[str, Any]:
    """The weights `gamma` and `beta` of these sizes, as far as the layer's `scale` and `center` ask for them."""
    weights: Weights = {}
    if layer.scale:
        weights['gamma'] = Weight(sizes, layer.gamma_initializer, True, layer.gamma_regularizer, layer.gamma_constraint)
    if layer.center:
        weights['beta'] = Weight(sizes, layer.beta_initializer, True, layer.beta_regularizer, layer.beta_constraint)
    return weights


def features_axis(layer: Layer, axis: int, shape: Shape) -> int:
    """The axis counted from 0; a ShapeError where x has no such axis, or it is the batch."""
    ndim = len(shape)
    layer.require(-ndim <= axis < ndim and axis % ndim != 0, shape, f'a features axis at {axis}', 'Change axis.')
    return axis % ndim


def features_axes(layer: Layer, axis: int | tuple[int, ...], shape: Shape) -> tuple[int, ...]:
    """The axes counted from 0, in order; a ShapeError where x has no such axes, or one is the batch."""
    given, ndim = axis if isinstance(axis, tuple) else (axis,), len(shape)
    known = all(-ndim <= a < ndim and a % ndim != 0 for a in given) and len({a % ndim for a in given}) == len(given)
    layer.require(known, shape, f'axes {given} other than the batch', 'Change axis.')
    return tuple(sorted(a % ndim for a in given))


def refuse_repeated(layer: Layer, axis: int | tuple[int, ...]) -> None:
    """Raise a ConfigError where an axis is named twice."""
    if isinstance(axis, tuple) and len(set(axis)) != len(axis):
        raise ConfigError(f"{layer.label}, setting 'axis'", repr(axis), 'each axis once', 'Remove the repeated axis.')


def along(vector, axis: int, ndim: int):
    """The vector as an array of `ndim` axes that varies along one of them."""
    return vector.reshape(tuple(-1 if a == axis else 1 for a in range(ndim)))
