"""Images while training: given what was drawn, the values of Keras; what is drawn, by its distribution and for each example."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.keys import device_key
from lamina.layers import Scope
from lamina.layers.preprocessing import geometry
from lamina.layers.preprocessing.augmentation import Random
from lamina.layers.preprocessing.mixing import partners, symmetric_beta

keras = pytest.importorskip('keras')

BATCH, HEIGHT, WIDTH = 5, 9, 7
IMAGES = np.random.default_rng(0).random((BATCH, HEIGHT, WIDTH, 3), np.float32)
SHIFTS = np.array([0.0, 1.5, -3.25, 20.3, -11.1], np.float32)
SCALES = np.array([1.0, 0.37, 1.81, 0.9, 2.0], np.float32)
SLANTS = np.array([0.0, 0.4, -0.9, 1.0, 0.05], np.float32)


def training(seed=0, step=0, valid=None):
    return Scope(training=True, key=device_key(seed), step=step, valid=valid, path='layer')


@functools.cache
def compiled(layer, padded):
    def apply(inputs, seed, step, valid):
        key = jax.random.wrap_key_data(jnp.stack([jnp.uint32(0), jnp.uint32(seed)] * 2), impl='rbg')
        scope = Scope(training=True, key=key, step=step, valid=valid if padded else None, path='layer')
        return layer.apply({}, *inputs, scope=scope)

    return jax.jit(apply)


def run(layer, *inputs, **options):
    return jax.tree.map(np.asarray, compiled(layer, 'valid' in options)(inputs, *(options.get(k, 0) for k in ('seed', 'step', 'valid'))))


def drawn(layer, count=2000, shape=(8, 8, 3), **options):
    """What the layer draws for so many examples."""
    return jax.tree.map(np.asarray, layer.draw(Random(training(**options), layer.seed, count), jnp.zeros((count, *shape))))


def equal(ours, theirs, *arrays, tolerance=1e-4):
    """Both functions give the same for these arrays; compiled together, which is quicker than one operation after another."""
    near(*jax.jit(lambda *a: (ours(*a), theirs(*a)))(*arrays), tolerance)


def near(ours, theirs, tolerance=1e-4):
    np.testing.assert_allclose(ours, np.asarray(theirs), rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------- the deterministic core, beside Keras


@pytest.mark.parametrize('interpolation', geometry.INTERPOLATIONS)
@pytest.mark.parametrize('fill_mode', geometry.FILL_MODES)
def test_any_affine_map_reads_the_pixels_that_keras_reads(fill_mode, interpolation):
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(BATCH, 6)).astype(np.float32)
    maps[:, [2, 5]] *= 15  # far outside as well
    options = interpolation, fill_mode, 0.25
    equal(lambda x, m: geometry.warp(x, m, *options), lambda x, m: affine(x, m, *options), IMAGES, maps)


def affine(images, maps, *options):
    """Keras's function, which takes projective maps, of eight numbers."""
    return keras.ops.image.affine_transform(images, jnp.pad(maps, ((0, 0), (0, 2))), *options)


@pytest.mark.parametrize('size', [(1, 6), (2, 1)])
@pytest.mark.parametrize('fill_mode', geometry.FILL_MODES)
def test_thin_images_are_read_as_keras_reads_them(fill_mode, size):
    images = np.random.default_rng(2).random((3, *size, 2), np.float32)
    maps = np.random.default_rng(3).normal(size=(3, 6)).astype(np.float32) * 3
    options = 'bilinear', fill_mode, 0.0
    equal(lambda x, m: geometry.warp(x, m, *options), lambda x, m: affine(x, m, *options), images, maps)


def test_places_that_are_beyond_float_precision_stay_inside_the_image():
    maps = np.array([[1, 0, 3e12, 0, 1, -7e15]], np.float32)
    for fill_mode in geometry.FILL_MODES:
        read = np.asarray(jax.jit(geometry.warp, static_argnums=(2, 3))(IMAGES[:1], maps, 'bilinear', fill_mode))
        assert np.isfinite(read).all()
        assert read.min() >= 0
        assert read.max() <= 1


