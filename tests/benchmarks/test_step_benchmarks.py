"""The arithmetic, tables and processes of the benchmarks of steps, depth and latency: nothing is installed or trained here."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / 'benchmarks'


@pytest.fixture(scope='module', autouse=True)
def _measure_on_the_path():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def script(name):
    spec = importlib.util.spec_from_file_location(f'benchmark_script_{name}', BENCHMARKS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def a_peer(name, epochs_s, error=None, unavailable=None, options=None, note='', **report):
    return {
        'name': name,
        'title': name.title(),
        'note': note,
        'versions': {'python': '3.11'},
        'options': options or {},
        'epochs_s': list(epochs_s),
        'report': {'parameters': 1000, 'accuracy': 0.98, **report},
        'error': error,
        'unavailable': unavailable,
    }


HEADER = {
    'title': 'A work',
    'date': '2026-01-02T03:04:05+00:00',
    'command': 'python benchmarks/steps.py',
    'machine': {'name': 'm', 'processor': 'p', 'cores': 2, 'memory_gib': 8.0, 'load': 0.1, 'system': 's', 'python': '3.11'},
}


@pytest.fixture
def section():
    work = {'name': 'convnet', 'about': 'a network', 'steps': 100, 'batch_size': 128, 'parameters': 1000, 'bar': 0.8}
    rule = {'least_accuracy': 0.97, 'tolerance': 0.006, 'repeats': 3, 'rounds': 3, 'data': 'MNIST'}
    peers = [
        a_peer('lamina', [2.0, 1.0, 9.0]),
        a_peer('lamina-1000', [0.1], options={'rows': 1000}, parameters=10),
        a_peer('quick', [4.0], note='a note'),
        a_peer('slow', [40.0], steps=400, parameters=1005),
        a_peer('wrong', [0.1], accuracy=0.95),
        a_peer('small', [0.1], parameters=900),
        a_peer('broken', [], error='ended with code 1: boom\nand more'),
        a_peer('absent', [], unavailable='no compiler'),
        a_peer('floor', [0.5], accuracy=None, parameters=None),
    ]
    return {**HEADER, **work, **rule, 'peers': peers}


def test_a_step_is_the_median_epoch_by_the_steps_that_the_peer_took(section):
    from measure import step_rows

    rows = {row.name: row for row in step_rows.rows(section)}
    assert rows['lamina'].step_ms == pytest.approx(20)
    assert rows['slow'].step_ms == pytest.approx(100)
    assert rows['slow'].ratio == pytest.approx(5)
    assert rows['lamina'].floor_ratio == pytest.approx(4)


def test_only_peers_that_did_the_same_work_get_a_ratio(section):
    from measure import step_rows

    rows = {row.name: row for row in step_rows.rows(section)}
    assert rows['wrong'].verdict == step_rows.DIFFERS
    assert rows['small'].verdict == step_rows.ANOTHER
    assert rows['broken'].verdict == step_rows.FAILED
    assert rows['absent'].verdict == step_rows.UNAVAILABLE
    assert [rows[name].ratio for name in ('wrong', 'small', 'broken', 'absent')] == [None] * 4
    # Another size on purpose is still the same work.
    assert rows['lamina-1000'].verdict == step_rows.SAME


def test_the_bar_is_against_the_fastest_real_peer(section):
    from measure import step_rows

    rows = step_rows.rows(section)
    assert step_rows.fastest(rows).name == 'quick'
    assert step_rows.judged(rows, 0.8) == (pytest.approx(0.5), True)
    assert step_rows.judged(rows, 0.4) == (pytest.approx(0.5), False)
    assert step_rows.sentence(rows, 0.4) == 'Lamina takes 0.50× the time of the fastest peer, Quick; at most 0.4× was wanted: missed.'
    assert step_rows.sentence(rows, None).endswith('fastest peer, Quick.')
    section['peers'][0]['error'] = 'ended'
    assert step_rows.judged(step_rows.rows(section), 0.8) is None


def test_with_other_data_or_fewer_rounds_no_accuracy_need_be_reached(section):
    from measure import step_rows

    for peer in section['peers']:
        peer['report']['accuracy'] = 0.5
    assert step_rows.rows(section)[0].verdict == step_rows.DIFFERS
    section['repeats'] = 2
    assert step_rows.rows(section)[0].verdict == step_rows.SAME
    section['repeats'], section['data'] = 3, 'arrays of the shape of MNIST'
    assert step_rows.rows(section)[0].verdict == step_rows.SAME


def test_the_table_of_a_work(section):
    from measure import step_rows

    rows = step_rows.rows(section)
    cells = {line[0]: line[1:] for line in step_rows.cells(rows)}
    assert cells['Quick'] == ('40.0 ms', '2.00×', '8.00×', '0.9800')
    assert cells['Absent'] == ('not available', '–', '–', '–')
    assert cells['Wrong'][-1] == '0.9500 (accuracy differs)'
    assert step_rows.notes(rows) == ['Quick: a note', 'Broken: failed: ended with code 1: boom', 'Absent: not available: no compiler']
    for peer in section['peers']:
        peer['report']['accuracy'] = None
    assert {len(line) for line in step_rows.cells(step_rows.rows(section))} == {4}


@pytest.mark.parametrize(('value', 'shown'), [(0.1234, '0.123 ms'), (1.234, '1.23 ms'), (12.34, '12.3 ms'), (123.4, '123 ms'), (None, '–')])
def test_milliseconds_have_three_figures(value, shown):
    from measure import step_rows

    assert step_rows.milliseconds(value) == shown


def a_case(name, label, *runs, error=None, unavailable=None):
    found = {'name': name, 'title': name.title(), 'note': '', 'label': label, 'versions': {'python': '3.11'}}
    return {**found, 'runs': list(runs), 'error': error, 'unavailable': unavailable}


@pytest.fixture
def depths():
    cases = [
        a_case('lamina', '50', {'compile_s': 0.9}, {'compile_s': 1.0}, {'compile_s': 5.0}),
        a_case('lamina', '1000', {'compile_s': 1.2}),
        a_case('keras-jax', '50', {'compile_s': 2.0}),
        a_case('keras-jax', '200', {'compile_s': 10.0}),
        a_case('torch-compiled', '50', unavailable='no compiler'),
    ]
    return {**HEADER, 'benchmark': 'depth', 'bar': {'seconds': 1.5, 'ratio': 1.3}, 'repeats': 3, 'cases': cases}


def test_depth_compares_the_deepest_with_the_shallowest(depths):
    from measure import case_rows

    header, lamina, keras, compiled = case_rows.depth_cells(depths)
    assert header[1:4] == ('50 blocks', '200 blocks', '1,000 blocks')
    assert lamina == ('Lamina', '1.00 s', '–', '1.20 s', '1.20×', '1.20 ms')
    assert keras == ('Keras-Jax', '2.00 s', '10.0 s', '–', '5.00×', '50.00 ms')
    assert compiled == ('Torch-Compiled', 'not available', '–', '–', '–', '–')
    assert case_rows.depth_judged(depths) == (1.2, pytest.approx(1.2), True)
    depths['bar'] = {'seconds': 1.1, 'ratio': 1.3}
    assert case_rows.depth_sentence(depths).endswith('missed.')
    assert case_rows.notes(depths['cases']) == ['Torch-Compiled: not available: no compiler']


@pytest.fixture
def latencies():
    cases = [
        a_case('lamina', '', {'median_s': 60e-6, 'p95_s': 90e-6}),
        a_case('onnxruntime', '', {'median_s': 80e-6, 'p95_s': 99e-6}),
        a_case('onnxruntime-1', '', {'median_s': 50e-6, 'p95_s': 55e-6}),
        a_case('torch', '', error='ended with code 1: outputs differ\nmore'),
    ]
    return {**HEADER, 'benchmark': 'latency', 'bar': 1.5, 'repeats': 3, 'cases': cases}


def test_latency_is_compared_with_the_quicker_row_of_onnx_runtime(latencies):
    from measure import case_rows

    cells = {line[0]: line[1:] for line in case_rows.latency_cells(latencies)}
    assert cells['Lamina'] == ('60 µs', '90 µs', '1.20×')
    assert cells['Torch'] == ('failed', '–', '–')
    assert case_rows.latency_judged(latencies) == (pytest.approx(1.2), True)
    assert '1.20×' in case_rows.latency_sentence(latencies)
    latencies['cases'] = latencies['cases'][:1]
    assert case_rows.latency_judged(latencies) is None


def test_the_document_has_a_section_for_each(tmp_path, monkeypatch, capsys, section, depths, latencies):
    from measure import results

    monkeypatch.setattr(results, 'RESULTS', tmp_path)
    results.keep({'benchmark': 'steps', 'title': 'A training step', 'works': {'convnet': section}})
    results.keep(depths)
    assert script('report').main() == 0
    document = capsys.readouterr().out
    for shown in (
        '## A training step',
        '### A work',
        '| Quick | 40.0 ms | 2.00× |',
        'after 51,200 images',
        '1,000 blocks',
        '- Quick: a note',
    ):
        assert shown in document
    assert 'ONNX' not in document
    results.keep(latencies)
    assert script('report').main() == 0
    assert '| Lamina | 60 µs |' in capsys.readouterr().out


def test_works_measured_alone_replace_their_older_sections_only():
    steps = script('steps')
    before = {'works': {'gru': 1, 'convnet': 2, 'gone': 3}}
    merged = steps.merged(before, {'benchmark': 'steps', 'title': 't', 'works': {'gru': 4, 'lstm': 5}})
    assert list(merged['works'].items()) == [('convnet', 2), ('lstm', 5), ('gru', 4)]
    assert steps.merged(None, merged) == merged


def test_a_run_succeeds_where_bar_and_peers_do(section):
    steps = script('steps')
    assert not steps.succeeded(section)
    section['peers'] = [peer for peer in section['peers'] if peer['name'] in ('lamina', 'quick', 'slow', 'absent', 'floor')]
    assert steps.succeeded(section)
    section['bar'] = 0.1
    assert not steps.succeeded(section)


def test_every_step_work_is_in_the_scripts_of_its_peers():
    from measure.catalogue import FLOOR, STEPS, participants

    steps = script('steps')
    assert tuple(steps.WORKS) == STEPS
    for name in STEPS:
        names = [peer.name for peer in participants(name)]
        assert {'lamina', 'keras-tensorflow', 'keras-jax', 'keras-torch', 'torch', 'torch-compiled', FLOOR} <= set(names)
        assert ('torch-channels-last' in names) == (name in ('convnet', 'resnet'))
        assert 'lamina-cached' not in names
    assert {'lamina', 'keras-jax', 'torch'} <= {peer.name for peer in participants('depth')}
    assert {'lamina', 'onnxruntime', 'onnxruntime-1', 'tensorflow', 'torch'} <= {peer.name for peer in participants('latency')}
    assert {'lamina-1000', 'lamina-1000000'} & {peer.name for peer in participants('lstm')} == set()


def test_the_commands_tell_a_wrong_name(capsys):
    from measure import cases

    steps = script('steps')
    with pytest.raises(SystemExit):
        steps.main(['lstms'])
    assert 'no work lstms; choose among convnet' in capsys.readouterr().err
    assert steps.main(['lstm', '--peers', 'nobody']) == 2
    assert 'no peer nobody; choose among' in capsys.readouterr().err
    assert cases.run(script('depth').BENCH, ['--peers', 'nobody']) == 2
    assert 'no peer nobody' in capsys.readouterr().err


def test_data_is_the_same_for_every_peer_and_as_long_as_an_epoch(tmp_path):
    from measure import synthetic
    from measure.peer import Task

    rng = np.random.default_rng(0)
    arrays = {'x': rng.integers(256, size=(50, 28, 28)).astype(np.uint8), 'y': rng.integers(10, size=50).astype(np.uint8)}
    np.savez(tmp_path / 'd.npz', x_train=arrays['x'], y_train=arrays['y'], x_test=arrays['x'][:9], y_test=arrays['y'][:9])
    task = Task(data=str(tmp_path / 'd.npz'), batch_size=4, steps=3)
    (x, y), (x_test, _) = synthetic.digits(task)
    assert (x.shape, x.dtype, y.shape, x_test.shape) == ((12, 28, 28, 1), np.float32, (12,), (9, 28, 28, 1))
    assert x.max() <= 1
    for make, shape in ((synthetic.sequences, (12, 100, 32)), (synthetic.images, (12, 32, 32, 3)), (synthetic.embedded, (12, 128, 128))):
        first, second = make(task), make(task)
        assert first[0].shape == shape
        assert first[0].dtype == np.float32
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert synthetic.ids(task, 7)[0].max() < 7


def test_channels_first_weights_make_the_same_network():
    from measure import convnet

    rng = np.random.default_rng(0)
    shapes = [(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), (1600, 10), (10,)]
    weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    first, _, second, _, dense, _ = convnet.channels_first(weights)
    assert (first.shape, second.shape) == ((32, 1, 3, 3), (64, 32, 3, 3))
    assert second[5, 6, 1, 2] == weights[2][1, 2, 6, 5]
    x = rng.normal(size=(5, 5, 64)).astype(np.float32)
    np.testing.assert_allclose(x.transpose(2, 0, 1).reshape(-1) @ dense, x.reshape(-1) @ weights[4], rtol=1e-4, atol=1e-3)


def test_calls_are_timed_and_a_different_network_is_refused(tmp_path, monkeypatch):
    from measure import convnet
    from measure.peer import Task

    monkeypatch.setattr(convnet, 'CALLS', 20)
    images, weights = np.ones((4, 28, 28, 1), np.float32), [np.ones(1)] * 6
    convnet.save(str(tmp_path), weights, images, np.ones((4, 10), np.float32))
    task = Task(data='', options={'folder': str(tmp_path)})
    loaded, images, outputs = convnet.load(task)
    assert len(loaded) == 6
    convnet.time_calls(task, lambda image: np.ones((1, 10)), images, outputs)
    assert 0 <= task.noted['median_s'] <= task.noted['p95_s']
    with pytest.raises(ValueError, match='outputs differ by 1 from those of Lamina, 1e-05 allowed: another network'):
        convnet.time_calls(task, lambda image: np.zeros((1, 10)), images, outputs)


PEER = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
from measure.peer import Task, Unavailable, main

def work(task):
    print('noise', flush=True)
    if task.options.get('absent'):
        raise Unavailable('no compiler')
    for _ in range(task.epochs):
        task.epoch_begins()
        if task.options.get('broken'):
            raise RuntimeError('boom')
        task.epoch_ends()
    task.note(parameters=7)

main(work)
"""


