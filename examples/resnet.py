"""ResNet-20 on CIFAR-10 where it has been fetched, else on small digits: `python examples/resnet.py [EPOCHS]`."""

import sys

import numpy as np

import lamina
from lamina.layers import Dense, Flatten
from lamina.models import zoo

Part = tuple[np.ndarray, np.ndarray]


def images() -> tuple[str, Part, Part]:
    """The first 5,000 photographs of CIFAR-10, or 1,438 digits of 8 × 8, with values from 0 to 1; and others to test."""
    listing = next(listing for listing in lamina.datasets.catalogue() if listing.name == 'cifar10')
    if listing.where != 'not fetched':
        train, test = lamina.datasets.cifar10.load_data()
        return 'CIFAR-10', *((x[:5000] / np.float32(255), y[:5000].ravel()) for x, y in (train, test))
    train, test = lamina.datasets.digits.load_data()
    return 'digits', *((x[..., None] / np.float32(16), y) for x, y in (train, test))


def linear(shape: tuple[int, ...]) -> lamina.Sequential:
    """The baseline: every pixel counts for or against every class."""
    return lamina.Sequential([lamina.Input(shape), Flatten(), Dense(10, activation='softmax')], name='linear', seed=0)


def main(epochs: int = 10) -> None:
    """Train both with a rate that rises and falls, and print how many images not trained on each names rightly."""
    name, (x, y), (x_test, y_test) = images()
    steps = epochs * -(-len(x) // 64)
    for model in (linear(x.shape[1:]), zoo.resnet20(x.shape[1:], 10, zero_init_residual=True, seed=0)):
        rate = lamina.optimizers.schedules.OneCycle(0.01, steps)
        model.compile(lamina.optimizers.Adam(rate), 'sparse_categorical_crossentropy', metrics=['accuracy'])
        model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
        accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
        print(f'{model.name}: {model.count_params():,} parameters, accuracy {accuracy:.1%} on {len(x_test)} images of {name}')


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
