"""Multi-head attention: several views of a sequence, each with projections of its own."""

from typing import Any, ClassVar

import jax.numpy as jnp

from lamina import constraints, initializers, regularizers
from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.core.fields import axes as axes_rule
from lamina.core.fields import flag, real, setting, sizes, whole
from lamina.core.shapes import Shape, show
from lamina.kernels.attention import attention
from lamina.layers.attention.masks import AttendedAxes, dropped, together, window_mask
from lamina.layers.attention.projection import Composed, DenseGeneral, as_sizes, joint_products
from lamina.layers.base import Layer, weights_of
from lamina.layers.weight import Weights

_SHARED = ('use_bias', 'kernel_initializer', 'bias_initializer', 'kernel_regularizer', 'bias_regularizer')
_SHARED += ('activity_regularizer', 'kernel_constraint', 'bias_constraint')


def as_axes(value: Any) -> Any:
    """One axis as a tuple of it."""
    return (value,) if whole(-8).accepts(value) else value


@unregistered
class Heads(Composed):
    """What multi-head and grouped-query attention share: the projections, the masks, the product, the projection back."""

    supports_masking: ClassVar[bool] = True
    # What a class below has a setting for; without annotations, which would fix the places of these fields.
    attention_axes = None
    output_dim = None
    sliding_window = None
    dropout = 0.0
    seed = None

    def heads(self) -> dict[str, tuple[int, int]]:
        """The number of heads and the size of each, for every projection of an input, in the order of their weights."""
        return {}

    def made(self, features: int | None = None) -> dict[str, Layer]:
        made = {name: self._projection(name, units) for name, units in self.heads().items()}
        return {**made, 'attention_output': self._projection('attention_output', self.output_dim or (features or 1,))}

    def _projection(self, name: str, units: tuple[int, ...]) -> Layer:
        shared = {setting: getattr(self, setting) for setting in _SHARED}
        activation, input_axes = 'sigmoid' if name == 'gate' else None, 2 if name == 'attention_output' else 1
        return DenseGeneral(units, input_axes, activation, **shared, name=name)

    def weights(self, *shapes: Shape) -> Weights:
        query, value, key = self._roles(shapes)
        self.require_fit(query, value, key)
        inputs = {'query': query, 'gate': query, 'key': key, 'value': value}
        inputs['attention_output'] = (*query[:-1], self.heads()['query'][0], self.heads()['value'][1])
        return {name: weights_of(layer, inputs[name]) for name, layer in self.edited(self.made(self.known(query, -1))).items()}

    def _roles(self, inputs: tuple, key: Any = None) -> tuple[Any, Any, Any]:
        """Query, value and key, by position as in Keras; the key is the value where it is not given."""
        if not 2 <= len(inputs) <= 3 or (len(inputs) == 3 and key is not None):
            remedy = 'Call layer(query, value) or layer(query, value, key); for attention of x to itself layer(x, x).'
            raise ShapeError(self.label, f'{len(inputs) + (key is not None)} input(s)', 'query, value and, if it differs, key', remedy)
        query, value, *third = inputs
        return query, value, third[0] if third else value if key is None else key

    def require_fit(self, query: Shape, value: Shape, key: Shape) -> None:
        """Raise a ShapeError unless these three can attend to one another."""
        AttendedAxes(self.label, self.attention_axes, query)
        if not len(query) == len(value) == len(key) or any(a != b for a, b in zip(value[1:-1], key[1:-1], strict=True)):
            got = f'query, value and key of shapes {show(query)}, {show(value)} and {show(key)}'
            expected = 'equally many axes, and a key for each value'
            raise ShapeError(self.label, got, expected, 'Make the axes between batch and features of key and value equal.')

    def apply(
        self,
        variables,
        *inputs,
        scope,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        use_causal_mask=False,
    ):
        """As in `Layer`; the keywords are those of Keras."""
        query, value, key = self._roles(inputs, key)
        self.require_fit(*((None, *x.shape[1:]) for x in (query, value, key)))
        steps = AttendedAxes(self.label, self.attention_axes, query.shape)
        layers = self.edited(self.made(query.shape[-1]))
        projected = self._project(layers, variables, {'query': query, 'gate': query, 'key': key, 'value': value}, scope)
        gate = projected.pop('gate', None)
        padding = {
            'query': (_or(query_mask, scope.mask_of(query)), query.shape),
            'value': (_or(value_mask, scope.mask_of(value)), value.shape),
            'key': (_or(key_mask, None if key is value else scope.mask_of(key)), key.shape),
        }
        query, key, value = (steps.flat(projected[name]) for name in ('query', 'key', 'value'))
        masks = {name: steps.padding(mask, shape) for name, (mask, shape) in padding.items()}
        shapes = padding['query'][1], padding['value'][1]
        pairs = None if attention_mask is None else steps.pairs(attention_mask, *shapes, query.shape[2])
        mask = together(
            pairs, _for_rows(masks['query']), _for_columns(masks['value']), _for_columns(masks['key']),
            window_mask(query.shape[1], key.shape[1], self.sliding_window),
        )  # fmt: skip
        dropout = dropped(scope, (query.shape[0], query.shape[2], query.shape[1], key.shape[1]), self.dropout, self.seed)
        y = attention(query, key, value, mask=mask, causal=use_causal_mask, weights_dropout=dropout, return_scores=return_attention_scores)
        y, scores = y if return_attention_scores else (y, None)
        y = steps.restored(y, shapes[0])
        y = scope.call(layers['attention_output'], 'attention_output', variables, y if gate is None else y * gate)
        return (y, steps.scores(scores, *shapes)) if return_attention_scores else y

    def _project(self, layers: dict[str, Layer], variables: Any, inputs: dict[str, Any], scope: Any) -> dict[str, Any]:
        """The inputs in the space of each head; projections of one and the same input are found as one matrix product."""
        layers = {name: layer for name, layer in layers.items() if name in inputs}
        products: dict[str, Any] = {}
        for x in {id(x): x for x in inputs.values()}.values():
            names = [name for name in layers if inputs[name] is x]
            fits = all(variables[name]['kernel'].shape[0] == x.shape[-1] for name in names)
            if len(names) > 1 and fits:
                products |= joint_products(x, {name: variables[name]['kernel'] for name in names})
        known = {name: {'product': product} for name, product in products.items()}
        return {name: scope.call(layer, name, variables, inputs[name], **known.get(name, {})) for name, layer in layers.items()}


