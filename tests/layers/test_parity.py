"""Every row of the table of layers beside Keras: shapes, order of weights, values, masks, gradients, defaults, saved form, bad settings."""

import dataclasses
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from parity import Row, leaves, nested
from rows import ROWS

from lamina import constraints, initializers, layers, regularizers
from lamina.core.described import registered
from lamina.core.errors import ConfigError
from lamina.core.serial import decode, encode
from lamina.layers import Scope
from lamina.layers.base import weights_of
from lamina.layers.weight import initial_values

keras = pytest.importorskip('keras')

# Layers that hold any layers, or no computation: tests/layers/test_compose.py and its neighbours are about them.
ELSEWHERE = {'Chain', 'Graph', 'InputLayer', 'Layer', 'Merge', 'Repeat'}
# Layers of strings, which run on the host: tests/layers/test_layers_text.py.
ELSEWHERE |= {'StringLookup', 'TextVectorization'}
BUILT_IN = {name: cls for name, cls in registered('layer').items() if cls.__module__.startswith('lamina.')}
# What Keras has beside and the house leaves out: other data layouts, dtypes by layer, LoRA and quantization inside layers.
BEYOND = {'renorm', 'renorm_clipping', 'renorm_momentum', 'lora_rank', 'lora_alpha', 'quantization_config', 'data_format', 'dtype', 'name'}
BEYOND |= {'rms_scaling', 'unroll', 'use_cudnn', 'flash_attention', 'autocast', 'weights', 'trainable'}
FIRST = {type(row.layer).__name__: row for row in reversed(ROWS)}


def every(rows, *, quick=True, **options):
    """Parametrize by rows. Without `-m slow` each class is tried by its first row alone, and by none where not `quick`."""
    chosen = {id(row) for row in FIRST.values() if not row.slow} if quick else set()
    params = [pytest.param(row, id=row.id, marks=[] if id(row) in chosen else [pytest.mark.slow]) for row in rows]
    return pytest.mark.parametrize('row', params, **options)


def test_every_public_layer_is_in_the_table():
    assert set(BUILT_IN) == set(FIRST) | ELSEWHERE


def test_every_layer_is_public():
    assert set(BUILT_IN) - {'Merge'} <= set(layers.__all__)


def ours_on(row: Row, variables, inputs, scope: Scope, mask=None):
    """Our outputs, called as a network would."""
    keywords = dict(row.keywords) if mask is None else {**row.keywords, 'mask': mask}
    return scope.call(row.layer, 'layer', {'layer': nested(variables)}, *inputs, **keywords)


