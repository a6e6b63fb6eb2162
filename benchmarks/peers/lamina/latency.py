"""Lamina: `predict` of one image. The first run of a benchmark saves the weights that all others load."""

import numpy as np
from measure import convnet
from measure.peer import Task, main

import lamina
from lamina import layers


def latency(task: Task) -> None:
    lamina.utils.set_random_seed(0)
    model = lamina.Sequential([
        lamina.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation='relu', bias_initializer='random_normal'),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation='relu', bias_initializer='random_normal'),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, bias_initializer='random_normal'),
    ])  # fmt: skip
    if task.options.get('save'):
        images = np.random.default_rng(0).random((32, 28, 28, 1), np.float32)
        convnet.save(task.options['folder'], model.get_weights(), images, model.predict(images))
        return
    weights, images, outputs = convnet.load(task)
    model.set_weights(weights)
    convnet.time_calls(task, model.predict, images, outputs)


if __name__ == '__main__':
    main(latency)
