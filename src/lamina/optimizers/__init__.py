"""Optimizers with Keras's names, arguments and numbers, as pure updates over Optax; any Optax transformation is one too.

>>> get('adam')
Adam()
>>> get(SGD(schedules.CosineDecay(0.1, decay_steps=1000), momentum=0.9)).momentum
0.9
"""

from lamina.optimizers import schedules
from lamina.optimizers.adafactor import Adafactor
from lamina.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from lamina.optimizers.adapter import OptaxOptimizer, get
from lamina.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from lamina.optimizers.base import Optimizer
from lamina.optimizers.momentum import SGD, Lion
from lamina.optimizers.muon import Muon
from lamina.optimizers.schedules import Schedule

__all__ = [
    'SGD',
    'Adadelta',
    'Adafactor',
    'Adagrad',
    'Adam',
    'AdamW',
    'Adamax',
    'Ftrl',
    'Lamb',
    'Lion',
    'Muon',
    'Nadam',
    'OptaxOptimizer',
    'Optimizer',
    'RMSprop',
    'Schedule',
    'get',
    'schedules',
]
