"""Weights of a Keras model in a Lamina model by one call, and back: `python examples/move_weights_from_keras.py`."""

import os
import sys

import numpy as np

import lamina

os.environ.setdefault('KERAS_BACKEND', 'jax')
try:
    import keras
except ImportError:
    sys.exit('This example needs Keras: pip install keras')


def network(library):
    """The same description in either library."""
    return library.Sequential(
        [
            library.Input((20,)),
            library.layers.Dense(64, activation='relu'),
            library.layers.BatchNormalization(),
            library.layers.Dropout(0.2),
            library.layers.Dense(3, activation='softmax'),
        ]
    )


def main(epochs: int = 3) -> None:
    """Train in Keras, go on in Lamina, and compare the predictions at each move."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(500, 20)).astype('float32'), rng.integers(0, 3, 500)
    theirs, ours = network(keras), network(lamina)
    for model in (theirs, ours):
        model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])

    theirs.fit(x, y, epochs=epochs, verbose=0)
    ours.set_weights(theirs.get_weights())
    print('Keras → Lamina: largest difference', float(np.abs(theirs.predict(x, verbose=0) - ours.predict(x)).max()))

    ours.fit(x, y, epochs=epochs, verbose=0)
    theirs.set_weights(ours.get_weights())
    print('Lamina → Keras: largest difference', float(np.abs(theirs.predict(x, verbose=0) - ours.predict(x)).max()))


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
