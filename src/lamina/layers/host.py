"""Layers that prepare data on the host, on NumPy arrays, before the compiled program: JAX has no strings.

They stand at the start of a network, are described and saved with it, and have no weights. Where data is bound to a network's
inputs, they turn it into the arrays that the compiled part takes: once for arrays in memory, once a batch for streams.
"""

from typing import Any, ClassVar

import numpy as np

from lamina.core.described import unregistered
from lamina.core.errors import ConfigError, DataError, StateError
from lamina.core.shapes import Shape
from lamina.data.strings import as_strings
from lamina.layers.base import STRING, Layer


@unregistered
class HostLayer(Layer):
    """The base of layers that run on the host. A subclass defines `prepare` and `output_shape`.

    Its inputs are inputs of the network or outputs of other host layers. In training and in inference it does the same.

    Example:
        >>> import lamina, numpy as np
        >>> from lamina.core.shapes import TypedShape
        >>> @lamina.described
        ... class Length(lamina.layers.HostLayer):
        ...     def output_shape(self, shape, **keywords):
        ...         return TypedShape(shape, 'float32')
        ...
        ...     def prepare(self, texts):
        ...         return np.vectorize(len)(texts)
        >>> model = lamina.Sequential([lamina.Input((1,), dtype='string'), Length()])
        >>> model.predict(['one', 'eleven'])
        array([[3.],
               [6.]], dtype=float32)
    """

    on_host: ClassVar[bool] = True

    @property
    def input_dtype(self) -> str:
        """What it takes where it is the first layer of a Sequential without an `Input`."""
        return STRING

    def prepare(self, *arrays: np.ndarray) -> np.ndarray:
        """The output for these arrays, whose first axis is the batch; strings come as arrays of objects or of a string dtype."""
        raise ConfigError(self.label, 'no method prepare', 'prepare(self, *arrays) on NumPy arrays', 'Define it in the class.')

    def output_shape(self, *shapes: Shape, **keywords: Any) -> Any:
        """A `TypedShape` of the output for inputs of these shapes, found without running."""
        raise ConfigError(self.label, 'no method output_shape', 'output_shape(self, *shapes) → TypedShape', 'Define it in the class.')

    def apply(self, variables, *inputs, scope):
        """Never reached in a model, which runs `prepare` beforehand."""
        raise StateError(
            self.label,
            'a place within the compiled program',
            'one at the start of a Sequential or functional model',
            'Put the layer right after an Input, or prepare the data by hand: layer.prepare(x).',
        )

    def strings(self, array: Any) -> np.ndarray:
        """The array, which must be of strings.

        Raises:
            DataError: it holds numbers, or something is missing among the strings.
        """
        found = as_strings(array, self.label)
        if found is None:
            dtype = getattr(array, 'dtype', type(array).__name__)
            raise DataError(self.label, f'values of dtype {dtype}', 'strings', 'Pass the texts themselves, or numbers as x.astype(str).')
        return found
