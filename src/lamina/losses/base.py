"""What every loss is: a description with one pure method, reduced as Keras reduces, exact on padded batches."""

import numbers
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core.described import Described, lookup, registered, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import Rule, one_of, setting, text
from lamina.core.shapes import Shape, show
from lamina.losses.reduction import REDUCTIONS, combine_masks, fill_rows, reduce_values
from lamina.losses.targets import TargetRule, shape_mismatch

EPSILON = 1e-7  # Keras's default fuzz factor: probabilities are kept this far from 0 and 1

# What stands in padded rows while the loss is computed: inside every domain, 0/1 labels stay 0/1, and the two differ,
# so that no root, logarithm or quotient of a user's function has an infinite slope there.
_PADDED_TRUE, _PADDED_PRED = 1.0, 0.5

axis_rule = Rule(lambda v: isinstance(v, numbers.Integral) and not isinstance(v, bool), 'an axis (a whole number)', bad=('last', 1.5, True))


@unregistered
class Loss(Described, ABC):
    """How wrong predictions are: subclass it, write `per_example`, and it can be trained with.

    All computation is in float32 (or wider, where the predictions are), whatever the precision of the network.
    Decorate a subclass with `@described` to give it settings of its own and to save models that use it.

    Args:
        reduction: 'sum_over_batch_size' (default) and 'mean' divide the weighted sum of the values by their number,
            'mean_with_sample_weight' by the sum of the weights, 'sum' by nothing; 'none' and None keep the values.
        name: what logs and errors call it.

    >>> import jax.numpy as jnp
    >>> class Cubic(Loss):
    ...     def per_example(self, y_true, y_pred):
    ...         return jnp.mean(jnp.abs(y_true - y_pred) ** 3, axis=-1)
    >>> print(Cubic()(jnp.array([[1.0], [2.0]]), jnp.array([[3.0], [2.0]])))
    4.0
    """

    kind: ClassVar[str] = 'loss'
    #: what `y_true` must hold; see `TargetRule`
    targets: ClassVar[str] = 'any'
    #: whether an axis of the predictions is read as one whole (classes, a vector), so that there must be one beside the batch
    needs_axis: ClassVar[bool] = False

    reduction: str | None = setting(one_of(*REDUCTIONS), default='sum_over_batch_size', kw_only=True)
    name: str | None = setting(text(), default=None, kw_only=True, compare=False)

    @abstractmethod
    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """One value per example or position, before weights and reduction.

        Shapes: y_pred: (batch, …, outputs) → (batch, …).
        """

    def counted(self, y_true: jax.Array) -> jax.Array | None:
        """Booleans of the shape of `per_example`'s values: which of them count; None where all do."""
        return None

    def target_rule(self, output_shape: Shape) -> TargetRule:
        """What `y_true` must be for an output of this shape; checked by `check_targets` and, as to shape, in every call."""
        if self.targets == 'any':
            return TargetRule('any')
        if self.targets != 'sparse':
            return TargetRule(self.targets, output_shape)
        axis = self._axis(output_shape)
        shape = output_shape[:axis] + output_shape[axis + 1 :]
        return TargetRule('sparse', shape, output_shape[axis], getattr(self, 'ignore_class', None), axis)

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        valid: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> jax.Array:
        """The loss of a batch.

        Args:
            y_true: the targets.
            y_pred: the predictions.
            sample_weight: one weight per example, (batch,) or (batch, 1), or one per value of the loss.
            valid: (batch,), 0 for the rows that only pad the batch. The result is what the other rows alone would give,
                and the padded rows get a gradient of zero, whatever they hold.
            mask: booleans of the leading axes of the values, (batch, time): False for positions that do not count.

        Returns:
            A scalar, or with `reduction='none'` the weighted values, zero for padded rows.

        Raises:
            ShapeError: the targets or the weights do not fit the predictions.
        """
        y_true, y_pred = self._as_batch(*self.align(y_true, y_pred))
        if valid is not None:
            y_true, y_pred = fill_rows(valid, y_true, _PADDED_TRUE), fill_rows(valid, y_pred, _PADDED_PRED)
        values = self.per_example(y_true, y_pred)
        self._check_values(values, y_pred)
        counted = combine_masks(self.counted(y_true), valid, values.ndim)
        if mask is not None:
            counted = combine_masks(counted, mask, values.ndim)
        return reduce_values(values, sample_weight, counted, self.reduction, self.label)

    def align(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Both as arrays of types and ranks that fit: an axis of size 1 is added or dropped as Keras does.

        Raises:
            ShapeError: the shapes do not fit even so.
        """
        predicted = _as_float(y_pred)
        true = jnp.asarray(y_true)
        if self.targets not in ('sparse', 'any') or true.dtype == bool:
            true = true.astype(predicted.dtype)
        true, predicted = self.match_ranks(true, predicted)
        rule = self.target_rule(predicted.shape)
        if rule.shape is not None and true.shape != rule.shape:
            raise shape_mismatch(self.label, rule, true.shape, predicted.shape)
        return true, predicted

    def match_ranks(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Add or drop an axis of size 1 where the ranks differ by one: (batch,) targets for (batch, 1) predictions."""
        if self.targets == 'sparse':
            axis = self._axis(y_pred.shape)
            squeezable = y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1
            return (jnp.squeeze(y_true, axis) if squeezable else y_true), y_pred
        if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
            return (y_true, y_pred[:, None]) if y_pred.ndim == 1 else (y_true[..., 0], y_pred)
        if y_pred.ndim == y_true.ndim + 1 and y_pred.shape[-1] == 1:
            return (y_true[:, None], y_pred) if y_true.ndim == 1 else (y_true, y_pred[..., 0])
        return y_true, y_pred

    def _axis(self, shape: Shape) -> int:
        """The axis of the classes, counted from the left."""
        axis, ndim = getattr(self, 'axis', -1), len(shape)
        if not -ndim <= axis < ndim:
            raise ShapeError(
                f'{self.label}, setting axis', f'axis={axis} for predictions of shape {show(shape)}', 'an axis they have', 'Set axis=-1.'
            )
        return axis % ndim

    def _as_batch(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Predictions of shape (batch,) are (batch, 1); an axis of classes must not be the batch."""
        if y_pred.ndim == 0 or (y_pred.ndim == 1 and self.needs_axis):
            remedy = 'Keep the batch axis first and the classes last: y_pred[None] for a single example.'
            raise ShapeError(self.label, f'y_pred of shape {show(y_pred.shape)}', 'shape (batch, …, classes)', remedy)
        if y_pred.ndim == 1 and y_true.ndim == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        if self._axis(y_pred.shape) == 0 and self.targets != 'any':
            got = f'axis={getattr(self, "axis", -1)} for predictions of shape {show(y_pred.shape)}'
            raise ShapeError(f'{self.label}, setting axis', got, 'an axis other than the batch', 'Set axis=-1.')
        return y_true, y_pred

    def _check_values(self, values: jax.Array, y_pred: jax.Array) -> None:
        if values.shape[:1] != y_pred.shape[:1]:
            got, expected = f'values of shape {show(values.shape)}', f'one value per example, shape ({y_pred.shape[0]}, …)'
            raise ShapeError(f'{self.label}.per_example', got, expected, 'Reduce over the last axis only: jnp.mean(…, axis=-1).')


def _as_float(array: ArrayLike) -> jax.Array:
    array = jnp.asarray(array)
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(jnp.promote_types(array.dtype, jnp.float32) if floating else jnp.float32)


def evaluate(loss: Loss, y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """The values of a loss before reduction: what each of the plain functions returns."""
    return loss.per_example(*loss.align(y_true, y_pred))


_function_rule = Rule(callable, 'a function (y_true, y_pred) → loss', bad=(3, 'mse'))


@unregistered
class FunctionLoss(Loss):
    """Any function `(y_true, y_pred) → loss` as a loss.

    A function that returns one value per example, (batch, …), is called once on the batch, and must treat each row by itself.
    A function that returns a scalar is evaluated for each example as a batch of one, by `jax.vmap`, and the results are
    reduced as usual. For a mean over the batch this is the same number; it makes sample weights work, and padding leaves no
    trace, which no other way could promise. A loss that compares the examples of a batch with one another cannot be
    written as a scalar function: subclass `Loss` and take `valid` in `__call__`.

    Two of them are equal when their functions are the same object. It cannot be saved: for that, subclass `Loss`.

    Args:
        function: pure JAX code; gets `y_true` as given, with an axis of size 1 added or dropped to match, and `y_pred` in float32.
        reduction: as for `Loss`.

    >>> import jax.numpy as jnp
    >>> loss = FunctionLoss(lambda y_true, y_pred: jnp.mean((y_true - y_pred) ** 4))
    >>> print(loss(jnp.array([[0.0], [2.0]]), jnp.array([[0.0], [0.0]])))
    8.0
    """

    function: Callable[[Any, Any], Any] = setting(_function_rule)

    @property
    def label(self) -> str:
        """How errors call it: by its name, or that of the function."""
        return f'loss function {self.name or getattr(self.function, "__name__", type(self.function).__name__)!r}'

    def per_example(self, y_true: jax.Array, y_pred: jax.Array) -> jax.Array:
        """The function's values, one per example."""
        shape = self._shape_with_one_more(y_true, y_pred)
        if shape == ():
            return jax.vmap(lambda true, predicted: _as_float(self.function(true[None], predicted[None])))(y_true, y_pred)
        if shape[0] != y_pred.shape[0] + 1:
            expected = 'a scalar, or one value per example along the first axis'
            raise ShapeError(
                self.label, f'a result of shape {shape}', expected, 'Keep the batch axis: reduce with axis=-1, or over everything.'
            )
        return _as_float(self.function(y_true, y_pred))

    def _shape_with_one_more(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[int, ...]:
        """The result's shape for a batch of one example more: an axis of the batch's size by chance is not the batch."""
        more = [jax.ShapeDtypeStruct((a.shape[0] + 1, *a.shape[1:]), a.dtype) for a in (y_true, y_pred)]
        return jax.eval_shape(lambda true, predicted: jnp.asarray(self.function(true, predicted)), *more).shape

    def align(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[jax.Array, jax.Array]:
        """Both as arrays with the same batch.

        Raises:
            ShapeError: there are not as many targets as predictions.
        """
        true, predicted = super().align(y_true, y_pred)
        if predicted.ndim == 0 or true.shape[:1] != predicted.shape[:1]:
            raise shape_mismatch(self.label, TargetRule('any', (*predicted.shape[:1], *true.shape[1:])), true.shape, predicted.shape)
        return true, predicted

    def _as_batch(self, y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
        return y_true, y_pred


def get(value: Any) -> Loss | None:
    """A loss from what a user may write for it.

    Args:
        value: a loss, its class, its name ('mse', 'sparse_categorical_crossentropy', 'Huber'), one of this
            package's plain functions, any function `(y_true, y_pred) → loss`, or None.

    Raises:
        UnknownNameError: no loss has this name; the nearest is proposed.
        ConfigError: it is none of these, or a function of optax, whose arguments come in the other order.

    >>> get('mse')
    MeanSquaredError()
    """
    if value is None or isinstance(value, Loss):
        return value
    if isinstance(value, str):
        value = lookup('loss', value)
    if isinstance(value, type) and issubclass(value, Loss):
        return value()
    if not callable(value) or isinstance(value, type):
        names = ', '.join(sorted(registered('loss'))[:3])
        raise ConfigError(
            'loss', repr(value), 'a loss, its name, or a function (y_true, y_pred) → loss', f'Pass for instance one of {names}.'
        )
    module = getattr(value, '__module__', None) or ''
    if module.startswith('lamina.losses.'):
        return get(value.__name__)
    if module.startswith('optax.'):
        name = f'optax.{value.__name__}'
        raise ConfigError('loss', name, 'a function (y_true, y_pred) → loss', f'Pass lambda y_true, y_pred: {name}(y_pred, y_true).')
    return FunctionLoss(value)
