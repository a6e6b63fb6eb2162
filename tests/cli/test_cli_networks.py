"""Networks from JSON: the short form for people, the full form of a description, and nothing beyond the registry."""

import json
import subprocess
import sys

import numpy as np
import pytest

import lamina as library
from lamina.cli.data import Task
from lamina.cli.networks import build, default_network, read_network
from lamina.core.errors import ConfigError, ShapeError, StorageError, UnknownNameError
from lamina.core.serial import encode
from lamina.layers import Dense


def built(description, shape=(4,)):
    return build(description, shape, seed=0, where='network.json')


def test_default_of_images_takes_raw_bytes():
    names = [layer['name'] for layer in default_network(Task((28, 28), 10, 10, 255.0))]
    assert names == ['Rescaling', 'Flatten', 'Dense', 'Dropout', 'Dense']
    model = built(default_network(Task((28, 28), 10, 10, 255.0)), (28, 28))
    assert model.count_params() == 101_770
    assert model.layers[0].scale == 1 / 255


def test_default_of_tables_learns_the_scale_of_columns():
    model = built(default_network(Task((4,), None, 2, None)))
    assert [type(layer).__name__ for layer in model.layers] == ['BatchNormalization', 'Dense', 'Dropout', 'Dense']
    assert model.output_shape == (None, 2)


def test_short_form_names_layers_in_any_case():
    model = built([{'name': 'dense', 'units': 3, 'activation': 'relu', 'as': 'hidden'}, {'name': 'Dense', 'units': 2}])
    assert model.layers == [Dense(3, activation='relu'), Dense(2)]
    assert [layer.name for layer in model.layers] == ['hidden', 'dense']


def test_short_form_takes_full_forms_inside():
    regularizer = library.regularizers.L2(0.5)
    model = built([{'name': 'Dense', 'units': 2, 'kernel_regularizer': encode(regularizer)}, encode(Dense(3))])
    assert model.layers[0].kernel_regularizer == regularizer
    assert model.layers[1].units == 3


def test_full_form_of_a_chain_and_of_one_layer():
    network = library.Sequential([library.Input((4,)), Dense(3), Dense(2)]).network
    assert built(json.loads(json.dumps(encode(network)))).network == network
    assert built(encode(Dense(3))).output_shape == (None, 3)


def test_full_form_of_a_graph():
    x = library.Input((4,))
    original = library.Model(x, Dense(2)(library.layers.Concatenate()([Dense(3)(x), x])))
    model = built(json.loads(json.dumps(encode(original.network))))
    assert model.network == original.network
    assert model.predict(np.ones((5, 4), np.float32)).shape == (5, 2)


def test_seed_decides_the_weights():
    description = [{'name': 'Dense', 'units': 2}]
    first, again, other = (build(description, (4,), seed=seed, where='n').get_weights()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ('description', 'error', 'remedy'),
    [
        ([{'name': 'Dens', 'units': 2}], UnknownNameError, "Did you mean 'Dense'"),
        ([{'name': 'Dense', 'unit': 2}], UnknownNameError, "Did you mean 'units'"),
        ([{'name': 'Dense'}], ConfigError, 'Add "units"'),
        ([{'name': 'Dense', 'units': -1}], ConfigError, 'Change units='),
        ([{'name': 'Dense', 'units': 2, 'activation': 'rleu'}], UnknownNameError, "Did you mean 'relu'"),
        ([{'units': 2}], ConfigError, '--print-network'),
        (['Dense'], ConfigError, '--print-network'),
        ([], ConfigError, '--print-network'),
        ('Dense', ConfigError, '--print-network'),
        ({'layers': []}, ConfigError, '--print-network'),
        ([{'name': 'Dense', 'units': {'a': 1}}], ConfigError, '--print-network'),
        (encode(library.optimizers.Adam()), ConfigError, '--print-network'),
        ([encode(library.optimizers.Adam())], ConfigError, '--print-network'),
        ([{'name': 'os.system', 'command': 'true'}], UnknownNameError, 'Check the spelling'),
    ],
)
def test_what_is_no_network_is_refused(description, error, remedy):
    with pytest.raises(error, match=remedy):
        built(description)


def test_a_shape_that_does_not_fit_names_the_layer():
    with pytest.raises(ShapeError, match='Reshape'):
        built([{'name': 'Reshape', 'target_shape': [5, 5]}])


def test_nested_json_is_refused_not_followed(tmp_path):
    path = tmp_path / 'deep.json'
    path.write_text('[' * 200_000)
    with pytest.raises(ConfigError, match='--print-network'):
        read_network(path)
    deep: list = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(ConfigError, match='--print-network'):
        built([{'name': 'Dense', 'units': deep}])


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(StorageError, match='Check the path'):
        read_network(tmp_path / 'none.json')
    (tmp_path / 'bad.json').write_bytes(b'{"a": \xff')
    with pytest.raises(ConfigError, match='--print-network'):
        read_network(tmp_path / 'bad.json')


def test_printed_network_is_what_train_would_take(lamina, tmp_path):
    printed = lamina('train', 'cifar10', '--print-network')
    assert printed.document == lamina('train', 'cifar10', '--print-network', '--json').document
    path = tmp_path / 'network.json'
    path.write_text(printed.out)
    assert build(read_network(path), (32, 32, 3), seed=0, where=str(path)).output_shape == (None, 10)


def test_help_does_not_depend_on_the_heavy_parts():
    """The modules of the verbs import neither networks nor data before they run."""
    code = 'import sys, lamina.cli; print([n for n in sys.modules if n in ("lamina.cli.networks", "lamina.cli.images", "PIL")])'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout == '[]\n'