@pytest.mark.parametrize('options', [{}, {'fill_mode': 'constant', 'fill_value': 0.5}, {'interpolation': 'nearest', 'fill_mode': 'wrap'}])
def test_rotation_by_a_given_angle_is_that_of_keras(options):
    ours, theirs = layers.RandomRotation(0.5, **options), keras.layers.RandomRotation(0.5, **options)
    none, ones = np.zeros(BATCH, np.float32), np.ones(BATCH, np.float32)

    def turned(images, angles):
        matrix = theirs._compute_affine_matrix(0.5, 0.5, jnp.degrees(angles), none, none, ones, none, none, HEIGHT, WIDTH)
        return theirs.transform_images(images, {'rotation_matrix': matrix})

    equal(ours.transform, turned, IMAGES, np.array([0.0, 0.3, -2.0, 3.0, 9.0], np.float32))


def test_a_quarter_turn_is_counterclockwise_and_exact():
    square = jnp.asarray(IMAGES[:, :7])
    turned = jax.jit(layers.RandomRotation(0.25).transform)(square, jnp.full(BATCH, np.pi / 2, jnp.float32))
    near(turned, np.rot90(square, 1, (1, 2)), 1e-5)


@pytest.mark.parametrize('fill_mode', geometry.FILL_MODES)
def test_translation_by_given_shifts_is_that_of_keras(fill_mode):
    down, right = SHIFTS, SHIFTS[::-1].copy()
    theirs = keras.layers.RandomTranslation(0.5, 0.5, fill_mode=fill_mode)
    ours = layers.RandomTranslation(0.5, 0.5, fill_mode=fill_mode)

    def moved(x, down, right):
        return theirs.transform_images(x, {'translations': jnp.stack([right, down], 1)})

    equal(ours.transform, moved, IMAGES, down, right)


def test_zoom_by_given_factors_is_that_of_keras():
    theirs = keras.layers.RandomZoom(0.5, 0.5, fill_mode='constant')

    def zoomed(x, y, z):
        return theirs.transform_images(x, {'height_zoom': y[:, None], 'width_zoom': z[:, None]})

    equal(layers.RandomZoom(0.5, 0.5, fill_mode='constant').transform, zoomed, IMAGES, SCALES, SCALES[::-1])


def test_shear_by_given_factors_is_that_of_keras():
    theirs = keras.layers.RandomShear(0.5, 0.5)

    def slanted(x, a, b):
        return theirs.transform_images(x, {'shear_factor': jnp.stack([a, b], 1)})

    equal(layers.RandomShear(0.5, 0.5).transform, slanted, IMAGES, SLANTS, SLANTS[::-1])


@pytest.mark.parametrize('mode', ['horizontal', 'vertical', 'horizontal_and_vertical'])
def test_given_flips_are_those_of_keras(mode):
    flips = np.array([True, False, True, False, True])
    expected = keras.layers.RandomFlip(mode).transform_images(IMAGES, {'flips': flips[:, None, None, None]})
    near(layers.RandomFlip(mode).transform(jnp.asarray(IMAGES), jnp.asarray(flips), jnp.asarray(flips)), expected, 0)


def test_given_contrast_and_brightness_are_those_of_keras():
    images, factors = IMAGES * 300 - 20, SCALES[:, None, None, None]
    expected = keras.layers.RandomContrast(0.5).transform_images(images, {'contrast_factor': factors})
    near(layers.RandomContrast(0.5).transform(jnp.asarray(images), jnp.asarray(SCALES)), expected)
    expected = keras.layers.RandomBrightness(0.5).transform_images(images.copy(), {'rgb_delta': 30 * factors})
    near(layers.RandomBrightness(0.5).transform(jnp.asarray(images), jnp.asarray(30 * SCALES)), expected)


def test_given_hues_saturations_and_greys_are_those_of_keras():
    turns = SLANTS / 2
    images = IMAGES.copy()
    images[0, 0] = 0.5, 0.5, 0.5
    images[0, 1] = 0.0
    settings = {'factor': 0.5, 'value_range': (0, 1)}
    theirs = keras.layers.RandomHue(**settings)
    equal(layers.RandomHue(**settings).transform, lambda x, f: theirs.transform_images(x, {'factor': f}), images, turns)
    strengths = np.array([0.0, 0.2, 0.5, 0.9, 1.0], np.float32)  # above 1, Keras lets the saturation exceed 1
    strong = keras.layers.RandomSaturation(**settings)
    equal(layers.RandomSaturation(**settings).transform, lambda x, f: strong.transform_images(x, {'factor': f}), images, strengths)
    chosen = np.array([True, False, True, True, False])
    expected = keras.layers.RandomGrayscale().transform_images(images, chosen[:, None, None, None])
    near(layers.RandomGrayscale().transform(jnp.asarray(images), jnp.asarray(chosen)), expected)


