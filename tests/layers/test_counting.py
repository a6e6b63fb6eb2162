"""Rows of counts on the host: the same as on the device."""

import numpy as np
import pytest

from lamina.layers.preprocessing.counting import encoded, encoded_shape
from lamina.layers.preprocessing.vocabulary import OUTPUT_MODES, encode


@pytest.mark.parametrize('mode', OUTPUT_MODES)
@pytest.mark.parametrize('shape', [(5,), (5, 1), (5, 4), (2, 3, 4), (0, 4)], ids=str)
def test_the_host_counts_as_the_device(mode, shape):
    indices = np.random.default_rng(0).integers(-1, 7, shape)
    weights = (0.5, 1.0, 2.0, 3.0, 4.0) if mode == 'tf_idf' else None
    if mode == 'tf_idf' and len(shape) == 1:
        shape, indices = (5, 1), indices[:, None]  # the device takes a vector as one document
    ours = encoded(indices, mode, 5, weights)
    np.testing.assert_allclose(ours, np.asarray(encode(indices, mode, 5, weights)))
    assert encoded_shape(shape, mode, 5) == ours.shape
    assert encoded_shape(shape, mode, 5).dtype == ours.dtype
