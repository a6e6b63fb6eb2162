"""Callbacks by the name that users know: `lamina.callbacks.Callback`, and the `History` that `fit` returns."""

from lamina.training.callbacks import Callback, History

__all__ = ['Callback', 'History']
