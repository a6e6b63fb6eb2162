"""Every layer, by Keras's name for it. A layer is a description; `lamina.Model` and `lamina.Sequential` hold the weights."""

from lamina.layers.base import Input, InputLayer, Layer
from lamina.layers.compose import Chain
from lamina.layers.core import Activation, Dense
from lamina.layers.graph import Graph
from lamina.layers.merging import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from lamina.layers.normalization import BatchNormalization, LayerNormalization
from lamina.layers.preprocessing import Rescaling
from lamina.layers.regularization import Dropout
from lamina.layers.reshaping import Flatten, Permute, Reshape
from lamina.layers.scope import Scope
from lamina.layers.weight import Weight

__all__ = [
    'Activation',
    'Add',
    'Average',
    'BatchNormalization',
    'Chain',
    'Concatenate',
    'Dense',
    'Dot',
    'Dropout',
    'Flatten',
    'Graph',
    'Input',
    'InputLayer',
    'Layer',
    'LayerNormalization',
    'Maximum',
    'Minimum',
    'Multiply',
    'Permute',
    'Rescaling',
    'Reshape',
    'Scope',
    'Subtract',
    'Weight',
]
