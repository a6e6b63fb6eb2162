"""What the table cannot say of convolutions: padding rules, causality, relations between the layers, PyTorch, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

import lamina
from lamina import layers
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.paths import flatten, nest
from lamina.layers import Scope
from lamina.layers.base import weights_of
from lamina.layers.windows import pads


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def values_for(layer, x):
    declared = flatten(weights_of(layer, (None, *x.shape[1:])))
    return nest({path: drawn(*w.shape, seed=i + 1) for i, (path, w) in enumerate(declared.items())})


def run(layer, values, x):
    return layer.apply(values, x, scope=Scope())


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_same_pads_as_tensorflow_does(length, extent, stride):
    found = pads(layers.Layer(), (None, length, 3), 'same', (extent,), (stride,))
    assert found == tuple(lax.padtype_to_pads((length,), (extent,), (stride,), 'SAME'))


@pytest.mark.parametrize(('stride', 'steps'), [(1, 10), (3, 4), (4, 3), (7, 2), (11, 1)])
@pytest.mark.parametrize('cls', [layers.Conv1D, layers.SeparableConv1D])
def test_an_odd_stride_with_same_leaves_the_rounded_up_quotient(cls, stride, steps):
    assert cls(2, 3, strides=stride, padding='same').output_shape((None, 10, 3)) == (None, steps, 2)


@pytest.mark.parametrize(
    'layer',
    [
        layers.Conv1D(3, 3, padding='causal', dilation_rate=2),
        layers.DepthwiseConv1D(3, padding='causal', dilation_rate=2),
        layers.SeparableConv1D(3, 3, padding='causal', dilation_rate=2),
    ],
    ids=repr,
)
def test_a_causal_output_sees_its_past_and_nothing_later(layer):
    x = drawn(1, 7, 2)
    values = values_for(layer, x)
    influence = np.abs(jax.jacobian(lambda x: run(layer, values, x))(x)).sum((0, 2, 3, 5))  # (output step, input step)
    seen = [[t in (s, s - 2, s - 4) for t in range(7)] for s in range(7)]
    np.testing.assert_array_equal(influence > 0, seen)
    ahead = run(layer.replace(padding='valid'), values, np.pad(x, ((0, 0), (4, 0), (0, 0))))
    np.testing.assert_allclose(run(layer, values, x), ahead, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('settings', [{'strides': 2}, {'padding': 'same'}, {'dilation_rate': 2, 'padding': 'same'}], ids=str)
def test_a_transposed_convolution_is_the_gradient_of_the_convolution(settings):
    forward, backward = layers.Conv2D(3, 3, use_bias=False, **settings), layers.Conv2DTranspose(2, 3, use_bias=False, **settings)
    x = drawn(2, 7, 9, 2)
    values = values_for(forward, x)
    y, gradient = jax.vjp(lambda x: run(forward, values, x), x)
    seed = drawn(*y.shape)
    np.testing.assert_allclose(run(backward, values, seed), gradient(seed)[0], rtol=1e-4, atol=1e-5)


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one():
    x = drawn(2, 6, 7, 3)
    layer = layers.SeparableConv2D(4, 3, padding='same', strides=2, depth_multiplier=2, activation='relu')
    values = values_for(layer, x)
    between = run(layers.DepthwiseConv2D(3, 2, 'same', 2, use_bias=False), {'kernel': values['depthwise_kernel']}, x)
    after = run(layers.Conv2D(4, 1, activation='relu'), {'kernel': values['pointwise_kernel'], 'bias': values['bias']}, between)
    np.testing.assert_allclose(run(layer, values, x), after, rtol=1e-4, atol=1e-5)
    assert np.asarray(after).min() == 0


def test_groups_are_convolutions_of_parts_of_the_channels():
    x = drawn(2, 8, 6)
    layer = layers.Conv1D(4, 3, groups=2, use_bias=False)
    kernel = values_for(layer, x)['kernel']
    part = layers.Conv1D(2, 3, use_bias=False)
    halves = [run(part, {'kernel': kernel[..., 2 * i : 2 * i + 2]}, x[..., 3 * i : 3 * i + 3]) for i in (0, 1)]
    np.testing.assert_allclose(run(layer, {'kernel': kernel}, x), np.concatenate(halves, -1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('cls', [layers.Conv2D, layers.Conv2DTranspose, layers.SeparableConv2D])
def test_bytes_are_taken_as_the_numbers_they_are(cls):
    layer = cls(2, 3)
    x = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), np.uint8)
    values = values_for(layer, x)
    y = run(layer, values, jnp.asarray(x))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, run(layer, values, x.astype(np.float32)), rtol=1e-6)


@pytest.mark.parametrize(
    ('cls', 'sizes'),
    [('Conv2D', (2, 3)), ('Conv2DTranspose', (2, 3)), ('DepthwiseConv2D', (3,)), ('SeparableConv2D', (2, 3))],
)
def test_a_penalty_on_the_output_is_that_of_keras(cls, sizes):
    keras = pytest.importorskip('keras')
    ours, theirs = (getattr(module, cls)(*sizes, activation='relu', activity_regularizer='l2') for module in (layers, keras.layers))
    x = drawn(4, 5, 5, 3)
    values, scope = values_for(ours, x), Scope()
    theirs.build(x.shape)
    theirs.set_weights(list(values.values()))
    theirs(x)
    ours.apply(values, x, scope=scope)
    np.testing.assert_allclose(scope.records.losses, [float(loss) for loss in theirs.losses], rtol=1e-4)


def test_half_precision_stays_half_precision():
    layer, x = layers.Conv2D(2, 3), jnp.ones((1, 5, 5, 1), jnp.bfloat16)
    values = jax.tree.map(lambda v: jnp.asarray(v, jnp.bfloat16), values_for(layer, x))
    assert run(layer, values, x).dtype == jnp.bfloat16


def test_a_size_may_be_written_as_a_number_a_list_or_a_tuple():
    written = [layers.Conv2D(4, size, strides=2, padding='SAME') for size in (3, [3, 3], (3, 3), np.int64(3))]
    assert len(set(written)) == 1
    assert written[0].kernel_size == (3, 3)
    assert written[0].padding == 'same'


def test_an_axis_of_any_length_stays_unknown():
    assert layers.Conv1D(4, 3, strides=2).output_shape((None, None, 3)) == (None, None, 4)
    assert layers.Conv2DTranspose(4, 3, strides=2).output_shape((None, None, 5, 3)) == (None, None, 11, 4)


def test_a_network_of_convolutions_tells_bars_that_stand_from_bars_that_lie():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 256)
    x = rng.normal(0, 0.3, (256, 6, 6, 1)).astype(np.float32)
    for image, label, at in zip(x, y, rng.integers(0, 6, 256), strict=True):
        image[(at,) if label else (slice(None), at)] += 1
    model = lamina.Sequential(
        [
            lamina.Input((6, 6, 1)),
            layers.Conv2D(8, 3, padding='same', activation='relu'),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(8, 2, activation='relu'),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, activation='sigmoid'),
        ],
        seed=0,
    )
    model.compile(optimizer=lamina.optimizers.Adam(0.01), loss='binary_crossentropy', metrics=['accuracy'])
    model.fit(x[:200], y[:200], epochs=40, batch_size=32, verbose=0)
    assert model.evaluate(x[200:], y[200:], verbose=0)[1] > 0.9


SHAPES_REFUSED = [
    (layers.Conv1D(2, 3), (7,), 'Reshape to 3 axes'),
    (layers.Conv1D(2, 3), (7, 7, 3), r'Reshape to 3 axes, or use the layer for 2 spatial axes'),
    (layers.Conv2D(2, 3), (28, 28), r'got input shape \(batch, 28, 28\).*Reshape to 4 axes, or use the layer for 1 spatial axes'),
    (layers.Conv3D(2, 3), (), 'Reshape to 5 axes'),
    (layers.DepthwiseConv2D(3), (5, 5), 'Reshape to 4 axes'),
    (layers.SeparableConv1D(2, 3), (5, 5, 5), 'Reshape to 3 axes'),
    (layers.Conv2DTranspose(2, 3), (5, 5), 'Reshape to 4 axes'),
    (layers.Conv1D(2, 3), (7, None), 'Give it in Input'),
    (layers.SeparableConv2D(2, 3), (7, 7, None), 'Give it in Input'),
    (layers.DepthwiseConv1D(3), (7, None), 'Give it in Input'),
    (layers.Conv2DTranspose(2, 3), (7, 7, None), 'Give it in Input'),
    (layers.Conv1D(4, 3, groups=4), (7, 6), 'Change groups'),
    (layers.Conv1D(2, 8), (7, 3), "at least the window of 8 elements. Use a smaller window or padding='same'"),
    (layers.Conv1D(2, 3, dilation_rate=4), (7, 3), 'at least the window of 9 elements. Use a smaller window'),
    (layers.Conv2D(2, (3, 6)), (5, 5, 1), 'at least the window of 3 × 6 elements. Use a smaller window'),
    (layers.Conv3D(2, 3), (5, 2, 5, 1), 'Use a smaller window'),
    (layers.DepthwiseConv2D(6), (5, 7, 1), 'Use a smaller window'),
    (layers.SeparableConv1D(2, 6), (5, 1), 'Use a smaller window'),
    (layers.Conv1DTranspose(2, 2, padding='same', output_padding=0), (1, 3), "or use padding='valid'"),
]


@pytest.mark.parametrize(('layer', 'shape', 'remedy'), SHAPES_REFUSED, ids=[f'{r[0]!r}-{r[1]}' for r in SHAPES_REFUSED])
def test_inputs_that_do_not_fit_are_refused_when_the_network_is_built(layer, shape, remedy):
    with pytest.raises(ShapeError, match=f"'odd'.*({remedy})"):
        layer.replace(name='odd')(lamina.Input(shape))


@pytest.mark.parametrize('padding', ['valid', 'same', 'causal'])
def test_inputs_without_any_step_are_refused(padding):
    layer = layers.Conv1D(2, 3, padding=padding)
    with pytest.raises(ShapeError, match='ass longer inputs'):
        run(layer, values_for(layer, drawn(1, 5, 3)), drawn(2, 0, 3))
    transposed = layers.Conv1DTranspose(2, 3)
    with pytest.raises(ShapeError, match='Pass longer inputs'):
        run(transposed, values_for(transposed, drawn(1, 5, 3)), drawn(2, 0, 3))


@pytest.mark.parametrize(
    'layer', [layers.Conv1D(2, 3), layers.Conv1DTranspose(2, 3), layers.DepthwiseConv1D(3), layers.SeparableConv1D(2, 3)], ids=repr
)
def test_other_channels_than_the_layer_was_built_for_are_refused(layer):
    values = values_for(layer, drawn(1, 5, 3))
    with pytest.raises(ShapeError, match=r'Pass x\[..., :3\], or build a new model'):
        run(layer, values, drawn(1, 5, 4))


@pytest.mark.parametrize(
    ('make', 'remedy'),
    [
        (lambda: layers.Conv2D(5, 3, groups=2), 'Make filters a multiple of groups'),
        (lambda: layers.Conv1D(5, 3, strides=2, dilation_rate=2), r'Set strides=1, or dilation_rate=1'),
        (lambda: layers.Conv2D(5, 3, strides=(1, 2), dilation_rate=(2, 1)), r'Set strides=1, or dilation_rate=1'),
        (lambda: layers.Conv3DTranspose(5, 3, strides=2, dilation_rate=2), r'Set strides=1, or dilation_rate=1'),
        (lambda: layers.Conv2DTranspose(5, 3, strides=(2, 3), output_padding=2), 'Lower output_padding, or leave it out'),
        (lambda: layers.Conv1DTranspose(5, 3, output_padding=1), 'Lower output_padding, or leave it out'),
        (lambda: layers.Conv2D(5, (3, 3, 3)), 'a tuple of 2 such. Change kernel_size'),
        (lambda: layers.Conv1D(5, 3, strides=0), 'Change strides'),
        (lambda: layers.Conv2D(5, 3, padding='causal'), 'Change padding'),
        (lambda: layers.Conv2DTranspose(5, 3, padding='causal'), 'Change padding'),
        (lambda: layers.Conv2D(5, True), 'Change kernel_size'),
    ],
)
def test_settings_that_do_not_fit_each_other_are_refused(make, remedy):
    with pytest.raises(ConfigError, match=remedy):
        make()


TORCH = [
    (layers.Conv1D(4, 3, strides=2, groups=2), (9, 6)),
    (layers.Conv2D(4, (3, 2), strides=(2, 1)), (7, 8, 3)),
    (layers.Conv2D(6, 3, dilation_rate=(1, 2), groups=3), (7, 8, 3)),
    (layers.Conv2D(6, 3, padding='same', dilation_rate=2), (7, 8, 3)),
    (layers.Conv3D(4, 2, strides=(1, 2, 2)), (4, 5, 6, 2)),
    (layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2), (7, 8, 3)),
    (layers.Conv1DTranspose(4, 3, strides=2), (5, 3)),
    (layers.Conv2DTranspose(4, 3, strides=(2, 3), output_padding=(1, 2)), (5, 4, 3)),
    (layers.Conv2DTranspose(4, (2, 3), dilation_rate=2), (5, 4, 3)),
    (layers.Conv3DTranspose(2, 2, strides=2), (3, 4, 3, 2)),
]


def of_torch(torch, layer, kernel, bias, x):
    """The layer's output as PyTorch computes it, channels moved first and back."""
    rank = x.ndim - 2
    transposed = isinstance(layer, layers.Conv1DTranspose | layers.Conv2DTranspose | layers.Conv3DTranspose)
    given = {'stride': layer.strides, 'dilation': layer.dilation_rate}
    if transposed:
        given['output_padding'] = layer.output_padding or 0
    elif layer.padding == 'same':
        given['padding'] = 'same'
    if isinstance(layer, layers.DepthwiseConv2D):
        kernel, given['groups'] = kernel.reshape(*layer.kernel_size, 1, -1), x.shape[-1]
    elif not transposed:
        given['groups'] = layer.groups
    compute = getattr(torch.nn.functional, f'conv{"_transpose" if transposed else ""}{rank}d')
    # Both of Keras's forms end in (…, b, a) where PyTorch begins with (a, b, …).
    return compute(x.movedim(-1, 1), kernel.movedim((-1, -2), (0, 1)), bias, **given).movedim(1, -1)


@pytest.mark.slow
@pytest.mark.parametrize(('layer', 'shape'), TORCH, ids=[repr(layer) for layer, _ in TORCH])
def test_values_and_gradients_are_those_of_pytorch(layer, shape):
    torch = pytest.importorskip('torch')
    x = drawn(2, *shape)
    values = values_for(layer, x)

    def loss(values, x):
        return jnp.sum(jnp.sin(run(layer, values, x)))

    ours = [run(layer, values, x), *jax.tree.leaves(jax.grad(loss, argnums=(0, 1))(values, x))]
    kernel, bias, inputs = (torch.tensor(np.asarray(v), requires_grad=True) for v in (values['kernel'], values['bias'], x))
    y = of_torch(torch, layer, kernel, bias, inputs)
    torch.sin(y).sum().backward()
    for a, b in zip(ours, [y.detach(), bias.grad, kernel.grad, inputs.grad], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
