"""`lamina evaluate` and `lamina summary`: what a model file is worth and what it holds; refused files."""

import json
import zipfile

import numpy as np
import pytest

import lamina as library


def test_scores_are_those_of_the_api(lamina, digits_model):
    (_, _), (x, y) = library.datasets.digits.load_data()
    expected = library.load(digits_model).evaluate(x, y, verbose=0, return_dict=True)
    result = lamina('evaluate', digits_model, 'digits', '--json')
    assert result.document['scores'] == pytest.approx(expected)
    assert result.document['examples'] == 359
    assert f'accuracy: {expected["accuracy"]:.4f}' in lamina('evaluate', digits_model, 'digits').out


def test_the_part_is_chosen(lamina, digits_model):
    document = lamina('evaluate', digits_model, 'digits', '--split', 'train', '--json').document
    assert (document['split'], document['examples']) == ('train', 1438)


def test_full_scale_for_models_without_rescaling(lamina, tmp_path):
    (x, y), (x_test, y_test) = library.datasets.digits.load_data()
    model = library.Sequential([library.layers.Flatten(input_shape=(8, 8)), library.layers.Dense(10)], seed=0)
    model.compile('adam', library.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
    model.fit(x / 16, y, epochs=1, verbose=0)
    model.save('plain.lamina')
    expected = model.evaluate(x_test / 16, y_test, verbose=0)
    scores = lamina('evaluate', 'plain.lamina', 'digits', '--full-scale', 1, '--json').document['scores']
    assert scores['loss'] == pytest.approx(expected[0], rel=1e-4)
    raw = lamina('evaluate', 'plain.lamina', 'digits', '--json')
    assert 'add --full-scale 1' in raw.err
    assert raw.document['scores']['loss'] != pytest.approx(expected[0], rel=1e-2)
    assert lamina('evaluate', 'plain.lamina', 'digits', '--full-scale', 0).code == 2


def test_images_go_in_as_they_do_in_training(lamina, tmp_path):
    dark = np.random.default_rng(0).integers(0, 100, (64, 4, 4)).astype(np.uint8)
    np.savez(
        tmp_path / 'dark.npz', x_train=dark, y_train=(dark[:, 0, 0] > 50).astype(int), x_test=dark, y_test=(dark[:, 0, 0] > 50).astype(int)
    )
    network = tmp_path / 'network.json'
    network.write_text('[{"name": "Rescaling", "scale": 0.00392156862745098}, {"name": "Flatten"}, {"name": "Dense", "units": 2}]')
    trained = lamina('train', 'dark.npz', '--epochs', 1, '--quiet', '--network', network, '--json').document['test']
    assert lamina('evaluate', 'dark.lamina', 'dark.npz', '--json').document['scores'] == pytest.approx(trained)


def test_data_of_another_shape_is_3(lamina, digits_model, table_file):
    result = lamina('evaluate', digits_model, table_file, '--json')
    assert result.code == 3
    assert result.document['error']['kind'] == 'ShapeError'
    assert 'Pass arrays of the shape' in result.err


def test_a_model_that_was_not_compiled_is_2(lamina, tmp_path):
    library.Sequential([library.layers.Flatten(input_shape=(8, 8)), library.layers.Dense(10)]).save('bare.lamina')
    result = lamina('evaluate', 'bare.lamina', 'digits')
    assert result.code == 2
    assert 'model.compile(' in result.err


def test_summary_as_text_and_json(lamina, digits_model):
    text, document = lamina('summary', digits_model).out, lamina('summary', digits_model, '--json').document
    assert document['parameters'] == 9610
    assert [row['kind'] for row in document['rows']] == ['Rescaling', 'Flatten', 'Dense', 'Dropout', 'Dense']
    assert document['input_shape'] == [None, 8, 8]
    assert '9,610 parameters' in text
    assert 'dense_1 (Dense)' in text


def edited(path, to, change):
    """A copy of a model file whose description was changed."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(to, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            if name == 'model.json':
                description = json.loads(content)
                change(description)
                content = json.dumps(description).encode()
            target.writestr(name, content)


def hostile_name(description):
    description['network']['settings']['layers'][0]['name'] = 'os.system'


def hostile_units(description):
    description['network']['settings']['layers'][2]['settings']['units'] = 10**15


def hostile_setting(description):
    description['network']['settings']['layers'][2]['settings']['activation'] = '__import__("os")'


def newer(description):
    description['format_version'] = 99


@pytest.mark.parametrize('change', [hostile_name, hostile_units, hostile_setting, newer])
@pytest.mark.parametrize('verb', [('summary',), ('evaluate', 'digits'), ('predict', 'x.npy')])
def test_hostile_model_files_are_5(lamina, digits_model, tmp_path, change, verb):
    path = tmp_path / 'hostile.lamina'
    edited(digits_model, path, change)
    np.save(tmp_path / 'x.npy', np.zeros((1, 8, 8)))
    result = lamina(verb[0], path, *verb[1:], '--json')
    assert result.code == result.document['exit_code'] == 5
    assert result.document['error']['kind'] == 'ArchiveError'
    assert str(path) in result.document['error']['where']


def test_torn_foreign_and_missing_files(lamina, digits_model, tmp_path):
    whole = digits_model.read_bytes()
    (tmp_path / 'torn.lamina').write_bytes(whole[: len(whole) // 2])
    (tmp_path / 'text.lamina').write_text('not a model')
    with zipfile.ZipFile(tmp_path / 'more.lamina', 'w') as archive:
        archive.writestr('../../evil', 'x')
    for name in ('torn', 'text', 'more'):
        result = lamina('summary', f'{name}.lamina')
        assert result.code == 5
        assert result.out == ''
    missing = lamina('summary', 'none.lamina')
    assert missing.code == 6
    assert 'Check the path' in missing.err
