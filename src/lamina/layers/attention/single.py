"""Attention without projections: the steps are compared as they come, by a dot product or a sum."""

from typing import Any, ClassVar

import jax.numpy as jnp

from lamina.core.described import described, unregistered
from lamina.core.errors import ShapeError
from lamina.core.fields import flag, one_of, real, setting, whole
from lamina.core.shapes import Shape, show
from lamina.kernels.attention import attention, causal_mask, masked_softmax
from lamina.layers.attention.masks import dropped, together
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@unregistered
class SingleHead(Layer):
    """What `Attention` and `AdditiveAttention` share: their inputs, masks and dropout."""

    supports_masking: ClassVar[bool] = True
    # What the classes below have settings for; without annotations, which would fix the places of these fields.
    dropout = 0.0
    seed = None

    def scores(self, variables: Any, query: Any, key: Any) -> Any:
        """How well each key fits each step of the query: (batch, time, source)."""
        return query @ key.swapaxes(-1, -2)

    def roles(self, inputs: tuple) -> tuple[Any, Any, Any]:
        """Query, value and key of the inputs, or of their shapes."""
        if not 2 <= len(inputs) <= 3:
            raise ShapeError(self.label, f'{len(inputs)} input(s)', 'query, value and, if it differs, key', 'Call layer([query, value]).')
        query, value, *key = inputs
        return query, value, key[0] if key else value

    def check(self, query: Shape, value: Shape, key: Shape) -> None:
        """Raise a ShapeError unless these three can attend to one another."""
        ranks = len(query) == len(value) == len(key) == 3
        if not ranks or query[-1] != key[-1] or value[1] != key[1]:
            raise ShapeError(
                self.label, f'query, value and key of shapes {show(query)}, {show(value)} and {show(key)}',
                '(batch, time, dim), (batch, source, features) and (batch, source, dim)',
                'Give query and key equally many features, with a Dense before this layer, and each value a key.',
            )  # fmt: skip

    def attend(self, variables, inputs, scope, return_attention_scores, use_causal_mask):
        """The output, and the weights where they are asked for."""
        query, value, key = self.roles(inputs)
        self.check(*((None, *x.shape[1:]) for x in (query, value, key)))
        rows, columns = scope.mask_of(query), scope.mask_of(value)
        causal = causal_mask(query.shape[1], key.shape[1]) if use_causal_mask else None
        mask = together(causal, None if columns is None else (columns != 0)[:, None, :])
        weights = masked_softmax(self.scores(variables, query, key), mask)
        dropout = dropped(scope, weights.shape, self.dropout, self.seed)
        weights = weights if dropout is None else jnp.where(dropout.keep, weights / (1 - dropout.rate), 0)
        y = weights @ value
        y = y if rows is None else jnp.where((rows != 0)[..., None], y, 0)
        return (y, weights) if return_attention_scores else y


