"""Model files: bit-equal after loading, training goes on, and nothing in a file can do harm."""

import contextlib
import io
import json
import math
import random
import time
import zipfile

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core import files, tensors
from lamina.core.errors import ArchiveError, ConfigError, LaminaError, StorageError, UnknownNameError
from lamina.core.files import pack, unpack
from lamina.core.serial import encode
from lamina.layers.base import InputLayer
from lamina.layers.compose import Chain
from lamina.layers.graph import Graph, Node, Reference
from lamina.models import archive
from lamina.models.archive import DESCRIPTION, OPTIMIZER, WEIGHTS

X = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 24)
ALL = dict.fromkeys((DESCRIPTION, WEIGHTS, OPTIMIZER), 2**30)


def trained():
    model = lamina.Sequential(
        [
            lamina.Input((4,)),
            layers.Dense(6, activation='relu', kernel_regularizer='l2', kernel_constraint='max_norm'),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, name='head'),
        ],
        seed=1,
    )
    model.compile('adam', lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    return model


@pytest.fixture(scope='module')
def model():
    return trained()


@pytest.fixture(scope='module')
def content(model, tmp_path_factory):
    """The bytes of a good file."""
    return model.save(tmp_path_factory.mktemp('good') / 'model').read_bytes()


@pytest.fixture
def changed(content, tmp_path):
    """Writes the good file with some members changed, and returns its path."""

    def write(edit=None, **members):
        path = tmp_path / 'good.lamina'
        path.write_bytes(content)
        parts = unpack(path, ALL)
        if edit is not None:
            description = json.loads(parts[DESCRIPTION])
            edit(description)
            parts[DESCRIPTION] = json.dumps(description).encode()
        names = {'description': DESCRIPTION, 'weights': WEIGHTS, 'optimizer': OPTIMIZER}
        for key, value in members.items():
            parts[names[key]] = value(parts[names[key]]) if callable(value) else value
        path = tmp_path / 'changed.lamina'
        path.write_bytes(pack({name: part for name, part in parts.items() if part is not None}))
        return path

    return write


def same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()


# --- what comes back ---


def test_predictions_and_training_after_loading_are_bit_equal(tmp_path):
    model = trained()
    path = model.save(tmp_path / 'digits')
    assert path.name == 'digits.lamina'
    again = lamina.load(path)
    assert type(again) is lamina.Sequential
    assert again.network == model.network
    assert again.settings == model.settings
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    histories = [m.fit(X, Y, epochs=2, batch_size=8, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1]
    same_weights(model, again)
    assert model.save(tmp_path / 'a').read_bytes() == again.save(tmp_path / 'b').read_bytes()


def test_saving_twice_writes_the_same_bytes(model, content, tmp_path):
    assert model.save(tmp_path / 'again.lamina').read_bytes() == content


def test_functional_models_of_many_inputs_and_outputs_come_back(tmp_path):
    a, b = lamina.Input((4,)), lamina.Input((2,), dtype='int32')
    shared = layers.Dense(3, name='shared')
    hidden = layers.Add()([shared(a), shared(layers.Dense(4)(b))])
    model = lamina.Model({'zeta': a, 'alpha': b}, {'wide': layers.Dense(5)(hidden), 'narrow': hidden})
    again = lamina.load(model.save(tmp_path / 'm.lamina'))
    assert again.network == model.network
    x = {'zeta': X, 'alpha': np.ones((24, 2), np.int32)}
    ours, theirs = model.predict(x), again.predict(x)
    assert list(ours) == list(theirs) == ['wide', 'narrow']
    assert all(ours[k].tobytes() == theirs[k].tobytes() for k in ours)


def test_frozen_layers_learning_rate_and_name_come_back(tmp_path):
    model = trained()
    model.freeze('head')
    model.learning_rate = 0.123
    model.name = 'mine'
    again = lamina.load(model.save(tmp_path / 'm.lamina'))
    assert again.learning_rate == pytest.approx(0.123)
    assert (again.name, again.seed) == ('mine', model.seed)
    assert sorted(again.state.trainable) == sorted(model.state.trainable)
    assert int(again.state.step) == int(model.state.step)


def test_without_compile_or_optimizer(model, tmp_path):
    bare = lamina.load(model.save(tmp_path / 'm.lamina', include_optimizer=False))
    assert set(zipfile.ZipFile(tmp_path / 'm.lamina').namelist()) == {DESCRIPTION, WEIGHTS}
    assert bare.predict(X).tobytes() == model.predict(X).tobytes()
    bare.fit(X, Y, verbose=0)
    uncompiled = lamina.load(model.save(tmp_path / 'n.lamina'), compile=False)
    assert uncompiled.settings is None
    assert uncompiled.predict(X).tobytes() == model.predict(X).tobytes()


def test_grown_after_loading(model, tmp_path):
    again = lamina.load(model.save(tmp_path / 'm.lamina'))
    again.pop()
    again.add(layers.Dense(2))
    assert again.get_weights()[0].tobytes() == model.get_weights()[0].tobytes()
    assert again.output_shape == (None, 2)


def test_a_class_of_the_users_own_comes_back_if_it_is_registered(tmp_path):
    from lamina.core.described import _REGISTRY

    @lamina.described
    class Gain(lamina.Layer):
        """Ten lines, as documented."""

        start: float = 1.0

        def weights(self, shape):
            return {'gain': lamina.Weight(shape[-1:], lamina.initializers.Constant(self.start))}

        def apply(self, variables, x, scope):
            return x * variables['gain']

    try:
        model = lamina.Sequential([lamina.Input((4,)), Gain(2.0), layers.Dense(1)])
        path = model.save(tmp_path / 'm.lamina')
        again = lamina.load(path)
        assert again.layers[0] == Gain(2.0)
        assert again.predict(X).tobytes() == model.predict(X).tobytes()
    finally:
        del _REGISTRY['layer']['gain']
    with pytest.raises(UnknownNameError, match=r"got 'Gain'.*(Check the spelling, or register your own first|Did you mean)"):
        lamina.load(path)


def test_functions_in_the_network_cannot_be_saved(tmp_path):
    model = lamina.Sequential([lamina.Input((4,)), layers.Dense(2, activation=lambda x: x * 2, name='odd')])
    with pytest.raises(ConfigError, match=r"Dense 'odd', setting 'activation'.*Write it as a small @lamina\.described class"):
        model.save(tmp_path / 'm.lamina')
    assert list(tmp_path.iterdir()) == []


def test_functions_among_the_compile_settings_are_left_out_and_said(tmp_path, capsys):
    model = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)])
    model.compile('sgd', lambda y_true, y_pred: (y_true - y_pred) ** 2)
    path = model.save(tmp_path / 'm.lamina')
    assert 'compile again after loading' in capsys.readouterr().err
    assert lamina.load(path).settings is None


