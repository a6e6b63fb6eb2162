"""Scaled dot-product attention with masks, causality, grouped heads and dropout of its weights.

On a CPU its time goes into moving the weights, (batch, heads, time, source), through memory. There it is computed in blocks whose
weights stay in the cache, and the gradient computes them again instead of reading them back.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

# Of the weights of one block; two such arrays fit the second-level cache of two cores.
_BLOCK_BYTES = 2**20
# What a score that is left out is replaced with where infinity would make NaN of a row that is left out altogether.
_LOWEST = -1e30


class WeightsDropout(NamedTuple):
    """Which weights of attention are dropped.

    Args:
        keep: booleans that broadcast to (batch, heads, time, source).
        rate: the probability at which they are False; the kept weights are divided by `1 - rate`.
    """

    keep: jax.Array
    rate: float


def attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    *,
    mask: jax.Array | None = None,
    causal: bool = False,
    scale: float | None = None,
    weights_dropout: WeightsDropout | None = None,
    return_scores: bool = False,
) -> Any:
    """For each step of the query the mean of the values, weighted by how well their keys fit it.

    A step that may attend to nothing gets zeros and has no gradient.

    Formula: `y = dropout(softmax(scale · query keyᵀ, where mask)) value`, for each head.

    Args:
        query: (batch, time, heads, dim).
        key: (batch, source, key_heads, dim); `heads` is a multiple of `key_heads`, and each key head serves equally many
            neighbouring heads.
        value: (batch, source, key_heads, value_dim).
        mask: booleans that broadcast to (batch, heads, time, source), False where a step may not attend; default None.
        causal: whether step t attends to the source's steps 0 … t only; default False.
        scale: default `1 / sqrt(dim)`.
        weights_dropout: default None.
        return_scores: whether the weights, before dropout, are returned as well; default False.

    Returns:
        (batch, time, heads, value_dim), or a pair of that and the weights (batch, heads, time, source).

    Cost: 2 · batch · heads · time · source · (dim + value_dim) operations, and 2.5 times as many in the gradient.

    Source: Vaswani et al. (2017), section 3.2.1; grouped heads: Ainslie et al. (2023). That the gradient computes the weights
    again, from the maximum and the sum of each row: Dao et al. (2022), section 3.1.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((2, 5, 4, 8))
        >>> attention(x, x[:, :, :2], x[:, :, :2], causal=True).shape
        (2, 5, 4, 8)
    """
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if return_scores:
        return plain(query, key, value, mask, causal, scale, weights_dropout, return_scores=True)
    backend = jax.default_backend()
    if backend == 'gpu' and weights_dropout is None and takes_fused(query, key, value, _compute_capability()):
        return fused(query, key, value, mask, causal, scale, 'cudnn')
    if backend == 'cpu':
        return blocked(query, key, value, mask, causal, scale, weights_dropout)
    return plain(query, key, value, mask, causal, scale, weights_dropout)


def masked_softmax(scores: jax.Array, mask: jax.Array | None) -> jax.Array:
    """The softmax over the last axis of the scores that count; zeros, and no gradient, in a row where none does."""
    if mask is None:
        return jax.nn.softmax(scores, -1)
    return jnp.where(mask, jax.nn.softmax(jnp.where(mask, scores, _LOWEST), -1), 0)


def causal_mask(time: int, source: int) -> jax.Array:
    """(time, source) booleans, True where the source's step is not after the query's."""
    return lax.broadcasted_iota(jnp.int32, (time, source), 0) >= lax.broadcasted_iota(jnp.int32, (time, source), 1)


def plain(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    causal: bool,
    scale: float,
    dropout: WeightsDropout | None,
    return_scores: bool = False,
) -> Any:
    """`attention` as its formula says it, differentiated by JAX: the lowering of accelerators, and the reference of the others."""
    key, value = _one_for_each_head(query, key), _one_for_each_head(query, value)
    if causal:
        below = causal_mask(query.shape[1], key.shape[1])
        mask = below if mask is None else mask & below
    weights = masked_softmax(jnp.einsum('bthd,bshd->bhts', query * scale, key), mask)
    kept = weights if dropout is None else jnp.where(dropout.keep, weights / (1 - dropout.rate), 0)
    y = jnp.einsum('bhts,bshd->bthd', kept, value)
    return (y, weights) if return_scores else y


def _one_for_each_head(query: jax.Array, x: jax.Array) -> jax.Array:
    """Keys or values, each repeated for the heads that it serves."""
    times = query.shape[2] // x.shape[2]
    return x if times == 1 else jnp.repeat(x, times, axis=2)


def takes_fused(query: jax.Array, key: jax.Array, value: jax.Array, compute_capability: float) -> bool:
    """Whether cuDNN's flash attention takes arrays of these shapes and dtypes on such a device."""
    dim = query.shape[-1]
    same = query.dtype == key.dtype == value.dtype and key.shape == value.shape
    halves = query.dtype in (jnp.bfloat16, jnp.float16)
    even = query.shape[1] % 2 == 0 and key.shape[1] % 2 == 0
    return compute_capability >= 8 and same and halves and even and dim % 8 == 0 and dim <= 128


