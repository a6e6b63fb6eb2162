"""What `fit` accepts, made one of two things: arrays in memory, or a source of batches."""

from lamina.data.arrays import Arrays
from lamina.data.batches import Batches
from lamina.data.reading import as_dataset
from lamina.data.weights import class_weights

__all__ = ['Arrays', 'Batches', 'as_dataset', 'class_weights']