def test_a_full_disk_keeps_the_old_file(model, content, tmp_path, monkeypatch):
    import errno

    path = tmp_path / 'model.lamina'
    path.write_bytes(content)
    weights = model.get_weights()

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(files.os, 'fsync', full)
    with pytest.raises(StorageError, match=r'Free some space or choose another path; nothing at this path was changed'):
        model.save(path)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ['model.lamina']
    for was, now in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


# --- what is refused ---


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match=r'Check the path'):
        lamina.load(tmp_path / 'no.lamina')


def test_truncated_files_are_refused_at_every_length(content, tmp_path):
    path = tmp_path / 'cut.lamina'
    for length in {*range(0, 60, 7), *range(0, len(content), 211), *range(len(content) - 60, len(content))}:
        path.write_bytes(content[:length])
        with pytest.raises(ArchiveError, match=r'Copy or save it again|Do not use this file'):
            lamina.load(path)


def test_flipped_bits_are_refused_or_harmless(model, content, tmp_path):
    draw = random.Random(0)
    path = tmp_path / 'flipped.lamina'
    refused = 0
    for _ in range(150):
        at, bit = draw.randrange(len(content)), draw.randrange(8)
        damaged = bytearray(content)
        damaged[at] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            again = lamina.load(path)
        except LaminaError:
            refused += 1
        else:
            # Only fields that say nothing about the contents, such as dates, may change unnoticed.
            same_weights(again, model)
    assert refused > 100


def network(change):
    """An edit of the network's JSON."""
    return lambda description: change(description['network']['settings'])


def set_to(key, value):
    return lambda description: description.__setitem__(key, value)


def first_layer(**settings):
    return network(lambda chain: chain['layers'][0]['settings'].update(settings))