def _or(first: Any, second: Any) -> Any:
    """The first mask, or where there is none the second, as booleans."""
    mask = second if first is None else first
    return None if mask is None else jnp.asarray(mask) != 0


def _for_rows(mask: Any) -> Any:
    return None if mask is None else mask[:, None, :, None]


def _for_columns(mask: Any) -> Any:
    return None if mask is None else mask[:, None, None, :]


@described
class MultiHeadAttention(Heads):
    """Attention with several heads, each of which compares and mixes the steps in a space of its own.

    Called as `layer(query, value)`, `layer(query, value, key)` or, for attention of a sequence to itself, `layer(x, x)`. The masks of
    query and value (`Embedding(mask_zero=True)`, `Masking`) are taken into account by themselves. A step that may attend to nothing
    gets zeros before the projection back. Where the inputs are one array, their projections are one matrix product.

    Formula: for each head `softmax((x_q W_q)(x_k W_k)ᵀ / sqrt(key_dim)) x_v W_v`; the heads side by side, projected back by `W_o`.

    Args:
        num_heads: number of heads.
        key_dim: the size of each head for query and key.
        value_dim: the size of each head for value; default `key_dim`.
        dropout: probability of dropping each weight of the attention in training, in [0, 1); default 0.
        use_bias: whether the projections add a bias.
        output_dim: the size of the output's last axis, or of its last axes; default that of the query. Keras calls it `output_shape`.
        attention_axes: the axes of x over which attention goes; default all but the batch and the features.
        sliding_window: where set, a step attends to those fewer than so many steps away only; default None.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: of each projection; default None.
        use_gate: whether the heads are multiplied by `sigmoid(x_q W_g)` before they are projected back; default False.
        seed: a random stream of this layer's own; default None.

    Call:
        key: (batch, source, features); default the value. With another number of features than the value it must come by position.
        query_mask, value_mask, key_mask: (batch, time) booleans, False for padding; default the masks that the inputs carry.
        attention_mask: (batch, time, source) booleans, False where a step may not attend; also with an axis of heads after the batch,
            or without the batch.
        return_attention_scores: whether the weights, (batch, heads, time, source), are returned as well; default False.
        use_causal_mask: whether a step attends to itself and earlier ones only; default False.

    Shapes:
        query: (batch, time, dim), value: (batch, source, value features) → (batch, time, dim).
        query/kernel, key/kernel: (features, heads, key_dim), value/kernel: (features, heads, value_dim),
        attention_output/kernel: (heads, value_dim, dim).

    Raises:
        ShapeError: one input only; a key that is not as long as the value; a mask of another shape.

    Source: Vaswani et al. (2017), section 3.2.2; the gate: Qiu et al. (2025), section 2.

    Example:
        >>> import lamina
        >>> x = lamina.Input((10, 32))
        >>> lamina.layers.MultiHeadAttention(4, 8)(x, x, use_causal_mask=True)
        Symbol(shape=(batch, 10, 32), dtype=float32)
    """

    num_heads: int = setting(whole(1))
    key_dim: int = setting(whole(1))
    value_dim: int | None = setting(whole(1), default=None)
    dropout: float = setting(real(0, below=1), default=0.0)
    use_bias: bool = setting(flag(), default=True)
    output_dim: tuple[int, ...] | None = setting(sizes(), convert=as_sizes, default=None)
    attention_axes: tuple[int, ...] | None = setting(axes_rule(), convert=as_axes, default=None)
    sliding_window: int | None = setting(whole(1), default=None)
    kernel_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    kernel_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    kernel_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)
    use_gate: bool = setting(flag(), default=False)
    seed: int | None = setting(whole(0), default=None)

    def __new__(cls, *_: Any, **settings: Any):
        if 'output_shape' in settings:
            expected = "'output_dim', because every layer has a method of that name"
            raise UnknownNameError(f'{cls.__name__}, name of a setting', "'output_shape'", expected, 'Write output_dim=….')
        return super().__new__(cls)

    def heads(self) -> dict[str, tuple[int, int]]:
        keys, values = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim or self.key_dim)
        return {'query': keys, 'key': keys, **({'gate': values} if self.use_gate else {}), 'value': values}


