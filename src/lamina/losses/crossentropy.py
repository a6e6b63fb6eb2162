"""Cross-entropies: the surprise at the true class under the predicted probabilities."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import described
from lamina.core.fields import Rule, flag, real, setting
from lamina.losses.base import EPSILON, Loss, axis_rule, evaluate

_class_rule = Rule(axis_rule.accepts, 'a class (a whole number)', bad=('background', 0.5))


@described
class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy between whole-number labels and a distribution over classes.

    loss = -log p[label], with p = softmax(y_pred) if `from_logits`, else y_pred divided by its sum and kept within [1e-7, 1 - 1e-7].

    From logits it takes one pass for the maximum and one for the sum, and value and gradient are finite for any finite
    logits. Classes whose logit is -inf have probability 0. A label that is no class (negative, too large, fractional,
    NaN) gives NaN for its example, and a gradient of zero.

    Args:
        from_logits: whether `y_pred` is logits (default: probabilities).
        ignore_class: a label whose positions do not count, as in segmentation; they are left out of the mean.
        axis: the axis of the classes in `y_pred`.

    Shapes: y_true: (batch, …) or (batch, …, 1), y_pred: (batch, …, classes) → (batch, …) before reduction.

    Raises:
        ShapeError: one-hot targets (use CategoricalCrossentropy), or another shape that does not fit.

    >>> import jax.numpy as jnp
    >>> loss = SparseCategoricalCrossentropy(from_logits=True)
    >>> print(f'{loss(jnp.array([1, 2]), jnp.array([[0.0, 9.0, 0.0], [0.0, 0.0, 0.0]])):.4f}')
    0.5494
    """

    targets: ClassVar[str] = 'sparse'
    needs_axis: ClassVar[bool] = True

    from_logits: bool = setting(flag(), default=False)
    ignore_class: int | None = setting(_class_rule, default=None)
    axis: int = setting(axis_rule, default=-1, kw_only=True)

    def counted(self, y_true: jax.Array) -> jax.Array | None:
        """Where the label is not the ignored class."""
        return None if self.ignore_class is None else y_true != self.ignore_class

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-log p[label], zero where the class is ignored."""
        scores, kept = jnp.moveaxis(y_pred, self.axis, -1), self.counted(y_true)
        if kept is None:
            return self._values(y_true, scores)
        return jnp.where(kept, self._values(jnp.where(kept, y_true, 0), jnp.where(kept[..., None], scores, 0)), 0)

    def _values(self, labels: jax.Array, scores: jax.Array) -> jax.Array:
        known = is_class(labels, scores.shape[-1])
        chosen = pick(scores, jnp.where(known, labels, 0))
        if self.from_logits:
            highest = jax.lax.stop_gradient(jnp.max(scores, axis=-1))
            values = jnp.log(jnp.sum(jnp.exp(scores - highest[..., None]), axis=-1)) + (highest - chosen)
        else:
            values = -jnp.log(jnp.clip(chosen / jnp.sum(scores, axis=-1), EPSILON, 1 - EPSILON))
        return jnp.where(known, values, jnp.nan)


def is_class(labels: jax.Array, classes: int) -> jax.Array:
    """Whether each label is a whole number in [0, classes)."""
    within = (labels >= 0) & (labels < classes)
    return within & (labels == jnp.floor(labels)) if jnp.issubdtype(labels.dtype, jnp.floating) else within


def pick(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """The score of each label's class; every label must be a class."""
    # A gather from the scores as they came: a select by comparison reads them once more and measures slower on CPU.
    return jnp.take_along_axis(scores, labels.astype(jnp.int32)[..., None], axis=-1, mode='clip')[..., 0]


def sparse_categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> jax.Array:
    """`SparseCategoricalCrossentropy` as a function: one value per example, zero where the class is ignored.

    >>> import jax.numpy as jnp
    >>> print(jnp.round(sparse_categorical_crossentropy(jnp.array([1, 0]), jnp.array([[0.5, 0.5], [0.25, 0.75]])), 3))
    [0.693 1.386]
    """
    return evaluate(SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis), y_true, y_pred)


@described
class CategoricalCrossentropy(Loss):
    """Cross-entropy between one-hot targets, or distributions, and a distribution over classes.

    loss = -Σ t log p over the classes, with p as in `SparseCategoricalCrossentropy` and
    t = y_true (1 - label_smoothing) + label_smoothing / classes.

    Args:
        from_logits: whether `y_pred` is logits (default: probabilities).
        label_smoothing: in [0, 1]; how much of the target is spread evenly over all classes.
        axis: the axis of the classes.

    Shapes: y_true and y_pred: (batch, …, classes) → (batch, …) before reduction.

    Raises:
        ShapeError: class numbers as targets (use SparseCategoricalCrossentropy), or another shape that does not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{CategoricalCrossentropy()(jnp.array([[0.0, 1.0]]), jnp.array([[0.25, 0.75]])):.4f}')
    0.2877

    Source: label smoothing: Szegedy et al., 2016, Rethinking the Inception Architecture, section 7.
    """

    targets: ClassVar[str] = 'probabilities'
    needs_axis: ClassVar[bool] = True

    from_logits: bool = setting(flag(), default=False)
    label_smoothing: float = setting(real(0, 1), default=0.0)
    axis: int = setting(axis_rule, default=-1)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """-Σ t log p."""
        y_true = smooth_classes(y_true, self.label_smoothing, self.axis)
        return -jnp.sum(y_true * log_probabilities(y_pred, self.from_logits, self.axis), axis=self.axis)


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """`CategoricalCrossentropy` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(jnp.exp(-categorical_crossentropy(jnp.eye(2), jnp.array([[0.5, 0.5], [0.25, 0.75]]))))
    [0.5  0.75]
    """
    return evaluate(CategoricalCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def smooth_classes(y_true: jax.Array, amount: float, axis: int) -> jax.Array:
    """Targets of which a part is spread evenly over the classes."""
    return y_true * (1 - amount) + amount / y_true.shape[axis] if amount else y_true


def log_probabilities(y_pred: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    """log p of every class."""
    if from_logits:
        return jax.nn.log_softmax(y_pred, axis=axis)
    return jnp.log(jnp.clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True), EPSILON, 1 - EPSILON))


