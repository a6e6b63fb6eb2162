"""Digits through eight numbers and back: `python examples/autoencoder.py [EPOCHS] [--pictures FILE.png]`."""

import sys

import numpy as np

import lamina
from lamina.layers import Conv2D, Conv2DTranspose, Dense, Flatten, Reshape

CODE = 8


def network() -> lamina.Sequential:
    """Down to a code by convolutions, and up again."""
    layers = [
        lamina.Input((8, 8, 1)),
        Conv2D(32, 3, strides=2, padding='same', activation='gelu'),
        Conv2D(64, 3, strides=2, padding='same', activation='gelu'),
        Flatten(),
        Dense(CODE, name='code'),
        Dense(256, activation='gelu'),
        Reshape((2, 2, 64)),
        Conv2DTranspose(32, 3, strides=2, padding='same', activation='gelu'),
        Conv2DTranspose(1, 3, strides=2, padding='same', activation='sigmoid'),
    ]
    return lamina.Sequential(layers, seed=0)


def principal_components(x: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """The baseline: the best that as many numbers can do if everything is linear."""
    mean = x.reshape(len(x), -1).mean(axis=0)
    directions = np.linalg.svd(x.reshape(len(x), -1) - mean, full_matrices=False)[2][:CODE]
    return (mean + (x_test.reshape(len(x_test), -1) - mean) @ directions.T @ directions).reshape(x_test.shape)


def save_pictures(file: str, *rows: np.ndarray) -> None:
    """A row of sixteen images of each kind, eight times as large."""
    from PIL import Image

    framed = [list(np.pad(images[:16, :, :, 0], ((0, 0), (1, 1), (1, 1)), constant_values=0.4)) for images in rows]
    Image.fromarray(np.uint8(255 * np.clip(np.block(framed), 0, 1)).repeat(8, axis=0).repeat(8, axis=1)).save(file)


def main(epochs: int = 60, pictures: str = '') -> None:
    """Train, and print how far the pictures are from what went in; save pictures, network and baseline below one another."""
    x, x_test = (part[..., None] / np.float32(16) for part, _ in lamina.datasets.digits.load_data())
    model = network()
    model.compile(lamina.optimizers.Adam(0.003), 'mse')
    model.fit(x, x, epochs=epochs, verbose=0)
    answers = {'autoencoder': model.predict(x_test), 'principal components': principal_components(x, x_test)}
    for name, y in answers.items():
        print(f'{name}: mean squared error {np.mean((y - x_test) ** 2):.4f} with {CODE} numbers for 64 pixels')
    if pictures:
        save_pictures(pictures, x_test, *answers.values())


if __name__ == '__main__':
    arguments, _, name = ' '.join(sys.argv[1:]).partition('--pictures')
    main(*map(int, arguments.split()), pictures=name.strip())
