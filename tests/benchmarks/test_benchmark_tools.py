"""The benchmarks' own arithmetic and measuring: no peer is installed and no network is trained here."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture(scope='module', autouse=True)
def _measure_on_the_path():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def script(name):
    """A script of the folder as a module, without leaving its plain name in sys.modules."""
    spec = importlib.util.spec_from_file_location(f'benchmark_script_{name}', BENCHMARKS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_run(wall_s, accuracy=0.978, peak=400, epochs=(1.0, 0.3, 0.5, 0.4)):
    return {
        'seed': 0,
        'wall_s': wall_s,
        'peak_bytes': peak * 2**20,
        'import_s': 0.6,
        'epochs_s': list(epochs),
        'inside_s': wall_s,
        'accuracy': accuracy,
    }


def a_peer(name, runs, error=None, note=''):
    return {'name': name, 'title': name.title(), 'note': note, 'versions': {'python': '3.11', name: '1.0'}, 'runs': runs, 'error': error}


@pytest.fixture
def kept():
    return {
        'benchmark': 'listing',
        'title': 'The listing',
        'date': '2026-01-02T03:04:05+00:00',
        'command': 'python benchmarks/listing.py',
        'machine': {'name': 'm', 'processor': 'p', 'cores': 2, 'memory_gib': 8.0, 'load': 0.1, 'system': 's', 'python': '3.11'},
        'settings': {'epochs': 10, 'batch_size': 32, 'seeds': 1, 'repeats': 3, 'data': 'MNIST'},
        'accuracy_rule': {'least': 0.97, 'tolerance': 0.006},
        'floor': {'epoch_s': 0.2, 'samples': [0.2]},
        'imports': {'lamina_s': 0.65, 'every_room_s': 0.7, 'jax_s': 0.6, 'difference_s': 0.05, 'samples': {}, 'brought_along': []},
        'peers': [
            a_peer('lamina', [a_run(5.0), a_run(4.0), a_run(9.0)]),
            a_peer('slow', [a_run(20.0, peak=1200)], note='a note'),
            a_peer('wrong', [a_run(1.0, accuracy=0.9715)]),
            a_peer('broken', [a_run(1.0)], error='ended with code 1: boom\nand more'),
        ],
    }


def test_ratios_are_to_the_median_of_lamina_and_to_the_floor(kept):
    from measure import ratios

    lamina, slow, _, _ = ratios.rows(kept)
    assert (lamina.wall_s, lamina.wall_ratio, lamina.peak_ratio) == (5.0, 1.0, 1.0)
    assert slow.wall_ratio == pytest.approx(4.0)
    assert slow.peak_ratio == pytest.approx(3.0)
    assert slow.warm_epoch_s == pytest.approx(0.4)
    assert slow.floor_ratio == pytest.approx(2.0)


def test_a_peer_of_another_accuracy_gets_no_ratio(kept):
    from measure import ratios

    wrong = ratios.rows(kept)[2]
    assert wrong.verdict == ratios.DIFFERS
    assert wrong.wall_s == 1.0
    assert (wrong.wall_ratio, wrong.floor_ratio, wrong.peak_ratio) == (None, None, None)


def test_a_failed_peer_is_told_and_does_not_move_the_median(kept):
    from measure import ratios

    broken = ratios.rows(kept)[3]
    assert (broken.verdict, broken.wall_s, broken.accuracy) == (ratios.FAILED, None, None)
    assert broken.note.startswith('ended with code 1: boom')


def test_without_a_right_lamina_there_are_no_ratios_to_it(kept):
    from measure import ratios

    kept['peers'][0]['error'] = 'ended with code 1'
    rows = ratios.rows(kept)
    assert [row.wall_ratio for row in rows] == [None] * 4
    assert rows[1].floor_ratio == pytest.approx(2.0)


@pytest.mark.parametrize(
    ('accuracy', 'same'), [(0.978, True), (0.9725, True), (0.984, True), (0.9715, False), (0.985, False), (0.96, False)]
)
def test_the_verdict_wants_both_the_least_accuracy_and_the_company(accuracy, same):
    from measure import ratios

    assert (ratios.verdict(accuracy, 0.978, 0.97, 0.0061) == ratios.SAME) is same
    assert ratios.verdict(0.96, 0.96, 0.97, 0.006) == ratios.DIFFERS


def test_the_warm_epoch_leaves_out_the_first_unless_it_is_the_only_one():
    from measure.ratios import warm_epoch

    assert warm_epoch([a_run(1, epochs=(9.0, 1.0, 3.0)), a_run(1, epochs=(8.0, 2.0))]) == 2.0
    assert warm_epoch([a_run(1, epochs=(1.5,))]) == 1.5
    assert warm_epoch([]) is None


def test_text_and_markdown_show_the_same_cells(kept):
    from measure import ratios, tables

    rows = ratios.rows(kept)
    cells = tables.comparison(rows)
    text, markdown = tables.as_text(cells), tables.as_markdown(cells)
    for shown in ('4.00×', '1200 MiB', '0.9715 (accuracy differs)', 'failed', '0.400 s', '20.0 s'):
        assert shown in text
        assert shown in markdown
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert markdown.splitlines()[1] == '|---|' + '---:|' * 8
    assert tables.notes(rows) == ['Slow: a note', 'Broken: failed: ended with code 1: boom']


@pytest.mark.parametrize(('value', 'shown'), [(0.1234, '0.123 s'), (1.234, '1.23 s'), (12.34, '12.3 s'), (None, '–')])
def test_seconds_are_shown_with_three_figures(value, shown):
    from measure import tables

    assert tables.seconds(value) == shown


def test_a_failure_whose_process_said_nothing_still_makes_a_note():
    from measure import tables
    from measure.processes import Finished, ProcessFailed, report_of
    from measure.ratios import FAILED, Row

    with pytest.raises(ProcessFailed, match='ended with code -9 after 3 s: it said nothing') as caught:
        report_of(Finished(3.0, 1, -9, '', ''))
    assert tables.notes([Row('x', 'X', FAILED, str(caught.value))]) == ['X: failed: ended with code -9 after 3 s: it said nothing']


def test_the_report_is_the_last_line_of_json():
    from measure.processes import Finished, ProcessFailed, report_of

    assert report_of(Finished(1.0, 1, 0, 'noise\n{"a": 1}\n{"a": 2}\n{not json}\nbye\n', '')) == {'a': 2}
    with pytest.raises(ProcessFailed, match='printed no line of JSON\nwarned'):
        report_of(Finished(1.0, 1, 0, 'nothing\n', 'warned'))


def test_each_process_has_its_own_peak_and_time():
    # In a driver of its own: a child begins with its parent's peak, and this one has imported JAX.
    driver = f"""