@described
class BinaryCrossentropy(Loss):
    """Cross-entropy between yes-or-no targets and probabilities; several outputs are as many independent questions.

    loss = mean over `axis` of -t log p - (1 - t) log(1 - p), with p = sigmoid(y_pred) if `from_logits`, else y_pred
    kept within [1e-7, 1 - 1e-7], and t = y_true (1 - label_smoothing) + label_smoothing / 2.
    From logits z it is max(z, 0) - z t + log(1 + exp(-|z|)), exact and with a finite gradient for any logits.

    Args:
        from_logits: whether `y_pred` is logits (default: probabilities).
        label_smoothing: in [0, 1]; how much of the target is drawn towards one half.
        axis: the axis over which the mean is taken.

    Shapes: y_true and y_pred: (batch, …, outputs) → (batch, …) before reduction; (batch,) targets fit (batch, 1) predictions.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{BinaryCrossentropy(from_logits=True)(jnp.array([1, 0]), jnp.array([0.0, -50.0])):.4f}')
    0.3466
    """

    aliases: ClassVar[tuple[str, ...]] = ('bce',)
    targets: ClassVar[str] = 'binary'

    from_logits: bool = setting(flag(), default=False)
    label_smoothing: float = setting(real(0, 1), default=0.0)
    axis: int = setting(axis_rule, default=-1)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The mean cross-entropy of the outputs."""
        return jnp.mean(binary_values(smooth_binary(y_true, self.label_smoothing), y_pred, self.from_logits), axis=self.axis)


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """`BinaryCrossentropy` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(jnp.round(binary_crossentropy(jnp.array([[1.0], [0.0]]), jnp.array([[0.5], [0.75]])), 3))
    [0.693 1.386]
    """
    return evaluate(BinaryCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def smooth_binary(y_true: jax.Array, amount: float) -> jax.Array:
    """Targets drawn towards one half."""
    return y_true * (1 - amount) + amount / 2 if amount else y_true


def binary_values(y_true: jax.Array, y_pred: jax.Array, from_logits: bool) -> jax.Array:
    """The cross-entropy of each output."""
    if from_logits:
        # Two spellings of log(1 + e^z) - t z, each exact on its side; both are smooth, so all derivatives are right, at 0 too.
        positive = y_pred > 0
        linear = jnp.where(positive, 1 - y_true, -y_true) * y_pred
        return linear + jnp.log1p(jnp.exp(jnp.where(positive, -y_pred, y_pred)))
    probability = jnp.clip(y_pred, EPSILON, 1 - EPSILON)
    return -y_true * jnp.log(probability) - (1 - y_true) * jnp.log(1 - probability)


@described
class CategoricalGeneralizedCrossEntropy(Loss):
    """Between cross-entropy (q → 0) and mean absolute error (q → 1): classification that bears wrong labels.

    loss = (1 - p[label]^q) / q, with p = y_pred: probabilities, not logits.

    Args:
        q: in (0, 1); the larger, the less a wrong label matters.

    Shapes: y_true: (batch, …) class numbers, y_pred: (batch, …, classes) → (batch, …) before reduction.

    Raises:
        ShapeError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> print(f'{CategoricalGeneralizedCrossEntropy()(jnp.array([1]), jnp.array([[0.75, 0.25]])):.4f}')
    1.0000

    Source: Zhang and Sabuncu, 2018, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels.
    """

    targets: ClassVar[str] = 'sparse'
    needs_axis: ClassVar[bool] = True

    q: float = setting(real(above=0, below=1), default=0.5)

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """(1 - p[label]^q) / q; NaN where the label is no class."""
        known = is_class(y_true, y_pred.shape[-1])
        probability = pick(y_pred, jnp.where(known, y_true, 0))
        # The slope of p^q is infinite at 0; there the gradient is taken as 0.
        power = jnp.where(probability == 0, 0, jnp.where(probability == 0, 1, probability) ** self.q)
        return jnp.where(known, (1 - power) / self.q, jnp.nan)


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float = 0.5) -> jax.Array:
    """`CategoricalGeneralizedCrossEntropy` as a function: one value per example.

    >>> import jax.numpy as jnp
    >>> print(categorical_generalized_cross_entropy(jnp.array([0]), jnp.array([[0.25, 0.75]])))
    [1.]
    """
    return evaluate(CategoricalGeneralizedCrossEntropy(q), y_true, y_pred)