def _compute_capability() -> float:
    """Of the first device; 0 where it has none."""
    found = getattr(jax.devices()[0], 'compute_capability', None)
    return float(found) if found else 0.0


def fused(query: jax.Array, key: jax.Array, value: jax.Array, mask: jax.Array | None, causal: bool, scale: float, implementation: Any):
    """`attention` as JAX's own, in one kernel where `implementation` is `'cudnn'`."""
    lifted = None if mask is None else mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    y = jax.nn.dot_product_attention(query, key, value, mask=lifted, scale=scale, is_causal=causal, implementation=implementation)
    if lifted is None:
        return y
    if causal:
        lifted = lifted & causal_mask(query.shape[1], key.shape[1])
    attends = jnp.any(lifted, -1).swapaxes(1, 2)[..., None]  # (batch, time, heads, 1)
    return jnp.where(attends, y, 0)


def blocked(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    causal: bool,
    scale: float,
    dropout: WeightsDropout | None,
    block_bytes: int = _BLOCK_BYTES,
) -> jax.Array:
    """`attention` a block of examples or heads at a time, whose weights never leave the cache; the lowering of CPUs."""
    batch, time, heads, _ = query.shape
    if 0 in (batch, time, key.shape[1]):
        return plain(query, key, value, mask, causal, scale, dropout)
    examples, block_heads = _block(batch, heads, 4 * time * key.shape[1], block_bytes)
    grid = _Grid(batch, heads, examples, block_heads)
    key, value = _one_for_each_head(query, key), _one_for_each_head(query, value)
    keep, rate = (None, 0.0) if dropout is None else dropout
    blocks = [grid.blocks(x) for x in (query * scale, key, value)]
    y: Any = _attend(grid, causal, rate, *blocks, grid.conditions(mask), grid.conditions(keep))
    return grid.joined(y)


