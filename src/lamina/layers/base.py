"""The contract of a layer: a frozen description with two pure methods, `weights` and `apply`.

`weights(*shapes)` declares what arrays the layer has, given the shapes of its inputs; `apply(variables, *inputs, scope)`
computes its outputs from their values. A layer holds no values itself: equal layers are equal descriptions.
"""

import dataclasses
import functools
import inspect
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.described import Described, FrozenDict, described, snake_case
from lamina.core.devices import prepare
from lamina.core.errors import ConfigError, ShapeError, StateError, unknown_name
from lamina.core.fields import Rule, flag, setting, sizes, text, whole
from lamina.core.paths import SEPARATOR
from lamina.core.shapes import Abstract, Shape, TypedShape, abstract_outputs, dtype_of, show
from lamina.layers import weight
from lamina.layers.scope import Scope
from lamina.layers.symbolic import Call, Symbol, with_slots, without_slots
from lamina.layers.weight import Weights

T = TypeVar('T')
#: the dtype of inputs of text, which JAX does not have
STRING = 'string'
_NO_KEYWORDS = FrozenDict()


def _known_axes(shape: Any) -> Any:
    return tuple(shape) if isinstance(shape, Iterable) else shape


_sizes, _whole = sizes(), whole()
_SHAPE = Rule(
    lambda v: isinstance(v, tuple) and _sizes.accepts(tuple(n for n in v if n is not None)),
    'a tuple of sizes without the batch axis, None for an axis of any length',
    bad=('wide', (0,), (1.5,)),
)


def _is_numeric(dtype: Any) -> bool:
    try:
        return any(jnp.issubdtype(np.dtype(dtype), kind) for kind in (jnp.floating, jnp.integer, np.bool_))
    except TypeError:
        return False


def _dtype_name(dtype: Any) -> Any:
    """The name of a dtype; what names none comes back as it is, for `validate` to refuse."""
    if dtype is str:
        return STRING
    try:
        return np.dtype('float32' if dtype is None else dtype).name
    except TypeError:
        return dtype


