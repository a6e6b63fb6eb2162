"""`lamina predict`: pictures and arrays in, classes with probabilities out, on the scale the model was trained with."""

import sys

import numpy as np
import pytest

import lamina as library
from lamina.cli.answers import answers, probabilities
from lamina.cli.images import read_arrays, read_image
from lamina.cli.pixels import full_scale_of
from lamina.core.errors import ConfigError, DataError, MissingDependencyError, StorageError
from lamina.layers import Dense, Flatten, Rescaling

Image = pytest.importorskip('PIL.Image')


def picture(path, pixels, mode=None):
    Image.fromarray(np.asarray(pixels, np.uint8), mode).save(path)
    return path


def digit(number=0):
    """A test digit with 0…16 brought to 0…255, as a picture shows it, and its label."""
    (_, _), (x, y) = library.datasets.digits.load_data()
    return np.round(x[number] * (255 / 16)).astype(np.uint8), int(y[number])


def test_pictures_of_digits_are_recognized(lamina, digits_model, tmp_path):
    labels = [digit(i)[1] for i in range(12)]
    paths = [picture(tmp_path / f'{i}.png', digit(i)[0]) for i in range(12)]
    document = lamina('predict', digits_model, *paths, '--json').document
    found = [entry['classes'][0]['class'] for entry in document['predictions']]
    assert np.mean(np.equal(found, labels)) > 0.8
    assert document['full_scale'] == 16
    assert all(len(entry['classes']) == 3 for entry in document['predictions'])


def test_probabilities_are_those_of_the_api(lamina, digits_model, tmp_path):
    (_, _), (x, _) = library.datasets.digits.load_data()
    np.save(tmp_path / 'x.npy', x[:4])
    predictions = lamina('predict', digits_model, 'x.npy', '--top', 10, '--json').document['predictions']
    logits = library.load(digits_model).predict(x[:4]).astype(float)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for row, prediction in zip(expected, predictions, strict=True):
        assert sum(entry['probability'] for entry in prediction['classes']) == pytest.approx(1)
        for entry in prediction['classes']:
            assert entry['probability'] == pytest.approx(row[entry['class']], rel=1e-5)
    assert [entry['input'] for entry in predictions] == [f'x.npy[{i}]' for i in range(4)]


def test_text_for_people(lamina, digits_model, tmp_path):
    path = picture(tmp_path / 'five.png', digit()[0])
    out = lamina('predict', digits_model, path, '--top', 1).out
    assert 'five.png' in out
    assert out.count('%') == 1


def test_invert_turns_paper_into_screen(lamina, digits_model, tmp_path):
    screen, paper = picture(tmp_path / 's.png', digit()[0]), picture(tmp_path / 'p.png', 255 - digit()[0])
    first = lamina('predict', digits_model, screen, '--json').document['predictions'][0]['classes']
    again = lamina('predict', digits_model, paper, '--invert', '--json').document['predictions'][0]['classes']
    assert first == again


@pytest.mark.parametrize(('shape', 'expected'), [((6, 4), (6, 4)), ((6, 4, 1), (6, 4, 1)), ((6, 4, 3), (6, 4, 3)), ((6, 4, 4), (6, 4, 4))])
def test_pictures_take_the_form_of_the_input(tmp_path, shape, expected):
    colours = np.zeros((12, 8, 3), np.uint8)
    colours[..., 0] = 255
    image = read_image(picture(tmp_path / 'red.png', colours), shape, full_scale=255, invert=False)
    assert (image.shape, image.dtype) == (expected, np.float32)
    red = image.reshape(6, 4, -1)[0, 0]
    # ITU-R 601: red weighs 299 parts in 1000.
    assert red.tolist() == {1: [76.0], 3: [255.0, 0.0, 0.0], 4: [255.0, 0.0, 0.0, 255.0]}[len(red)]


def test_invert_leaves_transparency(tmp_path):
    path = picture(tmp_path / 'clear.png', np.zeros((2, 2, 4)))
    assert read_image(path, (2, 2, 4), full_scale=1, invert=True)[0, 0].tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ('layer', 'expected'), [(Rescaling(1 / 255), 255), (Rescaling(1 / 16), 16), (Rescaling(1 / 127.5, -1), 255), (Flatten(), 255)]
)
def test_full_scale_is_read_from_the_first_layer(layer, expected, capsys):
    model = library.Sequential([library.Input((2, 2)), layer, Flatten(), Dense(1)])
    assert full_scale_of(model) == pytest.approx(expected)
    assert ('--full-scale 1' in capsys.readouterr().err) is isinstance(layer, Flatten)
    assert full_scale_of(model, 3.0) == 3


@pytest.mark.parametrize('given', [0.0, -1.0, float('nan'), float('inf')])
def test_full_scale_must_be_above_zero(given):
    with pytest.raises(ConfigError, match='--full-scale 1'):
        full_scale_of(None, given)


