"""Preprocessing of images and numbers. What is random runs in inference here; test_layers_images.py is about training."""

from parity import Row

from lamina import layers

SIZES = ((4, 4), (5, 9))
V, M, WIDE, TALL = (4,), (3, 4), (6, 8, 3), (7, 5, 2)
INFERENCE = {'training': False}


def random(layer, shape=WIDE, **options):
    return Row(layer, (shape,), **{'draw': 'unit', 'keywords': INFERENCE, **options})


ROWS = [
    Row(layers.Normalization(mean=(1.0, 2.0, 3.0, 4.0), variance=(0.5, 1.0, 2.0, 0.0)), (V,), tolerance=1e-4),
    Row(layers.Normalization(mean=(1.0, 2.0, 3.0, 4.0), variance=(0.5, 1.0, 2.0, 3.0)), (M,), masked=True),
    Row(layers.Normalization(mean=(1.0, 2.0, 3.0, 4.0), variance=(0.5, 1.0, 2.0, 3.0), invert=True), (M,)),
    Row(layers.Normalization(mean=3.0, variance=2.0), (M,)),
    Row(layers.Normalization(axis=None, mean=3.0, variance=2.0), (M,)),
    Row(layers.Normalization(axis=1, mean=(1.0, -1.0, 0.5), variance=(1.0, 2.0, 3.0)), (M,)),
    Row(layers.Normalization(axis=(1, -1), mean=((1.0, 2.0, 3.0, 4.0),) * 3, variance=((1.0, 2.0, 3.0, 4.0),) * 3), (M,)),
    Row(layers.Normalization(axis=(1, 2), mean=(1.0, 2.0, 3.0, 4.0), variance=(1.0, 2.0, 3.0, 4.0)), (M,)),
    Row(layers.CategoryEncoding(num_tokens=5), (V,), draw=5, keras=lambda: keras().CategoryEncoding(5)),
    *(
        Row(
            layers.CategoryEncoding(num_tokens=5, output_mode=mode),
            (shape,),
            draw=7,
            keras=lambda mode=mode: keras().CategoryEncoding(5, output_mode=mode),
        )
        for mode in ('multi_hot', 'one_hot', 'count')
        for shape in ((1,), V)
    ),
    Row(layers.Discretization(bin_boundaries=(-0.5, 0.0, 0.7)), (M,), keras=lambda: keras().Discretization([-0.5, 0.0, 0.7])),
    *(
        Row(
            layers.Discretization(bin_boundaries=(-0.5, 0.0, 0.7), output_mode=mode),
            (shape,),
            keras=lambda mode=mode: keras().Discretization([-0.5, 0.0, 0.7], output_mode=mode),
            differentiable=False,
        )
        for mode in ('multi_hot', 'one_hot', 'count')
        for shape in ((1,), V)
    ),
    Row(layers.Hashing(num_bins=7), (V,), draw=100, keras=None),
    Row(layers.IntegerLookup(vocabulary=(3, 1, 4, 15)), (V,), draw=20, keras=None),
    Row(layers.IntegerLookup(vocabulary=(3, 1, 4, 15), num_oov_indices=2, output_mode='count'), (V,), draw=20, keras=None),
    Row(layers.Resizing(4, 4), (WIDE,)),
    *(Row(layers.Resizing(9, 4, interpolation=i), (TALL,)) for i in ('nearest', 'bicubic', 'lanczos3', 'lanczos5')),
    *(Row(layers.Resizing(3, 4, interpolation=i, antialias=True), (WIDE,)) for i in ('bilinear', 'bicubic')),
    *(Row(layers.Resizing(*size, crop_to_aspect_ratio=True), (shape,)) for size in SIZES for shape in (WIDE, TALL)),
    *(
        Row(layers.Resizing(*size, pad_to_aspect_ratio=True, fill_value=0.5), (shape,))
        for size in ((4, 4), (5, 9))
        for shape in (WIDE, TALL)
    ),
    Row(layers.CenterCrop(4, 4), (WIDE,)),
    Row(layers.CenterCrop(3, 5), (TALL,)),
    Row(layers.CenterCrop(6, 8), (WIDE,)),
    random(layers.RandomFlip()),
    random(layers.RandomRotation(0.2)),
    random(layers.RandomTranslation(0.2, (-0.1, 0.3))),
    random(layers.RandomZoom(0.2)),
    random(layers.RandomShear(0.2, 0.1)),
    random(layers.RandomContrast(0.2)),
    random(layers.RandomBrightness(0.2)),
    random(layers.RandomGrayscale()),
    random(layers.RandomHue(0.2)),
    random(layers.RandomSaturation(0.2)),
    random(layers.RandomColorJitter(brightness_factor=0.2)),
    random(layers.RandomErasing()),
    # In inference Keras returns the whole image, against its documentation, which is followed here.
    random(layers.RandomCrop(6, 8)),
    random(layers.RandomCrop(3, 4), keras=None),
    Row(layers.MixUp(), (WIDE, V), draw='unit', keras=None),
    Row(layers.CutMix(), (WIDE, V), draw='unit', keras=None),
]


def keras():
    import keras

    return keras.layers