@described
class Layer(Described):
    """The base of every layer, built in or your own.

    Args:
        name: how summaries, errors and saved files call it; by default its class in snake case, numbered.
        trainable: False freezes its weights.
        input_shape: the shape of one example, given to the first layer of a `Sequential` instead of an `Input`.

    Example:
        >>> import lamina
        >>> @lamina.described
        ... class Scale(lamina.Layer):
        ...     start: float = 1.0
        ...
        ...     def weights(self, shape):
        ...         return {'gain': lamina.Weight(shape[-1:], lamina.initializers.Constant(self.start))}
        ...
        ...     def apply(self, variables, x, scope):
        ...         return x * variables['gain']
        >>> lamina.Sequential([Scale(2.0, input_shape=(3,))]).predict([[1.0, 2.0, 3.0]], verbose=0)
        array([[2., 4., 6.]], dtype=float32)
    """

    kind: ClassVar[str] = 'layer'
    #: whether the mask of its first input is, where it sets none itself, the mask of each of its outputs
    supports_masking: ClassVar[bool] = False
    #: whether it computes one step after another, so that each core of a CPU does better with rows of its own
    step_by_step: ClassVar[bool] = False
    #: whether it prepares NumPy arrays before the compiled program runs, as a `HostLayer` does
    on_host: ClassVar[bool] = False
    #: whether it does so for strings, and is compiled for numbers
    takes_strings: ClassVar[bool] = False
    assignment_advice: ClassVar[str] = 'Use .replace({name}=…), which returns a changed copy, or model.freeze(name) to freeze a layer.'

    name: str | None = setting(text(), default=None, kw_only=True, compare=False)
    trainable: bool = setting(flag(), default=True, kw_only=True)
    input_shape: Shape | None = setting(_SHAPE, convert=_known_axes, default=None, kw_only=True, compare=False)

    def _check(self, f: dataclasses.Field, value: Any) -> None:
        if f.metadata.get('rule') is _SHAPE and _whole.accepts(value):
            raise ConfigError(f'{self.label}, setting {f.name!r}', repr(value), _SHAPE.expected, f'Write {f.name}=({value},).')
        super()._check(f, value)

    def weights(self, *shapes: Shape) -> Weights:
        """What arrays the layer has for inputs of these shapes, whose first axis, the batch, is None."""
        return {}

    def apply(self, variables: Mapping[str, Any], *inputs: Any, scope: Scope) -> Any:
        """The outputs for these inputs; `variables` holds the values of what `weights` declared, by the same names."""
        raise ConfigError(self.label, 'no method apply', 'apply(self, variables, *inputs, scope)', 'Define it in the class.')

    def output_shape(self, *shapes: Shape, **keywords: Any) -> Any:
        """The shape of the output (or a tuple or dict of shapes), found by tracing; no array is made.

        Args:
            shapes: of the inputs.
            keywords: what else the call says, with a `TypedShape` in the place of each array.

        Raises:
            ShapeError: the layer cannot take inputs of these shapes.
        """
        arguments, named = with_slots(shapes, keywords, lambda v: isinstance(v, TypedShape))
        outputs = output_of(self, arguments, tuple(dtype_of(shape) for shape in arguments), named)
        return jax.tree.map(lambda a: TypedShape(a.shape, a.dtype), outputs)

    def children(self) -> dict[str, 'Layer']:
        """The layers within, by name; empty for a plain layer."""
        return {}

    def with_children(self, children: Mapping[str, 'Layer']) -> 'Layer':
        """A copy with other layers within, under the same names."""
        return self

    def default_name(self) -> str:
        """The name it is numbered from where the user gave none."""
        return snake_case(type(self).__name__)

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        """Describe the use of this layer on symbolic inputs (`x = Dense(64)(inputs)`); computes nothing.

        `layer([a, b])` and `layer(a, b)` are the same.

        Args:
            inputs: symbols.
            keywords: what its `apply` takes beside its inputs (`initial_state`, `attention_mask`), symbols or plain values; and for
                every layer `mask`, of its first input, and `training`, True or False whatever the network does.

        Raises:
            StateError: an input is an array, not a symbol.
            ShapeError: the layer cannot take inputs of these shapes.
            UnknownNameError: the layer takes no such keyword.
        """
        if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
            inputs = tuple(inputs[0])
        self._check_keywords(keywords)
        arguments, named = with_slots(inputs, {k: v for k, v in keywords.items() if v is not None}, lambda v: isinstance(v, Symbol))
        for x in inputs:
            if not isinstance(x, Symbol):
                raise StateError(
                    self.label,
                    f'called on a {type(x).__name__}',
                    'a symbolic input: a layer describes a computation and holds no weights',
                    'Start from lamina.Input(shape), wrap the network in lamina.Model(inputs, outputs), and call the model on arrays.',
                )
        outputs = output_of(self, tuple(x.shape for x in arguments), tuple(str(x.dtype) for x in arguments), named)
        origin = Call(self, arguments, named)
        leaves, structure = jax.tree.flatten(outputs)
        return jax.tree.unflatten(structure, [Symbol(a.shape, str(a.dtype), origin, i) for i, a in enumerate(leaves)])

    def _check_keywords(self, keywords: Mapping[str, Any]) -> None:
        if unknown := [name for name in keywords if name not in (known := call_keywords(type(self)))]:
            raise unknown_name(f'{self.label}, a keyword of the call', unknown[0], known)

    def require(self, accepted: bool, shape: Shape, expected: str, remedy: str) -> None:
        """Raise a ShapeError that names this layer unless its input shape is accepted."""
        if not accepted:
            raise ShapeError(self.label, f'input shape {show(shape)}', expected, remedy)

    def known(self, shape: Shape, axis: int) -> int:
        """The size of an axis that this layer's weights depend on; a ShapeError where it is not known."""
        size = shape[axis]
        if size is None:
            raise ShapeError(self.label, f'input shape {show(shape)}', f'a known size of axis {axis}', 'Give it in Input.')
        return size


