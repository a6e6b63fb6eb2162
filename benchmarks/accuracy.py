"""The test accuracy of the introductory listing over several seeds: `python benchmarks/accuracy.py --help`."""

import argparse
import statistics
import sys
import tempfile

from listing import LISTING
from measure import data, results
from measure.catalogue import BASELINE, CATALOGUE
from measure.comparison import say
from measure.environments import EnvironmentFailed, prepare
from measure.execution import execute
from measure.processes import ProcessFailed

WANTED = 0.976


def main(arguments: list[str] | None = None) -> int:
    """Train once a seed and print; 0 where the mean is high enough, 1 where it is not, 2 where nothing could be run."""
    chosen = _parser().parse_args(arguments)
    try:
        measured = measure(chosen.seeds, chosen.epochs, chosen.data)
    except (EnvironmentFailed, ProcessFailed, FileNotFoundError) as error:
        say(f'accuracy: {error}')
        return 2
    print(f'mean {measured["mean"]:.4f} of {chosen.seeds} seeds on {measured["data"]} after {chosen.epochs} epochs; {WANTED} wanted')
    if chosen.keep:
        command = ['python', 'benchmarks/accuracy.py', *(sys.argv[1:] if arguments is None else arguments)]
        say(f'kept as {results.keep(results.header("accuracy", "Test accuracy of the listing", command) | measured)}')
    return 0 if measured['mean'] >= WANTED else 1


def measure(seeds: int, epochs: int, choice: str) -> dict:
    """The accuracy of each seed and their mean.

    Raises:
        EnvironmentFailed, ProcessFailed, FileNotFoundError: as the functions it calls.
    """
    environment = prepare(BASELINE, say)
    path, is_mnist = data.settle(choice, environment, say)
    peer = next(peer for peer in CATALOGUE if peer.name == BASELINE)
    reached = []
    with tempfile.TemporaryDirectory(prefix='lamina-benchmark-') as cache:
        for seed in range(seeds):
            run = execute(
                peer,
                environment,
                LISTING.name,
                data=path,
                is_mnist=is_mnist,
                epochs=epochs,
                batch_size=LISTING.batch_size,
                seed=seed,
                cache=cache,
                timeout_s=3600,
            )
            reached.append(run['accuracy'])
            print(f'seed {seed}: {run["accuracy"]:.4f}', flush=True)
    shape = 'MNIST' if is_mnist else 'arrays of the shape of MNIST'
    return {'data': shape, 'epochs': epochs, 'accuracies': reached, 'mean': statistics.fmean(reached)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python benchmarks/accuracy.py',
        description='Train the introductory listing with several seeds, each in a fresh process, and tell each test accuracy and the mean.',
        epilog='example: python benchmarks/accuracy.py --seeds 5 --keep',
    )
    parser.add_argument('--seeds', type=int, default=5, choices=range(1, 101), metavar='N', help='0 to N-1; default: %(default)s')
    parser.add_argument('--epochs', type=int, default=LISTING.epochs, help='default: %(default)s')
    parser.add_argument('--data', default='auto', metavar='auto|FILE', help='an mnist.npz; auto looks in $LAMINA_DATA and ../shared/data')
    parser.add_argument('--keep', action='store_true', help='keep the results in benchmarks/results/accuracy.json')
    return parser


if __name__ == '__main__':
    sys.exit(main())
