"""From one value per example to the number that is minimized, with weights, and exact where a batch was padded."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.errors import ShapeError
from lamina.core.shapes import show

REDUCTIONS = ('sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight', 'none', None)


def row_mask(valid: ArrayLike, ndim: int) -> jax.Array:
    """`valid`, (batch,) or (batch, time), as booleans with axes of size 1 after its own, `ndim` in all."""
    counts = jnp.asarray(valid) != 0
    if counts.ndim > ndim:
        raise ShapeError(
            'loss',
            f'a mask of shape {show(counts.shape)} for values of {ndim} axes',
            'one value of the loss for each position of the mask',
            'Give the network an output of shape (batch, time, features), or targets for each time step.',
        )
    return jnp.reshape(counts, counts.shape + (1,) * (ndim - counts.ndim))


def fill_rows(valid: ArrayLike, array: jax.Array, value: float) -> jax.Array:
    """The array with every padded row replaced by a constant.

    This comes before the loss is computed: zeroing its result alone would let 0 · NaN into the gradients.
    """
    return jnp.where(row_mask(valid, array.ndim), array, jnp.asarray(value, array.dtype))


def combine_masks(counted: jax.Array | None, valid: ArrayLike | None, ndim: int) -> jax.Array | None:
    """The positions that count: those the loss does not ignore, in rows that are not padding; None where all do."""
    if valid is None:
        return counted
    rows = row_mask(valid, ndim)
    return rows if counted is None else rows & counted


def fit_weights(sample_weight: ArrayLike, shape: tuple[int, ...], label: str) -> jax.Array:
    """Weights with as many axes as the values of the loss: one per example, (batch,) or (batch, 1), or one per position.

    Raises:
        ShapeError: they cannot be spread over the values.
    """
    given = weights = jnp.asarray(sample_weight, jnp.float32)
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if 0 < weights.ndim < len(shape):
        weights = jnp.reshape(weights, weights.shape + (1,) * (len(shape) - weights.ndim))
    if weights.ndim > len(shape) or any(a not in (1, b) for a, b in zip(weights.shape, shape, strict=False)):
        raise ShapeError(
            f'{label}, argument sample_weight',
            f'shape {show(given.shape)}',
            f'{show(shape[:1])} or {show(shape)}',
            'Pass one weight for each example, or one for each value of the loss (for each time step).',
        )
    return weights


def reduce_values(
    values: jax.Array,
    sample_weight: ArrayLike | None = None,
    mask: jax.Array | None = None,
    reduction: str | None = 'sum_over_batch_size',
    label: str = 'loss',
) -> jax.Array:
    """Reduce the values of a loss; positions outside the mask contribute nothing, whatever stands there.

    Args:
        values: one value per example or position, (batch, …).
        sample_weight: (batch,), (batch, 1) or the shape of the values.
        mask: booleans that spread over the values; None counts all.
        reduction: 'sum_over_batch_size' and 'mean' divide the weighted sum by the number of values counted,
            'mean_with_sample_weight' by the sum of their weights, 'sum' by nothing; 'none' and None return the weighted values.
        label: what to call the loss in errors.

    Returns:
        A scalar, 0 where nothing counts; or for 'none' an array of the shape of `values`, zero outside the mask.
    """
    weights = None if sample_weight is None else fit_weights(sample_weight, values.shape, label)
    if mask is not None:
        mask = jnp.broadcast_to(mask, values.shape)
        values = jnp.where(mask, values, 0)
        weights = None if weights is None else jnp.where(mask, weights, 0)
    if weights is not None:
        values = values * weights
    if reduction in (None, 'none'):
        return values
    total = jnp.sum(values)
    if reduction == 'sum':
        return total
    if weights is not None and reduction == 'mean_with_sample_weight':
        return _divide(total, jnp.sum(jnp.broadcast_to(weights, values.shape)))
    if mask is not None:
        return _divide(total, jnp.sum(mask, dtype=values.dtype))
    return total / max(values.size, 1)


def _divide(total: jax.Array, divisor: jax.Array) -> jax.Array:
    """The quotient, or 0 where the divisor is 0; the inner `where` keeps the gradient finite there."""
    return jnp.where(divisor == 0, 0, total / jnp.where(divisor == 0, 1, divisor))