EDITS = {
    'newer format': (set_to('format_version', 2), ArchiveError, 'Update Lamina'),
    'format zero': (set_to('format_version', 0), ArchiveError, 'Update Lamina'),
    'format text': (set_to('format_version', '1'), ArchiveError, 'Update Lamina'),
    'format true': (set_to('format_version', True), ArchiveError, 'Update Lamina'),
    'another format': (set_to('format', 'pickle'), ArchiveError, 'Load it with the tool that wrote it'),
    'no network': (lambda d: d.pop('network'), ArchiveError, 'Save the model again'),
    'no seed': (lambda d: d.pop('seed'), ArchiveError, 'Save the model again'),
    'network is text': (set_to('network', 'os.system'), ArchiveError, 'Save the model again'),
    'network is a loss': (
        set_to('network', {'kind': 'loss', 'name': 'MeanSquaredError', 'settings': {}}),
        ArchiveError,
        'Save the model again',
    ),
    'inputs empty': (set_to('inputs', []), ArchiveError, 'Save the model again'),
    'inputs are layers': (lambda d: d.update(inputs=d['network']['settings']['layers'][0]), ArchiveError, 'Save the model again'),
    'step infinite': (set_to('step', {'float': 'inf'}), ArchiveError, 'Save the model again'),
    'step too large': (set_to('step', 2**40), ArchiveError, 'the step 1099511627776.*Save the model again, or do not load this file'),
    'step negative': (set_to('step', -1), ArchiveError, 'Save the model again, or do not load this file'),
    'step true': (set_to('step', True), ArchiveError, 'Save the model again, or do not load this file'),
    'step a fraction': (set_to('step', 1.0), ArchiveError, 'Save the model again, or do not load this file'),
    'seed too large': (set_to('seed', 2**63), ArchiveError, 'the seed 9.*Save the model again, or do not load this file'),
    'seed endless': (set_to('seed', 10**4000), ArchiveError, 'Save the model again, or do not load this file'),
    'seed too small': (set_to('seed', -(2**63) - 1), ArchiveError, 'Save the model again, or do not load this file'),
    'seed true': (set_to('seed', True), ArchiveError, 'Save the model again, or do not load this file'),
    'seed a fraction': (set_to('seed', 0.5), ArchiveError, 'Save the model again, or do not load this file'),
    'rate too large': (set_to('learning_rate', 1e300), ArchiveError, 'the learning rate 1e.300.*do not load this file'),
    'rate endless': (set_to('learning_rate', 10**400), ArchiveError, 'Save the model again, or do not load this file'),
    'rate infinite': (set_to('learning_rate', {'float': 'inf'}), ArchiveError, 'Save the model again, or do not load this file'),
    'rate text': (set_to('learning_rate', '0.1'), ArchiveError, 'Save the model again, or do not load this file'),
    'rate true': (set_to('learning_rate', True), ArchiveError, 'Save the model again, or do not load this file'),
    'seed is a list': (set_to('seed', [1]), ArchiveError, 'Save the model again'),
    'unknown layer': (network(lambda c: c['layers'][0].update(name='Dens')), UnknownNameError, "Did you mean 'Dense'"),
    'module path': (network(lambda c: c['layers'][0].update(name='os.system')), UnknownNameError, 'Check the spelling'),
    'unknown setting': (first_layer(path='/etc/passwd'), ArchiveError, 'Update Lamina, or re-save the model'),
    'bad setting': (first_layer(units=-3), ConfigError, 'Change units=… to such a value'),
    'unknown activation': (first_layer(activation='__import__'), UnknownNameError, 'Check the spelling|Did you mean'),
    'huge layer': (first_layer(units=2**62), LaminaError, 'Save the model again|Change'),
    'large layer': (first_layer(units=10**9), LaminaError, 'Save the model again|Change'),
    'huge input': (lambda d: d['inputs']['settings'].update(shape=[2**60]), LaminaError, 'Save the model again|Change|Write'),
    'negative input': (lambda d: d['inputs']['settings'].update(shape=[-4]), LaminaError, 'Save the model again|Change|Write'),
    'input of text': (lambda d: d['inputs']['settings'].update(shape='abc'), LaminaError, 'Save the model again|Change|Write'),
    'input of no dtype': (lambda d: d['inputs']['settings'].update(dtype='object'), LaminaError, ' '),
    'input of odd dtype': (lambda d: d['inputs']['settings'].update(dtype='no such'), LaminaError, ' '),
    'a layer is a number': (network(lambda c: c['layers'].__setitem__(0, 5)), LaminaError, ' '),
    'names repeated': (network(lambda c: c.update(names=['head'] * 4)), LaminaError, ' '),
    'names with slashes': (network(lambda c: c.update(names=['a/b', '../c', 'd', 'e'])), LaminaError, ' '),
    'compile is a layer': (lambda d: d.update(compile=d['network']), ArchiveError, 'Save the model again'),
    'another optimizer': (
        lambda d: d['compile']['settings']['optimizer'].update(name='SGD', settings={}),
        ArchiveError,
        'Save the model again',
    ),
}


