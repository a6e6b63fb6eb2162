"""The blocks that transformers are stacked from: attention and a feedforward network, each with a residual and a normalization."""

from collections.abc import Callable
from typing import Any, ClassVar

from lamina import activations, initializers, regularizers
from lamina.core.described import described, unregistered
from lamina.core.errors import ShapeError
from lamina.core.fields import flag, real, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.attention.heads import MultiHeadAttention
from lamina.layers.attention.projection import Composed
from lamina.layers.base import Layer, weights_of
from lamina.layers.core import Dense, add_activity_loss
from lamina.layers.dropout import Dropout
from lamina.layers.normalization import LayerNormalization
from lamina.layers.weight import Weights


@unregistered
class TransformerBlock(Composed):
    """What encoder and decoder share: sublayers within a residual, normalized after it or, with `normalize_first`, before."""

    supports_masking: ClassVar[bool] = True
    intermediate_dim: int = setting(whole(1))
    num_heads: int = setting(whole(1))
    dropout: float = setting(real(0, below=1), default=0)
    activation: Any = setting(convert=activations.name_of, default='relu')
    layer_norm_epsilon: float = setting(real(above=0), default=1e-5)
    kernel_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    # What a class below may have a setting for; without annotations, which would fix the places of these fields.
    kernel_regularizer = None
    bias_regularizer = None
    normalize_first = False

    def made_attention(self, part: str, name: str, features: int | None) -> dict[str, Layer]:
        """Attention with its normalization and its dropout."""
        size = 1 if features is None else features // self.num_heads
        return {
            name: MultiHeadAttention(self.num_heads, size, dropout=self.dropout, **self._shared(), name=name),
            f'{part}_layer_norm': LayerNormalization(epsilon=self.layer_norm_epsilon, name=f'{part}_layer_norm'),
            f'{part}_dropout': Dropout(self.dropout, name=f'{part}_dropout'),
        }

    def made_feedforward(self, features: int | None) -> dict[str, Layer]:
        """The feedforward network with its normalization and dropout."""
        names = [f'feedforward_{part}' for part in ('layer_norm', 'intermediate_dense', 'output_dense', 'dropout')]
        return {
            names[0]: LayerNormalization(epsilon=self.layer_norm_epsilon, name=names[0]),
            names[1]: Dense(self.intermediate_dim, self.activation, **self._shared(), name=names[1]),
            names[2]: Dense(features or 1, **self._shared(), name=names[2]),
            names[3]: Dropout(self.dropout, name=names[3]),
        }

    def _shared(self) -> dict[str, Any]:
        names = ('kernel_initializer', 'bias_initializer', 'kernel_regularizer', 'bias_regularizer')
        return {name: getattr(self, name) for name in names}

    def layers_for(self, shape: Shape) -> dict[str, Layer]:
        """The layers within for an input of this shape."""
        self.require(len(shape) == 3, shape, '(batch, time, dim)', 'Put an Embedding before this layer, or reshape its input.')
        features = self.known(shape, -1)
        self.require(features >= self.num_heads, shape, f'at least {self.num_heads} features, one for each head', 'Lower num_heads.')
        return self.edited(self.made(features))

    def residual(self, call: Callable, part: str, x: Any, branch: Callable) -> tuple:
        """x plus what a branch makes of it, normalized before the branch or after the sum.

        Args:
            call: runs a layer within, by name.
            part: how the names of its normalization and dropout begin.
            x: (batch, time, dim).
            branch: a function of x; what it returns beside an array is returned as well.
        """
        norm = f'{part}_layer_norm'
        y = branch(call(norm, x) if self.normalize_first else x)
        y, *more = y if isinstance(y, tuple) else (y,)
        y = x + call(f'{part}_dropout', y)
        return (y if self.normalize_first else call(norm, y), *more)

    def feedforward(self, call: Callable, x: Any) -> Any:
        """The feedforward network within its residual."""

        def dense(h: Any) -> Any:
            return call('feedforward_output_dense', call('feedforward_intermediate_dense', h))

        return self.residual(call, 'feedforward', x, dense)[0]


@described
class TransformerEncoder(TransformerBlock):
    """A block of an encoder: every step attends to every other, then each goes through the same two dense layers.

    With the names, arguments and order of weights of Keras Hub. The mask of its input is taken into account by itself.

    Formula: `h = norm(x + attention(x, x))`, `y = norm(h + dense(activation(dense(h))))`; with `normalize_first`
    `h = x + attention(norm(x), norm(x))`, `y = h + dense(activation(dense(norm(h))))`.

    Args:
        intermediate_dim: the width of the first of the two dense layers.
        num_heads: number of heads of the attention; each has dim // num_heads features.
        dropout: probability of dropping weights of the attention, and outputs of both parts, in training; default 0.
        activation: between the dense layers; default `'relu'`.
        layer_norm_epsilon: of both normalizations; default 1e-5.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer, bias_regularizer: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.
        normalize_first: whether the normalizations come before the parts, which trains deep stacks, or after; default False.

    Call:
        padding_mask: (batch, time) booleans, False for padding; default the mask that x carries.
        attention_mask: (batch, time, time) booleans, False where a step may not attend; default None.
        return_attention_scores: whether the weights, (batch, heads, time, time), are returned as well; default False.

    Shapes:
        x: (batch, time, dim) → the same.

    Raises:
        ShapeError: x has another number of axes, or fewer features than there are heads.

    Source: Vaswani et al. (2017), section 3.1; normalization first: Xiong et al. (2020).

    Example:
        >>> import lamina
        >>> lamina.layers.TransformerEncoder(64, 4).output_shape((None, 10, 32))
        (None, 10, 32)
    """

    kernel_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    normalize_first: bool = setting(flag(), default=False)

    def made(self, features: int | None = None) -> dict[str, Layer]:
        return {**self.made_attention('self_attention', 'self_attention_layer', features), **self.made_feedforward(features)}

    def weights(self, shape: Shape) -> Weights:
        return _declared(self.layers_for(shape), shape, self.intermediate_dim)

    def apply(self, variables, x, *, scope, padding_mask=None, attention_mask=None, return_attention_scores=False):
        """As in `Layer`; the keywords are those of the class."""
        layers = self.layers_for((None, *x.shape[1:]))
        padding = scope.mask_of(x) if padding_mask is None else padding_mask

        def call(name: str, *inputs: Any, **keywords: Any) -> Any:
            return scope.call(layers[name], name, variables, *inputs, **keywords)

        def attend(h: Any) -> Any:
            masks = {'value_mask': padding, 'attention_mask': attention_mask}
            return call('self_attention_layer', h, h, return_attention_scores=return_attention_scores, **masks)

        h, *scores = self.residual(call, 'self_attention', x, attend)
        y = self.feedforward(call, h)
        if self.activity_regularizer is not None:
            add_activity_loss(self.activity_regularizer, y, scope)
        return (y, *scores) if return_attention_scores else y


