"""Borders taken away and put around, and inputs made larger."""

from parity import Row

from lamina import layers

S, P, V = (5, 2), (5, 6, 2), (4, 5, 3, 2)
ROWS = [
    Row(layers.Cropping1D(), (S,)),
    Row(layers.Cropping1D(cropping=(0, 3)), (S,), slow=True),
    Row(layers.Cropping2D(cropping=(1, 2)), (P,)),
    Row(layers.Cropping2D(cropping=((0, 1), (3, 0))), (P,)),
    Row(layers.Cropping3D(), (V,)),
    Row(layers.Cropping3D(cropping=((1, 0), (0, 2), (0, 0))), (V,), slow=True),
    Row(layers.ZeroPadding1D(), (S,)),
    Row(layers.ZeroPadding1D(padding=(0, 3)), (S,), slow=True),
    Row(layers.ZeroPadding2D(), (P,)),
    Row(layers.ZeroPadding2D(padding=((0, 1), (3, 0))), (P,)),
    Row(layers.ZeroPadding3D(), (V,)),
    Row(layers.ZeroPadding3D(padding=(1, 0, 2)), (V,), slow=True),
    Row(layers.UpSampling1D(), (S,)),
    Row(layers.UpSampling1D(size=3), (S,), slow=True),
    Row(layers.UpSampling2D(), (P,)),
    Row(layers.UpSampling2D(size=(1, 3), interpolation='nearest'), (P,)),
    Row(layers.UpSampling2D(size=(2, 3), interpolation='bilinear'), (P,)),
    Row(layers.UpSampling2D(size=2, interpolation='bicubic'), (P,), slow=True),
    Row(layers.UpSampling2D(size=2, interpolation='lanczos3'), (P,), slow=True),
    Row(layers.UpSampling2D(size=(3, 1), interpolation='lanczos5'), (P,), slow=True),
    Row(layers.UpSampling3D(), (V,)),
    Row(layers.UpSampling3D(size=(1, 3, 2)), (V,), slow=True),
    Row(layers.RepeatVector(n=3), ((4,),)),
]
