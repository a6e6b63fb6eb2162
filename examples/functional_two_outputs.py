"""A functional network of two inputs and two outputs, each output with a loss of its own: `python examples/functional_two_outputs.py`."""

import sys

import numpy as np

import lamina
from lamina.layers import Concatenate, Dense


def network() -> lamina.Model:
    """Two inputs, a shared layer, a skip connection, two outputs."""
    left, right = lamina.Input((4,), name='left'), lamina.Input((4,), name='right')
    shared = Dense(16, activation='relu', name='shared')
    both = Concatenate()([shared(left), shared(right)])
    hidden = both + Dense(32, activation='relu')(both)
    outputs = {'distance': Dense(1, name='distance')(hidden), 'nearer': Dense(2, name='nearer')(hidden)}
    return lamina.Model({'left': left, 'right': right}, outputs)


def examples(count: int) -> tuple[dict, dict]:
    """Pairs of points: how far apart they are, and which of the two is nearer to the origin."""
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, count, 4)).astype('float32')
    lengths = np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)
    targets = {'distance': np.linalg.norm(left - right, axis=1), 'nearer': (lengths[1] < lengths[0]).astype('int32')}
    return {'left': left, 'right': right}, targets


def main(epochs: int = 20) -> None:
    """Train on both targets at once."""
    model = network()
    model.summary()
    model.compile(
        optimizer='adam',
        loss={'distance': 'mse', 'nearer': lamina.losses.SparseCategoricalCrossentropy(from_logits=True)},
        loss_weights={'distance': 1.0, 'nearer': 0.5},
        metrics={'distance': ['mae'], 'nearer': ['accuracy']},
    )
    inputs, targets = examples(2000)
    history = model.fit(inputs, targets, epochs=epochs, validation_split=0.2, verbose=0)
    print({name: round(values[-1], 3) for name, values in history.history.items() if name.startswith('val_')})


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
