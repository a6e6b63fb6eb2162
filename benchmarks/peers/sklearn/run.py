"""scikit-learn's MLPClassifier: the same layers and Adam. It has no dropout, so it does less work; its epochs are told only together."""

import warnings

from measure.peer import Task, main


def listing(task: Task) -> float:
    with task.importing():
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier
    (x_train, y_train), (x_test, y_test) = task.load_mnist()
    x_train, x_test = x_train / 255.0, x_test / 255.0  # as the listing scales, in every peer
    x_train, x_test = (x.reshape(len(x), -1).astype('float32') for x in (x_train, x_test))
    model = MLPClassifier(
        hidden_layer_sizes=(128,),
        solver='adam',
        alpha=0.0,
        batch_size=task.batch_size,
        max_iter=task.epochs,
        n_iter_no_change=task.epochs,
        random_state=task.seed,
    )
    task.epoch_begins()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ConvergenceWarning)  # the epochs asked for are fewer than it would choose
        model.fit(x_train, y_train)
    task.epoch_ends()
    task.epochs_s = [task.epochs_s[0] / task.epochs]
    return model.score(x_test, y_test)


if __name__ == '__main__':
    main(listing)
