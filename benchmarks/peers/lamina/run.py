"""Lamina: the introductory listing as it stands in the README."""

from measure.peer import Task, main


def listing(task: Task) -> float:
    with task.importing():
        import lamina

    class Clock(lamina.callbacks.Callback):
        on_epoch_begin = staticmethod(task.epoch_begins)
        on_epoch_end = staticmethod(task.epoch_ends)

    lamina.utils.set_random_seed(task.seed)
    model = lamina.Sequential([
        lamina.layers.Flatten(input_shape=(28, 28)),
        lamina.layers.Dense(128, activation='relu'),
        lamina.layers.Dropout(0.2),
        lamina.layers.Dense(10),
    ])  # fmt: skip
    model.compile(optimizer='adam',
                  loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=['accuracy'])  # fmt: skip
    load_data = lamina.datasets.mnist.load_data if task.is_mnist else task.load_mnist
    (x_train, y_train), (x_test, y_test) = load_data()
    x_train, x_test = x_train / 255.0, x_test / 255.0
    model.fit(x_train, y_train, batch_size=task.batch_size, epochs=task.epochs, callbacks=[Clock()], verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return accuracy


if __name__ == '__main__':
    main(listing)
