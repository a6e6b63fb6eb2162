"""The functions themselves: jax.nn's where they equal Keras's, with Keras's defaults."""

import jax
import jax.numpy as jnp

from lamina.activations.registry import built_in


@built_in('identity', equals=(jax.nn.identity,))
def linear(x):
    """The input itself.

    >>> float(linear(3.0))
    3.0
    """
    return x


@built_in(equals=(jnp.exp,))
def exponential(x):
    """`exp(x)`."""
    return jnp.exp(x)


# Rectifiers -----------------------------------------------------------------------------------------------------------


@built_in(equals=(jax.nn.relu,))
def relu(x, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0):
    """The rectifier, `max(x, 0)`; its three settings bend and cap it.

    Formula: `max_value` where `x ≥ max_value`, `x` where `threshold < x < max_value`,
    `negative_slope · (x - threshold)` elsewhere. The gradient at 0 is 0.

    Args:
        x: an array.
        negative_slope: the slope below the threshold; default 0.
        max_value: the largest output; default None, no limit.
        threshold: values up to it count as negative; default 0.

    >>> relu(jnp.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    if negative_slope == 0.0 and max_value is None and threshold == 0.0:
        return jax.nn.relu(x)
    if max_value is None and threshold == 0.0:
        return jax.nn.leaky_relu(x, negative_slope)
    x = jnp.asarray(x)
    kept = jax.nn.relu(x) if threshold == 0.0 else jnp.where(x > threshold, x, 0)
    if max_value is not None:
        kept = jnp.clip(kept, 0, max_value)
    return kept if negative_slope == 0.0 else kept - negative_slope * jax.nn.relu(threshold - x)


@built_in(equals=(jax.nn.relu6,))
def relu6(x):
    """`min(max(x, 0), 6)` (Krizhevsky, 2010)."""
    return jax.nn.relu6(x)


@built_in()
def leaky_relu(x, negative_slope: float = 0.2):
    """`x` where positive, `negative_slope · x` elsewhere.

    The default slope is Keras's 0.2; that of jax.nn and PyTorch, 0.01, is `jax_leaky_relu`.
    """
    return jax.nn.leaky_relu(x, negative_slope)


@built_in(equals=(jax.nn.leaky_relu,))
def jax_leaky_relu(x):
    """`leaky_relu` with the slope 0.01 that is the default of jax.nn."""
    return jax.nn.leaky_relu(x)


@built_in(equals=(jax.nn.elu,))
def elu(x, alpha: float = 1.0):
    """`x` where positive, `alpha · (exp(x) - 1)` elsewhere (Clevert et al., 2016)."""
    return jax.nn.elu(x, alpha)


@built_in(equals=(jax.nn.celu,))
def celu(x, alpha: float = 1.0):
    """`x` where positive, `alpha · (exp(x / alpha) - 1)` elsewhere (Barron, 2017)."""
    return jax.nn.celu(x, alpha)


@built_in(equals=(jax.nn.selu,))
def selu(x):
    """A scaled `elu` that keeps mean 0 and variance 1 from layer to layer with `lecun_normal` weights.

    Formula: `1.0507 · elu(x, 1.6733)` (Klambauer et al., 2017).
    """
    return jax.nn.selu(x)


@built_in()
def threshold(x, threshold: float = 0.0, default_value: float = 0.0):
    """`x` where it is above the threshold, `default_value` elsewhere.

    Keras has no defaults for the two; with both 0, as here, it is the rectifier.
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


# Smooth gates ---------------------------------------------------------------------------------------------------------


# `0.5*tanh(x/2)+0.5` is only a sixth faster than jax.nn.sigmoid on large arrays and flushes the left tail to 0 below -17.
@built_in(equals=(jax.nn.sigmoid, jax.lax.logistic))
def sigmoid(x):
    """`1 / (1 + exp(-x))`.

    >>> float(sigmoid(0.0))
    0.5
    """
    return jax.nn.sigmoid(x)


@built_in(equals=(jax.nn.log_sigmoid,))
def log_sigmoid(x):
    """`log(sigmoid(x))`, without overflow."""
    return jax.nn.log_sigmoid(x)


@built_in('swish', equals=(jax.nn.silu, jax.nn.swish))
def silu(x):
    """`x · sigmoid(x)`, also called swish (Hendrycks & Gimpel, 2016; Ramachandran et al., 2017)."""
    return jax.nn.silu(x)


@built_in()
def gelu(x, approximate: bool = False):
    """`x · Φ(x)`, with Φ the cumulative distribution of the standard normal (Hendrycks & Gimpel, 2016).

    The default is exact, as in Keras; jax.nn's own default, the approximation by a tanh, is `jax_gelu`.

    Args:
        x: an array.
        approximate: use `0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`; default False.
    """
    return jax.nn.gelu(x, approximate=approximate)


@built_in('gelu_tanh', equals=(jax.nn.gelu,))
def jax_gelu(x):
    """`gelu` by its tanh approximation, the default of jax.nn and the choice of GPT-2; also named `'gelu_tanh'`."""
    return jax.nn.gelu(x, approximate=True)


