"""Indices made rows on the host, where a sequence of many terms in a large vocabulary must not become a table of both."""

import math

import numpy as np

from lamina.core.shapes import Shape, TypedShape


def encoded_shape(shape: Shape, output_mode: str, depth: int) -> TypedShape:
    """The shape and dtype that `encoded` gives for indices of this shape."""
    if output_mode == 'int':
        return TypedShape(shape, 'int32')
    if output_mode == 'one_hot':
        return TypedShape((*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth), 'float32')
    return TypedShape((*(shape[:-1] if len(shape) > 1 else shape), depth), 'float32')


def encoded(indices: np.ndarray, output_mode: str, depth: int, weights: tuple[float, ...] | None = None) -> np.ndarray:
    """Indices as a network takes them, in the modes of `vocabulary.encode`; an index outside [0, depth) counts nowhere.

    Args:
        indices: whole numbers.
        output_mode: 'int', 'one_hot', 'multi_hot', 'count' or 'tf_idf'.
        depth: the width of a row.
        weights: of each index, for 'tf_idf'.

    Shapes:
        indices: (batch, length) → (batch, length), (batch, length, depth) or (batch, depth). One number an example, (batch,), is
        taken as a sequence of one.

    Example:
        >>> encoded(np.array([[0, 2, 2]]), 'count', 3)
        array([[1., 0., 2.]], dtype=float32)
    """
    if output_mode == 'int':
        return indices.astype(np.int32)
    shape = tuple(encoded_shape(indices.shape, output_mode, depth))
    rows = math.prod(shape[:-1])
    each = np.repeat(np.arange(rows), indices.size // rows) if rows else np.arange(0)
    return counted(each, indices.ravel(), rows, output_mode, depth, weights).reshape(shape)


def counted(
    rows: np.ndarray, indices: np.ndarray, count: int, output_mode: str, depth: int, weights: tuple[float, ...] | None = None
) -> np.ndarray:
    """For each of `count` rows how often each index occurs, or whether it does.

    Args:
        rows: to which row each index belongs.
        indices: whole numbers; those outside [0, depth) count nowhere.
        count: of rows.
        output_mode: 'count'; 'tf_idf', then times the weights; or 'one_hot' or 'multi_hot', then whether they occur.
        depth: the width of a row.
        weights: of each index.
    """
    inside = (indices >= 0) & (indices < depth)
    places = rows[inside].astype(np.int64) * depth + indices[inside]
    found = np.zeros(count * depth, np.float32)
    if output_mode in ('one_hot', 'multi_hot'):
        found[places] = 1.0
    else:
        np.add.at(found, places, np.float32(1.0))
    found = found.reshape(count, depth)
    return found * np.asarray(weights, np.float32) if output_mode == 'tf_idf' else found
