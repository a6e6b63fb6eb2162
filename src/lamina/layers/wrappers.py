"""Layers that change another layer from outside: freeze it, or fine-tune it by a product of two small matrices."""

import fnmatch
import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from lamina import initializers
from lamina.core import paths
from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import Rule, real, setting, whole
from lamina.core.notices import notice
from lamina.core.shapes import Shape
from lamina.layers.base import Layer, weights_of
from lamina.layers.compose import as_layer
from lamina.layers.weight import Weight, Weights

_PATTERNS = Rule(
    lambda v: isinstance(v, tuple) and len(v) > 0 and all(isinstance(p, str) for p in v), 'a tuple of patterns', bad=((), (3,), 'kernel')
)
_LOW_RANK = 'low_rank'
# Within multi-head attention the kernels (features, heads, size) of these have one axis of inputs, any other kernel one of outputs.
_PROJECTIONS = ('query', 'gate', 'key', 'value')


def _wrapped(value: Any) -> Layer:
    if getattr(value, 'built', False):
        notice(
            f'a wrapper takes the layers of {value.name!r} and not the values of its weights, which it draws anew; '
            'move them with set_variables, or freeze the model and use it as a layer itself.'
        )
    return as_layer(value, "a wrapper, setting 'layer'")


@unregistered
class Wrapper(Layer):
    """The base of layers that hold one other layer, and take and return what it does.

    Args:
        layer: what is wrapped: a layer, a container, or a model.
    """

    layer: Layer = setting(convert=_wrapped)

    #: what the wrapped layer is called within; unlike the name of a layer it decides equality, since the weights are called by it
    inner_name: str = setting(default='', kw_only=True, repr=False)

    def validate(self) -> None:
        object.__setattr__(self, 'inner_name', self.inner_name or self.layer.name or self.layer.default_name())

    def children(self) -> dict[str, Layer]:
        return {self.inner_name: self.layer}

    def with_children(self, children: Mapping[str, Layer]) -> 'Layer':
        return self.replace(layer=children[self.inner_name])

    def weights(self, *shapes: Shape) -> Weights:
        declared = self.inner_weights(*shapes)
        return {self.inner_name: declared} if declared else {}

    def inner_weights(self, *shapes: Shape) -> dict[str, Any]:
        """What the wrapped layer declares."""
        return dict(weights_of(self.layer, *shapes))

    def merged(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The values with which the wrapped layer alone computes what this one does.

        Args:
            variables: the values of this layer's weights, by name.
        """
        return dict(variables.get(self.inner_name, {}))

    def apply(self, variables, *inputs, scope, **keywords):
        return scope.call(self.layer, self.inner_name, {self.inner_name: self.merged(variables)}, *inputs, **keywords)

    def _check_keywords(self, keywords: Mapping[str, Any]) -> None:
        self.layer._check_keywords(keywords)


@described
class Frozen(Wrapper):
    """A layer whose weights are not trained, whatever `model.unfreeze` or the layer itself say.

    As with `trainable=False`, batch normalizations within use and keep their moving averages in training too.

    Args:
        layer: what is frozen: a layer, a container, or a trained model.

    Shapes:
        those of the layer.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, Frozen
        >>> model = lamina.Sequential([lamina.Input((4,)), Frozen(Dense(8)), Dense(2)])
        >>> model.count_params(), model.describe().trainable
        (58, 18)
    """

    def validate(self) -> None:
        super().validate()
        _freeze_within(self)


@described
class LoRA(Wrapper):
    """A frozen layer with a trainable product of two small matrices added to each of its kernels; at first it changes nothing.

    Formula: `kernel + (alpha / rank) · a b`, where `a` has the kernel's axes of inputs and then `rank`, and `b` has `rank` and
    then its axes of outputs: the last one, or for the query, key and value of attention all but the first.

    Args:
        layer: whose kernels are adapted: Dense, a convolution, an attention, or a container or model with such layers within.
        rank: of the products.
        alpha: default None, which means `rank`.
        a_initializer: of `a`; default `'he_uniform'`.
        b_initializer: of `b`; default `'zeros'`.
        targets: which weights are adapted, as patterns of their names or paths within the layer; default `('kernel',)`.

    Shapes:
        those of the layer. a: (*inputs, rank), b: (rank, *outputs).

    Raises:
        ConfigError: the layer has no weight of such a name.
        ShapeError: a weight of such a name is not a matrix, nor an array with more axes.

    Cost: for each step the product of the two matrices; with `merge_lora` nothing in inference.

    Source: Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen (2021), section 4.1.

    Example:
        >>> import lamina
        >>> from lamina.layers import Dense, LoRA
        >>> model = lamina.Sequential([lamina.Input((100,)), LoRA(Dense(100), rank=2)])
        >>> model.count_params(), model.describe().trainable
        (10500, 400)
    """

    rank: int = setting(whole(1))
    alpha: float | None = setting(real(above=0, below=math.inf), default=None)
    a_initializer: Any = setting(convert=initializers.get, default='he_uniform', kw_only=True)
    b_initializer: Any = setting(convert=initializers.get, default='zeros', kw_only=True)
    targets: tuple[str, ...] = setting(_PATTERNS, default=('kernel',), kw_only=True)

    def validate(self) -> None:
        super().validate()
        _freeze_within(self)
        if self.inner_name == _LOW_RANK:
            raise ConfigError(self.label, f'a layer named {_LOW_RANK!r}', 'another name', 'Rename the layer within.')

    def default_name(self) -> str:
        return 'lora'

    def weights(self, *shapes: Shape) -> Weights:
        declared = self.inner_weights(*shapes)
        kernels = {path: w for path, w in paths.flatten(declared).items() if self._is_target(path)}
        if not kernels:
            known = ', '.join(paths.flatten(declared)) or 'none'
            where, expected = f'{self.label} of {self.layer.label}', f'one whose name fits {self.targets}'
            raise ConfigError(where, f'the weights {known}', expected, 'Change targets=… to a name among them.')
        factors = {}
        for path, w in kernels.items():
            factors |= self._factors(path, w)
        return {self.inner_name: declared, _LOW_RANK: paths.nest(factors)}

    def merged(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the wrapped layer's weights with the products added, which then needs no LoRA.

        Args:
            variables: the values of this layer's weights, by name.
        """
        values = paths.flatten(variables[self.inner_name])
        scale = 1.0 if self.alpha is None else self.alpha / self.rank
        for path in [p for p in values if self._is_target(p)]:
            low_rank = variables[_LOW_RANK]
            for name in path.split(paths.SEPARATOR):
                low_rank = low_rank[name]
            product = jnp.tensordot(low_rank['a'], low_rank['b'], 1)
            values[path] = values[path] + (product if scale == 1.0 else scale * product)
        return paths.nest(values)

    def _is_target(self, path: str) -> bool:
        name = path.rsplit(paths.SEPARATOR, 1)[-1]
        return any(fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(path, pattern) for pattern in self.targets)

    def _factors(self, path: str, kernel: Weight) -> dict[str, Weight]:
        """The two weights whose product is added to a kernel."""
        if len(kernel.shape) < 2:
            raise ShapeError(
                f'{self.label}, weight {path!r}', f'shape {kernel.shape}', 'a kernel of at least two axes', 'Leave it out of targets.'
            )
        projects = path.split(paths.SEPARATOR)[-2:-1]
        inputs = 1 if projects and projects[0] in _PROJECTIONS else len(kernel.shape) - 1
        a = Weight((*kernel.shape[:inputs], self.rank), self.a_initializer, dtype=kernel.dtype)
        b = Weight((self.rank, *kernel.shape[inputs:]), self.b_initializer, dtype=kernel.dtype)
        return {f'{path}{paths.SEPARATOR}a': a, f'{path}{paths.SEPARATOR}b': b}


def _freeze_within(wrapper: Wrapper) -> None:
    if wrapper.layer.trainable:
        object.__setattr__(wrapper, 'layer', wrapper.layer.replace(trainable=False))


def merge_lora(layer: Layer, variables: Mapping[str, Any]) -> tuple[Layer, dict[str, Any]]:
    """A network without its LoRA wrappers, and the values of its weights, with which it computes the same.

    Args:
        layer: a layer or a network that holds LoRA wrappers at any depth.
        variables: the values of its weights, nested by name.

    Returns:
        (layer, variables). What was wrapped stays under its wrapper's name and can be trained where the wrapper could.

    Example:
        >>> import lamina, numpy as np
        >>> from lamina.layers import Chain, Dense, LoRA, merge_lora
        >>> network = Chain((LoRA(Dense(2, use_bias=False), rank=1),))
        >>> values = {'dense': {'kernel': np.ones((2, 2))}, 'low_rank': {'kernel': {'a': np.ones((2, 1)), 'b': np.ones((1, 2))}}}
        >>> merged, values = merge_lora(network, {'lora': values})
        >>> merged.layers[0].units, values['lora']['kernel'].tolist()
        (2, [[2.0, 2.0], [2.0, 2.0]])
    """
    if isinstance(layer, LoRA):
        inner, values = merge_lora(layer.layer, layer.merged(variables))
        return inner.replace(name=layer.name, trainable=layer.trainable), values
    values, children = dict(variables), {}
    for name, child in layer.children().items():
        children[name], inner = merge_lora(child, variables.get(name, {}))
        if inner:
            values[name] = inner
    return (layer.with_children(children) if children else layer), values
