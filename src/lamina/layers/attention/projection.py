"""Dense layers between several axes at once, and the base of layers that make the layers within them by themselves."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina.core.described import FrozenDict, described, unregistered
from lamina.core.errors import ConfigError, unknown_name
from lamina.core.fields import Rule, flag, setting, sizes, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.core import add_activity_loss
from lamina.layers.weight import Weight, Weights

_WITHIN = Rule(
    lambda v: isinstance(v, FrozenDict) and all(isinstance(name, str) and isinstance(d, FrozenDict) for name, d in v.items()),
    'a dict of settings for each name of a layer within',
    bad=('query', {'query': 3}),
)


def as_sizes(value: Any) -> Any:
    """One size as a tuple of it."""
    return (value,) if whole().accepts(value) else value


@described
class DenseGeneral(Layer):
    """A dense layer from the last axes of its input to several new ones: the projections of multi-head attention.

    Formula: `y = activation(sum over the last input_axes axes of x · kernel + bias)`.

    Args:
        units: the sizes of the new axes; a tuple, or one number.
        input_axes: how many of the last axes of x are summed over; default 1.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.
        kernel_constraint, bias_constraint: default None.

    Shapes:
        x: (batch, …, *in) → (batch, …, *units). kernel: (*in, *units), bias: units.

    Raises:
        ShapeError: x has too few axes, or its last axes are not those that the layer was built for.

    Example:
        >>> import lamina
        >>> lamina.layers.DenseGeneral((4, 16)).output_shape((None, 10, 32))
        (None, 10, 4, 16)
    """

    supports_masking: ClassVar[bool] = True

    units: tuple[int, ...] = setting(sizes(), convert=as_sizes)
    input_axes: int = setting(whole(1), default=1)
    activation: Any = setting(convert=activations.name_of, default=None)
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    kernel_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    kernel_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        n = self.input_axes
        self.require(len(shape) > n, shape, f'the batch and at least {n} more axes', 'Change input_axes.')
        sizes = tuple(self.known(shape, axis) for axis in range(-n, 0))
        weights = {'kernel': Weight((*sizes, *self.units), self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint)}
        if self.use_bias:
            weights['bias'] = Weight(self.units, self.bias_initializer, True, self.bias_regularizer, self.bias_constraint)
        return weights

    def apply(self, variables, x, *, scope, product=None):
        """As in `Layer`; `product` is `x · kernel` where the caller has found it together with others."""
        kernel = variables['kernel']
        sizes = kernel.shape[: self.input_axes]
        self.require(
            x.shape[-self.input_axes :] == sizes, (None, *x.shape[1:]), f'last axes {sizes} (set when the layer was built)',
            'Change the layer before it, or build a new model.',
        )  # fmt: skip
        y = flat_product(x, kernel, self.input_axes) if product is None else product
        if self.use_bias:
            y = y + variables['bias']
        y = activations.get(self.activation)(y)
        if self.activity_regularizer is not None:
            add_activity_loss(self.activity_regularizer, y, scope)
        return y


def flat_product(x, kernel, input_axes: int):
    """(…, *in) and (*in, *out) → (…, *out).

    As a product of two matrices: for more axes XLA copies the transpose of what the gradient of the kernel is found from, which makes
    the gradient take twice as long on a CPU.
    """
    free = x.shape[: x.ndim - input_axes]
    fan_in = math.prod(kernel.shape[:input_axes])
    return (x.reshape(-1, fan_in) @ kernel.reshape(fan_in, -1)).reshape(*free, *kernel.shape[input_axes:])


def joint_products(x, kernels: Mapping[str, Any]) -> dict[str, Any]:
    """The products of one input with several kernels (in, *out), found as a single one."""
    flat = [kernel.reshape(kernel.shape[0], -1) for kernel in kernels.values()]
    together = flat_product(x, jnp.concatenate(flat, -1), 1)
    products, start = {}, 0
    for (name, kernel), matrix in zip(kernels.items(), flat, strict=True):
        stop = start + matrix.shape[1]
        products[name] = together[..., start:stop].reshape(*x.shape[:-1], *kernel.shape[1:])
        start = stop
    return products


@unregistered
class Composed(Layer):
    """The base of layers whose settings say which layers are within them.

    Args:
        within: settings of the layers within that differ from those that follow from the settings of this one, by the layer's name:
            `{'query': {'trainable': False}}`. Freezing a layer within leaves its mark here. Default none.
    """

    within: Mapping[str, Mapping[str, Any]] = setting(_WITHIN, default=FrozenDict(), kw_only=True)

    def validate(self) -> None:
        if not self.within:
            return
        made = self.made()
        if unknown := [name for name in self.within if name not in made]:
            raise unknown_name(f"{self.label}, setting 'within'", unknown[0], made)
        self.edited(made)

    def made(self, features: int | None = None) -> dict[str, Layer]:
        """The layers that the settings ask for, by name, in the order of their weights.

        Args:
            features: the size of the first input's last axis; None where it is not known yet, and what follows from it stands as 1.
        """
        return {}

    def edited(self, made: Mapping[str, Layer]) -> dict[str, Layer]:
        """These layers with the settings that `within` has for them."""
        return {name: layer.replace(**self.within[name]) if name in self.within else layer for name, layer in made.items()}

    def children(self) -> dict[str, Layer]:
        return self.edited(self.made())

    def with_children(self, children: Mapping[str, Layer]) -> Layer:
        made = self.made()
        changes = {name: self._changes(name, made[name], layer) for name, layer in children.items()}
        return self.replace(within={name: changed for name, changed in changes.items() if changed})

    def _changes(self, name: str, made: Layer, layer: Layer) -> dict[str, Any]:
        """The settings of a layer that differ from those it was made with."""
        if type(layer) is not type(made):
            got = f'a {type(layer).__name__} in the place of {name!r}'
            raise ConfigError(self.label, got, f'a {type(made).__name__}', 'Change the settings of the layer within, not its class.')
        fields = (f.name for f in dataclasses.fields(layer) if f.compare)
        return {f: getattr(layer, f) for f in fields if getattr(layer, f) != getattr(made, f)}
