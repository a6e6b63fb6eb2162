"""A recurrent layer in both directions of time."""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from lamina.core.described import described
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import one_of, setting
from lamina.core.shapes import Shape
from lamina.layers.base import Layer, weights_of
from lamina.layers.weight import Weights

_SHARED = ('stateful', 'return_sequences', 'return_state')
_MERGED: dict[str, Callable[[Any, Any], Any]] = {
    'concat': lambda a, b: jnp.concatenate([a, b], -1),
    'sum': lambda a, b: a + b,
    'ave': lambda a, b: (a + b) / 2,
    'mul': lambda a, b: a * b,
}


@described
class Bidirectional(Layer):
    """Runs a recurrent layer from the first step to the last, another one from the last to the first, and merges what they return.

    The sequence of the backward layer is turned round before it is merged, so that each step holds what both made of it. Where
    sequences are returned, the outputs of masked steps are zeros.

    Args:
        layer: the forward layer: `LSTM`, `GRU`, `SimpleRNN`, `RNN`, a convolutional LSTM, or a layer of one's own with the settings
            go_backwards, return_sequences, return_state and stateful.
        merge_mode: `'concat'`, `'sum'`, `'ave'`, `'mul'`, or None for both outputs; default `'concat'`.
        backward_layer: default the same layer with `go_backwards` and weights of its own.

    Call arguments:
        initial_state: a list of the states of the forward layer, then those of the backward layer.
        mask: (batch, time), false where a step does not count.

    Shapes:
        x: (batch, time, in) → (batch, 2 · units) with `'concat'`, (batch, units) with the other modes; with the time axis if the
        layer returns sequences; with `return_state`, the states of the forward and then of the backward layer follow.

    Raises:
        ConfigError: the layer is not recurrent, both go in one direction, or they do not return the same.
        ShapeError: what the layers raise; or states that cannot be shared out in two halves.

    Example:
        >>> import lamina
        >>> from lamina.layers import GRU, Bidirectional
        >>> Bidirectional(GRU(32)).output_shape((None, 10, 8))
        (None, 64)

    Source: Schuster, Paliwal (1997).
    """

    layer: Layer = setting()
    merge_mode: str | None = setting(one_of('sum', 'mul', 'ave', 'concat', None), default='concat')
    backward_layer: Layer | None = setting(default=None)

    def validate(self) -> None:
        for name in ('layer', 'backward_layer'):
            if name == 'layer' or self.backward_layer is not None:
                self._require_recurrent(name, getattr(self, name))
        forward, backward = self.children().values()
        if forward.go_backwards == backward.go_backwards:  # type: ignore[attr-defined]
            got = f'go_backwards={forward.go_backwards} in both layers'  # type: ignore[attr-defined]
            raise ConfigError(self.label, got, 'one layer in each direction', 'Write backward_layer=LSTM(…, go_backwards=True).')
        for name in _SHARED:
            values = (getattr(forward, name), getattr(backward, name))
            if values[0] != values[1]:
                got = f'{name}={values[0]} in the forward layer and {values[1]} in the backward layer'
                raise ConfigError(self.label, got, 'the same in both', f'Give both layers the same {name}.')

    def _require_recurrent(self, name: str, layer: Any) -> None:
        if not isinstance(layer, Layer) or not all(hasattr(layer, n) for n in ('go_backwards', *_SHARED)):
            raise ConfigError(
                f'{self.label}, setting {name!r}',
                f'a {type(layer).__name__}',
                'a recurrent layer',
                'Pass an LSTM, GRU, SimpleRNN or RNN layer; wrap a cell in RNN(cell).',
            )

    def children(self) -> dict[str, Layer]:
        backward = self.layer.replace(go_backwards=True) if self.backward_layer is None else self.backward_layer
        return {'forward_layer': _with_zeros(self.layer), 'backward_layer': _with_zeros(backward)}

    def with_children(self, children: Mapping[str, Layer]) -> 'Bidirectional':
        if dict(children) == self.children():
            return self
        return self.replace(layer=children['forward_layer'], backward_layer=children['backward_layer'])

    def weights(self, shape: Shape, *states: Shape) -> Weights:
        declared = {name: weights_of(layer, shape) for name, layer in self.children().items()}
        return {name: weights for name, weights in declared.items() if weights}

    def apply(self, variables, x, *, initial_state=None, scope):
        given = self._halves(initial_state, x)
        outputs, states = [], []
        for (name, layer), keywords in zip(self.children().items(), given, strict=True):
            y = scope.call(layer, name, variables, x, **keywords)
            y, *after = y if layer.return_state else (y,)  # type: ignore[attr-defined]
            outputs.append(y)
            states += after
        return self._merged(outputs, states, scope.mask_of(x), scope)

    def _halves(self, states: Any, x: Any) -> list[dict[str, Any]]:
        """The keywords of the two calls."""
        if states is None:
            return [{}, {}]
        half, odd = divmod(len(states), 2)
        if odd:
            got, expected = f'{len(states)} initial states', 'as many for the forward as for the backward layer'
            raise ShapeError(self.label, got, expected, 'Pass initial_state=[*forward_states, *backward_states].')
        return [{'initial_state': states[:half]}, {'initial_state': states[half:]}]

    def _merged(self, outputs: list, states: list, mask: Any, scope: Any) -> Any:
        forward, backward = outputs
        sequences = self.layer.return_sequences  # type: ignore[attr-defined]
        if sequences:
            backward = jnp.flip(backward, 1)
        results = (forward, backward) if self.merge_mode is None else (_MERGED[self.merge_mode](forward, backward),)
        if sequences and mask is not None:
            for y in results:
                scope.set_mask(y, mask)
        return (*results, *states) if len(results) + len(states) > 1 else results[0]


def _with_zeros(layer: Any) -> Any:
    """The layer with zeros for the outputs of masked steps where it returns sequences, as Keras has it in both directions."""
    wanted = layer.return_sequences
    return layer if getattr(layer, 'zero_output_for_mask', wanted) == wanted else layer.replace(zero_output_for_mask=wanted)
