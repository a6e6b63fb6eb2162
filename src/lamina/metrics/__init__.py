"""Metrics by Keras's names, arguments and defaults, accumulated as sums inside the compiled loop."""

from lamina.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from lamina.metrics.base import FunctionMetric, MeanMetric, Metric
from lamina.metrics.confusion import ConfusionMatrix, FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives
from lamina.metrics.fscore import F1Score, FBetaScore
from lamina.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from lamina.metrics.ranking import AUC, PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity
from lamina.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)
from lamina.metrics.resolve import get, resolve_accuracy, resolve_crossentropy
from lamina.metrics.segmentation import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU

__all__ = [
    'AUC',
    'Accuracy',
    'BinaryAccuracy',
    'BinaryCrossentropy',
    'BinaryIoU',
    'CategoricalAccuracy',
    'CategoricalCrossentropy',
    'CategoricalHinge',
    'ConfusionMatrix',
    'CosineSimilarity',
    'F1Score',
    'FBetaScore',
    'FalseNegatives',
    'FalsePositives',
    'FunctionMetric',
    'Hinge',
    'IoU',
    'KLDivergence',
    'LogCoshError',
    'MeanAbsoluteError',
    'MeanAbsolutePercentageError',
    'MeanIoU',
    'MeanMetric',
    'MeanSquaredError',
    'MeanSquaredLogarithmicError',
    'Metric',
    'OneHotIoU',
    'OneHotMeanIoU',
    'Poisson',
    'Precision',
    'PrecisionAtRecall',
    'R2Score',
    'Recall',
    'RecallAtPrecision',
    'RootMeanSquaredError',
    'SensitivityAtSpecificity',
    'SparseCategoricalAccuracy',
    'SparseCategoricalCrossentropy',
    'SparseTopKCategoricalAccuracy',
    'SpecificityAtSensitivity',
    'SquaredHinge',
    'TopKCategoricalAccuracy',
    'TrueNegatives',
    'TruePositives',
    'get',
    'resolve_accuracy',
    'resolve_crossentropy',
]
