"""Small helpers with Keras's names."""

from lamina.core.keys import set_seed as set_random_seed
from lamina.data import class_weights
from lamina.data.categorical import to_categorical

__all__ = ['class_weights', 'set_random_seed', 'to_categorical']
