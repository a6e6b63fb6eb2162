"""What every optimizer shares: clipping, decoupled weight decay, and the step itself, as one pure function of arrays."""

import dataclasses
import fnmatch
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from lamina.core.described import Described, unregistered
from lamina.core.errors import ConfigError
from lamina.core.fields import Rule, real, setting, text
from lamina.core.paths import SEPARATOR
from lamina.optimizers.schedules import Schedule, as_learning_rate, learning_rate_rule

Params = Any
State = Any
_WILDCARDS = frozenset('*?[')
_OF_EXPRESSIONS = ('\\', '^', '$', '|', '.*', '.+')


def _is_patterns(value: Any) -> bool:
    # A saved file may hold them, so they are no regular expressions, whose matching can take for ever. One that was
    # written in Keras's way would match nothing, unnoticed.
    return isinstance(value, tuple) and all(isinstance(v, str) and v and not any(s in v for s in _OF_EXPRESSIONS) for v in value)


def patterns() -> Rule:
    """A tuple of words, and of patterns with the wildcards * ? [ ]."""
    return Rule(_is_patterns, "a list of words or of patterns like 'conv*' (no regular expressions)", bad=(3, ('bias$',), (1,), ('',)))


def as_tuple(value: Any) -> Any:
    """One word as a tuple of one."""
    return (value,) if isinstance(value, str) else value


def leaf_path(path: Any) -> str:
    """The 'layer/weight' path of a leaf, from JAX's key path, for flat and for nested dicts."""
    return SEPARATOR.join(str(getattr(key, 'key', getattr(key, 'idx', key))) for key in path)


def matches(words: tuple[str, ...], path: str) -> bool:
    """Tells whether any of the words occurs in the path, or any pattern with wildcards is that of the whole path or of one name in it.

    >>> [matches((word,), 'block/conv_1/bias') for word in ('bias', 'conv*', '*/bias', 'con?')]
    [True, True, True, False]
    """
    whole_and_names = (path, *path.split(SEPARATOR))
    return any(
        any(fnmatch.fnmatchcase(part, word) for part in whole_and_names) if _WILDCARDS.intersection(word) else word in path
        for word in words
    )


def leafwise(function: Callable[..., tuple], outputs: int, tree: Any, *rest: Any) -> tuple:
    """Call a function of several outputs on each leaf, and return as many trees.

    Each leaf stays an array of its own: concatenating them is far slower on CPU than one kernel for each.
    """
    leaves, structure = jax.tree.flatten(tree)
    others = [structure.flatten_up_to(other) for other in rest]
    results = [function(*arguments) for arguments in zip(leaves, *others, strict=True)]
    return tuple(structure.unflatten([result[i] for result in results]) for i in range(outputs))


def transformation(init: Callable[..., State], update: Callable[..., tuple[Params, State]]) -> optax.GradientTransformationExtraArgs:
    """An Optax transformation whose `update` takes what it needs of `learning_rate` and `step` by keyword."""
    return optax.GradientTransformationExtraArgs(init, update)


def zeros_like(params: Params) -> Params:
    """An array of zeros for each weight."""
    return jax.tree.map(jnp.zeros_like, params)


def clip_by_leaf_norm(max_norm: float) -> optax.GradientTransformation:
    """Scale each gradient down to a norm of at most `max_norm`: g · max_norm / max(‖g‖, max_norm).

    Optax clips by the norm of all gradients together or by the root mean square of each; this is Keras's `clipnorm`.
    """

    def clip(g):
        return g * (max_norm / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(g))), max_norm)).astype(g.dtype)

    return optax.stateless(lambda grads, _: jax.tree.map(clip, grads))


