"""Layers that prepare raw values. They are part of the model, so what is served prepares its inputs as training did."""

from lamina.core.described import described
from lamina.core.fields import real, setting
from lamina.layers.base import Layer


@described
class Rescaling(Layer):
    """Formula: `y = x · scale + offset`.

    Args:
        scale: for images of bytes, `1 / 255`.
        offset: added after scaling; default 0.

    Shapes:
        x: any → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.Rescaling(1 / 127.5, offset=-1).output_shape((None, 28, 28))
        (None, 28, 28)
    """

    scale: float = setting(real())
    offset: float = setting(real(), default=0.0)

    def apply(self, variables, x, scope):
        return x * self.scale + self.offset
