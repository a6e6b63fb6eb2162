"""Random batches, and the comparison of sums added over batches with Keras's running state."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.metrics.base import host


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def keras_metrics():
    return pytest.importorskip('keras').metrics


@pytest.fixture
def accumulate():
    """`accumulate(metric, [(y_true, y_pred, weight), …])` → the result of the sums of all batches."""

    def run(metric, batches):
        arrays = [[jnp.asarray(a) for a in batch] for batch in batches]
        return metric.result(functools.reduce(functools.partial(jax.tree.map, operator.add), [host(metric.sums(*b)) for b in arrays]))

    return run


@pytest.fixture
def agrees(accumulate, rng):
    """`agrees(ours, theirs, batches)`: assert equal results with `theirs`, a Keras metric, without and with sample weights."""

    def check(ours, theirs, batches, tolerance=2e-6, whole_weights=False):
        for weighted in (False, True):
            theirs.reset_state()
            mine = []
            for y_true, y_pred in batches:
                n = len(y_pred)
                weight = rng.integers(0, 4, n).astype('float32') if whole_weights else rng.random(n).astype('float32')
                if weighted:
                    theirs.update_state(y_true, y_pred, sample_weight=weight.astype('int32') if whole_weights else weight)
                else:
                    theirs.update_state(y_true, y_pred)
                mine.append((y_true, y_pred, weight if weighted else np.ones(n, 'float32')))
            np.testing.assert_allclose(accumulate(ours, mine), np.asarray(theirs.result()), rtol=tolerance, atol=tolerance)

    return check


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.fixture
def scores(rng):
    """`scores(5)` → three batches of (one-hot targets, probabilities) with 5 classes; some scores are equal."""

    def make(classes, inner=(), sizes=(8, 8, 8)):
        batches = []
        for n in sizes:
            logits = rng.integers(-3, 4, (n, *inner, classes)) / 2
            labels = rng.integers(0, classes, (n, *inner))
            batches.append((np.eye(classes, dtype='float32')[labels], _softmax(logits).astype('float32')))
        return batches

    return make


@pytest.fixture
def sparse(scores):
    """The same with class numbers for targets."""
    return lambda *args, **options: [(t.argmax(-1), p) for t, p in scores(*args, **options)]


@pytest.fixture
def numbers(rng):
    """`numbers(3)` → three batches of (targets, predictions), real numbers of shape (batch, 3)."""
    return lambda *inner, sizes=(8, 8, 8): [
        (rng.normal(size=(n, *inner)).astype('f4'), rng.normal(size=(n, *inner)).astype('f4')) for n in sizes
    ]


@pytest.fixture
def binary(rng):
    """`binary(4)` → three batches of (targets 0 or 1, probabilities): ends and exact thresholds are among them."""

    def make(*inner, sizes=(40, 40, 40)):
        batches = []
        for n in sizes:
            p = rng.random((n, *inner)).astype('f4')
            p.reshape(-1)[:8] = [0, 1, 0.5, 1 / 199, 100 / 199, 0.25, 198 / 199, 1e-9]
            batches.append(((rng.random((n, *inner)) < 0.2 + 0.6 * p).astype('f4'), p))
        return batches

    return make
