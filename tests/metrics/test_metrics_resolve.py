from types import SimpleNamespace

import pytest

from lamina import metrics
from lamina.core.errors import ConfigError, UnknownNameError
from lamina.initializers import Zeros

LOGITS = SimpleNamespace(from_logits=True)


def test_metrics_classes_names_and_none():
    metric = metrics.AUC(curve='PR')
    assert metrics.get(metric) is metric
    assert metrics.get(None) is None
    assert metrics.get(metrics.Recall) == metrics.Recall()
    assert metrics.get('sparse_top_k_categorical_accuracy').replace(name=None) == metrics.SparseTopKCategoricalAccuracy()


@pytest.mark.parametrize(
    ('name', 'cls'),
    {'mse': 'MeanSquaredError', 'MSE': 'MeanSquaredError', 'mae': 'MeanAbsoluteError', 'mape': 'MeanAbsolutePercentageError',
     'msle': 'MeanSquaredLogarithmicError', 'rmse': 'RootMeanSquaredError', 'bce': 'BinaryCrossentropy', 'kld': 'KLDivergence',
     'auc': 'AUC', 'AUC': 'AUC', 'f1': 'F1Score', 'log_cosh': 'LogCoshError', 'logcosh': 'LogCoshError'}.items(),
)  # fmt: skip
def test_a_name_is_displayed_as_it_was_written(name, cls):
    assert type(metrics.get(name)).__name__ == cls
    assert metrics.get(name).display_name == name


def test_a_function_is_a_mean_under_its_own_name():
    def half_error(y_true, y_pred):
        return abs(y_true - y_pred) / 2

    metric = metrics.get(half_error)
    assert metric.display_name == 'half_error'
    assert metric([0.0, 0.0], [1.0, 3.0]) == 1.0


@pytest.mark.parametrize(
    ('loss', 'output', 'target', 'expected'),
    [
        (None, (None, 1), (None,), metrics.BinaryAccuracy()),
        ('binary_crossentropy', (None, 1), None, metrics.BinaryAccuracy()),
        (LOGITS, (None, 1), None, metrics.BinaryAccuracy(0.0)),
        (LOGITS, (None,), None, metrics.BinaryAccuracy(0.0)),
        ('sparse_categorical_crossentropy', (None, 10), None, metrics.SparseCategoricalAccuracy()),
        (metrics.SparseCategoricalCrossentropy(), (None, 10), None, metrics.SparseCategoricalAccuracy()),
        ('categorical_crossentropy', (None, 10), None, metrics.CategoricalAccuracy()),
        (None, (None, 10), (None, 10), metrics.CategoricalAccuracy()),
        (None, (None, 10), (None,), metrics.SparseCategoricalAccuracy()),
        (None, (None, 10), (None, 1), metrics.SparseCategoricalAccuracy()),
        (None, (None, 7, 10), (None, 7), metrics.SparseCategoricalAccuracy()),
    ],
)
def test_accuracy_depends_on_the_model(loss, output, target, expected):
    for name in ('accuracy', 'acc'):
        assert metrics.get(name, loss=loss, output_shape=output, target_shape=target) == expected.replace(name=name)


def test_crossentropy_depends_on_the_model():
    logits = metrics.SparseCategoricalCrossentropy(from_logits=True)
    assert metrics.get('ce', loss=logits, output_shape=(None, 3)) == logits.replace(name='ce')
    assert metrics.get('crossentropy', loss=LOGITS, output_shape=(None, 1)) == metrics.BinaryCrossentropy(True, name='crossentropy')
    assert isinstance(metrics.get('crossentropy', loss='mse', output_shape=(None, 3)), metrics.CategoricalCrossentropy)


def test_logits_are_compared_with_zero():
    metric = metrics.resolve_accuracy((None, 1), sparse=False, from_logits=True)
    assert metric.display_name == 'accuracy'
    assert metric([[1.0], [0.0]], [[0.2], [-0.2]]) == 1.0


def test_accuracy_without_a_model_is_refused():
    with pytest.raises(ConfigError, match='pass output_shape='):
        metrics.get('accuracy')


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'Precision'"):
        metrics.get('Precison')


@pytest.mark.parametrize('value', [3, ['mse'], Zeros(), int])
def test_anything_else_is_refused(value):
    with pytest.raises(ConfigError, match='take the metric of the same name'):
        metrics.get(value)
