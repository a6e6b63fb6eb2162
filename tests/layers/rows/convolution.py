"""Convolution: windows, strides, dilation, groups and padding in one to three axes, forward, transposed and separable."""

from parity import Row

from lamina import layers

S, P, V = (7, 4), (6, 5, 3), (4, 5, 4, 2)
ROWS = [
    Row(layers.Conv1D(filters=3, kernel_size=3), (S,)),
    Row(layers.Conv1D(filters=4, kernel_size=2, strides=3, padding='same', activation='relu'), (S,)),
    Row(layers.Conv1D(filters=3, kernel_size=3, padding='causal', dilation_rate=2), (S,)),
    Row(layers.Conv1D(filters=2, kernel_size=3, strides=2, padding='causal'), (S,), slow=True),
    Row(layers.Conv1D(filters=4, kernel_size=3, groups=2, activation='tanh'), (S,), slow=True),
    Row(layers.Conv1D(filters=4, kernel_size=1, use_bias=False), (S,), slow=True),
    Row(layers.Conv2D(filters=4, kernel_size=3), (P,)),
    Row(layers.Conv2D(filters=4, kernel_size=3, strides=3, padding='same', activation='relu'), (P,)),
    Row(layers.Conv2D(filters=2, kernel_size=(2, 3), strides=(1, 2), padding='same'), (P,), slow=True),
    Row(layers.Conv2D(filters=2, kernel_size=(3, 2), dilation_rate=(2, 1), activation='sigmoid'), (P,), slow=True),
    Row(layers.Conv2D(filters=2, kernel_size=2, dilation_rate=3, padding='same'), (P,), slow=True),
    Row(layers.Conv2D(filters=6, kernel_size=2, groups=3, strides=2), (P,)),
    Row(layers.Conv2D(filters=5, kernel_size=1, use_bias=False), (P,), slow=True),
    Row(layers.Conv2D(filters=5, kernel_size=1, strides=2, padding='same', activation='relu'), (P,), slow=True),
    Row(layers.Conv2D(filters=2, kernel_size=1, strides=3), (P,), slow=True),
    Row(layers.Conv2D(filters=2, kernel_size=(5, 1), padding='same', kernel_initializer='he_normal'), (P,), slow=True),
    Row(layers.Conv2D(filters=2, kernel_size=2, kernel_regularizer='l2', bias_regularizer='l1'), (P,)),
    Row(layers.Conv3D(filters=3, kernel_size=2), (V,)),
    Row(layers.Conv3D(filters=2, kernel_size=(2, 3, 2), strides=(1, 2, 3), padding='same', activation='relu'), (V,), slow=True),
    Row(layers.Conv3D(filters=2, kernel_size=2, dilation_rate=(1, 2, 3), groups=2), (V,), slow=True),
    Row(layers.Conv1DTranspose(filters=3, kernel_size=3), (S,)),
    Row(layers.Conv1DTranspose(filters=3, kernel_size=2, strides=3, activation='relu'), (S,), slow=True),
    Row(layers.Conv1DTranspose(filters=2, kernel_size=4, strides=2, padding='same', output_padding=1), (S,)),
    Row(layers.Conv1DTranspose(filters=2, kernel_size=3, strides=3, padding='same'), (S,), slow=True),
    Row(layers.Conv1DTranspose(filters=2, kernel_size=3, dilation_rate=2, padding='same'), (S,), slow=True),
    Row(layers.Conv1DTranspose(filters=2, kernel_size=1, strides=3, padding='same'), (S,), slow=True),
    Row(layers.Conv1DTranspose(filters=2, kernel_size=5, strides=3, output_padding=2), (S,), slow=True),
    Row(layers.Conv2DTranspose(filters=2, kernel_size=3, strides=2, padding='same', activation='relu'), (P,)),
    Row(layers.Conv2DTranspose(filters=2, kernel_size=(2, 4), strides=(2, 3), output_padding=(0, 2), padding='same'), (P,), slow=True),
    Row(layers.Conv2DTranspose(filters=2, kernel_size=2, dilation_rate=(2, 3), use_bias=False), (P,), slow=True),
    Row(layers.Conv2DTranspose(filters=2, kernel_size=2, strides=(2, 3), output_padding=(1, 0)), (P,), slow=True),
    Row(layers.Conv3DTranspose(filters=2, kernel_size=2, strides=2, padding='same'), (V,)),
    Row(layers.Conv3DTranspose(filters=2, kernel_size=(1, 2, 3), strides=(1, 2, 2), output_padding=(0, 1, 0)), (V,), slow=True),
    Row(layers.DepthwiseConv1D(kernel_size=3), (S,)),
    Row(layers.DepthwiseConv1D(kernel_size=3, strides=2, padding='same', depth_multiplier=2, activation='relu'), (S,), slow=True),
    Row(layers.DepthwiseConv1D(kernel_size=3, padding='causal', dilation_rate=2), (S,), keras=None),
    Row(layers.DepthwiseConv2D(kernel_size=3, padding='same'), (P,)),
    Row(
        layers.DepthwiseConv2D(kernel_size=(2, 3), strides=2, depth_multiplier=3, use_bias=False, depthwise_regularizer='l2'),
        (P,),
        slow=True,
    ),
    Row(layers.DepthwiseConv2D(kernel_size=2, dilation_rate=(2, 1), activation='relu'), (P,), slow=True),
    Row(layers.SeparableConv1D(filters=3, kernel_size=3), (S,)),
    Row(
        layers.SeparableConv1D(filters=3, kernel_size=3, padding='same', strides=3, depth_multiplier=2, activation='relu'), (S,), slow=True
    ),
    Row(layers.SeparableConv1D(filters=3, kernel_size=3, padding='causal', dilation_rate=2), (S,), keras=None),
    Row(layers.SeparableConv2D(filters=4, kernel_size=3, padding='same', activation='relu'), (P,)),
    Row(layers.SeparableConv2D(filters=2, kernel_size=2, strides=2, depth_multiplier=2, use_bias=False), (P,), slow=True),
    Row(layers.SeparableConv2D(filters=2, kernel_size=2, dilation_rate=2, pointwise_regularizer='l2'), (P,), slow=True),
]