@functools.cache
def call_keywords(cls: type[Layer]) -> tuple[str, ...]:
    """The keywords that a call of such a layer may have."""
    parameters = inspect.signature(cls.apply).parameters.values()
    return (*(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != 'scope'), 'mask', 'training')


def holds(layer: Layer, is_such: Callable[[Layer], bool]) -> bool:
    """Whether the layer, or one within, is such a one."""
    return is_such(layer) or any(holds(child, is_such) for child in layer.children().values())


def paths_of(layer: Layer, is_such: Callable[[Layer], bool], path: str = '') -> list[str]:
    """The paths of the outermost layers within, or of the layer itself, that are such."""
    if is_such(layer):
        return [path]
    inner = ((child, f'{path}{SEPARATOR}{name}' if path else name) for name, child in layer.children().items())
    return [found for child, where in inner for found in paths_of(child, is_such, where)]


def weights_of(layer: Layer, *shapes: Shape) -> Weights:
    """What `layer.weights` declares, with `trainable=False` carried through."""
    declared = layer.weights(*shapes)
    return declared if layer.trainable else weight.frozen(declared)


def remembered(function: Callable[..., T]) -> Callable[..., T]:
    """Decorator: call a function of a description and further hashable arguments once for equal descriptions.

    A result is kept for as long as the description it was found for lives: it may hold a function of the user's, and with it data.
    """
    results: weakref.WeakKeyDictionary[Layer, dict[tuple, T]] = weakref.WeakKeyDictionary()

    @functools.wraps(function)
    def recalled(layer: Layer, *arguments: Any) -> T:
        known = results.get(layer)
        if known is None or arguments not in known:
            result = function(layer, *arguments)
            # Looked up again: the layer that was remembered may have gone, or another thread may have come first.
            known = results.setdefault(layer, {})
            known[arguments] = result
        return known[arguments]

    return recalled


@remembered
def output_of(layer: Layer, shapes: tuple[Shape, ...], dtypes: tuple[str, ...], keywords: Mapping[str, Any] = _NO_KEYWORDS) -> Any:
    """Abstract outputs (shape with None for unknown axes, dtype) of a layer, traced once for equal layers.

    Args:
        shapes, dtypes: of the arguments, those within the keywords last.
        keywords: as `with_slots` made them.
    """
    prepare()
    _check_place_of_host_layers(layer, dtypes)
    typed = tuple(TypedShape(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True))
    positional, named = without_slots(typed, keywords)
    if type(layer).output_shape is not Layer.output_shape:
        return _abstract(layer.output_shape(*positional, **named))  # a container asks its layers one by one
    name = layer.name or layer.default_name()

    def run(variables, *arguments):
        inputs, named = without_slots(arguments, keywords)
        return Scope().call(layer, name, {name: variables}, *inputs, **named)

    return abstract_outputs(run, weight.abstract(layer.weights(*positional)), shapes, dtypes)


def _dtype(name: str) -> Any:
    """The dtype of this name; that of strings has none in NumPy."""
    return name if name == STRING else np.dtype(name)


def _abstract(shapes: Any) -> Any:
    """The structure of shapes with each of them as an abstract array."""
    if isinstance(shapes, dict):
        return {key: _abstract(shape) for key, shape in shapes.items()}
    typed = isinstance(shapes, TypedShape) or not any(isinstance(shape, tuple) for shape in shapes)
    return Abstract(tuple(shapes), _dtype(dtype_of(shapes))) if typed else tuple(_abstract(shape) for shape in shapes)


@remembered
def holds_host_layers(layer: Layer, strings: bool = True) -> bool:
    """Whether the layer, or one within, runs on the host.

    Args:
        strings: whether there may be strings among its inputs.
    """
    own = layer.on_host or (strings and layer.takes_strings)
    return own or any(holds_host_layers(child, strings) for child in layer.children().values())


