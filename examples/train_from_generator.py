"""Data that is made batch by batch: `python examples/train_from_generator.py`."""

import sys

import numpy as np

import lamina

BATCHES = 100


def batches():
    """One pass: noisy waves of 64 samples; the class is the wave's frequency."""
    rng = np.random.default_rng()
    time = np.linspace(0, 1, 64, dtype='float32')
    for _ in range(BATCHES):
        frequency = rng.integers(0, 4, size=64)
        phase = rng.uniform(0, 2 * np.pi, size=(64, 1))
        waves = np.sin(2 * np.pi * (frequency[:, None] + 1) * time + phase)
        yield waves + rng.normal(0, 0.5, waves.shape), frequency


def main(epochs: int = 5) -> None:
    """Train on batches that are never in memory together."""
    model = lamina.Sequential([lamina.Input((64,)), lamina.layers.Dense(64, activation='relu'), lamina.layers.Dense(4)])
    model.compile(optimizer='adam', loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])

    # The function, not its result: each epoch calls it for a new pass. validation_steps takes the first ten batches of one.
    model.fit(batches, epochs=epochs, validation_data=batches, validation_steps=10)


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