def test_the_fullest_saturation_stays_within_the_value_range():
    full = layers.RandomSaturation((1.0, 1.0), value_range=(0, 1))
    changed = run(full, IMAGES)
    assert changed.min() >= 0
    near(changed.min(-1), 0, 1e-6)
    near(changed.max(-1), IMAGES.max(-1), 1e-6)


def test_given_rectangles_are_erased_as_by_keras():
    top, bottom = np.array([0, 1.5, 2, 3, 0.2]), np.array([9, 3.2, 2, 8.9, 4.1])
    left, right = np.array([0, 0.5, 1, 2, 3.0]), np.array([7, 6.5, 5, 3, 3.9])
    chosen = np.array([True, True, True, False, True])
    theirs = keras.layers.RandomErasing(fill_value=0.3, value_range=(0, 1))
    masks = theirs._generate_batch_mask(IMAGES.shape, (left, right, top, bottom))
    expected = theirs.transform_images(
        IMAGES, {'batch_masks': masks, 'apply_erasing': jnp.asarray(chosen), 'fill_value': np.full_like(IMAGES, 0.3)}
    )
    ours = layers.RandomErasing(fill_value=0.3, value_range=(0, 1))
    edges = map(jnp.asarray, (top, bottom, left, right))
    near(ours.transform(jnp.asarray(IMAGES), jnp.asarray(chosen), *edges, jnp.float32(0.3)), expected)


def test_given_weights_and_rectangles_mix_as_in_keras():
    labels = np.eye(BATCH, dtype=np.float32)
    order, weight = np.array([3, 0, 4, 1, 2]), np.array([0.1, 0.9, 0.5, 1.0, 0.0], np.float32)
    theirs = keras.layers.MixUp()
    chosen = {'mix_weight': weight, 'permutation_order': order}
    images, mixed = layers.MixUp().transform(jnp.asarray(IMAGES), jnp.asarray(labels), jnp.asarray(order), jnp.asarray(weight))
    near(images, theirs.transform_images(IMAGES, chosen))
    near(mixed, theirs.transform_labels(labels, chosen))
    edges = [np.array(e, np.float32) for e in ([0, 1, 2, 3, 0], [9, 3, 2, 8, 4.5], [0, 0.5, 1, 2, 3], [7, 6.5, 5, 3, 4])]
    theirs = keras.layers.CutMix()
    masks, kept = theirs._generate_batch_mask(IMAGES.shape, (edges[2], edges[3], edges[0], edges[1]))
    chosen = {'permutation_order': order, 'batch_masks': masks, 'mix_weight': kept}
    images, mixed = layers.CutMix().transform(jnp.asarray(IMAGES), jnp.asarray(labels), jnp.asarray(order), *map(jnp.asarray, edges))
    near(images, theirs.transform_images(IMAGES, chosen))
    near(mixed, theirs.transform_labels(labels, chosen))


# ---------------------------------------------------------------- what is drawn

RANDOM = [
    layers.RandomFlip(),
    layers.RandomRotation(0.2),
    layers.RandomTranslation(0.2, 0.2),
    layers.RandomZoom(0.2, 0.2),
    layers.RandomShear(0.2, 0.2),
    layers.RandomContrast(0.5, value_range=(0, 1)),
    layers.RandomBrightness(0.5, value_range=(0, 1)),
    layers.RandomHue(0.5, value_range=(0, 1)),
    layers.RandomSaturation(0.9, value_range=(0, 1)),
    layers.RandomColorJitter((0, 1), 0.2, 0.2, 0.2, 0.2),
    layers.RandomErasing((1, 1), value_range=(0, 1)),
    layers.RandomGrayscale(0.5),
    layers.RandomCrop(6, 5),
]
named = pytest.mark.parametrize('layer', RANDOM, ids=lambda layer: type(layer).__name__)


@pytest.mark.slow
@named
def test_each_example_is_changed_by_a_draw_of_its_own(layer):
    same = np.repeat(IMAGES[:1], 32, 0)
    different = np.unique(run(layer, same).reshape(32, -1), axis=0)
    assert len(different) >= (2 if isinstance(layer, layers.RandomGrayscale) else 4 if isinstance(layer, layers.RandomFlip) else 8)


