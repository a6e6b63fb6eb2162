"""What digits 0 to 4 teach about 5 to 9, of which there are few: `python examples/transfer_learning.py [EPOCHS] [EXAMPLES]`."""

import sys

import numpy as np

import lamina
from lamina.layers import Conv2D, Dense, Flatten, MaxPooling2D, Rescaling

Part = tuple[np.ndarray, np.ndarray]


def network() -> lamina.Sequential:
    """Convolutions that turn pictures into features, and one layer that tells five classes apart by them."""
    layers = [lamina.Input((28, 28, 1)), Rescaling(1 / 255)]
    for i, filters in enumerate((16, 32, 64), start=1):
        layers += [Conv2D(filters, 3, padding='same', activation='relu', name=f'conv{i}'), MaxPooling2D()]
    return lamina.Sequential([*layers, Flatten(name='features'), Dense(5, activation='softmax')], seed=0)


def digits(part: Part, first: int, each: int | None = None) -> Part:
    """Five digits from `first` on as classes 0 to 4; of each so many examples, or all."""
    x, y = part
    rows = np.concatenate([np.flatnonzero(y == digit)[:each] for digit in range(first, first + 5)])
    return x[rows][..., None].astype('float32'), y[rows].astype('int32') - first


def train(model: lamina.Sequential, part: Part, epochs: int) -> None:
    """So many passes over these examples."""
    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    model.fit(*part, epochs=epochs, verbose=0)


def main(epochs: int = 12, each: int = 5) -> None:
    """Learn 5 to 9 from a few examples of each: by convolutions that have seen 0 to 4 and stay as they are, and from nothing."""
    part, test = lamina.datasets.mnist.load_data(offline=True)
    first, fresh = network(), network()
    train(first, digits(part, 0), epochs)
    print(f'0 to 4: accuracy {first.evaluate(*digits(test, 0), verbose=0)[1]:.1%}')

    transferred = lamina.Sequential([first.submodel('features'), Dense(5, activation='softmax')], seed=0)
    print('frozen:', *transferred.freeze('conv*'))
    few, others = digits(part, 5, each), digits(test, 5)
    for name, model in (('from 0 to 4', transferred), ('from nothing', fresh)):
        train(model, few, 15 * epochs)  # a pass over so few is a single step
        accuracy = model.evaluate(*others, verbose=0)[1]
        print(f'5 to 9, {name}: accuracy {accuracy:.1%} on {len(others[1])} digits after {each} examples of each')


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
