"""From what a user may write for a metric to the metric: an object, a class, a name, a function; 'accuracy' depends on the model."""

from collections.abc import Callable, Sequence
from typing import Any

from lamina.core.described import Described, lookup
from lamina.core.errors import ConfigError
from lamina.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from lamina.metrics.base import FunctionMetric, Metric
from lamina.metrics.probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

_Shape = Sequence[int | None]
_REMEDY = "Name the metric itself, such as 'sparse_categorical_accuracy', or pass output_shape=…."


def get(value: Any, *, loss: Any = None, output_shape: _Shape | None = None, target_shape: _Shape | None = None) -> Metric | None:
    """The metric that `value` stands for.

    A metric asked for by a name is displayed under that name, as in Keras: `metrics=['mse']` is logged as 'mse'.

    Args:
        value: a metric, its class, its name ('mae', 'top_k_categorical_accuracy', 'AUC'), a function
            (y_true, y_pred) → one value per example, or None. 'accuracy', 'acc', 'crossentropy' and 'ce' depend on the model
            and need what follows.
        loss: the loss beside it, an object or its name. One that is named Sparse… takes class numbers; `from_logits` is read from it.
        output_shape: of the predictions, batch first.
        target_shape: of the targets, batch first; where it is given it decides between class numbers and one-hot targets, as in Keras.

    Raises:
        UnknownNameError: no metric has this name.
        ConfigError: it is nothing of these, or 'accuracy' without `output_shape`.

    Example:
        >>> from lamina.metrics import get
        >>> get('accuracy', loss='sparse_categorical_crossentropy', output_shape=(None, 10))
        SparseCategoricalAccuracy(name='accuracy')
    """
    if value is None or isinstance(value, Metric):
        return value
    if isinstance(value, str):
        return _named(value, loss, output_shape, target_shape)
    if isinstance(value, type) and issubclass(value, Metric):
        return value()
    if callable(value) and not isinstance(value, (type, Described)):
        return FunctionMetric(value)
    raise ConfigError(
        'metric',
        repr(value),
        'a metric, its class, its name, or a function (y_true, y_pred) → one value per example',
        'For a loss, take the metric of the same name from lamina.metrics.',
    )


def _named(name: str, loss: Any, output_shape: _Shape | None, target_shape: _Shape | None) -> Metric | None:
    choose = _CHOICES.get(name.lower())
    if choose is None:
        return lookup('metric', name)(name=name)  # type: ignore[return-value]
    if output_shape is None:
        raise ConfigError(f'metric {name!r}', 'no output_shape', 'the shape of the predictions, which it depends on', _REMEDY)
    sparse = _takes_class_numbers(loss, output_shape, target_shape)
    return choose(output_shape, sparse, bool(getattr(loss, 'from_logits', False)), name)


def _takes_class_numbers(loss: Any, output_shape: _Shape, target_shape: _Shape | None) -> bool:
    if target_shape is not None:
        fewer_axes = len(target_shape) < len(output_shape)
        return fewer_axes or (target_shape[-1] == 1 and output_shape[-1] != 1)
    name = loss if isinstance(loss, str) else getattr(loss, '__name__', type(loss).__name__)
    return 'sparse' in name.lower()


def _single(output_shape: _Shape) -> bool:
    return len(output_shape) < 2 or output_shape[-1] == 1


def resolve_accuracy(output_shape: _Shape, sparse: bool, from_logits: bool, name: str = 'accuracy') -> Metric:
    """The accuracy that fits a model.

    Where the last axis of the predictions is 1 it is BinaryAccuracy, with the threshold 0.0 if they are logits. Keras
    compares logits with 0.5 there, and so calls a probability of 0.6 negative.

    Args:
        output_shape: of the predictions, batch first.
        sparse: the targets are class numbers, not one-hot.
        from_logits: the predictions are logits, not probabilities.
        name: what logs call it.

    Example:
        >>> from lamina.metrics import resolve_accuracy
        >>> resolve_accuracy((None, 1), sparse=False, from_logits=True)
        BinaryAccuracy(name='accuracy', threshold=0.0)
    """
    if _single(output_shape):
        return BinaryAccuracy(0.0 if from_logits else 0.5, name=name)
    return SparseCategoricalAccuracy(name=name) if sparse else CategoricalAccuracy(name=name)


def resolve_crossentropy(output_shape: _Shape, sparse: bool, from_logits: bool, name: str = 'crossentropy') -> Metric:
    """The cross-entropy that fits a model, chosen as `resolve_accuracy` chooses.

    Args:
        output_shape: of the predictions, batch first.
        sparse: the targets are class numbers, not one-hot.
        from_logits: the predictions are logits, not probabilities.
        name: what logs call it.

    Example:
        >>> from lamina.metrics import resolve_crossentropy
        >>> resolve_crossentropy((None, 10), sparse=True, from_logits=True)
        SparseCategoricalCrossentropy(name='crossentropy', from_logits=True)
    """
    if _single(output_shape):
        return BinaryCrossentropy(from_logits, name=name)
    return (SparseCategoricalCrossentropy if sparse else CategoricalCrossentropy)(from_logits, name=name)


_CHOICES: dict[str, Callable[[_Shape, bool, bool, str], Metric]] = {
    'accuracy': resolve_accuracy,
    'acc': resolve_accuracy,
    'crossentropy': resolve_crossentropy,
    'ce': resolve_crossentropy,
}
