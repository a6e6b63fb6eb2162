"""The neuron and its activation: `y = f(wᵀx + b)`, in layers."""

from typing import Any, ClassVar

from lamina import activations, constraints, initializers, regularizers
from lamina.core.described import described
from lamina.core.fields import flag, setting, whole
from lamina.core.shapes import Shape
from lamina.layers.base import Layer
from lamina.layers.weight import Weight, Weights


@described
class Dense(Layer):
    """A layer of neurons, each connected to every input.

    Formula: `y = activation(x @ kernel + bias)`.

    Args:
        units: number of neurons.
        activation: a name such as `'relu'`, a function, or None for the identity.
        use_bias: whether a bias is added.
        kernel_initializer: default `'glorot_uniform'`.
        bias_initializer: default `'zeros'`.
        kernel_regularizer: default None.
        bias_regularizer: default None.
        activity_regularizer: applied to the output, summed over the batch and divided by its size; default None.
        kernel_constraint: default None.
        bias_constraint: default None.

    Shapes:
        x: (batch, …, in) → (batch, …, units). kernel: (in, units), bias: (units,).

    Raises:
        ShapeError: the last axis of x is not known, or is not the one the layer was built for.

    Example:
        >>> import lamina
        >>> lamina.layers.Dense(128, activation='relu').output_shape((None, 784))
        (None, 128)
    """

    supports_masking: ClassVar[bool] = True

    units: int = setting(whole(1))
    activation: Any = setting(convert=activations.name_of, default=None)
    use_bias: bool = setting(flag(), default=True)
    kernel_initializer: Any = setting(convert=initializers.get, default='glorot_uniform')
    bias_initializer: Any = setting(convert=initializers.get, default='zeros')
    kernel_regularizer: Any = setting(convert=regularizers.get, default=None)
    bias_regularizer: Any = setting(convert=regularizers.get, default=None)
    activity_regularizer: Any = setting(convert=regularizers.get, default=None)
    kernel_constraint: Any = setting(convert=constraints.get, default=None)
    bias_constraint: Any = setting(convert=constraints.get, default=None)

    def weights(self, shape: Shape) -> Weights:
        self.require(len(shape) >= 2, shape, 'at least (batch, features)', 'Add a features axis, or a Flatten before this layer.')
        weights = {
            'kernel': Weight(
                (self.known(shape, -1), self.units), self.kernel_initializer, True, self.kernel_regularizer, self.kernel_constraint
            )
        }
        if self.use_bias:
            weights['bias'] = Weight((self.units,), self.bias_initializer, True, self.bias_regularizer, self.bias_constraint)
        return weights

    def apply(self, variables, x, scope):
        kernel = variables['kernel']
        fan_in = kernel.shape[0]
        self.require(
            x.shape[-1] == fan_in,
            x.shape,
            f'last axis {fan_in} (set when the layer was built)',
            f'Pass x[..., :{fan_in}], or build a new model.',
        )
        # One product of two axes: for more, XLA copies the transposed gradient before it computes the kernel's.
        y = (x.reshape(-1, fan_in) @ kernel).reshape(*x.shape[:-1], self.units) if x.ndim > 2 else x @ kernel
        if self.use_bias:
            y = y + variables['bias']
        y = activations.get(self.activation)(y)
        if self.activity_regularizer is not None:
            add_activity_loss(self.activity_regularizer, y, scope)
        return y


def add_activity_loss(regularizer, y, scope) -> None:
    """Add a penalty on a layer's output, per example, padding rows left out."""
    if scope.valid is None:
        scope.add_loss(regularizer(y) / y.shape[0])
    else:
        rows = scope.valid.reshape((-1,) + (1,) * (y.ndim - 1))
        scope.add_loss(regularizer(y * rows) / scope.valid.sum())


@described
class Activation(Layer):
    """An activation function as a layer of its own.

    Args:
        activation: a name such as `'relu'`, or a function.

    Shapes:
        x: any → the same.

    Example:
        >>> import lamina
        >>> lamina.layers.Activation('relu').output_shape((None, 5))
        (None, 5)
    """

    supports_masking: ClassVar[bool] = True

    activation: Any = setting(convert=activations.name_of)

    def apply(self, variables, x, scope):
        return activations.get(self.activation)(x)
