"""Every example runs as a reader would run it, is at most 60 lines long, and is told about in the README."""

import runpy
import sys
from pathlib import Path

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


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
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


@pytest.mark.parametrize('path', EXAMPLES, ids=lambda path: path.stem)
def test_example_is_at_most_60_lines(path):
    assert len(path.read_text().splitlines()) <= 60


def test_readme_links_every_example():
    readme = (ROOT / 'README.md').read_text()
    assert EXAMPLES
    assert all(f'examples/{path.name}' in readme for path in EXAMPLES)
