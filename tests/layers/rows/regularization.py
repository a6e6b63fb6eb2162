"""Noise and dropout, all of them the identity here, and penalties on activity."""

from parity import Row

from lamina import layers

V, M, C = (4,), (3, 4), (2, 3, 4)
ROWS = [
    Row(layers.ActivityRegularization(), (M,)),
    Row(layers.ActivityRegularization(l1=0.1, l2=0.2), (M,), keras=None),
    Row(layers.AlphaDropout(rate=0.3), (M,), masked=True),
    Row(layers.AlphaDropout(rate=0.3, noise_shape=(None, 1, 4)), (M,)),
    Row(layers.Dropout(rate=0.3, noise_shape=(None, 1, None), seed=3), (M,), masked=True),
    Row(layers.GaussianDropout(rate=0.3), (M,), masked=True),
    Row(layers.GaussianNoise(stddev=0.3), (M,), masked=True),
    Row(layers.SpatialDropout1D(rate=0.3), (M,), masked=True),
    Row(layers.SpatialDropout2D(rate=0.3), (C,)),
    Row(layers.SpatialDropout3D(rate=0.3), ((2, 1, 3, 4),)),
    Row(layers.StochasticDepth(rate=0.3), (M,), keras=None),
]