def test_probabilities_by_hand():
    np.testing.assert_allclose(probabilities(np.array([[0.0, np.log(3)]]), from_logits=True), [[0.25, 0.75]])
    np.testing.assert_allclose(probabilities(np.array([[1000.0, 0.0]]), from_logits=True), [[1, 0]])
    np.testing.assert_allclose(probabilities(np.array([[np.log(3)], [-1000.0]]), from_logits=True), [[0.25, 0.75], [1, 0]])
    np.testing.assert_allclose(probabilities(np.array([[0.2, 0.8]]), from_logits=False), [[0.2, 0.8]])


def test_a_model_of_numbers_answers_in_numbers():
    model = library.Sequential([library.Input((2,)), Dense(2)])
    assert answers(model, np.array([[0.5, 2.0]]), top=3) == [{'outputs': [0.5, 2.0]}]
    model = library.Sequential([library.Input((2,)), Dense(2, activation='softmax')])
    assert answers(model, np.array([[0.25, 0.75]]), top=1) == [{'classes': [{'class': 1, 'probability': 0.75}]}]


def test_arrays_single_many_and_by_key(tmp_path):
    np.save(tmp_path / 'one.npy', np.ones((2, 3)))
    np.savez(tmp_path / 'many.npz', x_test=np.zeros((5, 2, 3)), other=np.ones((4, 2, 3)))
    assert read_arrays(tmp_path / 'one.npy', (2, 3), None).shape == (1, 2, 3)
    assert read_arrays(tmp_path / 'many.npz', (2, 3), None).shape == (5, 2, 3)
    assert read_arrays(tmp_path / 'many.npz', (2, 3), 'other').shape == (4, 2, 3)
    with pytest.raises(DataError, match='--key NAME'):
        read_arrays(tmp_path / 'many.npz', (2, 3), 'else')


def test_files_that_are_no_pictures_or_arrays(tmp_path):
    (tmp_path / 'text.png').write_text('hello')
    whole = picture(tmp_path / 'whole.png', np.random.default_rng(0).integers(0, 256, (32, 32))).read_bytes()
    (tmp_path / 'torn.png').write_bytes(whole[: len(whole) // 2])
    for name in ('text.png', 'torn.png'):
        with pytest.raises(DataError, match='Convert it to PNG'):
            read_image(tmp_path / name, (8, 8), full_scale=1, invert=False)
    with pytest.raises(StorageError, match='Check the path'):
        read_image(tmp_path / 'none.png', (8, 8), full_scale=1, invert=False)
    np.save(tmp_path / 'objects.npy', np.array([{}]), allow_pickle=True)
    # A header that promises far more than the file holds must not be believed.
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    (tmp_path / 'lie.npy').write_bytes(b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header)
    (tmp_path / 'torn.npz').write_bytes(b'PK\x03\x04')
    for name in ('objects.npy', 'lie.npy', 'torn.npz'):
        with pytest.raises(DataError, match=r'numpy\.save'):
            read_arrays(tmp_path / name, (8, 8), None)


def test_a_picture_larger_than_memory_is_refused_by_its_header(tmp_path, monkeypatch):
    monkeypatch.setattr('lamina.cli.images._MOST_PIXELS', 63)
    path = picture(tmp_path / 'large.png', np.zeros((8, 8)))
    with pytest.raises(DataError, match='Make it smaller first'):
        read_image(path, (8, 8), full_scale=1, invert=False)


def test_without_pillow_the_install_line(tmp_path, monkeypatch):
    path = picture(tmp_path / 'a.png', np.zeros((8, 8)))
    monkeypatch.setitem(sys.modules, 'PIL', None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lamina\[images\]'"):
        read_image(path, (8, 8), full_scale=1, invert=False)


@pytest.mark.parametrize(('name', 'code'), [('none.png', 6), ('text.png', 3), ('wide.npy', 3)])
def test_failures_have_their_codes(lamina, digits_model, tmp_path, name, code):
    (tmp_path / 'text.png').write_text('hello')
    np.save(tmp_path / 'wide.npy', np.zeros((2, 9, 9)))
    result = lamina('predict', digits_model, name, '--json')
    assert result.code == result.document['exit_code'] == code


def test_a_model_of_rows_takes_no_pictures(lamina, tmp_path):
    library.Sequential([library.Input((4,)), Dense(2)]).save('rows.lamina')
    result = lamina('predict', 'rows.lamina', picture(tmp_path / 'a.png', np.zeros((8, 8))))
    assert result.code == 2
    assert '.npy file of that shape' in result.err


def test_models_of_several_inputs_are_for_python(lamina):
    a, b = library.Input((2,), name='a'), library.Input((2,), name='b')
    library.Model([a, b], library.layers.Add()([a, b])).save('two.lamina')
    result = lamina('predict', 'two.lamina', 'x.npy')
    assert result.code == 2
    assert 'from Python' in result.err
