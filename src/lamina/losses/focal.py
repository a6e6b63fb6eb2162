"""Focal losses: cross-entropies that look away from the examples already classified well."""

import numbers
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import described
from lamina.core.errors import ShapeError
from lamina.core.fields import Rule, flag, real, setting
from lamina.losses.base import EPSILON, Loss, axis_rule, evaluate
from lamina.losses.crossentropy import binary_values, log_probabilities, smooth_binary, smooth_classes


def _is_weight(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and float(value) >= 0


_weights_rule = Rule(
    lambda v: all(_is_weight(w) for w in v) and len(v) > 0 if isinstance(v, tuple) else _is_weight(v),
    'a number of at least 0, or one for each class',
    bad=('heavy', -0.5, (0.25, -1.0), ()),
)


def _focus(miss: jax.Array, gamma: float) -> jax.Array:
    """(1 - p)^γ; for γ < 1 the slope at 0 would be infinite, and a floor far below float32's precision keeps it finite."""
    return jnp.maximum(miss, EPSILON) ** gamma if gamma else jnp.ones_like(miss)


@described
class BinaryFocalCrossentropy(Loss):
    """Binary cross-entropy, each output weighted by (1 - p_t)^gamma, p_t being the probability given to the truth.

    loss = mean over `axis` of a (1 - p_t)^gamma · cross-entropy, where p_t = t p + (1 - t)(1 - p), and
    a = t alpha + (1 - t)(1 - alpha) if `apply_class_balancing`, else 1.

    Args:
        apply_class_balancing: whether the two classes are weighted by alpha and 1 - alpha.
        alpha: in [0, 1]; the weight of class 1.
        gamma: at least 0; the larger, the less an easy example matters. 0 is plain cross-entropy.
        from_logits: whether `y_pred` is logits (default: probabilities).
        label_smoothing: in [0, 1]; how much of the target is drawn towards one half.
        axis: the axis over which the mean is taken.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{BinaryFocalCrossentropy()(jnp.array([[1.0], [0.0]]), jnp.array([[0.5], [0.5]])):.4f}')
    0.1733

    Source: Lin et al., 2017, Focal Loss for Dense Object Detection. From logits the cross-entropy is not cut off at 1e-7
    as in Keras, so that hopelessly wrong examples keep their gradient.
    """

    targets: ClassVar[str] = 'binary'

    apply_class_balancing: bool = setting(flag(), default=False)
    alpha: float = setting(real(0, 1), default=0.25)
    gamma: float = setting(real(0), default=2.0)
    from_logits: bool = setting(flag(), default=False)
    label_smoothing: float = setting(real(0, 1), default=0.0)
    axis: int = setting(axis_rule, default=-1)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean focal cross-entropy of the outputs."""
        y_true = smooth_binary(y_true, self.label_smoothing)
        probability = jax.nn.sigmoid(y_pred) if self.from_logits else y_pred
        miss = y_true + probability - 2 * y_true * probability  # 1 - p_t
        values = _focus(miss, self.gamma) * binary_values(y_true, y_pred, self.from_logits)
        if self.apply_class_balancing:
            values *= y_true * self.alpha + (1 - y_true) * (1 - self.alpha)
        return jnp.mean(values, axis=self.axis)


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`BinaryFocalCrossentropy` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(jnp.round(binary_focal_crossentropy(jnp.array([[1.0]]), jnp.array([[0.5]])), 4))
    [0.1733]
    """
    loss = BinaryFocalCrossentropy(apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis)
    return evaluate(loss, y_true, y_pred)


@described
class CategoricalFocalCrossentropy(Loss):
    """Categorical cross-entropy, each class weighted by alpha (1 - p)^gamma.

    loss = -Σ alpha (1 - p)^gamma t log p over the classes; t and p as in `CategoricalCrossentropy`.

    Args:
        alpha: a weight of at least 0, or one for each class.
        gamma: at least 0; the larger, the less an easy example matters.
        from_logits: whether `y_pred` is logits (default: probabilities).
        label_smoothing: in [0, 1]; how much of the target is spread evenly over all classes.
        axis: the axis of the classes.

    Shapes: y_true and y_pred: (batch, …, classes) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit, or alpha has not one number for each class.

    >>> import jax.numpy as jnp
    >>> print(f'{CategoricalFocalCrossentropy()(jnp.array([[0.0, 1.0]]), jnp.array([[0.5, 0.5]])):.4f}')
    0.0433

    Source: Lin et al., 2017, Focal Loss for Dense Object Detection. From logits the cross-entropy is not cut off at 1e-7
    as in Keras, so that hopelessly wrong examples keep their gradient.
    """

    targets: ClassVar[str] = 'probabilities'
    needs_axis: ClassVar[bool] = True

    alpha: float | tuple[float, ...] = setting(_weights_rule, default=0.25)
    gamma: float = setting(real(0), default=2.0)
    from_logits: bool = setting(flag(), default=False)
    label_smoothing: float = setting(real(0, 1), default=0.0)
    axis: int = setting(axis_rule, default=-1)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-Σ alpha (1 - p)^gamma t log p."""
        y_true = smooth_classes(y_true, self.label_smoothing, self.axis)
        log_p = log_probabilities(y_pred, self.from_logits, self.axis)
        values = self._alpha(y_pred.shape) * _focus(-jnp.expm1(log_p), self.gamma) * -y_true * log_p
        return jnp.sum(values, axis=self.axis)

    def _alpha(self, shape: tuple[int, ...]) -> ArrayLike:
        """The weights along the axis of the classes."""
        if not isinstance(self.alpha, tuple):
            return self.alpha
        axis = self._axis(shape)
        if len(self.alpha) != shape[axis]:
            remedy = 'Give one weight for each class, or a single number.'
            raise ShapeError(f'{self.label}, setting alpha', f'{len(self.alpha)} weights', f'{shape[axis]}, one for each class', remedy)
        return jnp.reshape(jnp.asarray(self.alpha), (-1,) + (1,) * (len(shape) - 1 - axis))


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | tuple[float, ...] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`CategoricalFocalCrossentropy` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(jnp.round(categorical_focal_crossentropy(jnp.array([[0.0, 1.0]]), jnp.array([[0.5, 0.5]])), 4))
    [0.0433]
    """
    return evaluate(CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis), y_true, y_pred)