@pytest.mark.parametrize('case', EDITS)
def test_descriptions_that_were_changed_are_refused(changed, case):
    edit, error, remedy = EDITS[case]
    with pytest.raises(error, match=remedy) as caught:
        lamina.load(changed(edit))
    assert isinstance(caught.value, LaminaError)


DEEP = b'{"format": "lamina model", "format_version": 1, "network": ' + b'[' * 50_000 + b']' * 50_000 + b'}'


@pytest.mark.parametrize(
    'text',
    [b'', b'null', b'[]', b'{', b'{"format": NaN}', b'{"format": 1, "format": 2}', b'\xff\xfe', DEEP, b'{"format": 1e999}'],
    ids=['empty', 'null', 'list', 'cut', 'nan', 'key twice', 'no text', 'deep', 'infinite'],
)
def test_text_that_is_no_description_is_refused(changed, text):
    with pytest.raises(ArchiveError, match=r'Save the model again|Load it with the tool that wrote it|Do not load this file'):
        lamina.load(changed(description=text))


def test_a_graph_of_impossible_references_is_refused(tmp_path):
    a = lamina.Input((4,))
    path = lamina.Model(a, layers.Dense(2)(a)).save(tmp_path / 'm.lamina')
    for change in (
        lambda s: s['outputs']['settings'].update(entry=9),
        lambda s: s['outputs']['settings'].update(entry=-1),
        lambda s: s['outputs']['settings'].update(output=5),
        lambda s: s['nodes'][0]['settings']['arguments'][0]['settings'].update(entry=1),
        lambda s: s['nodes'][0]['settings'].update(layer='nobody'),
        lambda s: s['nodes'].__setitem__(0, 3),
        lambda s: s.update(outputs='text'),
        lambda s: s.update(inputs=7),
        lambda s: s.update(layers=[]),
    ):
        parts = unpack(path, ALL)
        description = json.loads(parts[DESCRIPTION])
        change(description['network']['settings'])
        bad = tmp_path / 'bad.lamina'
        bad.write_bytes(pack({**parts, DESCRIPTION: json.dumps(description).encode()}))
        with pytest.raises(LaminaError) as caught:
            lamina.load(bad)
        assert caught.value.remedy


def test_an_infinite_rate_in_the_text_is_refused(changed):
    path = changed(description=lambda text: text.rpartition(b'"learning_rate": ')[0] + b'"learning_rate": 1e999}')
    with pytest.raises(ArchiveError, match=r'the learning rate inf.*Save the model again, or do not load this file'):
        lamina.load(path)


def doubled(inner):
    """A graph that uses a layer twice, one use after the other."""
    uses = (Node('inner', (Reference(0),)), Node('inner', (Reference(1),)))
    return Graph(inputs=InputLayer((4,), name='x'), layers={'inner': inner}, nodes=uses, outputs=Reference(2))


def with_network(changed, network):
    return changed(lambda d: d.update(network=encode(network), inputs=encode(InputLayer((4,), name='x')), compile=None), optimizer=None)


def test_a_small_file_that_describes_endless_work_is_refused_at_once(changed):
    network = layers.Dense(4)
    for _ in range(60):
        network = doubled(network)
    path = with_network(changed, network)
    assert path.stat().st_size < 100_000
    start = time.process_time()
    with pytest.raises(ArchiveError, match=r'endless layers; expected at most 20,000\. Save the model again, or do not load this file'):
        lamina.load(path)
    assert time.process_time() - start < 5


@pytest.mark.parametrize('kind', ['used', 'in a row', 'unused'])
def test_layers_are_counted_by_use_and_by_description(changed, kind, monkeypatch):
    dense = layers.Dense(4)
    network = {
        'used': doubled(doubled(doubled(dense))),  # 1 + 2 · (1 + 2 · (1 + 2 · 1)) = 15
        'in a row': Chain([Chain([dense, dense, dense]), doubled(Chain([dense, dense, dense, dense]))]),  # 1 + 4 + 11 - 1
        'unused': Graph(InputLayer((4,), name='x'), {f'd{i}': dense for i in range(14)}, (), Reference(0)),
    }[kind]
    monkeypatch.setattr(archive, '_MOST_LAYERS', 14)
    with pytest.raises(ArchiveError, match=r'15 layers|16 layers'):
        lamina.load(with_network(changed, network))
    monkeypatch.setattr(archive, '_MOST_LAYERS', 16)
    with contextlib.suppress(ArchiveError):  # its weights are another network's
        lamina.load(with_network(changed, network))


