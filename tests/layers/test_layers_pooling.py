"""What the tables cannot say of pooling, borders and enlarging: masks, whole numbers, PyTorch's windows, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, ShapeError
from lamina.layers import Scope

MASK = np.array([[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]], bool)


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def run(layer, x, mask=None):
    return Scope().call(layer, 'layer', {}, x, mask=mask)


@pytest.mark.parametrize('keepdims', [False, True])
def test_a_masked_mean_and_its_gradient_are_those_of_keras(keepdims):
    keras = pytest.importorskip('keras')
    ours, theirs = (module.GlobalAveragePooling1D(keepdims=keepdims) for module in (layers, keras.layers))
    x = drawn(3, 4, 2)

    def value_and_gradient(f):
        return f(x), jax.grad(lambda x: jnp.sum(jnp.sin(f(x))))(x)

    ours_found = value_and_gradient(lambda x: run(ours, x, MASK))
    theirs_found = value_and_gradient(lambda x: theirs(x, mask=MASK))
    for a, b in zip(ours_found, theirs_found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_mean_of_masked_steps_alone_is_zero_and_so_is_its_gradient():
    mask = np.zeros((3, 4), bool)
    f = jax.value_and_grad(lambda x: jnp.sum(run(layers.GlobalAveragePooling1D(), x, mask)))
    value, gradient = f(np.full((3, 4, 2), np.inf, np.float32))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(
    ('layer', 'expected'),
    [
        (layers.MaxPooling1D(2), [[2], [5]]),
        (layers.GlobalMaxPooling1D(), [5]),
        (layers.AdaptiveMaxPooling1D(2), [[2], [5]]),
        (layers.AdaptiveMaxPooling1D(3), [[2], [3], [5]]),
        (layers.AveragePooling1D(2), [[1.5], [4.0]]),
        (layers.GlobalAveragePooling1D(), [2.75]),
        (layers.AdaptiveAveragePooling1D(2), [[1.5], [4.0]]),
        (layers.AdaptiveAveragePooling1D(3), [[1.5], [2.5], [4.0]]),
    ],
    ids=lambda v: repr(v) if isinstance(v, layers.Layer) else '',
)
def test_of_whole_numbers_the_maximum_is_whole_and_the_mean_is_not(layer, expected):
    y = run(layer, jnp.array([[[1], [2], [3], [5]]], jnp.int32))
    assert y.dtype == (jnp.int32 if 'Max' in type(layer).__name__ else jnp.float32)
    np.testing.assert_allclose(y[0], expected)


def test_padding_never_counts():
    x = np.full((1, 3, 3, 1), -2.0, np.float32)
    for cls in (layers.MaxPooling2D, layers.AveragePooling2D):
        np.testing.assert_allclose(run(cls(2, padding='same'), x), -2)


def test_a_size_may_be_written_as_a_number_a_list_or_a_tuple():
    assert layers.MaxPooling2D(2) == layers.MaxPooling2D([2, 2]) == layers.MaxPooling2D((2, 2)) == layers.MaxPooling2D()
    assert layers.MaxPooling2D(2).steps == (2, 2)
    assert layers.Cropping2D(1) == layers.Cropping2D((1, 1)) == layers.Cropping2D([[1, 1], (1, 1)])
    assert layers.ZeroPadding1D(np.int64(2)).borders == layers.ZeroPadding1D([2, 2]).borders == ((2, 2),)


def test_padding_and_cropping_undo_each_other():
    x = drawn(2, 4, 5, 3)
    border = ((1, 2), (3, 0))
    np.testing.assert_array_equal(run(layers.Cropping2D(border), run(layers.ZeroPadding2D(border), x)), x)


@pytest.mark.parametrize('interpolation', ['bilinear', 'bicubic', 'lanczos3', 'lanczos5'])
def test_enlarging_what_is_the_same_everywhere_changes_no_value(interpolation):
    y = run(layers.UpSampling2D((2, 3), interpolation), np.full((1, 4, 5, 2), 3.0, np.float32))
    assert y.shape == (1, 8, 15, 2)
    np.testing.assert_allclose(y, 3, rtol=1e-5)


def test_an_axis_of_any_length_stays_unknown_unless_the_layer_fixes_it():
    assert layers.MaxPooling1D(2).output_shape((None, None, 3)) == (None, None, 3)
    assert layers.ZeroPadding2D(1).output_shape((None, None, 5, 3)) == (None, None, 7, 3)
    assert layers.AdaptiveAveragePooling2D(4).output_shape((None, None, None, 3)) == (None, 4, 4, 3)
    assert layers.GlobalMaxPooling2D().output_shape((None, None, None, 3)) == (None, 3)


SHAPES_REFUSED = [
    (layers.MaxPooling1D(), (4, 4, 3), 'Reshape to 3 axes, or use the layer for 2 spatial axes'),
    (layers.MaxPooling2D(), (4, 4), 'Reshape to 4 axes'),
    (layers.AveragePooling3D(2), (4, 4, 3), 'Reshape to 5 axes'),
    (layers.GlobalMaxPooling1D(), (4,), 'Reshape to 3 axes'),
    (layers.GlobalAveragePooling2D(), (4, 4), 'Reshape to 4 axes'),
    (layers.AdaptiveMaxPooling2D(2), (4, 4), 'Reshape to 4 axes'),
    (layers.AdaptiveAveragePooling1D(2), (4, 4, 3), 'Reshape to 3 axes'),
    (layers.Cropping1D(), (4,), 'Reshape to 3 axes'),
    (layers.ZeroPadding2D(), (4,), 'Reshape to 4 axes'),
    (layers.UpSampling1D(), (4,), 'Reshape to 3 axes'),
    (layers.UpSampling2D(), (4, 4), 'Reshape to 4 axes'),
    (layers.UpSampling3D(), (4, 4), 'Reshape to 5 axes'),
    (layers.RepeatVector(2), (4, 4), 'Put a Flatten before this layer'),
    (layers.MaxPooling1D(5), (4, 3), "at least the window of 5 elements. Use a smaller window or padding='same'"),
    (layers.AveragePooling2D((2, 5)), (4, 4, 3), 'at least the window of 2 × 5 elements. Use a smaller window'),
    (layers.Cropping1D(2), (4, 3), 'more than the 4 elements to crop. Crop less, or pass larger inputs'),
    (layers.Cropping2D((1, 2)), (4, 4, 3), 'more than the 2 × 4 elements to crop. Crop less'),
    (layers.Cropping3D(1), (4, 2, 4, 3), 'Crop less'),
]


@pytest.mark.parametrize(('layer', 'shape', 'remedy'), SHAPES_REFUSED, ids=[f'{r[0]!r}-{r[1]}' for r in SHAPES_REFUSED])
def test_inputs_that_do_not_fit_are_refused_when_the_network_is_built(layer, shape, remedy):
    with pytest.raises(ShapeError, match=f"'odd'.*({remedy})"):
        layer.replace(name='odd')(lamina.Input(shape))


@pytest.mark.parametrize(
    'layer',
    [
        layers.MaxPooling1D(padding='same'),
        layers.GlobalMaxPooling1D(),
        layers.GlobalAveragePooling1D(),
        layers.AdaptiveMaxPooling1D(2),
        layers.AdaptiveAveragePooling1D(2),
    ],
    ids=repr,
)
def test_inputs_without_any_step_are_refused(layer):
    with pytest.raises(ShapeError, match='Pass longer inputs'):
        run(layer, drawn(2, 0, 3))


@pytest.mark.parametrize(
    ('make', 'remedy'),
    [
        (lambda: layers.Cropping1D((-1, 0)), 'Change cropping'),
        (lambda: layers.Cropping2D(((0, 0), (0, -2))), 'a pair .before, after. for each. Change cropping'),
        (lambda: layers.Cropping3D(-1), 'Change cropping'),
        (lambda: layers.ZeroPadding1D(-1), 'Change padding'),
        (lambda: layers.ZeroPadding2D((1, 2, 3)), 'Change padding'),
        (lambda: layers.MaxPooling2D(strides=0), 'Change strides'),
        (lambda: layers.MaxPooling2D((2, 2, 2)), 'Change pool_size'),
        (lambda: layers.AveragePooling1D(2, padding='causal'), 'Change padding'),
        (lambda: layers.AdaptiveMaxPooling2D(0), 'Change output_size'),
        (lambda: layers.UpSampling2D(0), 'Change size'),
        (lambda: layers.UpSampling2D(interpolation='area'), 'Change interpolation'),
        (lambda: layers.RepeatVector(0), 'Change n'),
    ],
)
def test_settings_out_of_range_are_refused(make, remedy):
    with pytest.raises(ConfigError, match=remedy):
        make()


@pytest.mark.slow
@pytest.mark.parametrize(('lengths', 'wanted'), [((7,), (3,)), ((5,), (8,)), ((6, 5), (4, 5)), ((9, 10), (3, 4)), ((4, 5, 6), (3, 2, 4))])
@pytest.mark.parametrize('kind', ['Max', 'Average'])
def test_adaptive_windows_are_those_of_pytorch(kind, lengths, wanted):
    torch = pytest.importorskip('torch')
    x = drawn(2, *lengths, 3)
    layer = getattr(layers, f'Adaptive{kind}Pooling{len(lengths)}D')(wanted)
    pool = getattr(torch.nn.functional, f'adaptive_{"max" if kind == "Max" else "avg"}_pool{len(lengths)}d')
    inputs = torch.tensor(x, requires_grad=True)
    y = pool(inputs.movedim(-1, 1), wanted).movedim(1, -1)
    torch.sin(y).sum().backward()
    np.testing.assert_allclose(run(layer, x), y.detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.grad(lambda x: jnp.sum(jnp.sin(run(layer, x))))(x), inputs.grad, rtol=1e-4, atol=1e-5)
