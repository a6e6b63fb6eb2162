"""`lamina train`: a network, a dataset, a model file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lamina.cli.options import Dataset, Json, Offline, Traceback
from lamina.cli.outcome import INTERRUPTED, Outcome, as_json, outcome

if TYPE_CHECKING:
    from lamina.cli.data import Data, Task
    from lamina.models import Model


def train(
    dataset: Dataset,
    epochs: Annotated[int, typer.Option(min=1, help='Passes over the training part.')] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help='Examples a step.')] = 32,
    seed: Annotated[int, typer.Option(help='Of initial weights, shuffles and dropout: equal seeds give equal models.')] = 0,
    optimizer: Annotated[str, typer.Option(help='A name of lamina.optimizers.')] = 'adam',
    learning_rate: Annotated[float | None, typer.Option(help="By default the optimizer's own.", show_default=False)] = None,
    validation_split: Annotated[float, typer.Option(help='The last part of the training data to validate on, from 0 to below 1.')] = 0.0,
    network: Annotated[Path | None, typer.Option(metavar='FILE', help='A JSON description of the network; see --print-network.')] = None,
    print_network: Annotated[
        bool, typer.Option('--print-network', help='Print the network as JSON to start from, and do not train.')
    ] = False,
    output: Annotated[
        Path | None, typer.Option(metavar='FILE', help='Where the model goes; by default DATASET.lamina here, numbered if taken.')
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option(metavar='FOLDER', help='Keep model.lamina, history.json and settings.json in this new folder.')
    ] = None,
    offline: Offline = False,
    quiet: Annotated[bool, typer.Option('--quiet', help='Show no progress.')] = False,
    json: Json = False,
    traceback: Traceback = False,
) -> None:
    """Train a network on a dataset, measure it on the test part, and save it.

    The default network of images begins with Rescaling(1/255): raw bytes go in, and the model file holds its own preprocessing. Ctrl-C
    ends training early; the model trained so far is saved first.
    """
    with outcome(json=json, traceback=traceback) as result:
        from lamina.cli.data import describe, load_dataset, task_of
        from lamina.cli.files import HISTORY, SETTINGS, destinations, write_json
        from lamina.cli.networks import default_network, read_network

        described = None if network is None else read_network(network)
        if print_network:
            result.document = default_network(task_of(dataset)) if described is None else described
            result.say(as_json(result.document))
            return
        settings: dict[str, Any] = {'dataset': dataset, 'epochs': epochs, 'batch_size': batch_size, 'seed': seed, 'optimizer': optimizer}
        settings |= {'learning_rate': learning_rate, 'validation_split': validation_split}
        rule = _optimizer(optimizer, learning_rate)
        data = load_dataset(dataset, offline=offline)
        described = default_network(data.task) if described is None else described
        model = _compiled(described, data.task, rule, seed, 'network' if network is None else str(network))
        x, y = data.part('train')
        paths = destinations(dataset, output, run_dir)
        if run_dir is not None:
            write_json(run_dir / SETTINGS, settings | {'data': describe(data), 'network': described})
        result.say(f'{model!r} on {len(x):,} examples of {data.name}')
        history = model.fit(x, y, batch_size=batch_size, epochs=epochs, validation_split=validation_split, verbose=0 if quiet else 'auto')
        for path in paths:
            model.save(path)
        record = {'history': history.history, 'epochs': len(history.epoch), 'seconds': history.seconds, 'interrupted': history.interrupted}
        if run_dir is not None:
            write_json(run_dir / HISTORY, record)
        test = None if history.interrupted else _tested(model, data, result)
        saved = [str(path) for path in paths]
        result.document = {'model': saved[0], 'saved': saved, 'parameters': model.count_params(), **settings, **record, 'test': test}
        result.say(f'Saved {" and ".join(saved)}')
        result.code = INTERRUPTED if history.interrupted else 0


def _optimizer(name: str, learning_rate: float | None) -> Any:
    from lamina import optimizers

    rule = optimizers.get(name)
    return rule if learning_rate is None else rule.replace(learning_rate=learning_rate)


def _compiled(described: Any, task: 'Task', optimizer: Any, seed: int, where: str) -> 'Model':
    """The model with the loss that its outputs and the targets call for."""
    from lamina import losses
    from lamina.cli.answers import last_activation
    from lamina.cli.networks import build

    model = build(described, task.shape, seed=seed, where=where)
    if task.classes is None:
        model.compile(optimizer, losses.MeanSquaredError(), metrics=['mae'])
        return model
    from_logits = last_activation(model) not in ('softmax', 'sigmoid')
    single = task.classes == 2 and model.output_shape[-1] == 1
    loss = losses.BinaryCrossentropy(from_logits) if single else losses.SparseCategoricalCrossentropy(from_logits)
    model.compile(optimizer, loss, metrics=['accuracy'])
    return model


def _tested(model: 'Model', data: 'Data', result: Outcome) -> dict[str, Any] | None:
    if 'test' not in data.parts:
        return None
    x, y = data.part('test')
    scores = model.evaluate(x, y, verbose=0, return_dict=True)
    shown = ' - '.join(f'{name}: {value:.4f}' for name, value in scores.items())
    result.say(f'Test on {len(x):,} examples - {shown}')
    return scores
