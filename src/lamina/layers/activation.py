"""Activations that have settings or weights, as layers; every other one is `Activation(name)`."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import Rule, axes, real, setting, whole
from lamina.core.shapes import Shape, show
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights

_positive = whole(1)
_SHARED_AXES = Rule(
    lambda v: isinstance(v, tuple) and all(_positive.accepts(a) for a in v), 'an axis or a tuple of axes, counted from 1', bad=('all', (0,))
)


def _as_axes(value: Any) -> Any:
    return (value,) if _positive.accepts(value) else value


@described
class ReLU(Layer):
    """The rectifier, with a slope below its threshold and a largest output where they are wanted.

    Formula: `max_value` where `x ≥ max_value`, `x` where `threshold < x < max_value`, `negative_slope · (x - threshold)` elsewhere.

    Args:
        max_value: the largest output; default None, no limit.
        negative_slope: the slope below the threshold; default 0.
        threshold: values up to it count as negative; default 0.

    Shapes:
        x: any → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.ReLU(max_value=6.0).output_shape((None, 5))
        (None, 5)
    """

    supports_masking: ClassVar[bool] = True

    max_value: float | None = setting(real(0), default=None)
    negative_slope: float = setting(real(0), default=0.0)
    threshold: float = setting(real(0), default=0.0)

    def apply(self, variables, x, scope):
        return activations.relu(x, self.negative_slope, self.max_value, self.threshold)


@described
class LeakyReLU(Layer):
    """The rectifier with a slope for negative values.

    Formula: `x` where positive, `negative_slope · x` elsewhere.

    Args:
        negative_slope: default 0.3, as in Keras's layer; the function `'leaky_relu'` has 0.2 there.

    Shapes:
        x: any → the same.

    Source: Maas, Hannun, Ng (2013), section 2.

    Example:
        >>> import lamina
        >>> lamina.layers.LeakyReLU().output_shape((None, 5))
        (None, 5)
    """

    supports_masking: ClassVar[bool] = True

    negative_slope: float = setting(real(0), default=0.3)

    def apply(self, variables, x, scope):
        return activations.leaky_relu(x, self.negative_slope)


@described
class PReLU(Layer):
    """The rectifier with a slope for negative values that is learned for each feature.

    Formula: `x` where positive, `alpha · x` elsewhere. The gradient at 0 is 0.

    Args:
        alpha_initializer: default `'zeros'`.
        alpha_regularizer, alpha_constraint: default None.
        shared_axes: along which the slope is the same, counted from 1 (axis 0 is the batch), such as (1, 2) for images; default None.

    Shapes:
        x: (batch, …) → the same. alpha: the shape of one example, with 1 for the shared axes.

    Raises:
        ShapeError: x has no such axis, or one that is not shared has no known size.

    Source: He, Zhang, Ren, Sun (2015), section 2.1.

    Example:
        >>> import lamina
        >>> lamina.layers.PReLU(shared_axes=(1, 2)).output_shape((None, 8, 8, 3))
        (None, 8, 8, 3)
    """

    supports_masking: ClassVar[bool] = True

    alpha_initializer: Any = setting(convert=initializers.get, default='zeros')
    alpha_regularizer: Any = setting(convert=regularizers.get, default=None)
    alpha_constraint: Any = setting(convert=constraints.get, default=None)
    shared_axes: tuple[int, ...] | None = setting(_SHARED_AXES, convert=_as_axes, default=None)

    def weights(self, shape: Shape) -> Weights:
        shared = self.shared_axes or ()
        self.require(all(a < len(shape) for a in shared), shape, f'the axes {shared}, which are shared', 'Change shared_axes.')
        sizes = tuple(1 if a in shared else self.known(shape, a) for a in range(1, len(shape)))
        return {'alpha': Weight(sizes, self.alpha_initializer, True, self.alpha_regularizer, self.alpha_constraint)}

    def apply(self, variables, x, scope):
        return jax.nn.relu(x) - variables['alpha'] * jax.nn.relu(-x)


@described
class ELU(Layer):
    """The exponential linear unit: the identity where positive, an exponential that levels off at `-alpha` elsewhere.

    Formula: `x` where positive, `alpha · (exp(x) - 1)` elsewhere.

    Args:
        alpha: default 1.

    Shapes:
        x: any → the same.

    Source: Clevert, Unterthiner, Hochreiter (2016), section 3.

    Example:
        >>> import lamina
        >>> lamina.layers.ELU().output_shape((None, 5))
        (None, 5)
    """

    supports_masking: ClassVar[bool] = True

    alpha: float = setting(real(), default=1.0)

    def apply(self, variables, x, scope):
        return activations.elu(x, self.alpha)


@described
class Softmax(Layer):
    """Numbers as a distribution: positive, and with sum 1 along an axis.

    Called with `mask=`, true where an entry takes part, the others get 0; where no entry takes part, all are 0 and none is NaN.
    The mask has as many axes as x, or is one of time steps, (batch, time), whatever the sizes: Keras aligns a mask of fewer axes
    with the last ones of x.

    Formula: `exp(x) / sum(exp(x))`.

    Args:
        axis: the axis or axes along which the sum is 1; default -1.

    Shapes:
        x: any → the same. mask: (batch, time), or broadcastable to x.

    Raises:
        ShapeError: the mask does not fit.

    Example:
        >>> import lamina
        >>> lamina.layers.Softmax().output_shape((None, 5))
        (None, 5)
    """

    axis: int | tuple[int, ...] = setting(axes(), default=-1)

    def apply(self, variables, x, scope):
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        self.require(all(-x.ndim <= a < x.ndim for a in given), x.shape, f'the axes {given}', 'Change axis.')
        mask = scope.mask_of(x)
        if mask is None:
            return jax.nn.softmax(x, self.axis)
        keep = self._aligned(jnp.asarray(mask), x.shape)
        y = jax.nn.softmax(jnp.where(keep, x, jnp.finfo(x.dtype).min / 2), self.axis)
        y = jnp.where(keep, y, 0)
        if mask.ndim == 2:
            scope.set_mask(y, mask)
        return y

    def _aligned(self, mask, shape):
        """The mask as booleans that broadcast to x."""
        ndim = len(shape)
        lifted = mask.reshape(*mask.shape, *(1,) * (ndim - 2)) if mask.ndim == 2 < ndim else mask
        if lifted.ndim != ndim or any(m not in (1, n) for m, n in zip(lifted.shape, shape, strict=True)):
            raise ShapeError(
                self.label,
                f'a mask of shape {mask.shape} for input shape {show((None, *shape[1:]))}',
                'a mask (batch, time), or one that has as many axes as the input',
                'Add axes of size 1 to the mask.',
            )
        return lifted if lifted.dtype == bool else lifted > 0.5
