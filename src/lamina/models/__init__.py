"""Models: descriptions with weights. `Sequential` and `Model` describe, compile, train, evaluate, predict and save."""

from lamina.models import zoo
from lamina.models.loading import load, load_model
from lamina.models.model import Model
from lamina.models.sequential import Sequential

__all__ = ['Model', 'Sequential', 'load', 'load_model', 'zoo']
