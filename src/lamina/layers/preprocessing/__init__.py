"""Layers that prepare raw values. They are part of the model, so what is served prepares its inputs as training did."""

from lamina.layers.preprocessing.affine import RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom
from lamina.layers.preprocessing.categorical import CategoryEncoding, Discretization
from lamina.layers.preprocessing.color import (
    RandomBrightness,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from lamina.layers.preprocessing.erasing import RandomErasing
from lamina.layers.preprocessing.hashing import Hashing
from lamina.layers.preprocessing.lookup import IntegerLookup
from lamina.layers.preprocessing.mixing import CutMix, MixUp
from lamina.layers.preprocessing.scaling import Normalization, Rescaling
from lamina.layers.preprocessing.sizing import CenterCrop, RandomCrop, Resizing
from lamina.layers.preprocessing.text import StringLookup, TextVectorization

__all__ = [
    'CategoryEncoding',
    'CenterCrop',
    'CutMix',
    'Discretization',
    'Hashing',
    'IntegerLookup',
    'MixUp',
    'Normalization',
    'RandomBrightness',
    'RandomColorJitter',
    'RandomContrast',
    'RandomCrop',
    'RandomErasing',
    'RandomFlip',
    'RandomGrayscale',
    'RandomHue',
    'RandomRotation',
    'RandomSaturation',
    'RandomShear',
    'RandomTranslation',
    'RandomZoom',
    'Rescaling',
    'Resizing',
    'StringLookup',
    'TextVectorization',
]
