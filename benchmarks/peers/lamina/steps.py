"""The step works in Lamina, through `fit`."""

from measure import synthetic
from measure.peer import Task, main

import lamina
from lamina import layers

CROSSENTROPY = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)


def convnet(task: Task) -> float:
    (x, y), (x_test, y_test) = synthetic.digits(task)
    model = lamina.Sequential([
        lamina.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation='relu'),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation='relu'),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10),
    ])  # fmt: skip
    train(task, model, CROSSENTROPY, x, y)
    return float((model.predict(x_test, batch_size=1000).argmax(1) == y_test).mean())


def lstm(task: Task) -> None:
    model = lamina.Sequential([lamina.Input((100, 32)), layers.LSTM(128), layers.Dense(1)])
    train(task, model, 'mse', *synthetic.sequences(task))


def gru(task: Task) -> None:
    model = lamina.Sequential([lamina.Input((100, 32)), layers.GRU(128), layers.Dense(1)])
    train(task, model, 'mse', *synthetic.sequences(task))


def resnet(task: Task) -> None:
    blocks = [lamina.Input((32, 32, 3)), *_normalized_conv(16, 3, 1), layers.ReLU()]
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            branch = [*_normalized_conv(filters, 3, strides), layers.ReLU(), *_normalized_conv(filters, 3, 1)]
            projection = layers.Chain(tuple(_normalized_conv(filters, 1, strides))) if strides > 1 else None
            blocks.append(layers.Residual(layers.Chain(tuple(branch)), projection, 'relu'))
    model = lamina.Sequential([*blocks, layers.GlobalAveragePooling2D(), layers.Dense(10)])
    train(task, model, CROSSENTROPY, *synthetic.images(task))


def _normalized_conv(filters: int, size: int, strides: int) -> list:
    return [layers.Conv2D(filters, size, strides, padding='same', use_bias=False), layers.BatchNormalization()]


def transformer(task: Task) -> None:
    encoder = [layers.TransformerEncoder(512, 8, dropout=0.1) for _ in range(4)]
    model = lamina.Sequential([lamina.Input((128, 128)), *encoder, layers.GlobalAveragePooling1D(), layers.Dense(10)])
    train(task, model, CROSSENTROPY, *synthetic.embedded(task))


def embedding(task: Task) -> None:
    rows = task.options.get('rows', 100_000)
    task.steps *= 20  # steps by row are short
    task.note(note='`sparse=True`: only the rows of the batch are changed')
    table = layers.Embedding(rows, 64, sparse=True)
    model = lamina.Sequential([lamina.Input((1,), dtype='int32'), table, layers.Flatten(), layers.Dense(1)])
    train(task, model, 'mse', *synthetic.ids(task, rows))


def train(task: Task, model, loss, x, y) -> None:
    class Clock(lamina.callbacks.Callback):
        on_epoch_begin = staticmethod(task.epoch_begins)
        on_epoch_end = staticmethod(task.epoch_ends)

    lamina.utils.set_random_seed(task.seed)
    model.compile(optimizer='adam', loss=loss)
    model.fit(x, y, batch_size=task.batch_size, epochs=task.epochs, callbacks=[Clock()], verbose=0)
    task.note(parameters=sum(weight.size for weight in model.state.trainable.values()), steps=task.steps)


if __name__ == '__main__':
    main(convnet, lstm, gru, resnet, transformer, embedding)