def _block(batch: int, heads: int, row_bytes: int, block_bytes: int) -> tuple[int, int]:
    """How many examples, and how many heads of each, make a block of at most `block_bytes`."""
    if heads * row_bytes > block_bytes:
        return 1, _largest_divisor(heads, block_bytes // row_bytes)
    return _largest_divisor(batch, block_bytes // (heads * row_bytes)), heads


def _largest_divisor(number: int, at_most: int) -> int:
    return max((n for n in range(1, min(number, at_most) + 1) if number % n == 0), default=1)


class _Grid(NamedTuple):
    """How the batch and the heads are cut into blocks, each of several examples or of some heads of one."""

    batch: int
    heads: int
    examples: int
    block_heads: int

    def blocks(self, x: jax.Array) -> jax.Array:
        """(batch, time, heads, dim) → (blocks, examples, heads, dim, time)."""
        _, time, _, dim = x.shape
        return x.transpose(0, 2, 3, 1).reshape(-1, self.examples, self.block_heads, dim, time)

    def joined(self, x: jax.Array) -> jax.Array:
        """The inverse of `blocks`."""
        *_, dim, time = x.shape
        return x.reshape(self.batch, self.heads, dim, time).transpose(0, 3, 1, 2)

    def conditions(self, mask: jax.Array | None) -> jax.Array | None:
        """Booleans that broadcast to (batch, heads, time, source), with the source before the time, their first two axes cut in two."""
        if mask is None:
            return None
        batch, heads, time, source = (1,) * (4 - mask.ndim) + mask.shape
        rows = (1, 1) if batch == 1 else (self.batch // self.examples, self.examples)
        columns = (1, 1) if heads == 1 else (self.heads // self.block_heads, self.block_heads)
        return mask.reshape(*rows, *columns, time, source).swapaxes(-1, -2)

    def condition(self, mask: jax.Array | None, number: jax.Array | int) -> jax.Array | None:
        """The part of `conditions` that belongs to a block."""
        if mask is None:
            return None
        across = self.heads // self.block_heads
        column = lax.dynamic_index_in_dim(mask, number % across if mask.shape[2] > 1 else 0, 2, keepdims=False)
        return lax.dynamic_index_in_dim(column, number // across if mask.shape[0] > 1 else 0, 0, keepdims=False)

    def each(self, function: Callable, arrays: tuple) -> Any:
        """The function of each block's number and arrays, one block after another."""
        count = (self.batch // self.examples) * (self.heads // self.block_heads)
        if count == 1:
            return jax.tree.map(lambda a: a[None], function(0, *(a[0] for a in arrays)))
        return lax.map(lambda block: function(*block), (jnp.arange(count), *arrays))


# The weights stand as (…, source, time): so each product has its long axis last, and its right side as it is in memory.
def _product(left: jax.Array, right: jax.Array, over_left: int, over_right: int) -> jax.Array:
    """The matrix product, summed over these axes of the last two."""
    together = tuple(range(left.ndim - 2))
    return lax.dot_general(left, right, (((left.ndim + over_left,), (right.ndim + over_right,)), (together, together)))


def _scores(query: jax.Array, key: jax.Array, mask: jax.Array | None, causal: bool) -> jax.Array:
    """(…, source, time), -inf where a step may not attend."""
    scores = _product(key, query, -2, -2)
    if causal:
        above = causal_mask(query.shape[-1], key.shape[-1]).T
        mask = above if mask is None else mask & above
    return scores if mask is None else jnp.where(mask, scores, -jnp.inf)


def _factors(keep: jax.Array | None, rate: float) -> jax.Array | float:
    """What dropout multiplies the weights by."""
    return 1.0 if keep is None else jnp.where(keep, 1 / (1 - rate), 0)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _attend(grid: _Grid, causal: bool, rate: float, query, key, value, mask, keep):
    return _attend_forward(grid, causal, rate, query, key, value, mask, keep)[0]


def _attend_forward(grid, causal, rate, query, key, value, mask, keep):
    def block(number, query, key, value):
        scores = _scores(query, key, grid.condition(mask, number), causal)
        highest = jnp.maximum(scores.max(-2, keepdims=True), _LOWEST)
        weights = jnp.exp(scores - highest)
        total = weights.sum(-2, keepdims=True)
        attends = total > 0
        kept = weights if keep is None else weights * _factors(grid.condition(keep, number), rate)
        y = _product(value, kept, -1, -2) * jnp.where(attends, 1 / total, 0)
        return y, jnp.where(attends, highest + jnp.log(total), 0)

    y, log_total = grid.each(block, (query, key, value))
    return y, (query, key, value, mask, keep, y, log_total)


def _attend_backward(grid, causal, rate, residuals, gradient):
    query, key, value, mask, keep, y, log_total = residuals

    def block(number, query, key, value, log_total, gradient, product):
        weights = jnp.exp(_scores(query, key, grid.condition(mask, number), causal) - log_total)
        factors = _factors(grid.condition(keep, number), rate)
        change = weights * (_product(value, gradient, -2, -2) * factors - product)
        d_value = _product(gradient, weights * factors, -1, -1)
        return _product(key, change, -1, -2), _product(query, change, -1, -1), d_value

    product = (gradient * y).sum(-2, keepdims=True)
    return *grid.each(block, (query, key, value, log_total, gradient, product)), None, None


_attend.defvjp(_attend_forward, _attend_backward)
