"""One door for everything that is not a layer yet."""

from collections.abc import Callable
from typing import Any

from lamina.core.errors import ConfigError
from lamina.external.equinox import EquinoxLayer
from lamina.external.flax import FlaxLayer
from lamina.external.functions import FunctionLayer
from lamina.external.held import Held
from lamina.layers.base import Layer


def as_layer(
    module: Any,
    apply: Callable | None = None,
    *,
    vmap: bool = True,
    name: str | None = None,
    trainable: bool = True,
    input_shape: tuple[int | None, ...] | None = None,
) -> Layer:
    """A layer of an Equinox module, a Flax NNX module, or plain functions.

    The layer's weights start from the module's own values and are trained, frozen, counted and summarized like any others. The
    module itself is never changed. Such a layer cannot be saved to a file: it would have to run code that the file names.

    Args:
        module: an Equinox module or a Flax NNX module, already made; or a function: `init` where `apply` is given, else a function
            of the inputs without weights.
        apply: `apply(params, *inputs) → outputs`, for `init(rng, *shapes) → params`; see `FunctionLayer`.
        vmap: for Equinox, whether the module takes one example at a time, as those of `equinox.nn` do; default True.
        name: how summaries and errors call it; default the module's class or the function's name, in snake case.
        trainable: False freezes its weights.
        input_shape: the shape of one example, where it is the first layer of a `Sequential`.

    Returns:
        A Layer. A layer that is passed in comes back unchanged.

    Raises:
        ConfigError: it is none of these.

    Example:
        >>> import lamina
        >>> double = lamina.external.as_layer(lambda x: 2 * x, input_shape=(2,))
        >>> lamina.Sequential([double]).predict([[1.0, 3.0]])
        array([[2., 6.]], dtype=float32)
    """
    options: dict[str, Any] = {'name': name, 'trainable': trainable, 'input_shape': input_shape}
    if apply is None and isinstance(module, Layer):
        return module
    if apply is not None:
        return FunctionLayer(Held(apply), Held(module), **options)
    if _is_module(module, 'equinox'):
        return EquinoxLayer(Held(module), vmap, **options)
    if _is_module(module, 'flax'):
        return FlaxLayer(Held(module), **options)
    if isinstance(module, type) or not callable(module):
        shown = f'the class {module.__name__}' if isinstance(module, type) else f'a {type(module).__name__}'
        raise ConfigError(
            'as_layer', shown, 'a module of Equinox or Flax NNX, or functions', 'Make the module first, or pass as_layer(init, apply).'
        )
    return FunctionLayer(Held(module), **options)


def _is_module(value: Any, package: str) -> bool:
    """Whether a class it derives from is that package's Module. Asked of the names, so that nothing is imported to find out."""
    return any(c.__name__ == 'Module' and c.__module__.split('.')[0] == package for c in type(value).__mro__)