@unregistered
class Optimizer(Described):
    """The base of every optimizer: settings only; the state is a tree of arrays that `init` makes and `update` renews.

    Subclass it, decorate with `@described`, and write `direction`.

    Args:
        learning_rate: a number of at least 0, a schedule, or any function of the step (default 0.001).
        weight_decay: the part of a weight, times the rate, that each update takes away; None for none.
        clipnorm: largest norm of each gradient array.
        clipvalue: largest absolute value of a gradient's elements.
        global_clipnorm: largest norm of all gradients together.
        exclude_from_weight_decay: weights that are not decayed: words that occur in their path (`'bias'`), or patterns
            of the whole path or of one name in it (`'conv*'`).
        name: what to call it in messages.

    Raises:
        ConfigError: more than one way of clipping; keep one of them.
    """

    kind = 'optimizer'
    #: whether an element of a weight moves by its own gradients alone, so that weights may be held as one array
    elementwise: ClassVar[bool] = False
    assignment_advice = 'Set model.learning_rate = … for another rate; for other settings compile with optimizer.replace({name}=…).'

    learning_rate: float | Schedule = setting(learning_rate_rule(), convert=as_learning_rate, default=0.001)
    _: dataclasses.KW_ONLY
    weight_decay: float | None = setting(real(at_least=0.0), default=None)
    clipnorm: float | None = setting(real(above=0.0), default=None)
    clipvalue: float | None = setting(real(above=0.0), default=None)
    global_clipnorm: float | None = setting(real(above=0.0), default=None)
    exclude_from_weight_decay: tuple[str, ...] = setting(patterns(), convert=as_tuple, default=())
    name: str | None = setting(text(), default=None, compare=False)

    def validate(self):
        clips = [f'{n}={getattr(self, n)!r}' for n in ('clipnorm', 'clipvalue', 'global_clipnorm') if getattr(self, n) is not None]
        if len(clips) > 1:
            raise ConfigError(self.label, ' and '.join(clips), 'at most one way of clipping', f'Keep one, for example {clips[-1]}.')

    @property
    def includes_rate(self) -> bool:
        """Whether `direction` has already multiplied by the learning rate, as rules do that accumulate scaled updates."""
        return False

    def direction(self) -> optax.GradientTransformation:
        """What is subtracted from the weights after multiplication by the learning rate.

        Its `update` may take the keyword arguments `learning_rate` (a float32 scalar) and `step` (number of updates so far).
        """
        raise ConfigError(self.label, 'an optimizer without a rule', 'a method direction(self)', 'Define direction(self) in the class.')

    def clipping(self) -> optax.GradientTransformation:
        """The clipping that the settings ask for; it has no state."""
        if self.clipnorm is not None:
            return clip_by_leaf_norm(self.clipnorm)
        if self.clipvalue is not None:
            return optax.clip(self.clipvalue)
        return optax.identity() if self.global_clipnorm is None else optax.clip_by_global_norm(self.global_clipnorm)

    def treats_alike(self, groups: Iterable[tuple[str, ...]]) -> bool:
        """Whether the weights of each group of paths may be held as one array under the first of them."""
        if not self.elementwise or self.clipnorm is not None:
            return False
        return all(len({matches(self.exclude_from_weight_decay, path) for path in group}) == 1 for group in groups)

    def decay_of(self, path: str, weight: jax.Array) -> float | None:
        """The weight decay of one weight; None for none."""
        return None if matches(self.exclude_from_weight_decay, path) else self.weight_decay

    def init(self, params: Params) -> State:
        """The state before the first update: a tree of arrays, shaped by the weights."""
        return self.direction().init(params)

    def update(self, grads: Params, state: State, params: Params, learning_rate: Any, step: Any) -> tuple[Params, State]:
        """One step: clip the gradients, decay the weights, move them against the direction.

        p ← p − learning_rate · weight_decay · p, then p ← p − learning_rate · d, with d of the decayed weights.

        Args:
            grads: a tree of the structure of `params`.
            state: what `init` or the last `update` returned.
            params: `{'dense/kernel': array, …}`.
            learning_rate: a number or a traced float32 scalar; another value compiles nothing anew.
            step: number of updates made so far, 0 for the first; a number or a traced scalar.

        Returns:
            The new weights, of unchanged dtypes, and the new state.
        """
        rate = jnp.asarray(learning_rate, jnp.float32)
        grads, _ = self.clipping().update(grads, optax.EmptyState())
        params = self._decayed(params, rate)
        rule = optax.with_extra_args_support(self.direction())
        moves, state = rule.update(grads, state, params, learning_rate=rate, step=jnp.asarray(step))
        return self._moved(params, moves, rate), state

    def _decayed(self, params: Params, rate: jax.Array) -> Params:
        def decay(path, p):
            amount = self.decay_of(leaf_path(path), p)
            return p if amount is None else (p - p * (amount * rate)).astype(p.dtype)

        return jax.tree_util.tree_map_with_path(decay, params)

    def _moved(self, params: Params, moves: Params, rate: jax.Array) -> Params:
        scale = 1.0 if self.includes_rate else rate
        return jax.tree.map(lambda p, d: (p - scale * d).astype(p.dtype), params, moves)

    def rate(self, step: Any) -> Any:
        """The learning rate at this step: the schedule's value, or the number."""
        return self.learning_rate(step) if isinstance(self.learning_rate, Schedule) else self.learning_rate