@described
class TransformerDecoder(TransformerBlock):
    """A block of a decoder: every step attends to itself and those before it, then to an encoder's output where one is given.

    Called as `decoder(x)`, as in networks that write on, or as `decoder(x, encoder_sequence)`, as in those that translate. With the
    names, arguments and order of weights of Keras Hub.

    Formula: as `TransformerEncoder`, with `attention(h, encoder_sequence)` in a residual of its own between the two parts.

    Args:
        intermediate_dim: the width of the first of the two dense layers.
        num_heads: number of heads of each attention; each has dim // num_heads features.
        dropout: probability of dropping weights of the attention, and outputs of every part, in training; default 0.
        activation: between the dense layers; default `'relu'`.
        layer_norm_epsilon: of the normalizations; default 1e-5.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        normalize_first: whether the normalizations come before the parts or after; default False.

    Call:
        decoder_padding_mask: (batch, time) booleans, False for padding; default the mask that x carries.
        decoder_attention_mask: (batch, time, time) booleans, False where a step may not attend; default None.
        encoder_padding_mask: (batch, source) booleans; default the mask that the encoder's output carries.
        encoder_attention_mask: (batch, time, source) booleans; default None.
        use_causal_mask: whether a step may attend to later ones only where this is False; default True.

    Shapes:
        x: (batch, time, dim), encoder_sequence: (batch, source, features) → (batch, time, dim).

    Raises:
        ShapeError: an input has another number of axes, or x fewer features than there are heads.

    Source: Vaswani et al. (2017), section 3.1.

    Example:
        >>> import lamina
        >>> lamina.layers.TransformerDecoder(64, 4).output_shape((None, 10, 32), (None, 20, 32))
        (None, 10, 32)
    """

    normalize_first: bool = setting(flag(), default=False)

    def made(self, features: int | None = None) -> dict[str, Layer]:
        norm, first, second, dropout = self.made_feedforward(features).items()
        attention = [item for part in ('self_attention', 'cross_attention') for item in self.made_attention(part, part, features).items()]
        return dict([*attention, first, second, norm, dropout])

    def weights(self, shape: Shape, encoder_shape: Shape | None = None) -> Weights:
        layers = self.layers_for(shape)
        if encoder_shape is None:
            layers = {name: layer for name, layer in layers.items() if not name.startswith('cross')}
        return _declared(layers, shape, self.intermediate_dim, encoder_shape)

    def apply(
        self,
        variables,
        x,
        *encoder,
        scope,
        decoder_padding_mask=None,
        decoder_attention_mask=None,
        encoder_padding_mask=None,
        encoder_attention_mask=None,
        use_causal_mask=True,
    ):
        """As in `Layer`; the keywords are those of the class."""
        if len(encoder) > 1:
            raise ShapeError(self.label, f'{1 + len(encoder)} inputs', 'one or two', 'Call decoder(x) or decoder(x, encoder_sequence).')
        (source,) = encoder or (None,)
        layers = self.layers_for((None, *x.shape[1:]))
        padding = scope.mask_of(x) if decoder_padding_mask is None else decoder_padding_mask

        def call(name: str, *inputs: Any, **keywords: Any) -> Any:
            return scope.call(layers[name], name, variables, *inputs, **keywords)

        def attend(h: Any) -> Any:
            masks = {'value_mask': padding, 'attention_mask': decoder_attention_mask, 'use_causal_mask': use_causal_mask}
            return call('self_attention', h, h, **masks)

        def attend_to_encoder(h: Any) -> Any:
            masks = {'value_mask': encoder_padding_mask, 'attention_mask': encoder_attention_mask}
            return call('cross_attention', h, source, **masks)

        (h,) = self.residual(call, 'self_attention', x, attend)
        if source is not None:
            (h,) = self.residual(call, 'cross_attention', h, attend_to_encoder)
        return self.feedforward(call, h)


def _declared(layers: dict[str, Layer], shape: Shape, intermediate_dim: int, encoder_shape: Shape | None = None) -> Weights:
    """The weights of the layers of a block, by what each of them is given."""
    given = {
        'self_attention_layer': (shape, shape),
        'self_attention': (shape, shape),
        'cross_attention': (shape, encoder_shape),
        'feedforward_output_dense': ((*shape[:-1], intermediate_dim),),
    }
    weights = {name: weights_of(layer, *given.get(name, (shape,))) for name, layer in layers.items()}
    return {name: declared for name, declared in weights.items() if declared}
