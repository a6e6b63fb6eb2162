"""A convolutional network on handwritten digits that scikit-learn carries: `python examples/digits_cnn.py [EPOCHS]`."""

import sys

import numpy as np

import lamina
from lamina.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Rescaling


def network() -> lamina.Sequential:
    """Two convolutions, of which the second sees what the first has found."""
    return lamina.Sequential(
        [
            lamina.Input((8, 8, 1)),
            Rescaling(1 / 16),
            Conv2D(32, 3, padding='same', activation='relu'),
            Conv2D(64, 3, padding='same', activation='relu'),
            MaxPooling2D(),
            Dropout(0.25),
            Flatten(),
            Dense(128, activation='relu'),
            Dropout(0.5),
            Dense(10, activation='softmax'),
        ]
    )


def nearest(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """The labels of the most similar training images: a baseline that learns nothing and is hard to beat here."""
    distances = ((x_test.reshape(len(x_test), 1, -1) - x.reshape(1, len(x), -1)) ** 2).sum(axis=2)
    return y[distances.argmin(axis=1)]


def linear() -> lamina.Sequential:
    """Every pixel counts for or against every digit."""
    return lamina.Sequential([lamina.Input((8, 8, 1)), Rescaling(1 / 16), Flatten(), Dense(10, activation='softmax')])


def main(epochs: int = 30) -> None:
    """Train the network and a linear one, and print how many of 359 digits not trained on each gets right, beside the nearest neighbour."""
    lamina.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = lamina.datasets.digits.load_data()
    x, x_test = x[..., None].astype('float32'), x_test[..., None].astype('float32')
    for name, model in (('linear', linear()), ('convolutional', network())):
        model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
        model.fit(x, y, epochs=epochs, verbose=0)
        print(f'{name} network: accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.1%}')
    print(f'nearest neighbour: accuracy {(nearest(x, y, x_test) == y_test).mean():.1%}')


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
