"""What `compile` was told, as a description that is compared, saved and found again."""

from typing import Any, ClassVar

from lamina import losses, metrics, optimizers
from lamina.core.described import Described, described
from lamina.core.errors import ConfigError, unknown_name
from lamina.core.fields import one_of, setting
from lamina.core.structure import map_leaves

# What these mean depends on the loss and on the output's shape, which are known when training begins.
_RESOLVED_LATER = ('accuracy', 'acc', 'crossentropy', 'ce')


def _losses(value: Any) -> Any:
    return map_leaves(losses.get, value)


def _metrics(value: Any) -> Any:
    def one(metric: Any) -> Any:
        later = isinstance(metric, str) and metric.lower() in _RESOLVED_LATER
        return metric.lower() if later else metrics.get(metric)

    return map_leaves(one, value)


def _numbers(value: Any) -> Any:
    """Loss weights as plain numbers, from arrays too."""
    return map_leaves(lambda w: None if w is None else float(w), value.tolist() if hasattr(value, 'tolist') else value)


@described
class CompileSettings(Described):
    """Optimizer, losses and metrics, as given: one for all outputs, or a list or dict by output.

    Args:
        optimizer: a name, an `Optimizer`, or an `optax.GradientTransformation`.
        loss: a name, a `Loss`, a function `(y_true, y_pred) → values`, or one for each output.
        loss_weights: factors of the losses in their sum.
        metrics: measured without sample weights.
        weighted_metrics: measured with them.
        remat: whether runs of equal blocks keep only what goes from block to block.
    """

    kind: ClassVar[str] = 'compile'

    optimizer: Any = setting(convert=optimizers.get, default='rmsprop')
    loss: Any = setting(convert=_losses, default=None)
    loss_weights: Any = setting(convert=_numbers, default=None)
    metrics: Any = setting(convert=_metrics, default=None)
    weighted_metrics: Any = setting(convert=_metrics, default=None)
    remat: bool | str = setting(one_of(True, False, 'auto'), default='auto')


def per_output(value: Any, names: list[str], what: str, *, several: bool = False) -> list[Any]:
    """One entry of a compile argument for each output.

    Args:
        value: one for all, a list by position, or a dict by output name.
        names: of the outputs.
        what: the argument's name, for errors.
        several: whether an entry is itself a list (metrics), so that a plain list belongs to a single output.

    Raises:
        UnknownNameError: a dict names an output that does not exist.
        ConfigError: a list of another length than the outputs.
    """
    where = f'compile, argument {what!r}'
    if isinstance(value, dict):
        if unknown := [key for key in value if key not in names]:
            raise unknown_name(where, unknown[0], names)
        return [value.get(name) for name in names]
    if not isinstance(value, tuple) or (several and len(names) == 1):
        return [value] * len(names)
    if several and not any(isinstance(v, (tuple, type(None))) for v in value):
        return [value] * len(names)
    if len(value) != len(names):
        raise ConfigError(
            where, f'{len(value)} entries', f'{len(names)}, one for each of the outputs {names}', 'Use a dict by output name.'
        )
    return list(value)
