"""Positions beside their formulas, and what makes rotations useful: products depend on distances alone."""

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina.core.errors import ShapeError
from lamina.layers import LearnedPositionEmbedding, RotaryEmbedding, Scope, SinusoidalPositionEncoding

X = np.random.default_rng(0).normal(size=(2, 5, 6)).astype(np.float32)


def run(layer, *inputs, weights=None, **keywords):
    return layer.apply(weights or {}, *(jnp.asarray(x) for x in inputs), scope=Scope(), **keywords)


def sinusoids(positions, dim, wavelength):
    table = np.zeros((len(positions), dim))
    for row, t in enumerate(positions):
        for i in range(dim):
            angle = t / wavelength ** (2 * (i // 2) / dim)
            table[row, i] = np.sin(angle) if i % 2 == 0 else np.cos(angle)
    return table


@pytest.mark.parametrize('dim', [6, 7])
def test_sinusoids_are_those_of_the_formula(dim):
    x = np.zeros((2, 5, dim), np.float32)
    expected = sinusoids(range(5), dim, 10000)
    np.testing.assert_allclose(run(SinusoidalPositionEncoding(), x), np.broadcast_to(expected, x.shape), atol=1e-5)
    shifted = run(SinusoidalPositionEncoding(100, add=True), x + 1, start_index=3)
    np.testing.assert_allclose(shifted[0], 1 + sinusoids(range(3, 8), dim, 100), atol=1e-5)
    np.testing.assert_allclose(run(SinusoidalPositionEncoding(100), x, start_index=jnp.array(3)), shifted - 1, atol=1e-5)


def test_learned_vectors_are_rows_of_the_table_from_the_start_on():
    table = np.random.default_rng(1).normal(size=(8, 6)).astype(np.float32)
    layer = LearnedPositionEmbedding(8)
    np.testing.assert_array_equal(run(layer, X, weights={'embeddings': table})[1], table[:5])
    np.testing.assert_array_equal(run(layer, X, weights={'embeddings': table}, start_index=3)[0], table[3:])
    np.testing.assert_allclose(run(layer.replace(add=True), X, weights={'embeddings': table}), X + table[:5], atol=1e-6)
    late = run(layer, X, weights={'embeddings': table}, start_index=jnp.array(6))
    np.testing.assert_array_equal(late[0], [*table[6:], *np.zeros((3, 6))])


def test_longer_sequences_than_the_table_are_refused():
    x = lamina.Input((5, 6))
    with pytest.raises(ShapeError, match='Raise sequence_length'):
        LearnedPositionEmbedding(4)(x)
    with pytest.raises(ShapeError, match='Raise sequence_length'):
        LearnedPositionEmbedding(7)(x, start_index=3)
    with pytest.raises(ShapeError, match='add a features axis'):
        LearnedPositionEmbedding(7)(lamina.Input((5,)))
    with pytest.raises(ShapeError, match='Put it after an Embedding'):
        SinusoidalPositionEncoding()(lamina.Input((5,)))


@pytest.mark.parametrize('interleaved', [False, True])
def test_rotations_are_those_of_the_formula(interleaved):
    layer = RotaryEmbedding(max_wavelength=50, scaling_factor=2.0, interleaved=interleaved)
    expected = np.zeros_like(X)
    for t in range(5):
        for i in range(3):
            first, second = (2 * i, 2 * i + 1) if interleaved else (i, i + 3)
            angle = (t + 4) / 2 / 50 ** (2 * i / 6)
            turned = (X[:, t, first] + 1j * X[:, t, second]) * np.exp(1j * angle)
            expected[:, t, first], expected[:, t, second] = turned.real, turned.imag
    np.testing.assert_allclose(run(layer, X, start_index=4), expected, atol=1e-5)
    np.testing.assert_allclose(run(layer, X, positions=jnp.arange(4, 9)), expected, atol=1e-5)
    heads = np.stack([X, 2 * X], 2)
    np.testing.assert_allclose(run(layer, heads, start_index=4), np.stack([expected, 2 * expected], 2), atol=1e-5)
    moved = run(layer.replace(sequence_axis=2, feature_axis=1), X.swapaxes(1, 2), start_index=4)
    np.testing.assert_allclose(moved, expected.swapaxes(1, 2), atol=1e-5)


@pytest.mark.parametrize('interleaved', [False, True])
def test_products_of_rotated_vectors_depend_on_their_distance_alone(interleaved):
    layer = RotaryEmbedding(interleaved=interleaved)
    query, key = (np.broadcast_to(X[:1, i : i + 1], (1, 9, 6)) for i in (0, 1))
    products = run(layer, query)[0] @ run(layer, key)[0].T
    for distance in range(-8, 9):
        along = np.diagonal(products, distance)
        np.testing.assert_allclose(along, along[0], atol=1e-4)
    assert np.ptp(np.asarray(products)) > 0.1
    np.testing.assert_allclose(jnp.linalg.norm(run(layer, X), axis=-1), np.linalg.norm(X, axis=-1), rtol=1e-5)


@pytest.mark.parametrize(
    ('layer', 'shape', 'keywords', 'remedy'),
    [
        (RotaryEmbedding(), (5, 7), {}, 'Change the size of the heads'),
        (RotaryEmbedding(), (6,), {}, 'Add the axis that is missing'),
        (RotaryEmbedding(sequence_axis=2), (5, 6), {}, 'Change sequence_axis or feature_axis'),
        (RotaryEmbedding(feature_axis=0), (5, 6), {}, 'Change sequence_axis or feature_axis'),
        (RotaryEmbedding(), (5, 6), {'positions': np.arange(4)}, r'Pass positions of shape \(time,\)'),
    ],
)
def test_rotations_that_cannot_be_are_refused(layer, shape, keywords, remedy):
    with pytest.raises(ShapeError, match=remedy):
        run(layer, np.zeros((2, *shape), np.float32), **keywords)


def test_masks_pass_and_a_sequential_may_add_positions():
    model = lamina.Sequential(
        [lamina.Input((4,), dtype='int32'), lamina.layers.Embedding(5, 6, mask_zero=True), SinusoidalPositionEncoding(add=True)]
    )
    ids = np.array([[1, 2, 0, 0]], np.int32)
    table = np.asarray(model.get_weights()[0])
    np.testing.assert_allclose(model.predict(ids, verbose=0), table[ids] + sinusoids(range(4), 6, 10000), atol=1e-5)
    scope = Scope()
    x = jnp.asarray(X)
    scope.set_mask(x, jnp.ones((2, 5), bool))
    assert scope.mask_of(scope.call(RotaryEmbedding(), 'r', {}, x)) is not None
