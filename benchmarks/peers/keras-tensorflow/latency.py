"""TensorFlow: a `tf.function` around a Keras model, called with one image."""

import keras
import tensorflow as tf
from keras import layers
from measure import convnet
from measure.peer import Task, main


def latency(task: Task) -> None:
    weights, images, outputs = convnet.load(task)
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
    model.set_weights(weights)
    signature = [tf.TensorSpec((None, 28, 28, 1), tf.float32)]
    call = tf.function(lambda x: model(x, training=False), input_signature=signature).get_concrete_function()
    convnet.time_calls(task, lambda image: call(tf.constant(image)).numpy(), images, outputs)


if __name__ == '__main__':
    main(latency)