@built_in(equals=(jax.nn.mish,))
def mish(x):
    """`x · tanh(softplus(x))` (Misra, 2019)."""
    # With e = exp(x) and n = e(e + 2), tanh(log(1 + e)) = n / (n + 2): one exponential, a third of the time of jax.nn.mish
    # on a CPU. Each of its two forms loses digits, in the value or in the gradient, where the other does not.
    x = jnp.asarray(x)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # half precision would overflow in n
    e = jnp.exp(jnp.minimum(wide, 20))  # beyond it the quotient rounds to 1
    n = e * (e + 2)
    r = 1 / (n + 2)
    y = wide * jnp.where(wide > 0, 1 - 2 * r, n * r)
    return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y


@built_in(equals=(jax.nn.glu,))
def glu(x, axis: int = -1):
    """The gated linear unit: the first half of an axis times the sigmoid of the second (Dauphin et al., 2017).

    Shapes: `x: (…, 2n) → (…, n)`.
    """
    return jax.nn.glu(x, axis=axis)


@built_in(equals=(jnp.tanh, jax.nn.tanh, jax.lax.tanh))
def tanh(x):
    """The hyperbolic tangent."""
    return jnp.tanh(x)


@built_in()
def tanh_shrink(x):
    """`x - tanh(x)`."""
    return x - jnp.tanh(x)


@built_in('soft_sign', equals=(jax.nn.soft_sign,))
def softsign(x):
    """`x / (1 + |x|)`."""
    return jax.nn.soft_sign(x)


@built_in(equals=(jax.nn.softplus,))
def softplus(x):
    """`log(1 + exp(x))`, a smooth rectifier."""
    return jax.nn.softplus(x)


@built_in(equals=(jax.nn.squareplus,))
def squareplus(x, b: float = 4):
    """`(x + √(x² + b)) / 2`, a smooth rectifier without exponentials (Barron, 2021)."""
    return jax.nn.squareplus(x, b=b)


# Piecewise ------------------------------------------------------------------------------------------------------------


@built_in(equals=(jax.nn.hard_sigmoid,))
def hard_sigmoid(x):
    """`relu6(x + 3) / 6`."""
    return jax.nn.hard_sigmoid(x)


@built_in('hard_swish', equals=(jax.nn.hard_silu, jax.nn.hard_swish))
def hard_silu(x):
    """`x · relu6(x + 3) / 6`, also called hard swish (Howard et al., 2019)."""
    return jax.nn.hard_silu(x)


@built_in(equals=(jax.nn.hard_tanh,))
def hard_tanh(x):
    """`x` kept within [-1, 1]."""
    return jax.nn.hard_tanh(x)


@built_in()
def hard_shrink(x, threshold: float = 0.5):
    """`x` where `|x| > threshold`, 0 elsewhere."""
    return jnp.where(jnp.abs(x) > threshold, x, 0)


@built_in()
def soft_shrink(x, threshold: float = 0.5):
    """`x` moved towards 0 by the threshold, and 0 where it would pass it."""
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0))


@built_in(equals=(jax.nn.sparse_plus,))
def sparse_plus(x):
    """0 for `x ≤ -1`, `(x + 1)² / 4` for `-1 < x < 1`, `x` for `x ≥ 1`: a softplus with an exact zero."""
    return jax.nn.sparse_plus(x)


@built_in(equals=(jax.nn.sparse_sigmoid,))
def sparse_sigmoid(x):
    """`(x + 1) / 2` kept within [0, 1]: the slope of `sparse_plus`."""
    return jax.nn.sparse_sigmoid(x)


# Over an axis ---------------------------------------------------------------------------------------------------------


@built_in(equals=(jax.nn.softmax,))
def softmax(x, axis: int | tuple[int, ...] = -1):
    """`exp(x) / Σ exp(x)` over an axis: positive and summing to 1.

    >>> softmax(jnp.zeros(4)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    return jax.nn.softmax(x, axis=axis)


@built_in(equals=(jax.nn.log_softmax,))
def log_softmax(x, axis: int | tuple[int, ...] = -1):
    """`x - log(Σ exp(x))` over an axis."""
    return jax.nn.log_softmax(x, axis=axis)


@built_in()
def sparsemax(x, axis: int = -1):
    """The point of the probability simplex nearest to x, often with exact zeros.

    Formula: `max(x - τ, 0)` with τ such that the result sums to 1 over the axis (Martins & Astudillo, 2016). Keras 3.15
    takes a τ that is too large where more than one value is positive, so that its result does not sum to 1.

    >>> sparsemax(jnp.array([2.0, 1.5, -1.0])).tolist()
    [0.75, 0.25, 0.0]
    """
    x = jnp.moveaxis(jnp.asarray(x), axis, -1)
    x = x - jax.lax.stop_gradient(jnp.max(x, axis=-1, keepdims=True))  # the result is the same, and sums stay small
    descending = -jnp.sort(-x, axis=-1)
    excess = jnp.cumsum(descending, axis=-1) - 1
    count = jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    in_support = descending * count > excess
    size = jnp.sum(in_support, axis=-1, keepdims=True).astype(x.dtype)
    tau = (jnp.sum(jnp.where(in_support, descending, 0), axis=-1, keepdims=True) - 1) / size
    return jnp.moveaxis(jnp.maximum(x - tau, 0), -1, axis)
