"""Every example runs as a reader would run it, is at most 60 lines long, and is told about in the README."""

import runpy
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# Keras's own, from its Variable.numpy() under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

EXAMPLES = sorted((ROOT / 'examples').glob('*.py'))
# A line that each prints, from what it computed.
PRINTS = {
    'autoencoder': 'principal components: mean squared error',
    'digits_cnn': 'nearest neighbour: accuracy',
    'five_hundred_layers': '500 residual',
    'functional_two_outputs': "'val_nearer_accuracy'",
    'listing': 'predicted [',
    'move_weights_from_keras': 'Lamina → Keras: largest difference',
    'own_layer': 'equal after loading: True',
    'resnet': 'resnet20: 270,810 parameters',
    'sequences_lstm': 'lstm: accuracy',
    'text_classification': 'words_in_order: accuracy',
    'train_from_generator': 'Epoch 1/1',
    'transfer_learning': '5 to 9, from nothing: accuracy',
}


QUICK = {'functional_two_outputs', 'own_layer', 'train_from_generator'}
RUN = [pytest.param(path, id=path.stem, marks=[] if path.stem in QUICK else [pytest.mark.slow]) for path in EXAMPLES]


@pytest.mark.parametrize('path', RUN)
def test_example_runs(path, workplace, monkeypatch, capsys):
    if 'keras' in path.stem:
        pytest.importorskip('keras')
    monkeypatch.setattr(sys, 'argv', [str(path), '1'])
    runpy.run_path(str(path), run_name='__main__')
    assert PRINTS[path.stem] in capsys.readouterr().out


def test_weights_are_equal_on_both_sides(workplace, monkeypatch, capsys):
    pytest.importorskip('keras')
    runpy.run_path(str(ROOT / 'examples' / 'move_weights_from_keras.py'))['main'](1)
    differences = [float(line.rpartition(' ')[2]) for line in capsys.readouterr().out.splitlines()]
    assert len(differences) == 2
    assert max(differences) < 1e-5


def test_without_keras_the_example_says_what_to_install(workplace, monkeypatch):
    monkeypatch.setitem(sys.modules, 'keras', None)
    with pytest.raises(SystemExit, match='pip install keras'):
        runpy.run_path(str(ROOT / 'examples' / 'move_weights_from_keras.py'), run_name='__main__')


def functions_of(name: str) -> dict:
    """What an example defines, without running it."""
    return runpy.run_path(str(ROOT / 'examples' / f'{name}.py'))


def test_pictures_of_the_autoencoder_are_saved_when_asked(tmp_path):
    image = pytest.importorskip('PIL.Image')
    x = np.random.default_rng(0).random((20, 8, 8, 1))
    functions_of('autoencoder')['save_pictures'](str(tmp_path / 'rows.png'), x, 1 - x)
    with image.open(tmp_path / 'rows.png') as picture:
        assert picture.size == (16 * 10 * 8, 2 * 10 * 8)
        assert len(np.unique(np.asarray(picture))) > 50


def test_principal_components_of_all_pixels_lose_nothing():
    functions = functions_of('autoencoder')
    functions['principal_components'].__globals__['CODE'] = 64
    x = np.random.default_rng(0).random((100, 8, 8, 1))
    np.testing.assert_allclose(functions['principal_components'](x[:80], x[80:]), x[80:], atol=1e-9)


def test_the_letter_after_the_mark_is_the_class():
    x, y = functions_of('sequences_lstm')['sequences'](50, 0)
    assert ((x == 0).sum(axis=1) == 1).all()
    assert [row[list(row).index(0) + 1] - 1 for row in x] == y.tolist()


def test_curves_are_drawn_where_they_belong():
    curves = {name: [2.3, 1.0, loss] for name, loss in (('a', 0.0), ('b', 0.5), ('c', 1.0), ('d', 2.5))}
    svg = ElementTree.fromstring(functions_of('five_hundred_layers')['drawing'](curves))
    ends = [line.attrib['points'].split()[-1] for line in svg.iter('{http://www.w3.org/2000/svg}polyline')]
    assert ends == ['620.0,310.0', '620.0,252.0', '620.0,194.0', '620.0,20.0']


@pytest.mark.slow
def test_500_residual_layers_learn_and_500_plain_ones_do_not():
    functions = functions_of('five_hundred_layers')
    one, plain, he, residual = (functions['train'](middle, 12) for middle in functions['MIDDLES'].values())
    for losses, accuracy in (plain, he):
        assert min(losses) > 0.99 * np.log(10)
        assert accuracy < 0.2
    assert residual[0][-1] < 0.2 < one[0][-1]
    assert residual[1] > 0.9


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_example_is_at_most_60_lines(path):
    assert len(path.read_text().splitlines()) <= 60


def test_readme_links_every_example():
    readme = (ROOT / 'README.md').read_text()
    assert EXAMPLES
    assert all(f'examples/{path.name}' in readme for path in EXAMPLES)
