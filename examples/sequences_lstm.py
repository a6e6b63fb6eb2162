"""A letter to be remembered to the end of the sequence, with an LSTM: `python examples/sequences_lstm.py [EPOCHS]`."""

import sys

import numpy as np

import lamina
from lamina.layers import LSTM, Dense, Embedding, Flatten

LENGTH, LETTERS = 40, 4


def sequences(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random letters, with a mark in one place that can be any: the class is the letter after the mark. 0 is the mark, others letters."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, LETTERS + 1, (count, LENGTH), dtype=np.int32)
    rows, places = np.arange(count), rng.integers(0, LENGTH - 1, count)
    x[rows, places] = 0
    return x, x[rows, places + 1] - 1


def lstm() -> list[lamina.Layer]:
    """Reads letter by letter, and has learned when to remember."""
    return [Embedding(LETTERS + 1, 8), LSTM(32)]


def perceptron() -> list[lamina.Layer]:
    """The baseline: each place has weights of its own, so that what was learned in one is not known in another."""
    return [Embedding(LETTERS + 1, 8), Flatten(), Dense(64, activation='relu')]


def main(epochs: int = 15) -> None:
    """Train both on 2,000 sequences, and print how many of 1,000 others each names rightly."""
    (x, y), (x_test, y_test) = sequences(2000, seed=0), sequences(1000, seed=1)
    print(f'to guess would be right for {1 / LETTERS:.1%}')
    for describe in (perceptron, lstm):
        layers = [lamina.Input((LENGTH,), dtype='int32'), *describe(), Dense(LETTERS, activation='softmax')]
        model = lamina.Sequential(layers, seed=0)
        model.compile(lamina.optimizers.Adam(0.01), 'sparse_categorical_crossentropy', metrics=['accuracy'])
        trained = model.fit(x, y, epochs=epochs, verbose=0).history['accuracy'][-1]
        accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
        print(f'{describe.__name__}: accuracy {accuracy:.1%} on sequences not trained on, {trained:.1%} on those it was')


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