import json, sys
sys.path.insert(0, {str(BENCHMARKS)!r})
from measure.processes import run
greedy = run([sys.executable, '-S', '-c', 'x = bytearray(b"1") * (120 << 20)'])
modest = run([sys.executable, '-S', '-c', 'import time; time.sleep(0.2); print("done")'])
print(json.dumps([greedy.peak_bytes, modest.peak_bytes, modest.wall_s, modest.output, modest.code]))
"""
    answer = subprocess.run([sys.executable, '-S', '-c', driver], capture_output=True, text=True, check=True)
    greedy_bytes, modest_bytes, wall_s, output, code = json.loads(answer.stdout)
    assert 120 << 20 < greedy_bytes < 180 << 20
    assert modest_bytes < 60 << 20
    assert (output, code) == ('done\n', 0)
    assert 0.2 <= wall_s < 5


def test_a_process_that_runs_too_long_is_ended():
    from measure.processes import ProcessFailed, report_of, run

    finished = run([sys.executable, '-S', '-c', 'import time; time.sleep(60)'], timeout_s=0.3)
    assert finished.wall_s < 10
    with pytest.raises(ProcessFailed, match='ended with code -9'):
        report_of(finished)


def test_the_callers_settings_do_not_reach_the_peers(monkeypatch):
    from measure.processes import clean_environment

    for name in ('PYTHONPATH', 'KERAS_BACKEND', 'JAX_PLATFORMS', 'OMP_NUM_THREADS', 'LAMINA_COMPILATION_CACHE'):
        monkeypatch.setenv(name, 'x')
    monkeypatch.setenv('PIP_FIND_LINKS', '/wheels')
    clean = clean_environment(KERAS_BACKEND='torch')
    assert clean['KERAS_BACKEND'] == 'torch'
    assert clean['PIP_FIND_LINKS'] == '/wheels'
    assert not {'PYTHONPATH', 'JAX_PLATFORMS', 'OMP_NUM_THREADS', 'LAMINA_COMPILATION_CACHE'} & set(clean)


def test_requirements_keep_their_order_without_comments():
    from measure.environments import requirement_lines

    assert requirement_lines('# first torch\ntorch==2\n\n  lightning==1 \n') == ['torch==2', 'lightning==1']


def test_the_fingerprint_changes_with_what_an_environment_is_built_from(tmp_path):
    from measure.environments import fingerprint

    (tmp_path / 'src').mkdir()
    (tmp_path / 'pyproject.toml').write_text('a')
    (tmp_path / 'src' / 'a.py').write_text('1')
    alone, with_source = fingerprint('x==1', tmp_path), fingerprint('x==1\n.', tmp_path)
    assert fingerprint('# said\nx==1\n', tmp_path) == alone
    assert fingerprint('x==2', tmp_path) != alone
    assert fingerprint('x==1', tmp_path, python='another') != alone
    (tmp_path / 'src' / 'a.py').write_text('2')
    assert fingerprint('x==1', tmp_path) == alone
    changed = fingerprint('x==1\n.', tmp_path)
    assert changed['requirements'] == with_source['requirements']
    assert changed['source'] != with_source['source']


def test_an_environment_is_reused_until_its_requirements_change(tmp_path, monkeypatch):
    from measure import environments

    peers, built = tmp_path / 'peers', tmp_path / 'environments'
    (peers / 'some').mkdir(parents=True)
    (peers / 'some' / 'requirements.txt').write_text('x==1\ny==2\n')
    monkeypatch.setattr(environments, 'PEERS', peers)
    monkeypatch.setattr(environments, 'ENVIRONMENTS', built)
    commands = []

    def note(command, log):
        commands.append(command[1:])
        (built / 'some').mkdir(exist_ok=True)

    monkeypatch.setattr(environments, '_call', note)
    said = []
    environments.prepare('some', said.append)
    assert [command[-1] for command in commands] == [str(built / 'some'), 'x==1', 'y==2']
    environments.prepare('some', said.append)
    assert len(commands) == 3
    assert said[-1] == 'some: environment reused'
    (peers / 'some' / 'requirements.txt').write_text('x==3\n')
    environments.prepare('some', said.append)
    assert [command[-1] for command in commands[3:]] == [str(built / 'some'), 'x==3']


def test_a_failed_installation_tells_the_end_of_its_log_and_is_not_reused(tmp_path, monkeypatch):
    from measure import environments

    (tmp_path / 'some').mkdir()
    (tmp_path / 'some' / 'requirements.txt').write_text('x==1\n')
    monkeypatch.setattr(environments, 'PEERS', tmp_path)
    monkeypatch.setattr(environments, 'ENVIRONMENTS', tmp_path / 'built')
    monkeypatch.setattr(environments.sys, 'executable', '/bin/false')
    with pytest.raises(environments.EnvironmentFailed, match=r'ended with code 1; the whole log is .*some\.log'):
        environments.prepare('some', lambda _: None)
    assert not (tmp_path / 'built' / 'some' / environments.STAMP).exists()


def test_every_row_has_its_files_and_its_environment_holds_what_it_reports():
    from measure.catalogue import BASELINE, CATALOGUE, participants
    from measure.environments import requirement_lines

    assert CATALOGUE[0].name == BASELINE
    assert len({peer.name for peer in CATALOGUE}) == len(CATALOGUE)
    assert [peer.name for peer in participants('listing')][:3] == [BASELINE, 'lamina-cached', 'keras-tensorflow']
    assert len(participants('listing')) == 9
    for peer in CATALOGUE:
        lines = requirement_lines((BENCHMARKS / 'peers' / peer.environment / 'requirements.txt').read_text())
        assert all('==' in line or line == '.' for line in lines)
        named = {line.partition('==')[0] for line in lines} | ({'lamina', 'optax'} if '.' in lines else set())
        assert set(peer.packages) - {'numpy'} <= named


def test_participants_are_those_whose_script_has_the_function():
    from measure.catalogue import BASELINE, participants

    assert participants('no_such_work') == []
    assert [peer.name for peer in participants('listing', ['torch'])] == [BASELINE, 'torch']
    with pytest.raises(ValueError, match='no peer tosch; choose among lamina, '):
        participants('listing', ['tosch'])


def test_data_is_looked_for_where_it_was_said(tmp_path, monkeypatch):
    from measure import data

    monkeypatch.setattr(data, 'REPOSITORY', tmp_path / 'repository')
    monkeypatch.delenv('LAMINA_DATA', raising=False)
    assert data.find('auto') is None
    beside = tmp_path / 'shared' / 'data' / 'mnist.npz'
    beside.parent.mkdir(parents=True)
    beside.touch()
    assert data.find('auto') == beside
    own = tmp_path / 'own' / 'mnist.npz'
    own.parent.mkdir()
    own.touch()
    monkeypatch.setenv('LAMINA_DATA', str(own.parent))
    assert data.find('auto') == own
    assert data.find(str(beside)) == beside
    with pytest.raises(FileNotFoundError, match=r'give the path of an mnist\.npz, or auto'):
        data.find(str(tmp_path / 'nothing.npz'))


def test_drawn_data_has_the_shapes_of_mnist(tmp_path, monkeypatch):
    import numpy as np
    from measure import data
    from measure.environments import Environment

    monkeypatch.setattr(data, 'ENVIRONMENTS', tmp_path)
    monkeypatch.setattr(data, '_DRAW', data._DRAW.replace('60000', '600').replace('10000', '100'))
    path = data.make(Environment('here', Path(sys.executable)))
    with np.load(path) as arrays:
        assert arrays['x_train'].shape == (600, 28, 28)
        assert arrays['x_test'].dtype == np.uint8
        assert set(arrays['y_train']) == set(range(10))
        means = np.stack([arrays['x_train'][arrays['y_train'] == digit].mean(0) for digit in range(10)])
        distances = ((arrays['x_test'][:, None] - means) ** 2).sum((2, 3))
        assert (distances.argmin(1) == arrays['y_test']).mean() > 0.9
    assert [file.name for file in tmp_path.iterdir()] == ['mnist-shaped.npz']


def test_results_are_kept_whole_and_found_again(tmp_path, monkeypatch, kept):
    from measure import results

    monkeypatch.setattr(results, 'RESULTS', tmp_path / 'results')
    assert results.load('listing') is None
    path = results.keep(kept)
    assert [file.name for file in path.parent.iterdir()] == ['listing.json']
    assert results.load('listing') == kept
    head = results.header('listing', 'A title', ['python', 'x'])
    assert head['machine']['cores'] >= 1
    assert head['machine']['memory_gib'] > 0
    assert head['command'] == 'python x'


def test_the_document_is_made_of_what_is_kept(tmp_path, monkeypatch, capsys, kept):
    from measure import results

    monkeypatch.setattr(results, 'RESULTS', tmp_path)
    report = script('report')
    assert report.main() == 1
    assert 'run python benchmarks/listing.py first' in capsys.readouterr().err
    results.keep(kept)
    results.keep({**kept, 'benchmark': 'accuracy', 'data': 'MNIST', 'epochs': 10, 'accuracies': [0.977, 0.979], 'mean': 0.978})
    results.keep({**kept, 'benchmark': 'imports', **kept['imports'], 'brought_along': ['rich']})
    assert report.main() == 0
    document = capsys.readouterr().out
    for shown in (
        '| Slow | 20.0 s | 4.00× |',
        '- Slow: a note',
        'on 2026-01-02',
        '3 runs of each',
        '**0.9780**',
        '| 1 | 0.9790 |',
        '| `import jax` | 0.600 s |',
        'loads: rich',
    ):
        assert shown in document


def test_a_task_times_imports_and_epochs_and_reports_one_line(monkeypatch, capsys):
    from measure import peer

    ticks = iter(range(100))
    monkeypatch.setattr(peer.time, 'perf_counter', lambda: float(next(ticks)))

    def work(task):
        with task.importing():
            pass
        for epoch in range(task.epochs):
            task.epoch_begins(epoch, logs={})
            task.epoch_ends(epoch)
        return 0.5 if task.options['half'] else 1.0

    settings = {'data': 'x.npz', 'is_mnist': False, 'epochs': 2, 'batch_size': 32, 'seed': 0, 'options': {'half': True}}
    monkeypatch.setattr(sys, 'argv', ['run.py', 'work', json.dumps(settings)])
    peer.main(work)
    assert json.loads(capsys.readouterr().out) == {'import_s': 1.0, 'epochs_s': [1.0, 1.0], 'inside_s': 7.0, 'accuracy': 0.5}


def test_rounds_alternate_and_one_failure_leaves_the_others_alone(tmp_path, monkeypatch):
    from measure import comparison
    from measure.catalogue import participants
    from measure.processes import ProcessFailed

    order = []

    def execute(peer, environment, work, *, seed, **_):
        order.append((peer.name, seed))
        if peer.name == 'sklearn':
            raise ProcessFailed('ended with code 1 after 0 s: boom')
        return a_run(1.0) | {'seed': seed}

    environment = dataclasses.make_dataclass('E', ['name', 'python'])('e', tmp_path / 'python')
    environment.versions = lambda packages: {}
    monkeypatch.setattr(comparison, 'prepare', lambda name, say: environment)
    monkeypatch.setattr(comparison, 'execute', execute)
    monkeypatch.setattr(comparison.importing, 'compare', lambda *_, **__: {'lamina_s': 1.0, 'every_room_s': 1.0, 'jax_s': 1.0})
    monkeypatch.setattr(comparison.data, 'settle', lambda *_: (tmp_path / 'mnist.npz', True))
    monkeypatch.setattr(comparison.Comparison, '_floor', lambda *_: [0.3, 0.1, 0.2])
    peers = tuple(participants('listing', ['torch', 'sklearn']))
    plan = comparison.Plan(peers, epochs=10, seeds=2)
    measured = comparison.Comparison(script('listing').LISTING, plan, lambda _: None).measure()
    assert order == [('lamina', 0), ('torch', 0), ('sklearn', 0), ('torch', 1), ('lamina', 1)]
    assert measured['floor']['epoch_s'] == 0.2
    assert measured['accuracy_rule']['least'] == 0.97
    assert [len(peer['runs']) for peer in measured['peers']] == [2, 2, 0]
    assert 'boom' in measured['peers'][2]['error']


def test_the_command_tells_a_wrong_peer_and_a_missing_file(capsys):
    from measure import command

    listing = script('listing').LISTING
    assert command.main(listing, ['--peers', 'nobody']) == 2
    assert 'choose among lamina' in capsys.readouterr().err
    assert command.main(listing, ['--data', '/no/such.npz']) == 2
    assert 'give the path of an mnist.npz' in capsys.readouterr().err
    assert command.main(listing, ['--list']) == 0
    assert 'keras-tensorflow' in capsys.readouterr().out


@pytest.mark.parametrize(('difference_s', 'brought', 'code'), [(0.1, [], 0), (0.2, [], 1), (0.1, ['rich'], 1)])
def test_the_import_command_judges_both_promises(monkeypatch, capsys, difference_s, brought, code):
    imports = script('imports')
    measured = {
        'lamina_s': 0.6 + difference_s,
        'every_room_s': 0.8,
        'jax_s': 0.6,
        'difference_s': difference_s,
        'every_room_difference_s': 0.2,
        'samples': {},
        'brought_along': brought,
    }
    monkeypatch.setattr(imports, 'prepare', lambda *_: None)
    monkeypatch.setattr(imports.importing, 'compare', lambda *_: measured)
    assert imports.main([]) == code
    said = capsys.readouterr().out
    assert f'{difference_s:+.3f} s' in said
    assert f'optional packages imported: {"rich" if brought else "none"}' in said


def test_what_an_import_brings_is_read_from_a_fresh_process(tmp_path, monkeypatch):
    from measure import importing
    from measure.environments import Environment

    (tmp_path / 'brings.py').write_text('import wave, colorsys')
    monkeypatch.setattr(importing, 'OPTIONAL', ('wave', 'colorsys', 'chunk_of_nothing', 'json'))
    monkeypatch.setattr(importing, 'STATEMENTS', (f'import sys; sys.path.insert(0, {str(tmp_path)!r}); import brings', 'import colorsys'))
    here = Environment('here', Path(sys.executable))
    assert importing.brought_along(here) == ['wave']
    samples = importing.import_seconds(here, repeats=2)
    assert [len(seconds) for seconds in samples.values()] == [2, 2]


@pytest.mark.parametrize(('reached', 'code'), [((0.975, 0.978), 0), ((0.975, 0.976), 1)])
def test_the_accuracy_command_judges_the_mean(monkeypatch, capsys, tmp_path, reached, code):
    monkeypatch.setattr(sys, 'path', [str(BENCHMARKS), *sys.path])
    accuracy = script('accuracy')
    monkeypatch.setattr(accuracy, 'prepare', lambda *_: None)
    monkeypatch.setattr(accuracy.data, 'settle', lambda *_: (tmp_path / 'mnist.npz', True))
    monkeypatch.setattr(accuracy, 'execute', lambda *_, seed, **__: a_run(1.0, accuracy=reached[seed]))
    assert accuracy.main(['--seeds', '2']) == code
    said = capsys.readouterr().out
    assert f'seed 1: {reached[1]:.4f}' in said
    assert f'mean {sum(reached) / 2:.4f} of 2 seeds on MNIST' in said