@described
class GroupedQueryAttention(Heads):
    """Multi-head attention in which several query heads share one head of keys and values, which makes these smaller.

    Called, and masked, as `MultiHeadAttention`.

    Args:
        head_dim: the size of each head.
        num_query_heads: number of heads of the query.
        num_key_value_heads: number of heads of key and value, which divides `num_query_heads`; 1 is multi-query attention.
        dropout: probability of dropping each weight of the attention in training, in [0, 1); default 0.
        use_bias: whether the projections add a bias.
        sliding_window: where set, a step attends to those fewer than so many steps away only; default None.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: of each projection; default None.
        use_gate: whether the heads are multiplied by `sigmoid(x_q W_g)` before they are projected back; default False.
        seed: a random stream of this layer's own; default None.

    Call:
        as `MultiHeadAttention`.

    Shapes:
        query: (batch, time, dim), value: (batch, source, value features) → (batch, time, dim).
        query/kernel: (features, query heads, head_dim), key/kernel, value/kernel: (features, key and value heads, head_dim),
        attention_output/kernel: (query heads, head_dim, dim).

    Raises:
        ConfigError: the heads cannot be shared out evenly.
        ShapeError: as `MultiHeadAttention`.

    Source: Ainslie et al. (2023), section 2.2.

    Example:
        >>> import lamina
        >>> x = lamina.Input((10, 32))
        >>> lamina.layers.GroupedQueryAttention(8, num_query_heads=4, num_key_value_heads=2)(x, x)
        Symbol(shape=(batch, 10, 32), dtype=float32)
    """

    #: under which Keras exports it
    aliases: ClassVar[tuple[str, ...]] = ('GroupQueryAttention',)

    head_dim: int = setting(whole(1))
    num_query_heads: int = setting(whole(1))
    num_key_value_heads: int = setting(whole(1))
    dropout: float = setting(real(0, below=1), default=0.0)
    use_bias: bool = setting(flag(), default=True)
    sliding_window: int | None = setting(whole(1), default=None)
    kernel_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    kernel_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    kernel_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)
    use_gate: bool = setting(flag(), default=False)
    seed: int | None = setting(whole(0), default=None)

    def validate(self) -> None:
        if self.num_query_heads % self.num_key_value_heads:
            raise ConfigError(
                f"{self.label}, setting 'num_key_value_heads'", f'{self.num_key_value_heads} for {self.num_query_heads} query heads',
                'a number that divides num_query_heads', 'Change num_key_value_heads to such a number.',
            )  # fmt: skip
        super().validate()

    def heads(self) -> dict[str, tuple[int, int]]:
        queries, values = (self.num_query_heads, self.head_dim), (self.num_key_value_heads, self.head_dim)
        return {'query': queries, 'key': values, **({'gate': queries} if self.use_gate else {}), 'value': values}