@pytest.mark.slow
@named
def test_one_seed_gives_one_draw_and_another_step_or_seed_another(layer):
    many = np.repeat(IMAGES, 4, 0)
    first = run(layer, many)
    np.testing.assert_array_equal(first, run(layer, many))
    assert not np.array_equal(first, run(layer, many, step=1))
    assert not np.array_equal(first, run(layer, many, seed=1))
    own = layer.replace(seed=7)
    np.testing.assert_array_equal(run(own, many), run(own, many, seed=1))
    assert not np.array_equal(run(own, many), run(own, many, step=1))
    assert not np.array_equal(run(own, many), run(layer.replace(seed=8), many))


@pytest.mark.slow
@named
def test_inference_changes_nothing_but_bytes_to_floats(layer):
    images = (IMAGES * 255).astype(np.uint8)
    y = layer.apply({}, jnp.asarray(images), scope=Scope())
    assert y.dtype == jnp.float32
    assert run(layer, images).dtype == np.float32
    if not isinstance(layer, layers.RandomCrop):
        np.testing.assert_array_equal(y, images)


@pytest.mark.parametrize(
    ('layer', 'name', 'low', 'high'),
    [
        (layers.RandomRotation(0.25), 'angle', -np.pi / 2, np.pi / 2),
        (layers.RandomRotation((0.1, 0.2)), 'angle', 0.2 * np.pi, 0.4 * np.pi),
        (layers.RandomTranslation(0.5, (0, 0.25)), 'down', -4, 4),
        (layers.RandomTranslation(0.5, (0, 0.25)), 'right', 0, 2),
        (layers.RandomZoom(0.5), 'vertical', 0.5, 1.5),
        (layers.RandomZoom(0.5), 'horizontal', 0.5, 1.5),
        (layers.RandomZoom(0.5, (-0.2, 0)), 'horizontal', 0.8, 1.0),
        (layers.RandomShear(0.3), 'along_x', -0.3, 0.3),
        (layers.RandomShear(0.3), 'along_y', 0, 0),
        (layers.RandomContrast(0.3), 'contrast', 0.7, 1.3),
        (layers.RandomContrast((0.5, 0.1)), 'contrast', 0.5, 1.1),
        (layers.RandomBrightness(0.2), 'delta', -51, 51),
        (layers.RandomHue(0.4), 'turn', -0.2, 0.2),
        (layers.RandomSaturation(0.5), 'strength', 0, 1),
        (layers.RandomCrop(4, 8), 'top', 0, 4),
        (layers.RandomCrop(4, 8), 'left', 0, 0),
    ],
)
def test_draws_fill_the_range_of_the_factor(layer, name, low, high):
    values = drawn(layer)[name]
    assert values.min() >= low - 1e-5
    assert values.max() <= high + 1e-5
    near(values.min(), low, 0.02 * (high - low) + 1e-6)
    near(values.max(), high, 0.02 * (high - low) + 1e-6)
    if name != 'strength':
        near(values.mean(), (low + high) / 2, 0.05 * (high - low) + 1e-6)


def test_the_two_directions_of_a_flip_are_independent_and_even():
    flips = drawn(layers.RandomFlip())
    pairs = flips['horizontal'] * 2 + flips['vertical']
    near(np.bincount(pairs, minlength=4) / 2000, 0.25, 0.04)


def test_zoom_without_a_width_factor_keeps_the_proportions():
    zooms = drawn(layers.RandomZoom(0.5))
    np.testing.assert_array_equal(zooms['vertical'], zooms['horizontal'])


def test_every_window_of_a_random_crop_comes_from_the_image_and_each_is_as_likely():
    numbered = np.broadcast_to(np.arange(12, dtype=np.float32).reshape(1, 4, 3, 1), (1200, 4, 3, 1))
    windows = run(layers.RandomCrop(3, 2), numbered).reshape(1200, -1)
    found, counts = np.unique(windows, axis=0, return_counts=True)
    expected = [np.arange(12).reshape(4, 3)[t : t + 3, c : c + 2].ravel() for t in (0, 1) for c in (0, 1)]
    np.testing.assert_array_equal(found, expected)
    near(counts / 1200, 0.25, 0.06)


