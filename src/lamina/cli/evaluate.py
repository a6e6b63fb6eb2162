"""`lamina evaluate`: loss and metrics of a model on a dataset."""

from enum import StrEnum
from typing import Annotated

import typer

from lamina.cli.options import BatchSize, Dataset, Json, ModelFile, Offline, Traceback
from lamina.cli.outcome import outcome


class Part(StrEnum):
    """The parts of a dataset."""

    test = 'test'
    train = 'train'


def evaluate(
    model: ModelFile,
    dataset: Dataset,
    split: Annotated[Part, typer.Option(help='Which part of the dataset.')] = Part.test,
    batch_size: BatchSize = 32,
    full_scale: Annotated[
        float | None,
        typer.Option(
            help='Bring images to this full brightness first: 1 for a model that was trained on x / 255. By default they go in as they are.'
        ),
    ] = None,
    offline: Offline = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Measure a model's loss and metrics on the test part of a dataset."""
    with outcome(json=json, traceback=traceback) as result:
        from lamina.cli.data import load_dataset
        from lamina.cli.files import load_model
        from lamina.cli.pixels import rescaled

        loaded = load_model(model)
        data = load_dataset(dataset, offline=offline)
        x, y = data.part(split.value)
        scores = loaded.evaluate(rescaled(x, loaded, data.task, full_scale), y, batch_size=batch_size, verbose=0, return_dict=True)
        result.document = {'model': str(model), 'dataset': dataset, 'split': split.value, 'examples': len(x), 'scores': scores}
        for name, value in scores.items():
            result.say(f'{name}: {value:.4f}' if isinstance(value, float) else f'{name}: {value}')