def theirs_like(row: Row, values):
    """Keras's layer with these weights, and its arguments for the inputs."""
    layer = row.twin()
    positional = [p for p in inspect.signature(layer.call).parameters.values() if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    inputs = row.inputs()
    spread = len(inputs) == 1 or len(positional) >= len(inputs)
    layer(*inputs) if spread else layer(list(inputs))
    layer.set_weights(list(values.values()))
    return layer, spread


@every([row for row in ROWS if row.keras is not None])
def test_shapes_values_masks_and_gradients_are_those_of_keras(row):
    values, declared, inputs, mask = row.values(), row.declared, row.inputs(), row.mask()
    theirs, spread = theirs_like(row, values)
    assert [v.shape for v in values.values()] == [tuple(w.shape) for w in theirs.weights]
    if not row.layer.children():
        assert list(values) == [w.name for w in theirs.weights]
    trainable = {p: v for p, v in values.items() if declared[p].trainable}
    other = {p: v for p, v in values.items() if not declared[p].trainable}
    order = list(trainable)  # which jit forgets
    assert [values[p].shape for p in order] == [tuple(w.shape) for w in theirs.trainable_variables]
    penalties = {p: w.regularizer for p, w in declared.items() if w.regularizer is not None}
    floating = [i for i, x in enumerate(inputs) if x.dtype == np.float32]
    masked = {'mask': mask} if mask is not None and 'mask' in inspect.signature(theirs.call).parameters else {}

    def with_floats(floats):
        return tuple(floats[floating.index(i)] if i in floating else x for i, x in enumerate(inputs))

    def counted(y):
        """The steps that count; what stands at the others is nobody's business."""
        return y if mask is None or y.shape[:2] != mask.shape else y * mask.reshape(*mask.shape, *(1,) * (y.ndim - 2))

    def total(outputs):
        return sum(jnp.sum(jnp.sin(counted(y))) for y in outputs)

    def our_loss(trainable, floats):
        scope = Scope()
        y = leaves(ours_on(row, {**trainable, **other}, with_floats(floats), scope, mask))
        penalty = sum(r(trainable[p]) for p, r in penalties.items()) + sum(scope.records.losses)
        return total(y) + penalty, (y, [scope.mask_of(a) for a in y])

    def their_loss(trainable, floats):
        state = [v.value for v in theirs.non_trainable_variables]
        given = with_floats(floats) if spread else [list(with_floats(floats))]
        weights = [trainable[p] for p in order]
        y, _, losses = theirs.stateless_call(weights, state, *given, **masked, **row.keywords, return_losses=True)
        return total(leaves(y)) + sum(losses), leaves(y)

    floats = tuple(inputs[i] for i in floating)
    grad = jax.value_and_grad if row.differentiable else (lambda f, argnums, has_aux: lambda *a: (f(*a), None))

    @jax.jit
    def both(trainable, floats):
        return [grad(f, argnums=(0, 1), has_aux=True)(trainable, floats) for f in (our_loss, their_loss)]

    ((loss, (y, masks)), gradients), ((their_value, their_y), their_gradients) = both(trainable, floats)
    assert [a.shape for a in y] == [a.shape for a in their_y]
    for a, b in zip(y, their_y, strict=True):
        np.testing.assert_allclose(counted(a), counted(b), rtol=row.tolerance, atol=row.tolerance)
    np.testing.assert_allclose(loss, their_value, rtol=10 * row.tolerance, atol=10 * row.tolerance)
    near = functools.partial(np.testing.assert_allclose, rtol=10 * row.tolerance, atol=10 * row.tolerance)
    jax.tree.map(near, gradients, their_gradients)
    if mask is not None:
        expected = theirs.compute_mask(inputs[0] if spread else list(inputs), mask)
        expected = expected if isinstance(expected, (list, tuple)) else [expected] * len(masks)
        for got, wanted in zip(masks, expected, strict=False):
            assert (got is None) == (wanted is None)
            if got is not None:
                np.testing.assert_array_equal(got, wanted)


@every(ROWS, quick=False)
def test_the_described_shape_is_that_of_the_output(row):
    inputs = row.inputs()
    y = leaves(ours_on(row, row.values(), inputs, Scope(), row.mask()))
    described = row.layer.output_shape(*((None, *s) for s in row.shapes), **row.keywords) if row.draw == 'normal' else None
    if described is not None:
        found = [described] if not isinstance(described[0], tuple) else list(described)
        assert found == [(None, *a.shape[1:]) for a in y]
    assert all(np.isfinite(np.asarray(a)).all() for a in y if jnp.issubdtype(a.dtype, jnp.floating))


@every([row for name, row in FIRST.items() if row.keras == 'twin'])
def test_settings_order_and_defaults_are_those_of_keras(row):
    ours = row.layer
    theirs = getattr(keras.layers, type(ours).__name__)
    parameters = [p for p in inspect.signature(theirs.__init__).parameters.values() if p.name not in ('self', 'kwargs')]
    known = [p for p in parameters if p.name not in BEYOND]
    fields = [f for f in dataclasses.fields(ours) if not f.kw_only]
    assert [f.name for f in fields] == [p.name for p in known]
    # A layer's own saved form is what its defaults mean: 'zeros' and Zeros() are one.
    required = {p.name: getattr(ours, p.name) for p in known if p.default is p.empty}
    given = {p.name: p.default for p in known if p.default is not p.empty}
    assert type(ours)(**required, **given) == type(ours)(**required)


@every(ROWS)
def test_the_saved_form_and_the_repr_give_the_layer_back(row):
    layer = row.layer.replace(name='mine', trainable=False)
    again = decode(encode(layer))
    assert again == layer
    assert again.name == 'mine'
    assert hash(again) == hash(layer)
    assert eval(repr(layer), {**vars(initializers), **vars(regularizers), **vars(constraints), **vars(layers)}) == layer


@every(FIRST.values())
def test_every_rule_refuses_its_bad_values(row):
    tried = 0
    for f in dataclasses.fields(row.layer):
        rule = f.metadata['rule']
        for bad in rule.bad if rule else ():
            with pytest.raises(ConfigError, match=f'Change {f.name}=… to such a value'):
                row.layer.replace(**{f.name: bad})
            tried += 1
    assert tried >= 5


@every(ROWS, quick=False)
def test_one_example_is_the_same_alone_and_in_a_batch(row):
    values, inputs, mask = row.values(), row.inputs(), row.mask()
    whole = leaves(ours_on(row, values, inputs, Scope(), mask))
    alone = leaves(ours_on(row, values, [x[2:3] for x in inputs], Scope(), None if mask is None else mask[2:3]))
    for a, b in zip(whole, alone, strict=True):
        np.testing.assert_allclose(a[2:3], b, rtol=1e-5, atol=1e-5)


@every(FIRST.values())
def test_weights_start_from_their_initializers_and_by_their_path(row):
    declared = weights_of(row.layer, *((None, *s) for s in row.shapes))
    first = initial_values({'a': declared} if declared else {}, seed=1)
    again = initial_values({'z': {}, 'a': declared} if declared else {}, seed=1)
    for path, value in first.items():
        np.testing.assert_array_equal(value, again[path])