def test_erasing_covers_the_area_of_its_scale_in_half_the_images_by_default():
    ones = np.ones((2000, 20, 20, 1), np.float32)
    share = (run(layers.RandomErasing(fill_value=0.0, scale=(0.25, 0.25)), ones) == 0).mean((1, 2, 3))
    near((share > 0).mean(), 0.5, 0.04)
    near(share[share > 0].mean(), 0.25, 0.01)
    noise = run(layers.RandomErasing((1, 1), scale=(1, 1), value_range=(-9, 1)), ones)
    near(noise.mean(), np.minimum(np.random.default_rng(0).normal(size=10**5), 1).mean(), 0.02)


@pytest.mark.parametrize('alpha', [0.05, 0.2, 0.5, 1.0, 3.0])
def test_mixing_weights_have_the_moments_of_the_beta_distribution(alpha):
    rng = np.random.default_rng(5)
    values = np.asarray(symmetric_beta(jnp.asarray(rng.random(40000, np.float32)), jnp.asarray(rng.random(40000, np.float32)), alpha))
    reference = rng.beta(alpha, alpha, 40000)
    assert np.isfinite(values).all()
    near(values.mean(), 0.5, 0.01)
    near(values.var(), 1 / (4 * (2 * alpha + 1)), 0.004)
    near(np.quantile(values, [0.1, 0.3, 0.45]), np.quantile(reference, [0.1, 0.3, 0.45]), 0.02)


@pytest.mark.parametrize('layer', [layers.MixUp(1.0), layers.CutMix()], ids=['MixUp', 'CutMix'])
def test_mixed_labels_are_the_shares_of_the_images(layer):
    labels = np.eye(BATCH, dtype=np.float32)
    flat = np.broadcast_to(np.arange(BATCH, dtype=np.float32)[:, None, None, None], (BATCH, 40, 40, 1))
    images, mixed = run(layer, flat, labels)
    near(mixed.sum(1), 1, 1e-6)
    near(images.mean((1, 2, 3)), mixed @ np.arange(BATCH), 0.2 if isinstance(layer, layers.CutMix) else 1e-5)
    assert not np.array_equal(mixed, labels)


@pytest.mark.parametrize('layer', [layers.MixUp(1.0), layers.CutMix((1, 1))], ids=['MixUp', 'CutMix'])
def test_rows_that_only_pad_are_never_mixed_in(layer):
    images = np.repeat(IMAGES, 4, 0)
    valid = jnp.asarray(np.arange(20) % 3 != 1, jnp.float32)  # not only at the end
    padded = images.copy()
    padded[np.asarray(valid) == 0] = 1e6
    labels = np.eye(20, dtype=np.float32)
    for step in range(5):
        mixed, _ = run(layer, padded, labels, valid=valid, step=step)
        assert mixed[np.asarray(valid) == 1].max() <= 1


def test_partners_are_an_order_of_the_valid_rows_and_all_orders_occur():
    valid = jnp.asarray([1.0, 0.0, 1.0, 1.0])
    orders = {tuple(np.asarray(partners(Random(training(step=s), None, 4), valid)).tolist()) for s in range(60)}
    assert {o[1] for o in orders} == {1}
    assert {tuple(o[i] for i in (0, 2, 3)) for o in orders} == {(0, 2, 3), (0, 3, 2), (2, 0, 3), (2, 3, 0), (3, 0, 2), (3, 2, 0)}


def test_on_batch_mixes_each_batch_in_another_way_and_checks_its_input():
    mix = layers.MixUp(1.0, seed=3)
    labels = np.eye(BATCH, dtype=np.float32)
    first, second = (mix.on_batch(IMAGES, labels, step) for step in (0, 1))
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[0], mix.on_batch(IMAGES, labels, 0)[0])
    with pytest.raises(ShapeError, match='Make class numbers one-hot first'):
        mix.on_batch(IMAGES, np.arange(BATCH), 0)


# ---------------------------------------------------------------- in a network


