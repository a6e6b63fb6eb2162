"""What the metrics share while they run inside the compiled loop: shapes brought together, weights applied, classes found."""

import jax
import jax.numpy as jnp

from lamina.core.errors import ShapeError
from lamina.core.shapes import show

# Keras's default `epsilon`, which several of its formulas contain.
EPSILON = 1e-7

# Up to this many bins, comparing every value with every bin is cheaper on a CPU than a scatter.
_FEW_BINS = 4


def floats(x: jax.Array) -> jax.Array:
    """The array in single precision, or in its own where that is wider."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def shown(x: jax.Array) -> str:
    """The shape of a batch as users read it: `(batch, 10)`."""
    return show((None, *x.shape[1:])) if x.ndim else '()'


def aligned(where: str, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Targets and predictions in one shape and in floats; a last axis of 1 that only one of them has is forgiven.

    Raises:
        ShapeError: they differ in more than that; reshape one of them.
    """
    given = f'y_true of shape {y_true.shape} and y_pred of shape {y_pred.shape}'
    if y_true.ndim == y_pred.ndim + 1:
        y_pred, y_true = _same_rank(y_pred, y_true)
    elif y_pred.ndim == y_true.ndim + 1:
        y_true, y_pred = _same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape or y_pred.ndim == 0:
        raise ShapeError(where, given, 'equal shapes, batch first', 'Reshape the targets to the shape of the predictions.')
    return floats(y_true), floats(y_pred)


def _same_rank(shorter: jax.Array, longer: jax.Array) -> tuple[jax.Array, jax.Array]:
    if longer.shape[-1] != 1:
        return shorter, longer
    return (shorter[:, None], longer) if shorter.ndim == 1 else (shorter, longer[..., 0])


def sparse_labels(where: str, y_true: jax.Array, scores: jax.Array) -> jax.Array:
    """Integer labels in the shape of `scores` without its last axis; -1 for what is no class of them.

    Raises:
        ShapeError: the labels are not one per row of scores; pass class numbers, or take the metric for one-hot targets.
    """
    labels = y_true[..., 0] if y_true.ndim == scores.ndim and y_true.shape[-1] == 1 else y_true
    if scores.ndim < 2 or labels.shape != scores.shape[:-1]:
        raise ShapeError(
            where,
            f'y_true of shape {y_true.shape} and y_pred of shape {scores.shape}',
            'y_pred of shape (batch, …, classes) and one class number per row of it',
            'Pass class numbers as y_true; for one-hot targets take the metric without Sparse in its name.',
        )
    ids = class_ids(labels, exact=True)
    return jnp.where((ids >= 0) & (ids < scores.shape[-1]), ids, -1)


def class_ids(x: jax.Array, *, exact: bool = False) -> jax.Array:
    """Class numbers as int32. A float that is not finite (with `exact`, not whole either) becomes -1; others are cut to whole numbers."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(jnp.int32)
    x = floats(x)
    known = (x == jnp.trunc(x)) if exact else ~jnp.isnan(x)
    return jnp.where(known & (jnp.abs(x) < 2.0**31), x, -1).astype(jnp.int32)


def spread(where: str, weight: jax.Array, values: jax.Array) -> jax.Array:
    """Weights of shape (batch,) broadcast over the inner axes of `values`.

    Raises:
        ShapeError: there is not one weight per example.
    """
    if values.ndim == 0 or weight.shape != values.shape[:1]:
        raise ShapeError(
            where,
            f'weights of shape {weight.shape} for values of shape {values.shape}',
            'one weight per example',
            'Pass sample_weight of shape (batch,).',
        )
    return jnp.broadcast_to(floats(weight).reshape(-1, *(1,) * (values.ndim - 1)), values.shape)


def weighted_sum(values: jax.Array, weight: jax.Array, axis: int | None = None) -> jax.Array:
    """The sum of `values · weight` in float32; where the weight is 0 the value is not looked at, so it may be NaN."""
    return jnp.sum(jnp.where(weight == 0, 0, values * weight), axis).astype(jnp.float32)


def example_means(values: jax.Array) -> jax.Array:
    """The mean over every axis but the batch."""
    return jnp.mean(floats(values), axis=tuple(range(1, values.ndim)))


def first_maximum(scores: jax.Array) -> jax.Array:
    """The index of the first maximum along the last axis, or the number of classes where a score is NaN.

    Two plain reductions: on a CPU they take a third of the time of `argmax`, whose reduction over pairs is not vectorized.
    """
    classes = scores.shape[-1]
    index = jnp.arange(classes, dtype=jnp.int32)
    top = jnp.max(scores, axis=-1, keepdims=True)
    return jnp.min(jnp.where(scores == top, index, classes), axis=-1)


def is_first_maximum(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Whether the label's score is the first maximum of its row: `argmax(scores) == labels`, in one plain reduction.

    A label of -1 is wrong, and so is any label of a row that holds a NaN.
    """
    index = jnp.arange(scores.shape[-1], dtype=jnp.int32)
    label = labels[..., None]
    own = jnp.take_along_axis(scores, jnp.maximum(label, 0), axis=-1)
    beaten = (scores < own) | ((scores == own) & (index >= label))
    return (jnp.sum(~beaten, axis=-1, dtype=jnp.int32) == 0) & (labels >= 0)


def is_in_top_k(scores: jax.Array, labels: jax.Array, k: int) -> jax.Array:
    """Whether fewer than k scores of the row are greater than the label's; ties count for the label, NaN against it."""
    own = jnp.take_along_axis(scores, jnp.maximum(labels, 0)[..., None], axis=-1)
    greater = jnp.sum(~(scores <= own), axis=-1, dtype=jnp.int32)
    return (greater < k) & (labels >= 0) & (own == own)[..., 0]


def top_k_mask(where: str, scores: jax.Array, k: int) -> jax.Array:
    """True for the k greatest scores of each row; of equal ones the first.

    Raises:
        ShapeError: a row has fewer than k scores.
    """
    if scores.ndim < 2 or scores.shape[-1] < k:
        raise ShapeError(
            where, f'y_pred of shape {scores.shape}', f'at least k = {k} scores per example', 'Lower top_k, or pass scores of every class.'
        )
    least = jax.lax.top_k(scores, k)[0][..., -1:]
    above, tied = scores > least, scores == least
    room = k - jnp.sum(above, axis=-1, keepdims=True, dtype=jnp.int32)
    return above | (tied & (jnp.cumsum(tied, axis=-1, dtype=jnp.int32) <= room))


def histogram(index: jax.Array, weight: jax.Array, bins: int) -> jax.Array:
    """The weight that falls into each bin, as (bins,); an index outside of [0, bins) is dropped."""
    index, weight = index.reshape(-1), weight.reshape(-1)
    if bins <= _FEW_BINS:
        return jnp.sum(jnp.where(index[:, None] == jnp.arange(bins), weight[:, None], 0), axis=0).astype(jnp.float32)
    index = jnp.where(index < 0, bins, index)
    return jnp.zeros(bins, jnp.float32).at[index].add(weight.astype(jnp.float32), mode='drop')


def pair_counts(rows: jax.Array, columns: jax.Array, weight: jax.Array, classes: int) -> jax.Array:
    """The weight of each pair (row, column) of class numbers, as (classes, classes); pairs outside of it are dropped."""
    known = (rows >= 0) & (rows < classes) & (columns >= 0) & (columns < classes)
    index = jnp.where(known, rows * classes + columns, -1)
    return histogram(index, weight, classes * classes).reshape(classes, classes)
