"""`lamina train`: what it trains, writes and says, and what it leaves when stopped."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import lamina as library


def test_digits_are_learned_and_described(lamina, tmp_path):
    result = lamina('train', 'digits', '--epochs', 4, '--learning-rate', 0.005, '--run-dir', 'runs/first', '--json')
    document = result.document
    assert result.code == 0
    assert document['test']['accuracy'] > 0.85
    assert [document['epochs'], len(document['history']['loss']), document['interrupted']] == [4, 4, False]
    folder = tmp_path / 'runs' / 'first'
    assert sorted(path.name for path in folder.iterdir()) == ['history.json', 'model.lamina', 'settings.json']
    assert json.loads((folder / 'history.json').read_text())['history'] == document['history']
    settings = json.loads((folder / 'settings.json').read_text())
    assert (settings['seed'], settings['learning_rate'], settings['data']['train']) == (0, 0.005, 1438)
    model = library.load(document['model'])
    (_, _), (x_test, y_test) = library.datasets.digits.load_data()
    assert model.evaluate(x_test, y_test, verbose=0)[1] == pytest.approx(document['test']['accuracy'])
    assert 'Epoch 4/4' in result.err


def test_one_seed_one_model(lamina):
    assert lamina('train', 'digits', '--epochs', 1, '--quiet').out.startswith('Sequential')
    lamina('train', 'digits', '--epochs', 1, '--quiet')
    lamina('train', 'digits', '--epochs', 1, '--quiet', '--seed', 1)
    first, again, other = (library.load(name).get_weights()[0] for name in ('digits.lamina', 'digits-2.lamina', 'digits-3.lamina'))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_people_are_told_progress_scores_and_path(lamina):
    text = lamina('train', 'digits', '--epochs', 2, '--validation-split', 0.2, '--output', 'mine').out
    assert text.count('Epoch') == 2
    assert 'val_accuracy' in text
    assert 'Test on 359 examples' in text
    assert 'Saved mine.lamina' in text


def test_mnist_without_network_says_what_it_takes(lamina, tmp_path):
    network = tmp_path / 'small.json'
    network.write_text('[{"name": "Rescaling", "scale": 0.00392156862745098}, {"name": "Flatten"}, {"name": "Dense", "units": 10}]')
    result = lamina('train', 'mnist', '--offline', '--epochs', 3, '--quiet', '--network', network, '--json')
    assert result.document['test']['accuracy'] > 0.8
    assert '5,000-image subset' in result.err


def test_tables_of_two_classes_with_one_output(lamina, table_file, tmp_path):
    network = tmp_path / 'network.json'
    network.write_text('[{"name": "BatchNormalization", "momentum": 0.9}, {"name": "Dense", "units": 1}]')
    options = ('--epochs', 8, '--learning-rate', 0.1, '--quiet', '--network', network)
    assert lamina('train', table_file, *options, '--json').document['test']['accuracy'] > 0.95
    assert lamina('evaluate', 'table.lamina', table_file, '--json').document['scores']['accuracy'] > 0.95
    assert lamina('train', table_file, '--epochs', 20, '--quiet', '--json').document['test']['accuracy'] > 0.95


def test_numbers_are_approximated(lamina, tmp_path):
    x = np.random.default_rng(0).normal(size=(128, 3)).astype(np.float32)
    np.savez(tmp_path / 'line.npz', x_train=x, y_train=x @ np.float32([1, -2, 3]))
    network = tmp_path / 'network.json'
    network.write_text('[{"name": "Dense", "units": 1}]')
    result = lamina('train', 'line.npz', '--epochs', 30, '--learning-rate', 0.1, '--network', network, '--quiet', '--json')
    assert result.document['history']['mae'][-1] < 0.1
    assert result.document['test'] is None


@pytest.mark.parametrize(
    ('arguments', 'code', 'remedy'),
    [
        (('mnits',), 2, "Did you mean 'mnist'?"),
        (('imdb',), 2, 'rows of numbers first'),
        (('digits', '--optimizer', 'adm'), 2, "Did you mean 'Adam'?"),
        (('digits', '--learning-rate', '-1'), 2, 'Change learning_rate='),
        (('digits', '--validation-split', '1.5'), 2, 'Pass validation_split='),
        (('digits', '--network', 'wrong.json'), 2, '--print-network'),
        (('nan.npz',), 3, 'NaN'),
        (('cifar10', '--offline'), 4, 'without --offline'),
        (('none.npz',), 6, 'Check the path'),
        (('digits', '--network', 'none.json'), 6, 'Check the path'),
        (('digits', '--output', 'nowhere/digits.lamina'), 6, 'Make the folder'),
    ],
)
def test_failures_have_their_codes_and_remedies(lamina, tmp_path, arguments, code, remedy):
    (tmp_path / 'wrong.json').write_text('{}')
    np.savez(tmp_path / 'nan.npz', x_train=np.full((4, 2), np.nan), y_train=np.array([0, 1, 0, 1]))
    result = lamina('train', *arguments, '--json')
    assert result.code == code == result.document['exit_code']
    assert remedy.lower() in result.err.lower()
    assert remedy.lower() in str(result.document['error']).lower()
    assert not list(tmp_path.glob('*.lamina'))


def test_a_finished_run_is_not_overwritten(lamina, tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    (folder / 'model.lamina').write_bytes(b'an earlier result')
    result = lamina('train', 'digits', '--run-dir', 'run')
    assert result.code == 2
    assert 'Name another folder' in result.err
    assert (folder / 'model.lamina').read_bytes() == b'an earlier result'


@pytest.mark.skipif(sys.platform == 'win32', reason='SIGINT is sent to a POSIX process')
def test_interrupt_saves_the_model_so_far(tmp_path):
    command = [sys.executable, '-m', 'lamina', 'train', 'digits', '--epochs', '100000', '--run-dir', 'run', '--json']
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith('Epoch 3/'):
                break
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert process.returncode == 130, err
    document = json.loads(out)
    assert document['interrupted'] is True
    assert document['epochs'] >= 2
    assert 'Stopped by Ctrl-C' in err
    assert f'Saved {document["model"]}' in err
    assert library.load(tmp_path / document['model']).state.step > 0
    assert json.loads((tmp_path / 'run' / 'history.json').read_text())['interrupted'] is True
