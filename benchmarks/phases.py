"""Where one process of the listing spends its time: `.venv/bin/python benchmarks/phases.py`, with LAMINA_DATA naming MNIST's folder.

Set LAMINA_COMPILATION_CACHE=off to see the compilation that a first start pays for. Prints seconds by phase, in order.
"""

import sys
import time

_moments = [time.perf_counter()]


def lap(phase: str) -> None:
    """Print the seconds since the last phase ended."""
    _moments.append(time.perf_counter())
    print(f'{phase:32} {_moments[-1] - _moments[-2]:6.3f} s', flush=True)


def main(epochs: int) -> None:
    import lamina

    layers = lamina.layers
    lap('import')
    network = [layers.Flatten(input_shape=(28, 28)), layers.Dense(128, activation='relu'), layers.Dropout(0.2), layers.Dense(10)]
    model = lamina.Sequential(network)
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer='adam', loss=loss, metrics=['accuracy'])
    lap('define and compile()')
    (x_train, y_train), (x_test, y_test) = lamina.datasets.mnist.load_data()
    lap('load')
    x_train, x_test = x_train / 255.0, x_test / 255.0
    lap('scale')

    class Phases(lamina.callbacks.Callback):
        def on_train_begin(self, logs=None):
            lap('fit: check, pack, start Adam')

        def on_chunk_end(self, step, logs=None):
            if self.session.chunks == 1:
                lap('fit: trace, compile, first step')

        def on_epoch_end(self, epoch, logs=None):
            lap(f'fit: epoch {epoch + 1}')

    model.fit(x_train, y_train, epochs=epochs, verbose=0, callbacks=[Phases()])
    model.evaluate(x_test, y_test, verbose=0)
    lap('evaluate')
    print(f'{"all":32} {_moments[-1] - _moments[0]:6.3f} s')


if __name__ == '__main__':
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
