"""From what a user may write as `optimizer=` to an Optimizer; any Optax transformation is one."""

from typing import Any

import jax
import optax

from lamina.core.described import Described, lookup, resolve, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import Rule, setting
from lamina.optimizers.base import Optimizer, transformation
from lamina.optimizers.schedules import Schedule, as_learning_rate, learning_rate_rule


def is_transformation(value: Any) -> bool:
    """Tells whether it has the `init` and `update` functions of an Optax transformation."""
    if isinstance(value, type | Described):
        return False
    return callable(getattr(value, 'init', None)) and callable(getattr(value, 'update', None))


@unregistered
class OptaxOptimizer(Optimizer):
    """Any Optax transformation as an optimizer: p ← p + learning_rate · updates, with the updates as Optax returns them.

    The transformation holds its own sign and its own rate (`optax.adam(1e-3)`), so `learning_rate` here is a factor on top
    of it, by which callbacks and schedules can still scale the training. It has no saved form: Optax keeps functions, not settings.
    Transformations that must be given the loss or its function (line searches, `contrib.reduce_on_plateau`) cannot be used.

    Args:
        transformation: an `optax.GradientTransformation`, with or without extra arguments.
        learning_rate: the factor: a number, a schedule or a function of the step (default 1).
        others: clipnorm, clipvalue, global_clipnorm, name; see `Optimizer`.

    Raises:
        ConfigError: weight_decay is given; put `optax.add_decayed_weights` into the transformation.

    >>> import jax.numpy as jnp
    >>> optimizer, params = OptaxOptimizer(optax.sgd(0.1)), {'dense/bias': jnp.array([1.0])}
    >>> params, state = optimizer.update({'dense/bias': jnp.array([2.0])}, optimizer.init(params), params, optimizer.rate(0), 0)
    >>> print(params['dense/bias'])
    [0.8]
    """

    learning_rate: float | Schedule = setting(learning_rate_rule(), convert=as_learning_rate, default=1.0, kw_only=True)
    transformation: Any = setting(Rule(is_transformation, 'an optax.GradientTransformation', bad=(3, 'adam', None, optax.adam)))

    def validate(self):
        super().validate()
        if self.weight_decay is not None:
            raise ConfigError(
                f"{self.label}, setting 'weight_decay'",
                repr(self.weight_decay),
                'None, since the transformation has its own',
                'Use optax.chain(optax.add_decayed_weights(…), …) as the transformation.',
            )

    def direction(self):
        rule = optax.with_extra_args_support(self.transformation)

        def update(grads, state, params=None, **_):
            updates, state = rule.update(grads, state, params)
            return jax.tree.map(lambda u: -u, updates), state

        return transformation(rule.init, update)


def get(value: Any) -> Optimizer:
    """The optimizer for a name in any case, a class, an optimizer, or an Optax transformation.

    Raises:
        UnknownNameError: no optimizer has this name; the nearest one is proposed.
        ConfigError: it is none of these; pass a name such as 'adam'.

    >>> get('adam'), get('rms_prop'), get(optax.sgd(0.1)).learning_rate
    (Adam(), RMSprop(), 1.0)
    """
    if is_transformation(value):
        return OptaxOptimizer(value)
    if isinstance(value, str):
        value = lookup('optimizer', value)
    found = resolve('optimizer', value)
    if isinstance(found, Optimizer):
        return found
    raise ConfigError(
        'optimizer',
        repr(value),
        'a name, an optimizer, or an Optax transformation',
        "Pass a name such as 'adam', or an object such as lamina.optimizers.Adam(1e-3).",
    )
