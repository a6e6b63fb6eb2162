"""The introductory listing, on MNIST's 5,000-image subset, so that it needs no network: `python examples/listing.py [EPOCHS]`."""

import sys

import lamina


def main(epochs: int = 10) -> None:
    """Train, evaluate, and show some answers beside the labels."""
    model = lamina.Sequential(
        [
            lamina.layers.Flatten(input_shape=(28, 28)),
            lamina.layers.Dense(128, activation='relu'),
            lamina.layers.Dropout(0.2),
            lamina.layers.Dense(10),
        ]
    )
    model.summary()
    model.compile(optimizer='adam', loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])

    # Without offline=True the full 60,000 + 10,000 images are fetched once and kept.
    (x_train, y_train), (x_test, y_test) = lamina.datasets.mnist.load_data(offline=True)
    x_train, x_test = x_train / 255.0, x_test / 255.0

    model.fit(x_train, y_train, epochs=epochs)
    model.evaluate(x_test, y_test)
    print('predicted', model.predict(x_test[::100]).argmax(axis=1))
    print('labels   ', y_test[::100])


if __name__ == '__main__':
    main(*(int(argument) for argument in sys.argv[1:]))