def test_what_could_not_be_loaded_is_not_saved(tmp_path, monkeypatch):
    remedy = 'Change it before you save the model'
    odd = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)], seed=2**70)
    with pytest.raises(ConfigError, match=f'the seed 1180591620717411303424.*{remedy}'):
        odd.save(tmp_path / 'm.lamina')
    diverged = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)])
    diverged.state = diverged.state._replace(learning_rate=np.float32(np.nan))
    with pytest.raises(ConfigError, match=f'the learning rate nan.*{remedy}'):
        diverged.save(tmp_path / 'm.lamina')
    monkeypatch.setattr(archive, '_MOST_LAYERS', 1)
    with pytest.raises(ConfigError, match=f'2 layers; expected at most 1.*{remedy}'):
        lamina.Sequential([lamina.Input((4,)), layers.Dense(1)]).save(tmp_path / 'm.lamina')
    assert list(tmp_path.iterdir()) == []


def test_networks_nested_ninety_deep_are_saved_and_loaded(tmp_path):
    network = layers.Dense(1)
    for _ in range(90):
        network = Chain([network])
    model = lamina.Model.from_layer(network, (4,))
    again = lamina.load(model.save(tmp_path / 'm.lamina'))
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    deeper = lamina.Model.from_layer(
        Chain([Chain([Chain([Chain([Chain([Chain([Chain([Chain([Chain([Chain([network])])])])])])])])])]), (4,)
    )
    with pytest.raises(ConfigError, match='Put their layers in a row'):
        deeper.save(tmp_path / 'n.lamina')


@pytest.mark.parametrize('member', ['weights', 'optimizer'])
def test_arrays_that_do_not_belong_are_refused(changed, member):
    other = tensors.dump({'x': np.zeros(3, np.float32)})
    huge = json.dumps({'a': {'dtype': 'F32', 'shape': [2**40, 2**20], 'data_offsets': [0, 2**62]}}).encode()
    for bad in (
        b'',
        other,
        len(huge).to_bytes(8, 'little') + huge,
        lambda good: good[:-1],
        lambda good: good + b'0',
        (2**63).to_bytes(8, 'little'),
    ):
        with pytest.raises(ArchiveError, match=r'Do not use this file|Save the model again'):
            lamina.load(changed(**{member: bad}))


def test_a_missing_member_is_refused(changed):
    for name in ('description', 'weights'):
        with pytest.raises(ArchiveError, match='Copy or save it again'):
            lamina.load(changed(**{name: None}))


def zipped(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as archive:
        for name, part in members:
            archive.writestr(name, part)
    return buffer.getvalue()


@pytest.mark.parametrize('case', ['extra', 'upwards', 'absolute', 'compressed', 'bomb', 'twice'])
def test_members_other_than_ours_are_refused(content, tmp_path, case):
    path = tmp_path / 'bad.lamina'
    path.write_bytes(content)
    members = list(unpack(path, ALL).items())
    if case == 'twice':
        with pytest.warns(UserWarning, match='Duplicate'):
            bad = zipped([*members, members[0]])
    else:
        bad = {
            'extra': lambda: zipped([*members, ('setup.py', b'print(1)')]),
            'upwards': lambda: zipped([*members, ('../x', b'')]),
            'absolute': lambda: zipped([*members, ('/tmp/x', b'')]),
            'compressed': lambda: zipped(members, zipfile.ZIP_DEFLATED),
            'bomb': lambda: zipped([(DESCRIPTION, bytes(30 * 2**20)), members[1]], zipfile.ZIP_DEFLATED),
        }[case]()
    path.write_bytes(bad)
    with pytest.raises(ArchiveError, match=r'Do not use this file; it was not written by Lamina, or was changed since'):
        lamina.load(path)
    assert [p.name for p in tmp_path.iterdir()] == ['bad.lamina']


def test_nothing_is_allocated_for_shapes_that_the_file_does_not_hold(changed):
    import tracemalloc

    path = changed(first_layer(units=10**8))
    tracemalloc.start()
    try:
        with pytest.raises(LaminaError):
            lamina.load(path)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()
    assert math.prod((4, 10**8)) * 4 > 2**30
