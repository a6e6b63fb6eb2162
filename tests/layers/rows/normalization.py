"""Normalizations of features, groups, lengths and kernels."""

from parity import Row

from lamina import layers

V, M, C = (4,), (3, 4), (2, 3, 4)


def grouped(**settings):
    """Keras's group normalization with a channel a group, which is instance normalization."""

    def make():
        import keras

        return keras.layers.GroupNormalization(groups=-1, **settings)

    return make


def unsynchronized():
    """Keras refuses `synchronized=True` on JAX, where it has nothing to do."""
    import keras

    return keras.layers.BatchNormalization()


ROWS = [
    Row(layers.BatchNormalization(), (M,), masked=True),
    Row(layers.BatchNormalization(axis=1), (C,)),
    Row(layers.BatchNormalization(synchronized=True), (M,), keras=unsynchronized),
    Row(layers.BatchNormalization(beta_regularizer='l2', gamma_regularizer='l1'), (V,)),
    Row(layers.GroupNormalization(groups=2), (C,)),
    Row(layers.GroupNormalization(groups=1, epsilon=0.1), (V,)),
    Row(layers.GroupNormalization(groups=-1), (C,)),
    Row(layers.GroupNormalization(groups=3, axis=2), (C,)),
    Row(layers.GroupNormalization(groups=3, axis=-2), (C,)),
    Row(layers.GroupNormalization(groups=2, center=False), (M,)),
    Row(layers.GroupNormalization(groups=2, scale=False), (M,), masked=True),
    Row(layers.GroupNormalization(groups=4, gamma_regularizer='l2', beta_regularizer='l2'), ((2, 8),)),
    Row(layers.InstanceNormalization(), (C,), keras=grouped()),
    Row(layers.InstanceNormalization(axis=1, epsilon=0.1), (C,), keras=grouped(axis=1, epsilon=0.1)),
    Row(layers.InstanceNormalization(scale=False, center=False), (M,), keras=grouped(scale=False, center=False), masked=True),
    Row(layers.LayerNormalization(), (M,), masked=True),
    Row(layers.RMSNormalization(), (V,)),
    Row(layers.RMSNormalization(epsilon=0.1), (M,), masked=True),
    Row(layers.RMSNormalization(axis=(1, 2)), (M,)),
    Row(layers.RMSNormalization(axis=(3, 2)), (C,)),
    Row(layers.SpectralNormalization(layer=layers.Dense(units=3)), (V,), keras=None),
    Row(layers.SpectralNormalization(layer=layers.Dense(units=3, use_bias=False), power_iterations=3), (M,), keras=None),
    Row(layers.UnitNormalization(), (M,), masked=True),
    Row(layers.UnitNormalization(axis=1), (C,)),
    Row(layers.UnitNormalization(axis=(1, -1)), (C,)),
    Row(layers.WeightNormalization(layer=layers.Dense(units=3)), (M,), keras=None),
]
