"""Networks that people know by name, each described in a page from public layers. Their weights are new: nothing is trained.

Every function returns a model, to be compiled and trained like one of your own; `model.network` is its description.
"""

from lamina.models.zoo.convnext import convnext_tiny
from lamina.models.zoo.lenet import lenet5
from lamina.models.zoo.mobilenet import mobilenet_v2_small
from lamina.models.zoo.perceptron import mlp
from lamina.models.zoo.recurrent import gru_classifier, lstm_classifier
from lamina.models.zoo.resnet import resnet18, resnet50
from lamina.models.zoo.resnet_small import resnet20, resnet56, resnet110
from lamina.models.zoo.segmentation import unet
from lamina.models.zoo.tabular import tabular_mlp
from lamina.models.zoo.tabular_attention import tab_transformer
from lamina.models.zoo.temporal import tcn
from lamina.models.zoo.transformer import transformer_classifier
from lamina.models.zoo.vgg import vgg_small
from lamina.models.zoo.vision_transformer import vit_tiny

__all__ = [
    'convnext_tiny',
    'gru_classifier',
    'lenet5',
    'lstm_classifier',
    'mlp',
    'mobilenet_v2_small',
    'resnet18',
    'resnet20',
    'resnet50',
    'resnet56',
    'resnet110',
    'tab_transformer',
    'tabular_mlp',
    'tcn',
    'transformer_classifier',
    'unet',
    'vgg_small',
    'vit_tiny',
]
