"""Keras 3: equal residual blocks in a functional model."""

import keras
import numpy as np
from keras import layers
from measure.peer import Task, main, time_compilation


def depth(task: Task) -> None:
    inputs = x = keras.Input((128,))
    for _ in range(task.options['blocks']):
        x = x + layers.Dense(128, activation='relu')(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    model.compile(optimizer='adam', loss='mse', jit_compile=True)
    given, wanted = np.ones((32, 128), np.float32), np.ones((32, 1), np.float32)
    time_compilation(task, lambda: model.fit(given, wanted, batch_size=32, verbose=0))


if __name__ == '__main__':
    main(depth)
