"""The step works in Keras 3, on the backend that KERAS_BACKEND names, through `fit`.

`whole_epoch` asks for all steps of an epoch in one execution, `graph` turns XLA off.
"""

import math

import keras
from keras import layers
from measure import synthetic
from measure.peer import Task, main

CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def convnet(task: Task) -> float:
    (x, y), (x_test, y_test) = synthetic.digits(task)
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation='relu'),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation='relu'),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10),
    ])  # fmt: skip
    train(task, model, CROSSENTROPY, x, y)
    return float((model.predict(x_test, batch_size=1000, verbose=0).argmax(1) == y_test).mean())


def lstm(task: Task) -> None:
    model = keras.Sequential([keras.Input((100, 32)), layers.LSTM(128), layers.Dense(1)])
    train(task, model, 'mse', *synthetic.sequences(task))


def gru(task: Task) -> None:
    model = keras.Sequential([keras.Input((100, 32)), layers.GRU(128), layers.Dense(1)])
    train(task, model, 'mse', *synthetic.sequences(task))


def resnet(task: Task) -> None:
    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(_normalized_conv(inputs, 16, 3, 1))
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(_normalized_conv(x, filters, 3, strides))
            y = _normalized_conv(y, filters, 3, 1)
            x = layers.ReLU()(y + (_normalized_conv(x, filters, 1, strides) if strides > 1 else x))
    outputs = layers.Dense(10)(layers.GlobalAveragePooling2D()(x))
    train(task, keras.Model(inputs, outputs), CROSSENTROPY, *synthetic.images(task))


def _normalized_conv(x, filters: int, size: int, strides: int):
    x = layers.Conv2D(filters, size, strides, padding='same', use_bias=False)(x)
    return layers.BatchNormalization()(x)


def transformer(task: Task) -> None:
    inputs = x = keras.Input((128, 128))
    for _ in range(4):
        y = layers.MultiHeadAttention(num_heads=8, key_dim=16, dropout=0.1)(x, x)
        x = layers.LayerNormalization(epsilon=1e-5)(x + layers.Dropout(0.1)(y))
        y = layers.Dense(128)(layers.Dense(512, activation='relu')(x))
        x = layers.LayerNormalization(epsilon=1e-5)(x + layers.Dropout(0.1)(y))
    outputs = layers.Dense(10)(layers.GlobalAveragePooling1D()(x))
    train(task, keras.Model(inputs, outputs), CROSSENTROPY, *synthetic.embedded(task))


def embedding(task: Task) -> None:
    rows = 100_000
    model = keras.Sequential([keras.Input((1,), dtype='int32'), layers.Embedding(rows, 64), layers.Flatten(), layers.Dense(1)])
    train(task, model, 'mse', *synthetic.ids(task, rows))


def train(task: Task, model, loss, x, y) -> None:
    keras.utils.set_random_seed(task.seed)
    model.compile(
        optimizer='adam',
        loss=loss,
        steps_per_execution=task.steps if task.options.get('whole_epoch') else 1,
        jit_compile=False if task.options.get('graph') else 'auto',
    )
    clock = keras.callbacks.LambdaCallback(on_epoch_begin=task.epoch_begins, on_epoch_end=task.epoch_ends)
    model.fit(x, y, batch_size=task.batch_size, epochs=task.epochs, callbacks=[clock], verbose=0)
    task.note(parameters=sum(math.prod(weight.shape) for weight in model.trainable_weights))


if __name__ == '__main__':
    main(convnet, lstm, gru, resnet, transformer, embedding)
