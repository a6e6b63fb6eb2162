"""Initializers: their statistics beside Keras's, their fans, their seeds, and what they refuse."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lamina import initializers
from lamina.core.described import registered
from lamina.core.errors import ConfigError, ShapeError, UnknownNameError
from lamina.core.serial import decode, encode

keras = pytest.importorskip('keras')

RANDOM = [
    ('RandomNormal', {}),
    ('RandomNormal', {'mean': 2.0, 'stddev': 0.5}),
    ('RandomUniform', {}),
    ('RandomUniform', {'minval': 1.0, 'maxval': 3.0}),
    ('TruncatedNormal', {}),
    ('TruncatedNormal', {'mean': -1.0, 'stddev': 2.0}),
    ('GlorotUniform', {}),
    ('GlorotNormal', {}),
    ('HeUniform', {}),
    ('HeNormal', {}),
    ('LecunUniform', {}),
    ('LecunNormal', {}),
    ('Orthogonal', {}),
    ('VarianceScaling', {}),
    ('VarianceScaling', {'scale': 3.0, 'mode': 'fan_out', 'distribution': 'uniform'}),
    ('VarianceScaling', {'mode': 'fan_avg', 'distribution': 'untruncated_normal'}),
    ('GlorotUniform', {'input_axes': (0,), 'output_axes': (1,)}),
]
BUILT_IN = {name: cls for name, cls in registered('initializer').items() if cls.__module__.startswith('lamina.')}


def draw(initializer, shape=(64, 48), seed=0, **options):
    return initializer(np.random.default_rng(seed), shape, **options)


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'settings'), RANDOM)
def test_distribution_is_that_of_keras(name, settings):
    shape = (3, 5, 60, 50) if name.startswith(('Glorot', 'VarianceScaling')) else (150, 300)
    ours = draw(getattr(initializers, name)(**settings), shape)
    theirs = np.asarray(getattr(keras.initializers, name)(**settings, seed=3)(shape, dtype='float32'))
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype == np.float32
    spread = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 0.02 * spread
    assert ours.std() == pytest.approx(spread, rel=0.015)
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-3


def test_settings_and_defaults_are_those_of_keras():
    for name, cls in BUILT_IN.items():
        if name == 'Fixup':
            continue
        theirs = getattr(keras.initializers, name)()
        for f in dataclasses.fields(cls):
            assert getattr(cls(), f.name) == getattr(theirs, '_init_seed' if f.name == 'seed' else f.name), (name, f.name)


@pytest.mark.parametrize(
    ('ours', 'theirs'),
    [
        (initializers.Zeros(), keras.initializers.Zeros()),
        (initializers.Ones(), keras.initializers.Ones()),
        (initializers.Constant(-1.5), keras.initializers.Constant(-1.5)),
        (initializers.Identity(0.5), keras.initializers.Identity(0.5)),
    ],
)
@pytest.mark.parametrize('shape', [(4, 4), (3, 5), (5, 3)])
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16', 'int32'])
def test_fixed_values_are_those_of_keras(ours, theirs, shape, dtype):
    got = draw(ours, shape, dtype=dtype)
    assert got.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(got, np.asarray(theirs(shape, dtype=dtype)).astype(dtype))


@pytest.mark.parametrize('shape', [(), (7,), (7, 3), (5, 7, 3), (2, 5, 7, 3), (2, 4, 5, 7, 3)])
def test_fans_are_those_of_keras(shape):
    from keras.src.initializers.random_initializers import compute_fans

    assert initializers.fans(shape) == compute_fans(shape)
    if len(shape) > 1:
        assert initializers.fans(shape, (0,), (-1, 1)) == compute_fans(shape, (0,), (-1, 1))


@pytest.mark.parametrize('name', ['GlorotUniform', 'HeUniform', 'LecunUniform'])
@pytest.mark.parametrize('shape', [(7,), (7, 3), (5, 7, 3), (2, 5, 7, 3), (2, 4, 5, 7, 3)])
def test_uniform_limits_follow_from_the_fans(name, shape):
    initializer = getattr(initializers, name)()
    fan_in, fan_out = initializers.fans(shape)
    count = fan_in if initializer.mode == 'fan_in' else (fan_in + fan_out) / 2
    limit = np.sqrt(3 * initializer.scale / count)
    values = np.concatenate([draw(initializer, shape, seed).ravel() for seed in range(100)])
    assert 0.95 * limit < np.abs(values).max() <= limit * (1 + 1e-6)


def test_truncated_normal_stays_within_two_deviations_and_fills_them():
    values = draw(initializers.TruncatedNormal(mean=1.0, stddev=0.5), (400, 300))
    assert 0.99 < np.abs(values - 1).max() <= 1 + 1e-6


@pytest.mark.parametrize('shape', [(6, 6), (9, 4), (4, 9), (3, 3, 2, 5)])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_orthogonal_rows_or_columns_are_orthonormal(shape, dtype):
    w = draw(initializers.Orthogonal(gain=2.0), shape, dtype=dtype).reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5 if dtype == np.float32 else 1e-13)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    traces = [np.trace(draw(initializers.Orthogonal(), (3, 3), seed)) for seed in range(800)]
    assert abs(np.mean(traces)) < 0.15  # without the sign of R's diagonal it is about -1
    assert np.var(traces) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize('name', [n for n, _ in RANDOM[::2]])
def test_a_seed_gives_the_same_values_wherever_it_is_used(name):
    seeded = getattr(initializers, name)(seed=5)
    np.testing.assert_array_equal(draw(seeded, seed=1), draw(seeded, seed=2))
    assert not np.array_equal(draw(seeded), draw(seeded.replace(seed=6)))
    unseeded = seeded.replace(seed=None)
    np.testing.assert_array_equal(draw(unseeded, seed=1), draw(unseeded, seed=1))
    assert not np.array_equal(draw(unseeded, seed=1), draw(unseeded, seed=2))


def test_a_seeded_initializer_leaves_the_given_generator_alone():
    rng = np.random.default_rng(0)
    initializers.HeNormal(seed=1)(rng, (10, 10))
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'float64'])
@pytest.mark.parametrize('name', ['RandomNormal', 'RandomUniform', 'TruncatedNormal', 'GlorotUniform', 'Orthogonal'])
def test_dtypes(name, dtype):
    values = draw(getattr(initializers, name)(), dtype=dtype)
    assert values.dtype == np.dtype(dtype)
    if dtype == 'float64':
        assert not np.array_equal(values, values.astype(np.float32))
    else:
        np.testing.assert_array_equal(values, draw(getattr(initializers, name)()).astype(dtype))


@pytest.mark.parametrize('shape', [(), (0,), (0, 3)])
def test_scalars_and_empty_weights(shape):
    for name in ('RandomNormal', 'RandomUniform', 'TruncatedNormal', 'GlorotUniform', 'HeNormal', 'Zeros', 'Constant'):
        assert draw(getattr(initializers, name)(), shape).shape == shape


def test_constant_takes_an_array_and_broadcasts_it():
    given = np.arange(6, dtype=np.float32).reshape(2, 3)
    constant = initializers.Constant(given)
    np.testing.assert_array_equal(draw(constant, (2, 3)), given)
    np.testing.assert_array_equal(draw(initializers.get(jnp.arange(3.0)), (2, 3)), [[0, 1, 2]] * 2)
    assert constant == decode(encode(constant)) == initializers.Constant([[0, 1, 2], [3, 4, 5]])
    assert hash(constant) == hash(initializers.Constant(given))
    draw(constant, (2, 3))[:] = 0  # a writable copy
    with pytest.raises(ShapeError, match=r'Pass one number, or an array of shape \(3, 2\)'):
        draw(constant, (3, 2))


def test_matrices_only():
    with pytest.raises(ShapeError, match="Use 'orthogonal' for this weight"):
        draw(initializers.Identity(), (2, 2, 2))
    with pytest.raises(ShapeError, match="Use 'random_normal' for this weight"):
        draw(initializers.Orthogonal(), (4,))


@pytest.mark.parametrize('name', sorted(BUILT_IN))
def test_every_rule_refuses_its_bad_values(name):
    for f in dataclasses.fields(BUILT_IN[name]):
        for bad in f.metadata['rule'].bad:
            with pytest.raises(ConfigError, match=f'Change {f.name}=… to such a value'):
                BUILT_IN[name](**{f.name: bad})


def test_settings_that_contradict_each_other():
    with pytest.raises(ConfigError, match='Exchange the two values'):
        initializers.RandomUniform(1.0, 0.0)
    with pytest.raises(ConfigError, match='Give input_axes and output_axes together'):
        initializers.HeNormal(input_axes=(0,))
    with pytest.raises(ShapeError, match='Change input_axes and output_axes'):
        draw(initializers.HeNormal(input_axes=(0,), output_axes=(3,)), (2, 2))
    with pytest.raises(ConfigError, match='Change stddev=… to such a value'):
        initializers.RandomNormal(stddev=float('inf'))


@pytest.mark.parametrize('name', sorted(BUILT_IN))
def test_get_by_every_spelling_and_saved_form(name):
    cls = BUILT_IN[name]
    snake = keras.src.utils.naming.to_snake_case(name)
    for value in (name, snake, name.lower(), cls, cls()):
        assert initializers.get(value) == cls()
    assert decode(encode(cls())) == cls()
    assert getattr(initializers, snake) is cls


@pytest.mark.parametrize(
    ('alias', 'name'),
    [
        ('normal', 'RandomNormal'),
        ('uniform', 'RandomUniform'),
        ('zero', 'Zeros'),
        ('one', 'Ones'),
        ('IdentityInitializer', 'Identity'),
        ('OrthogonalInitializer', 'Orthogonal'),
    ],
)
def test_aliases_of_keras(alias, name):
    assert type(initializers.get(alias)).__name__ == type(keras.initializers.get(alias)).__name__ == name


def test_saved_settings_come_back():
    saved = initializers.VarianceScaling(2.0, 'fan_avg', 'normal', seed=4, input_axes=[0, 1], output_axes=[2])
    assert decode(encode(saved)) == saved
    assert saved.distribution == 'truncated_normal'
    assert repr(saved) == "VarianceScaling(scale=2.0, mode='fan_avg', seed=4, input_axes=(0, 1), output_axes=(2,))"


def test_get_takes_numbers_none_and_functions():
    assert initializers.get(None) is None
    assert initializers.get(2) == initializers.Constant(2)
    ours = initializers.get(lambda rng, shape, dtype: rng.random(shape))
    assert draw(ours, (2, 3), dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(draw(initializers.get(lambda shape, dtype=None: np.ones(shape, dtype)), (2,)), [1, 1])
    theirs = initializers.get(jax.nn.initializers.he_normal())
    np.testing.assert_array_equal(draw(theirs, seed=1), draw(theirs, seed=1))
    assert draw(theirs, (200, 100)).std() == pytest.approx(0.1, rel=0.05)


def test_functions_of_the_wrong_shape_and_unsavable_ones():
    with pytest.raises(ShapeError, match='Return one of the given shape'):
        draw(initializers.get(lambda rng, shape, dtype: np.zeros(3)), (2,))
    with pytest.raises(ConfigError, match=r'Write it as a small @lamina\.described class'):
        encode(initializers.get(lambda rng, shape, dtype: np.zeros(shape)))
    with pytest.raises(ConfigError, match='Change function=… to such a value'):
        initializers.FunctionInitializer(3)  # type: ignore[arg-type]


def test_unknown_names_and_values():
    with pytest.raises(UnknownNameError, match="Did you mean 'GlorotUniform'"):
        initializers.get('glorot_unifrom')
    for wrong in (['zeros'], True, object(), dict, initializers.Initializer):
        with pytest.raises(ConfigError, match=r"Pass a name such as 'glorot_uniform'|Define it in the class"):
            draw(initializers.get(wrong))
    with pytest.raises(ConfigError, match='Define it in the class'):
        initializers.RandomInitializer().draw(np.random.default_rng(0), (1,), np.float32)


@pytest.mark.parametrize(('branches', 'layers'), [(1, 2), (64, 2), (64, 3), (1000, 4)])
def test_fixup_is_smaller_the_more_blocks_there_are(branches, layers):
    shape = (3, 3, 40, 60)
    he, fixup = draw(initializers.HeNormal(), shape), draw(initializers.Fixup(branches, layers), shape)
    np.testing.assert_allclose(fixup, he * branches ** (-1 / (2 * layers - 2)), rtol=1e-5)