def test_a_network_trains_through_augmentation_and_predicts_without():
    model = lamina.Sequential(
        [
            lamina.Input((8, 8, 3)),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.RandomCrop(7, 7),
            layers.RandomErasing(),
            layers.Flatten(),
            layers.Dense(2, activation='softmax'),
        ]
    )
    model.compile('adam', 'sparse_categorical_crossentropy')
    images = np.random.default_rng(0).random((20, 8, 8, 3), np.float32)
    history = model.fit(images, np.arange(20) % 2, batch_size=8, epochs=2, verbose=0)
    assert np.isfinite(history.history['loss']).all()
    np.testing.assert_array_equal(model.predict(images, verbose=0), model.predict(images, verbose=0))


def test_unknown_sizes_are_resized_where_they_are_smaller_than_the_crop():
    assert layers.CenterCrop(70, 4).output_shape((None, None, None, 3)) == (None, 70, 4, 3)
    small = layers.CenterCrop(12, 14).apply({}, jnp.asarray(IMAGES), scope=Scope())
    near(small, keras.layers.CenterCrop(12, 14)(IMAGES))
    assert run(layers.RandomCrop(12, 14), IMAGES).shape == (BATCH, 12, 14, 3)


def test_a_random_crop_gives_the_middle_in_inference():
    y = layers.RandomCrop(4, 4).apply({}, jnp.asarray(IMAGES), scope=Scope())
    near(y, keras.preprocessing.image.smart_resize(IMAGES, (4, 4)))


@pytest.mark.parametrize('name', ['MixUp', 'CutMix'])
def test_the_settings_and_defaults_of_the_mixing_layers_are_those_of_keras(name):
    ours, theirs = (inspect.signature(getattr(room, name)).parameters for room in (layers, keras.layers))
    ours = {n: p.default for n, p in ours.items() if p.kind is not p.KEYWORD_ONLY}
    assert ours == {n: p.default for n, p in theirs.items() if n in ours}
    assert set(theirs) - set(ours) == {'data_format', 'kwargs'}


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ('layer', 'shape', 'remedy'),
    [
        (layers.RandomFlip(), (None, 28, 28), r'Give grey images a last axis of size 1: x\[..., None\]'),
        (layers.Resizing(4, 4), (None, 784), 'Reshape to'),
        (layers.CenterCrop(30, 4), (None, 28, 28, 1), r'Put Resizing\(30, 4\) in its place, or crop less'),
        (layers.RandomCrop(4, 30), (None, 28, 28, 1), r'Put Resizing\(4, 30\) in its place, or crop less'),
        (layers.RandomHue(0.1), (None, 28, 28, 1), 'Use it on colour images only'),
        (layers.RandomGrayscale(), (None, 28, 28, 4), 'Leave this layer out'),
        (layers.RandomErasing(fill_value=(0, 0, 0)), (None, 28, 28, 1), 'Give fill_value one number for each channel'),
    ],
)
def test_shapes_that_do_not_fit_are_refused_when_the_network_is_built(layer, shape, remedy):
    with pytest.raises(ShapeError, match=remedy):
        layer.output_shape(shape)
    with pytest.raises(ShapeError, match=remedy):
        layer(lamina.Input(shape[1:]))


@pytest.mark.parametrize(
    'make',
    [
        lambda: layers.Resizing(-1, 4),
        lambda: layers.CenterCrop(0, 4),
        lambda: layers.RandomCrop(4, -4),
        lambda: layers.RandomRotation((0.2, 0.1)),
        lambda: layers.RandomZoom((0.2, -0.1)),
        lambda: layers.RandomZoom(-1.0),
        lambda: layers.RandomTranslation(1.5, 0.1),
        lambda: layers.RandomBrightness((0.1, 0.2, 0.3)),
        lambda: layers.RandomErasing(scale=(0.3, 0.1)),
        lambda: layers.RandomContrast(0.1, value_range=(255, 0)),
    ],
)
def test_ranges_that_are_negative_reversed_or_too_wide_are_refused(make):
    with pytest.raises(ConfigError, match='to such a value'):
        make()


def test_cropping_and_padding_to_the_proportions_exclude_each_other():
    with pytest.raises(ConfigError, match='Set one to False'):
        layers.Resizing(4, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)


def test_mixing_needs_images_and_labels():
    images = lamina.Input((8, 8, 3))
    with pytest.raises(ShapeError, match=r'Call MixUp\(\)\(\[images, labels\]\)'):
        layers.MixUp()(images)
    with pytest.raises(ShapeError, match='Make class numbers one-hot first'):
        layers.CutMix()([images, lamina.Input(())])
