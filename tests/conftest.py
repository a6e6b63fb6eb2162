"""Shared by every test: Keras, the reference of the golden tests, runs on JAX and is imported only by them."""

import os

os.environ.setdefault('KERAS_BACKEND', 'jax')
os.environ.setdefault('JAX_PLATFORMS', 'cpu')

from lamina.core import devices

# Before any test asks JAX for its devices: one for each core, as programs of users have them.
devices.prepare()