@described
class Attention(SingleHead):
    """Attention whose scores are dot products of query and key, or sums of the hyperbolic tangent of their sum.

    Called as `layer([query, value])` or `layer([query, value, key])`. Steps of the value that its mask leaves out are not attended to,
    steps of the query that its mask leaves out get zeros, and so does a step that may attend to nothing.

    Formula: `y = softmax(scores) value`, with `scores = scale · query keyᵀ`, or with `score_mode='concat'`
    `scores = concat_score_weight · Σ tanh(scale · (query + key))`.

    Args:
        use_scale: whether `scale` is a weight that is learned, 1 at first; else it is 1. Default False.
        score_mode: `'dot'` (default) or `'concat'`.
        dropout: probability of dropping each weight of the attention in training, in [0, 1); default 0.
        seed: a random stream of this layer's own; default None.

    Call:
        return_attention_scores: whether the weights, (batch, time, source), are returned as well; default False.
        use_causal_mask: whether a step attends to itself and earlier ones only; default False.

    Shapes:
        query: (batch, time, dim), value: (batch, source, features), key: (batch, source, dim) → (batch, time, features).
        scale, concat_score_weight: ().

    Raises:
        ShapeError: one input only, or shapes that do not fit.

    Source: Luong, Pham, Manning (2015), section 3.1, 'dot'.

    Example:
        >>> import lamina
        >>> lamina.layers.Attention().output_shape((None, 10, 32), (None, 20, 32))
        (None, 10, 32)
    """

    use_scale: bool = setting(flag(), default=False)
    score_mode: str = setting(one_of('dot', 'concat'), default='dot')
    dropout: float = setting(real(0, below=1), default=0.0)
    seed: int | None = setting(whole(0), default=None)

    def weights(self, *shapes: Shape) -> Weights:
        self.check(*self.roles(shapes))
        names = (['scale'] if self.use_scale else []) + (['concat_score_weight'] if self.score_mode == 'concat' else [])
        return {name: Weight((), 'ones') for name in names}

    def scores(self, variables, query, key):
        scale = variables.get('scale', 1.0)
        if self.score_mode == 'dot':
            return super().scores(variables, query * scale, key)
        return variables['concat_score_weight'] * jnp.sum(jnp.tanh(scale * (query[:, :, None] + key[:, None])), -1)

    def apply(self, variables, *inputs, scope, return_attention_scores=False, use_causal_mask=False):
        """As in `Layer`; the keywords are those of Keras."""
        if self.score_mode == 'concat' or return_attention_scores:
            return self.attend(variables, inputs, scope, return_attention_scores, use_causal_mask)
        query, value, key = self.roles(inputs)
        self.check(*((None, *x.shape[1:]) for x in (query, value, key)))
        rows, columns = scope.mask_of(query), scope.mask_of(value)
        one_head = (x[:, :, None] for x in (query * variables.get('scale', 1.0), key, value))
        dropout = dropped(scope, (query.shape[0], 1, query.shape[1], key.shape[1]), self.dropout, self.seed)
        mask = None if columns is None else (columns != 0)[:, None, None, :]
        y = attention(*one_head, mask=mask, causal=use_causal_mask, scale=1.0, weights_dropout=dropout)[:, :, 0]
        return y if rows is None else jnp.where((rows != 0)[..., None], y, 0)


@described
class AdditiveAttention(SingleHead):
    """Attention whose scores are a weighted sum of the hyperbolic tangent of query plus key.

    Called, and masked, as `Attention`.

    Formula: `y = softmax(scores) value`, with `scores = Σ scale · tanh(query + key)`.

    Args:
        use_scale: whether `scale` is a weight for each feature that is learned; else it is 1. Default True.
        dropout: probability of dropping each weight of the attention in training, in [0, 1); default 0.
        seed: a random stream of this layer's own; default None.

    Call:
        as `Attention`.

    Shapes:
        query: (batch, time, dim), value: (batch, source, features), key: (batch, source, dim) → (batch, time, features). scale: (dim,).

    Raises:
        ShapeError: one input only, or shapes that do not fit.

    Cost: memory for batch · time · source · dim numbers.

    Source: Bahdanau, Cho, Bengio (2015), appendix A.1.2, without its projections.

    Example:
        >>> import lamina
        >>> lamina.layers.AdditiveAttention().output_shape((None, 10, 32), (None, 20, 32))
        (None, 10, 32)
    """

    use_scale: bool = setting(flag(), default=True)
    dropout: float = setting(real(0, below=1), default=0.0)
    seed: int | None = setting(whole(0), default=None, kw_only=True)

    def weights(self, *shapes: Shape) -> Weights:
        query, value, key = self.roles(shapes)
        self.check(query, value, key)
        return {'scale': Weight((self.known(query, -1),), 'glorot_uniform')} if self.use_scale else {}

    def scores(self, variables, query, key):
        return jnp.sum(variables.get('scale', 1.0) * jnp.tanh(query[:, :, None] + key[:, None]), -1)

    def apply(self, variables, *inputs, scope, return_attention_scores=False, use_causal_mask=False):
        """As in `Layer`; the keywords are those of Keras."""
        return self.attend(variables, inputs, scope, return_attention_scores, use_causal_mask)
