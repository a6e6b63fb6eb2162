"""The zoo: every network describes itself, has as many weights as its paper says, trains, and is saved."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina.core.errors import ConfigError, ShapeError
from lamina.layers.depth import stacks_within
from lamina.models import zoo

RNG = np.random.default_rng(0)


def image(size, channels=1):
    return {'input_shape': (size, size, channels)}


COLUMNS = {'numeric': 3, 'categories': {'colour': 4, 'city': 6}}
# Small enough to train in a test: arguments, and whether even then it takes more than a few seconds to compile.
ROWS = {
    'convnext_tiny': ({**image(16, 3), 'depths': (1, 1), 'filters': (4, 8), 'drop_path_rate': 0.1}, True),
    'gru_classifier': ({'input_shape': (None,), 'units': (4, 4), 'vocabulary_size': 5, 'bidirectional': True, 'dropout': 0.1}, True),
    'lenet5': (image(12), False),
    'lstm_classifier': ({'input_shape': (6, 2), 'units': (4,)}, False),
    'mlp': ({'input_shape': (4, 4), 'units': (8, 8), 'dropout': 0.1}, False),
    'mobilenet_v2_small': ({**image(32, 3), 'alpha': 0.1}, True),
    'resnet18': ({**image(32, 3), 'filters': 4}, True),
    'resnet20': ({**image(8), 'filters': 4}, True),
    'resnet50': ({**image(32, 3), 'filters': 4, 'zero_init_residual': True}, True),
    'resnet56': ({**image(8), 'filters': 4, 'zero_init_residual': True}, True),
    'resnet110': ({**image(8), 'filters': 4}, True),
    'tab_transformer': ({**COLUMNS, 'dim': 8, 'depth': 1, 'num_heads': 2}, True),
    'tabular_mlp': ({**COLUMNS, 'dim': 8, 'depth': 2}, False),
    'tcn': ({'input_shape': (9, 2), 'filters': (4, 4), 'dropout': 0.1}, False),
    'transformer_classifier': ({'input_shape': (6,), 'vocabulary_size': 5, 'dim': 8, 'num_heads': 2}, True),
    'unet': ({**image(8), 'filters': 2, 'depth': 2, 'batch_normalization': True, 'dropout': 0.1}, True),
    'vgg_small': ({**image(8), 'filters': (4, 8), 'units': 8}, True),
    'vit_tiny': ({**image(8), 'patch_size': 4, 'dim': 8, 'num_heads': 2, 'depth': 2}, False),
}
TRAINED = [pytest.param(name, marks=pytest.mark.slow) if slow else name for name, (_, slow) in ROWS.items()]


def small(name, **settings):
    return getattr(zoo, name)(classes=3, seed=1, **{**ROWS[name][0], **settings})


def examples(model, count=6):
    """Noise of the shapes that the model takes, and labels."""
    layers = model.inputs if isinstance(model.inputs, dict) else {'x': model.inputs}
    x = {}
    for name, layer in layers.items():
        shape = (count, *(n or 5 for n in layer.shape))
        x[name] = RNG.integers(1, 4, shape).astype('int32') if layer.dtype == 'int32' else RNG.normal(size=shape).astype('float32')
    y = RNG.integers(0, 3, (count, *model.output_shape[1:-1]))
    return x if isinstance(model.inputs, dict) else x['x'], y


def trained_size(model):
    return sum(w.size for w in model.state.trainable.values())


def test_every_network_has_a_row():
    assert set(ROWS) == set(zoo.__all__)


@pytest.mark.slow
@pytest.mark.parametrize('name', ROWS)
def test_each_describes_itself_with_names_and_is_saved(name, tmp_path, capsys):
    model = small(name)
    assert (model.name, model.output_shape[-1]) == (name, 3)
    model.summary()
    shown = capsys.readouterr().out
    assert shown.startswith(f"Model '{name}'")
    assert '  head (Dense)' in shown or '\nhead (' in shown
    again = lamina.load(model.save(tmp_path / name))
    assert again.network == model.network
    assert all((a == b).all() for a, b in zip(again.get_weights(), model.get_weights(), strict=True))


@pytest.mark.parametrize('name', TRAINED)
def test_one_step_moves_every_weight_and_steps_lower_the_loss(name):
    model = small(name, **({'zero_init_residual': False} if 'resnet' in name else {}))
    model.compile(lamina.optimizers.Adam(0.003, epsilon=1e-15), 'sparse_categorical_crossentropy')
    x, y = examples(model)
    before = model.variables
    first = model.train_on_batch(x, y)
    after = model.variables
    assert all(np.isfinite(value).all() for value in after.values())
    # The scores of a softmax do not change when every key is moved by the same vector.
    still = [path for path in model.state.trainable if (before[path] == after[path]).all() and not path.endswith('key/bias')]
    assert still == []
    losses = [first] + [model.train_on_batch(x, y) for _ in range(12)]
    assert min(losses[-3:]) < first


# --- as published ---

PUBLISHED = [
    # LeCun et al. (1998), layers C1 to output, with a full C3 and pooling without weights
    ('lenet5', {}, 61_706),
    # He et al. (2015), table 6: 0.27 M, 0.85 M, 1.7 M
    ('resnet20', {}, 269_722),
    ('resnet56', {}, 853_018),
    ('resnet110', {}, 1_727_962),
    # torchvision's tables: 11.69 M, 25.56 M
    ('resnet18', {}, 11_689_512),
    ('resnet50', {}, 25_557_032),
    # the table of the authors' released checkpoints, mobilenet_v2_0.35_96: 1.66 M; beside Keras below
    ('mobilenet_v2_small', {}, 1_677_128),
    # Liu et al. (2022), table 1: 28.6 M
    ('convnext_tiny', {}, 28_589_128),
    # Touvron et al. (2021), table 1: 5.7 M; 192 fewer, since the class token and its position are one vector
    ('vit_tiny', {}, 5_717_416 - 192),
    # Bai et al. (2018), table 1: 70 K for sequential MNIST
    ('tcn', {'input_shape': (784, 1), 'classes': 10, 'filters': (25,) * 8, 'kernel_size': 7}, 66_910),
    # by hand: 4 · (32 + 128 + 1) · 128 and the output; 3 · (32 + 128 + 2) · 128 and the output
    ('lstm_classifier', {'input_shape': (100, 32), 'classes': 10, 'units': (128,)}, 82_432 + 1_290),
    ('gru_classifier', {'input_shape': (100, 32), 'classes': 10, 'units': (128,)}, 62_208 + 1_290),
]


@pytest.mark.parametrize(('name', 'settings', 'wanted'), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_the_number_of_trained_weights_is_the_published_one(name, settings, wanted):
    assert trained_size(getattr(zoo, name)(**settings)) == wanted


def test_the_unet_of_the_paper_has_31_million_weights():
    """Ronneberger et al. (2015), figure 1, added up level by level."""
    wanted, before = 0, 1
    for width in (64, 128, 256, 512, 1024):
        wanted += 9 * before * width + width + 9 * width * width + width
        before = width
    for width in (512, 256, 128, 64):
        wanted += 4 * 2 * width * width + width  # up
        wanted += 9 * 2 * width * width + width + 9 * width * width + width
    assert trained_size(zoo.unet(filters=64, depth=4)) == wanted + 64 * 2 + 2
    assert round(wanted / 1e6) == 31


@pytest.mark.slow
@pytest.mark.parametrize('alpha', [0.35, 1.0])
def test_mobilenet_has_keras_number_of_weights(alpha):
    applications = pytest.importorskip('keras').applications
    theirs = applications.MobileNetV2(input_shape=(96, 96, 3), alpha=alpha, weights=None)
    assert zoo.mobilenet_v2_small(alpha=alpha).count_params() == theirs.count_params()


def test_the_guide_has_a_row_for_each_with_its_number_of_weights():
    """The numbers themselves are those of the test above, or of the next."""
    guide = (Path(__file__).parents[2] / 'docs' / 'guide' / 'zoo.md').read_text()
    rows = dict(re.findall(r'^\| `(\w+)` \|(.*\|)$', guide, re.MULTILINE))
    assert set(rows) == set(zoo.__all__)
    for name, settings, wanted in PUBLISHED:
        assert settings or f'| {wanted:,} |' in rows[name]


@pytest.mark.parametrize(('name', 'wanted'), [('vgg_small', 551_018), ('unet', 7_759_554), ('transformer_classifier', 740_226)])
def test_the_number_of_trained_weights_is_the_guides(name, wanted):
    assert trained_size(getattr(zoo, name)()) == wanted
    assert f'| {wanted:,} |' in (Path(__file__).parents[2] / 'docs' / 'guide' / 'zoo.md').read_text()


# --- what each is for ---


@pytest.mark.parametrize(
    ('name', 'lengths'),
    [('resnet20', []), ('resnet56', [9, 8, 8]), ('resnet110', [18, 17, 17]), ('vit_tiny', [12]), ('convnext_tiny', [9])],
)
def test_eight_equal_blocks_or_more_are_one_loop(name, lengths):
    model = getattr(zoo, name)()
    stacks = stacks_within(model.network, (model.input_shape,))
    assert [len(stack.names) for own in stacks.values() for stack in own] == lengths


def test_blocks_that_start_as_nothing():
    model = small('resnet20', zero_init_residual=True)
    gammas = {path: value for path, value in model.variables.items() if path.endswith('gamma')}
    assert all((value == 0).all() == path.endswith('conv2_norm/gamma') for path, value in gammas.items())
    assert sum((value == 0).all() for value in gammas.values()) == 9


def test_the_stages_can_be_frozen_by_name():
    model = small('resnet18')
    model.freeze('st*')
    assert sorted(model.state.trainable) == ['head/bias', 'head/kernel']


def test_padding_does_not_change_what_a_sequence_is_called():
    for name in ('transformer_classifier', 'gru_classifier'):
        model = small(name, input_shape=(None,))
        tokens = np.array([[3, 1, 2, 4]], 'int32')
        np.testing.assert_allclose(model.predict(np.pad(tokens, ((0, 0), (0, 3)))), model.predict(tokens), rtol=1e-5, atol=1e-6)


def test_a_temporal_network_sees_as_far_back_as_it_says():
    model = small('tcn', input_shape=(20, 2), dropout=0.0)
    reach = 2 * (3 - 1) * (2**2 - 1)
    x = RNG.normal(size=(64, 20, 2)).astype('float32')
    changed = x.copy()
    changed[:, : 19 - reach] += 1.0
    np.testing.assert_array_equal(model.predict(changed), model.predict(x))
    changed[:, 19 - reach] += 1.0
    assert (model.predict(changed) != model.predict(x)).any()


def test_tables_of_numbers_alone_or_categories_alone():
    numbers = zoo.tabular_mlp(4, classes=1, classifier_activation=None, dim=8)
    assert numbers.predict({'numeric': np.zeros((2, 4))}).shape == (2, 1)
    categories = zoo.tabular_mlp(0, {'city': 9}, dim=8)
    assert categories.predict({'city': np.array([3, 8])}).shape == (2, 2)
    assert list(zoo.tab_transformer(0, {'city': 9}, depth=1).inputs) == ['city']


def test_what_does_not_fit_is_refused_with_the_remedy():
    with pytest.raises(ShapeError, match='Resize or pad the images, or lower depth'):
        zoo.unet((100, 128, 3))
    with pytest.raises(ShapeError, match='Resize the images, or set patch_size'):
        zoo.vit_tiny((100, 96, 3))
    with pytest.raises(ShapeError, match='Pad the sequences to one length'):
        zoo.tcn((None, 3), 2)
    with pytest.raises(ConfigError, match='Give numeric or categories'):
        zoo.tabular_mlp(0)
    with pytest.raises(ConfigError, match='rename such a column'):
        zoo.tabular_mlp(2, {'numeric': 3})
    with pytest.raises(ConfigError, match='Use tabular_mlp for numbers alone'):
        zoo.tab_transformer(2, {})


@pytest.mark.parametrize('path', sorted(Path(zoo.__file__).parent.glob('[a-z]*.py')), ids=lambda path: path.stem)
def test_each_is_described_in_under_60_lines(path):
    """Signatures and bodies; what explains them does not count."""
    tree = ast.parse(path.read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions
    explained = sum(node.body[0].end_lineno - node.body[0].lineno + 1 for node in functions if ast.get_docstring(node))
    assert sum(node.end_lineno - node.lineno + 1 for node in functions) - explained < 60
