"""Keras 3 on the backend that KERAS_BACKEND names; `whole_epoch` runs all steps of an epoch in one execution."""

from measure.peer import Task, main


def listing(task: Task) -> float:
    with task.importing():
        import keras
    keras.utils.set_random_seed(task.seed)
    (x_train, y_train), (x_test, y_test) = task.load_mnist()
    x_train, x_test = x_train / 255.0, x_test / 255.0
    model = keras.Sequential([
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation='relu'),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
    ])  # fmt: skip
    model.compile(
        optimizer='adam',
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=['accuracy'],
        steps_per_execution=len(x_train) // task.batch_size if task.options.get('whole_epoch') else 1,
    )
    clock = keras.callbacks.LambdaCallback(on_epoch_begin=task.epoch_begins, on_epoch_end=task.epoch_ends)
    model.fit(x_train, y_train, batch_size=task.batch_size, epochs=task.epochs, callbacks=[clock], verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return accuracy


if __name__ == '__main__':
    main(listing)
