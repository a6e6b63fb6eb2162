"""From numbers that name things (words, users, products) to vectors that are learned."""

from typing import Any

import jax.numpy as jnp

from lamina import constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import flag, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@described
class Embedding(Layer):
    """A vector for each whole number from 0 to `input_dim - 1`.

    An index outside that range gives a vector of zeros and no gradient; it can be found in the data, not within the
    compiled program, and Keras gives NaN or another row for it, depending on the back end.

    Formula: `y = embeddings[x]`.

    Args:
        input_dim: how many vectors there are.
        output_dim: the size of each.
        embeddings_initializer: default `'uniform'`, between -0.05 and 0.05.
        embeddings_regularizer: default None.
        embeddings_constraint: default None.
        mask_zero: whether steps with index 0 are padding, which the layers after this one leave out; default False.
        sparse: whether a training step computes and changes only the rows that its batch looks up, so that it takes as long for a
            million rows as for a thousand; default False. With SGD without momentum and with Adagrad, without weight decay, the
            result is the same. Other optimizers then leave the rows of other examples, and what they remember of them, as they are
            (the 'lazy' form), where by default they go on moving them by their momentum. Not with a regularizer or a constraint,
            which concern every row. With an optimizer that compares the elements of an array (Lamb, Adafactor, Muon, one of
            Optax's) it has no effect.

    Shapes:
        x: (batch, …) of whole numbers → (batch, …, output_dim). embeddings: (input_dim, output_dim).

    Example:
        >>> import lamina
        >>> lamina.layers.Embedding(1000, 64).output_shape((None, 10))
        (None, 10, 64)
    """

    input_dim: int = setting(whole(1))
    output_dim: int = setting(whole(1))
    embeddings_initializer: Any = setting(convert=initializers.get, default='uniform')
    embeddings_regularizer: Any = setting(convert=regularizers.get, default=None)
    embeddings_constraint: Any = setting(convert=constraints.get, default=None)
    mask_zero: bool = setting(flag(), default=False)
    sparse: bool = setting(flag(), default=False, kw_only=True)

    def validate(self) -> None:
        for name in ('embeddings_regularizer', 'embeddings_constraint'):
            if self.sparse and getattr(self, name) is not None:
                raise ConfigError(
                    f'{self.label}, setting {name!r}', repr(getattr(self, name)), 'None with sparse=True', 'Leave out one of the two.'
                )

    def weights(self, shape: Shape) -> Weights:
        table = (self.input_dim, self.output_dim)
        weight = Weight(
            table, self.embeddings_initializer, True, self.embeddings_regularizer, self.embeddings_constraint, by_row=self.sparse
        )
        return {'embeddings': weight}

    def apply(self, variables, x, scope):
        ids = x if jnp.issubdtype(x.dtype, jnp.integer) else x.astype(jnp.int32)
        y = scope.look_up('embeddings', variables['embeddings'], ids)
        if self.mask_zero:
            scope.set_mask(y, ids != 0)
        return y