def a_process(tmp_path, **options):
    from measure.turns import Turns

    (tmp_path / 'peer.py').write_text(PEER)
    task = {'data': '', 'epochs': 2, 'in_turn': True, 'options': options}
    return Turns([sys.executable, str(tmp_path / 'peer.py'), 'work', json.dumps(task)], {}, tmp_path, timeout_s=60)


def test_a_process_does_an_epoch_at_each_turn_and_reports_at_the_end(tmp_path):
    with a_process(tmp_path) as turns:
        seconds = [turns.epoch(), turns.epoch()]
        assert turns.process.wait(60) == 0
        report = turns.finish()
    assert report['epochs_s'] == seconds
    assert (report['parameters'], report['accuracy']) == (7, None)


def test_a_process_in_trouble_is_told_and_ended(tmp_path):
    from measure.processes import PeerUnavailable, ProcessFailed

    with a_process(tmp_path, broken=True) as turns, pytest.raises(ProcessFailed, match=r'ended with code 1.*boom'):
        turns.epoch()
    with a_process(tmp_path, absent=True) as turns, pytest.raises(PeerUnavailable, match='no compiler'):
        turns.epoch()
    with a_process(tmp_path) as turns:
        turns.epoch()
    assert turns.process.returncode == -9


def test_rounds_alternate_and_leave_out_what_fails(monkeypatch, tmp_path):
    from measure import rounds
    from measure.catalogue import Peer
    from measure.processes import PeerUnavailable, ProcessFailed

    order = []

    class Played:
        def __init__(self, command, *_):
            self.name = command

        def epoch(self):
            order.append(self.name)
            if self.name == 'absent':
                raise PeerUnavailable('no compiler')
            if self.name == 'breaks' and order.count('breaks') == 2:
                raise ProcessFailed('ended with code 1: boom')
            return 1.0

        def finish(self):
            return {'epochs_s': [1.0], 'parameters': 1000}

        def close(self):
            order.append(f'close {self.name}')

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    class Somewhere:
        python = tmp_path / 'python'

        def versions(self, packages):
            return {}

    monkeypatch.setattr(rounds, 'Turns', Played)
    monkeypatch.setattr(rounds, 'invocation', lambda peer, *_: (peer.name, {}))
    peers = [Peer(name, name, 'e', 'e', ()) for name in ('lamina', 'breaks', 'absent', 'unbuilt')]
    work = rounds.StepWork('convnet', 't', 'a', 10, 1, 1000)
    facts = {'repeats': 2, 'data': tmp_path, 'is_mnist': True, 'say': lambda _: None}
    section = rounds.measure(work, peers, {'e': Somewhere()}, {'unbuilt': 'environment not built'}, **facts)
    assert [name for name in order if not name.startswith('close')] == ['lamina', 'breaks', 'absent', 'lamina', 'breaks', 'lamina']
    lamina, breaks, absent, unbuilt = section['peers']
    assert lamina['epochs_s'] == [1.0, 1.0]
    assert lamina['report'] == {'parameters': 1000}
    assert 'boom' in breaks['error']
    assert absent['unavailable'] == 'no compiler'
    assert unbuilt['error'] == 'environment not built'


def test_cases_alternate_and_long_ones_are_not_repeated(monkeypatch):
    from measure import fresh
    from measure.catalogue import Peer
    from measure.processes import PeerUnavailable

    order = []

    def report(peer, environment, work, *, options, timeout_s):
        order.append((peer.name, options['blocks']))
        if peer.name == 'absent':
            raise PeerUnavailable('no compiler')
        return {'inside_s': 100.0 if options['blocks'] > 50 else 1.0, 'compile_s': 1.0}

    class Somewhere:
        def versions(self, packages):
            return {}

    monkeypatch.setattr(fresh, 'report', report)
    one, absent = (Peer(name, name, 'e', 'e', ()) for name in ('one', 'absent'))
    cases = [fresh.Case(one, '50', {'blocks': 50}), fresh.Case(one, '200', {'blocks': 200}), fresh.Case(absent, '50', {'blocks': 50})]
    records = fresh.measure('depth', cases, {'e': Somewhere()}, {}, repeats=2, say=lambda _: None)
    assert order == [('one', 50), ('one', 200), ('absent', 50), ('one', 50)]
    assert [len(record['runs']) for record in records] == [2, 1, 0]
    assert records[2]['unavailable'] == 'no compiler'
