"""Lamina: equal residual blocks, which become one loop."""

import numpy as np
from measure.peer import Task, main, time_compilation

import lamina
from lamina import layers


def depth(task: Task) -> None:
    block = layers.Residual(layers.Dense(128, activation='relu'))
    model = lamina.Sequential([lamina.Input((128,)), layers.Repeat(block, task.options['blocks']), layers.Dense(1)])
    model.compile(optimizer='adam', loss='mse')
    x, y = np.ones((32, 128), np.float32), np.ones((32, 1), np.float32)
    time_compilation(task, lambda: model.fit(x, y, batch_size=32, verbose=0))


if __name__ == '__main__':
    main(depth)