def _check_place_of_host_layers(layer: Layer, dtypes: tuple[str, ...]) -> None:
    """Refuse strings for layers that are compiled, and layers of the host within a layer that is compiled as a whole."""
    if holds_host_layers(layer, STRING in dtypes):
        if type(layer).output_shape is Layer.output_shape:
            raise no_host_layers_within(layer)
    elif STRING in dtypes:
        while layer.children():
            layer = next(iter(layer.children().values()))
        remedy = 'Put a StringLookup, TextVectorization or Hashing layer before it, which makes numbers of strings.'
        raise ConfigError(layer.label, 'an input of strings', 'numbers', remedy)


def no_host_layers_within(layer: Layer) -> ConfigError:
    """The error for a layer that compiles what is within it, and was given a layer of the host."""
    within = next(name for name, child in layer.children().items() if holds_host_layers(child))
    got = f'the layer {within!r} within, which prepares data on the host'
    remedy = 'Put that layer before this one, at the start of the Sequential or functional model.'
    return ConfigError(layer.label, got, 'layers that can be compiled', remedy)


@described
class InputLayer(Layer):
    """The place where data enters; made by `Input`.

    Args:
        shape: of one example, without the batch axis; None for an axis of any length.
        dtype: what the data is converted to on the device; 'string' for text, which a layer such as TextVectorization takes.
    """

    shape: Shape = setting(_SHAPE, convert=_known_axes, default=())
    dtype: str = setting(convert=_dtype_name, default='float32')

    def validate(self) -> None:
        if self.dtype == STRING:
            return
        where, got = f"{self.label}, setting 'dtype'", repr(self.dtype)
        if not _is_numeric(self.dtype):
            raise ConfigError(where, got, "the name of a dtype of numbers, such as 'float32' or 'int32', or 'string'", 'Change dtype.')
        held = jax.dtypes.canonicalize_dtype(self.dtype).name
        if held != self.dtype:
            raise ConfigError(where, got, f'{held!r}: networks compute in 32 bits', f"Write dtype='{held}'; 64-bit data is converted.")

    @property
    def batch_shape(self) -> Shape:
        """The shape with the batch axis, `(None, …)`."""
        return TypedShape((None, *self.shape), self.dtype)

    def apply(self, variables, x, scope):
        return x

    def default_name(self) -> str:
        return 'input'


def Input(shape: Shape, batch_size: int | None = None, dtype: Any = 'float32', *, name: str | None = None) -> Symbol:
    """A symbolic input, the start of a functional network, or the first entry of a `Sequential`.

    Args:
        shape: of one example, without the batch axis; None for an axis of any length.
        batch_size: accepted as in Keras, and without effect: one network takes batches of any size.
        dtype: what the data is converted to on the device, of at most 32 bits; default 'float32'. 'string' for text, which goes into
            layers that run on the host (StringLookup, TextVectorization, Hashing).
        name: by which a dict of inputs refers to it.

    Raises:
        ConfigError: a shape that is no tuple of sizes, or a dtype of 64 bits; the message says what to write.

    Example:
        >>> import lamina
        >>> x = lamina.Input((8,))
        >>> lamina.Model(x, lamina.layers.Dense(2)(x)).count_params()
        18
    """
    axes = _known_axes(shape)
    if not _SHAPE.accepts(axes):
        remedy = f'Write Input(({shape},)).' if _whole.accepts(shape) else 'Write Input((28, 28)) or Input((8,)).'
        raise ConfigError("Input, setting 'shape'", repr(shape), _SHAPE.expected, remedy)
    if batch_size is not None and not _whole.accepts(batch_size):
        remedy = f'Write dtype={batch_size!r}.' if isinstance(batch_size, str) else 'Leave it out: any batch size is taken.'
        raise ConfigError("Input, setting 'batch_size'", repr(batch_size), _whole.expected, remedy)
    layer = InputLayer(axes, dtype, name=name)
    return Symbol(layer.batch_shape, layer.dtype, layer)
