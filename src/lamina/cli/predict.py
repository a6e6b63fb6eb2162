"""`lamina predict`: what a model says about pictures, texts or arrays."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lamina.cli.options import BatchSize, Json, ModelFile, Traceback
from lamina.cli.outcome import outcome


def predict(
    model: ModelFile,
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar='INPUT…', help='Pictures, text files of one example a line, or .npy or .npz files.', show_default=False),
    ],
    top: Annotated[int, typer.Option('--top', min=1, help='How many classes are shown for each input.')] = 3,
    invert: Annotated[bool, typer.Option('--invert', help='Turn black to white: MNIST is white on black, paper is not.')] = False,
    key: Annotated[str | None, typer.Option('--key', help='Which array of an .npz file; by default x, x_test, or the only one.')] = None,
    full_scale: Annotated[
        float | None,
        typer.Option(
            help='What white is to the model: 255 for bytes, 1 where it was trained on x / 255. By default its first Rescaling layer '
            'tells; without one, 255.'
        ),
    ] = None,
    batch_size: BatchSize = 32,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Print the likeliest classes of pictures or texts, with their probabilities.

    A picture is made grey or coloured, is resized to what the model takes, and goes in as bytes from 0 to 255, or from 0 to what the
    model's first Rescaling layer takes for full brightness. Of a text file each line goes in that is not empty. Arrays go in as they are.
    """
    with outcome(json=json, traceback=traceback) as result:
        import numpy as np

        from lamina.cli.answers import answers
        from lamina.cli.files import load_model
        from lamina.cli.images import is_array_file, picture_form, read_arrays, read_image
        from lamina.cli.pixels import full_scale_of
        from lamina.cli.texts import read_texts

        loaded = load_model(model)
        shape = _one_input(loaded)
        scale = None
        of_texts = loaded.ports.input_layers[0].dtype == 'string'
        if not of_texts and not all(is_array_file(path) for path in inputs):
            picture_form(shape)
            scale = full_scale_of(loaded, full_scale)
        predictions: list[dict[str, Any]] = []
        for path in inputs:
            if of_texts and not is_array_file(path):
                examples, names = read_texts(path, shape)
            elif scale is None or is_array_file(path):
                examples = read_arrays(path, shape, key)
                names = [f'{path}[{i}]' for i in range(len(examples))]
            else:
                examples, names = read_image(path, shape, full_scale=scale, invert=invert)[None], [str(path)]
            outputs = np.asarray(loaded.predict(examples, batch_size=batch_size))
            predictions += [{'input': name, **answer} for name, answer in zip(names, answers(loaded, outputs, top), strict=True)]
        result.document = {'model': str(model), 'full_scale': scale, 'predictions': predictions}
        result.table('Input', 'Answer', rows=[(p['input'], _shown(p)) for p in predictions])


def _one_input(model: Any) -> tuple[int | None, ...]:
    from lamina.core.errors import ConfigError

    ports = model.ports
    if len(ports.input_layers) != 1 or len(ports.output_names) != 1:
        got = f'a model of {len(ports.input_layers)} inputs and {len(ports.output_names)} outputs'
        raise ConfigError('predict', got, 'one of each', 'Use it from Python: lamina.load(path).predict({…}).')
    return ports.input_layers[0].shape


def _shown(prediction: dict[str, Any]) -> str:
    if 'classes' in prediction:
        return '   '.join(f'{entry["class"]} ({entry["probability"]:.1%})' for entry in prediction['classes'])
    outputs = prediction['outputs']
    return '   '.join(f'{value:.6g}' for value in outputs) if all(isinstance(value, float) for value in outputs) else str(outputs)
