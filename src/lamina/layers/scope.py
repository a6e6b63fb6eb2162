"""What surrounds a layer while it runs: the training flag, random streams, padding, state updates, taps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core.errors import LaminaError, ShapeError, StateError
from lamina.core.keys import device_key, hashed_bits, path_number
from lamina.core.paths import SEPARATOR
from lamina.kernels.embedding import lookup

if TYPE_CHECKING:
    from lamina.layers.base import Layer

Tap = Callable[[str, str, Any], Any]
Observer = Callable[[str, 'Layer', tuple, Any], None]


@dataclass
class Records:
    """What layers leave behind during one pass through a network."""

    updates: dict[str, Any] = field(default_factory=dict)
    losses: list[Any] = field(default_factory=list)
    uses: dict[str, int] = field(default_factory=dict)
    # By the identity of the array, which is kept beside its mask so that no other array takes its identity.
    masks: dict[int, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Repetition:
    """Which of a stack of equal blocks is running: all are traced as one, under the names of the first.

    Args:
        path: of the container.
        names: of the layers, by repetition.
        index: of the repetition that runs, a traced whole number.
    """

    path: str
    names: tuple[tuple[str, ...], ...]
    index: Any


@dataclass(frozen=True)
class Scope:
    """Given to every `Layer.apply`.

    Args:
        training: whether dropout drops and batch normalization uses the batch's own statistics.
        key: the root key of the run; None where nothing random may happen.
        step: how many steps were trained before this one.
        valid: (batch,) ones, and zeros for the rows that only pad the last batch; None where all rows are real.
        path: where in the network this layer stands, `'encoder/dense_1'`.
        use: how often a shared layer was used before in this pass.
        frozen: whether this layer, or one around it, has `trainable=False`.
        tap: called as `tap(path, name, value)` for every tapped value; what it returns takes the value's place.
        observer: called as `observer(path, layer, inputs, outputs)` after every layer.
        given_masks: pairs of an array and the mask that a call gave it.
        stacks: by the path of a container, which of its layers have stacked weights and run as one loop.
        repetitions: the loops within which this layer stands.
        remat: whether loops keep only what goes from block to block and compute the rest again on the way back; 'auto' where
            keeping it would take more than a quarter of the device's memory.
        lookups: has a method `look_up(path, table, ids, rows)` where the gradients of tables are wanted by row.
    """

    training: bool = False
    key: jax.Array | None = None
    step: jax.Array | int = 0
    valid: jax.Array | None = None
    path: str = ''
    use: int = 0
    frozen: bool = False
    tap_with: Tap | None = None
    observer: Observer | None = None
    given_masks: tuple[tuple[Any, Any], ...] = ()
    stacks: Mapping[str, tuple] = field(default_factory=dict)
    repetitions: tuple[Repetition, ...] = ()
    remat: bool | str = False
    lookups: Any = None
    records: Records = field(default_factory=Records)

    def call(self, layer: 'Layer', name: str, variables: Mapping[str, Any], *inputs: Any, **keywords: Any) -> Any:
        """Run the layer that stands under this name, with its own part of the variables.

        Args:
            keywords: what the layer's `apply` takes beside its inputs; and for every layer `mask`, of its first input (or a list of
                masks), and `training`.
        """
        path = self.join(name)
        use = self.records.uses.get(path, 0)
        self.records.uses[path] = use + 1
        inner = replace(self, path=path, use=use, frozen=self.frozen or not layer.trainable)
        if (mask := keywords.pop('mask', None)) is not None:
            masks = mask if isinstance(mask, (list, tuple)) else (mask,)
            inner = replace(inner, given_masks=(*zip(inputs, masks, strict=False), *self.given_masks))
        if (training := keywords.pop('training', None)) is not None:
            inner = replace(inner, training=self.training and training)
        own = variables.get(name, {})
        if use:  # a shared layer goes on from what its last use made of its averages
            own = {n: self.records.updates.get(inner.join(n), value) for n, value in own.items()}
        try:
            outputs = layer.apply(own, *inputs, scope=inner, **keywords)
        except LaminaError:
            raise
        except (TypeError, ValueError) as error:
            raise ShapeError(
                f'{type(layer).__name__} {inner.path!r}',
                ' and '.join(f'inputs of shape {_shapes(x)}' for x in inputs),
                f'inputs it can compute with ({error})',
                'Change the layer before it, or its own settings.',
            ) from error
        outputs = inner.tap('output', outputs)
        if inner.given_masks is not self.given_masks:
            # A mask that a call gave its input must not become the mask of that array elsewhere.
            outputs = jax.tree.map(lambda y: lax.optimization_barrier(y) if any(y is x for x in inputs) else y, outputs)
        if layer.supports_masking and inputs and (mask := inner.mask_of(inputs[0])) is not None:
            for y in jax.tree.leaves(outputs):
                if self.mask_of(y) is None:
                    self.set_mask(y, mask)
        if self.observer is not None:
            self.observer(inner.path, layer, inputs, outputs)
        return outputs

    def mask_of(self, x: Any) -> jax.Array | None:
        """Which time steps of an array count: (batch, time) booleans, or None where all do."""
        for array, mask in self.given_masks:
            if array is x:
                return mask
        return self.records.masks.get(id(x), (None, None))[1]

    def set_mask(self, x: Any, mask: jax.Array | None) -> None:
        """Say which time steps of an array count, for the layers, the loss and the metrics that take it."""
        self.records.masks[id(x)] = (x, mask)

    def join(self, name: str) -> str:
        """The path of something within this layer."""
        return f'{self.path}{SEPARATOR}{name}' if self.path else name

    def random_key(self, name: str = '') -> jax.Array:
        """A random key of this step's, and of this layer's path alone.

        Raises:
            StateError: the network runs without randomness; only reached by a layer that draws during inference.
        """
        return jax.random.fold_in(jax.random.fold_in(self._root_key(), self.step), self._stream(self.join(name)))

    def random_bits(self, shape: tuple[int, ...], *, seed: int | None = None) -> jax.Array:
        """32 random bits for each element of a mask, of this step and this layer alone; cheaper than `jax.random`.

        Args:
            shape: of the mask.
            seed: a stream of its own, whatever the run's seed and the layer's path.

        Raises:
            StateError: as in `random_key`.
        """
        if seed is not None:
            return hashed_bits(device_key(seed), self.step, self._stream(''), shape)
        return hashed_bits(self._root_key(), self.step, self._stream(self.path), shape)

    def _stream(self, path: str) -> jax.Array:
        """The number of a random stream: each use of a shared layer, and each of a stack of blocks, draws from its own."""
        if not self.repetitions:
            return jnp.uint32(path_number(self._used(path)))
        numbers = np.array([path_number(self._used(p)) for p in _repeated_paths(path, self.repetitions)], np.uint32)
        index = 0
        for repetition in self.repetitions:
            index = index * len(repetition.names) + repetition.index
        return jnp.asarray(numbers)[index]

    def _used(self, path: str) -> str:
        return f'{path}#{self.use}' if self.use else path

    def _root_key(self) -> jax.Array:
        if self.key is None:
            raise StateError(self.path or 'network', 'no random key', 'a key while training', 'Draw only where scope.training is True.')
        return self.key

    def look_up(self, name: str, table: jax.Array, ids: jax.Array) -> jax.Array:
        """The rows of a table, a weight of this layer, at these numbers; zeros for numbers that are none of its rows."""
        if self.lookups is None:
            return lookup(table, ids)
        return self.lookups.look_up(self.join(name), table, ids, lookup)

    def update(self, name: str, value: jax.Array) -> None:
        """Give a non-trainable weight of this layer its next value, which takes effect after the step."""
        self.records.updates[self.join(name)] = value

    def add_loss(self, value: jax.Array) -> None:
        """Add a scalar to the training loss."""
        self.records.losses.append(value)

    def tap(self, name: str, value: Any) -> Any:
        """Let probes and explanations see a value, or put another in its place."""
        return value if self.tap_with is None else self.tap_with(self.path, name, value)

    def mean(self, x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
        """The mean over axes that include the batch axis, padding rows left out."""
        if self.valid is None:
            return jnp.mean(x, axes)
        rows = self.valid.reshape((-1,) + (1,) * (x.ndim - 1))
        inner = 1
        for axis in axes:
            inner *= 1 if axis == 0 else x.shape[axis]
        return jnp.sum(jnp.where(rows > 0, x, 0), axes) / (jnp.sum(self.valid) * inner)


def _repeated_paths(path: str, repetitions: tuple[Repetition, ...]) -> list[str]:
    """The path as it is in every repetition, in the order of their indices, the last one running fastest."""
    found = [path]
    for repetition in repetitions:
        found = [_renamed(p, repetition, k) for p in found for k in range(len(repetition.names))]
    return found


def _renamed(path: str, repetition: Repetition, k: int) -> str:
    """A path under the names of the first repetition, as it is in repetition k."""
    prefix = repetition.path + SEPARATOR if repetition.path else ''
    if not path.startswith(prefix):
        return path
    name, *rest = path.removeprefix(prefix).split(SEPARATOR)
    names = dict(zip(repetition.names[0], repetition.names[k], strict=True))
    return prefix + SEPARATOR.join([names.get(name, name), *rest])


def _shapes(x: Any) -> Any:
    return jax.tree.map(lambda a: tuple(getattr(a, 'shape', ())), x)
