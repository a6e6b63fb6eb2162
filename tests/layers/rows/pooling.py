"""Pooling: windows that meet, overlap and leave gaps, over all of the input, and to a given size."""

from parity import Row

from lamina import layers

S, P, V = (7, 2), (6, 5, 3), (4, 5, 3, 2)
ROWS = [
    Row(layers.MaxPooling1D(), (S,)),
    Row(layers.MaxPooling1D(pool_size=3, strides=2, padding='same'), (S,)),
    Row(layers.MaxPooling1D(pool_size=2, strides=3), (S,), slow=True),
    Row(layers.MaxPooling2D(), (P,)),
    Row(layers.MaxPooling2D(pool_size=(3, 2), strides=1, padding='same'), (P,), slow=True),
    Row(layers.MaxPooling2D(pool_size=2, padding='same'), (P,)),
    Row(layers.MaxPooling2D(pool_size=(2, 3), strides=(3, 1)), (P,), slow=True),
    Row(layers.MaxPooling2D(pool_size=3, strides=2), (P,), slow=True),
    Row(layers.MaxPooling3D(), (V,)),
    Row(layers.MaxPooling3D(pool_size=2, strides=(1, 2, 3), padding='same'), (V,), slow=True),
    Row(layers.AveragePooling1D(pool_size=2), (S,)),
    Row(layers.AveragePooling1D(pool_size=3, strides=2, padding='same'), (S,), slow=True),
    Row(layers.AveragePooling2D(pool_size=2), (P,)),
    Row(layers.AveragePooling2D(pool_size=(3, 2), strides=1, padding='same'), (P,), slow=True),
    Row(layers.AveragePooling2D(pool_size=2, strides=2, padding='same'), (P,), slow=True),
    Row(layers.AveragePooling2D(pool_size=(2, 3), strides=(3, 1)), (P,), slow=True),
    Row(layers.AveragePooling3D(pool_size=2), (V,)),
    Row(layers.AveragePooling3D(pool_size=2, strides=(1, 2, 3), padding='same'), (V,), slow=True),
    Row(layers.GlobalMaxPooling1D(), (S,)),
    Row(layers.GlobalMaxPooling1D(keepdims=True), (S,), slow=True),
    Row(layers.GlobalMaxPooling2D(), (P,)),
    Row(layers.GlobalMaxPooling2D(keepdims=True), (P,), slow=True),
    Row(layers.GlobalMaxPooling3D(), (V,)),
    Row(layers.GlobalMaxPooling3D(keepdims=True), (V,), slow=True),
    Row(layers.GlobalAveragePooling1D(), (S,)),
    Row(layers.GlobalAveragePooling1D(keepdims=True), (S,)),
    # Keras's mean of no step at all is not a number: test_layers_pooling.py compares the other rows.
    Row(layers.GlobalAveragePooling1D(), (S,), masked=True, keras=None),
    Row(layers.GlobalAveragePooling2D(), (P,)),
    Row(layers.GlobalAveragePooling2D(keepdims=True), (P,), slow=True),
    Row(layers.GlobalAveragePooling3D(), (V,)),
    Row(layers.GlobalAveragePooling3D(keepdims=True), (V,), slow=True),
    Row(layers.AdaptiveAveragePooling1D(output_size=3), (S,)),
    Row(layers.AdaptiveAveragePooling1D(output_size=9), (S,), slow=True),
    Row(layers.AdaptiveAveragePooling2D(output_size=(4, 2)), (P,)),
    Row(layers.AdaptiveAveragePooling2D(output_size=(3, 5)), (P,), slow=True),
    Row(layers.AdaptiveAveragePooling2D(output_size=1), (P,), slow=True),
    Row(layers.AdaptiveAveragePooling3D(output_size=2), (V,), slow=True),
    Row(layers.AdaptiveAveragePooling3D(output_size=(2, 1, 3)), (V,)),
    Row(layers.AdaptiveMaxPooling1D(output_size=3), (S,)),
    Row(layers.AdaptiveMaxPooling1D(output_size=9), (S,), slow=True),
    Row(layers.AdaptiveMaxPooling2D(output_size=(4, 2)), (P,)),
    Row(layers.AdaptiveMaxPooling2D(output_size=(3, 5)), (P,), slow=True),
    Row(layers.AdaptiveMaxPooling3D(output_size=2), (V,), slow=True),
    Row(layers.AdaptiveMaxPooling3D(output_size=(2, 1, 3)), (V,)),
]
