"""The verbs put together. Nothing heavy is imported here: each verb imports what it needs when it runs, so that help is quick."""

import sys
from typing import Annotated

import typer

from lamina.cli.datasets import datasets
from lamina.cli.evaluate import evaluate
from lamina.cli.options import epilog
from lamina.cli.outcome import INTERRUPTED
from lamina.cli.predict import predict
from lamina.cli.summary import summary
from lamina.cli.train import train
from lamina.cli.version import version
from lamina.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode='markdown',
    context_settings={'help_option_names': ['-h', '--help']},
    epilog=epilog(
        'lamina train mnist', 'lamina evaluate mnist.lamina mnist', 'lamina predict mnist.lamina seven.png', 'lamina train --help'
    ),
)

app.command(
    epilog=epilog(
        'lamina train mnist',
        'lamina train digits --epochs 20 --learning-rate 0.003 --output digits.lamina',
        'lamina train mnist --print-network > network.json',
        'lamina train mnist --network network.json --run-dir runs/first',
        'lamina train mine.npz --validation-split 0.1 --json > result.json',
    )
)(train)
app.command(epilog=epilog('lamina evaluate mnist.lamina mnist', 'lamina evaluate mine.lamina mine.npz --json'))(evaluate)
app.command(
    epilog=epilog(
        'lamina predict mnist.lamina seven.png',
        'lamina predict mnist.lamina --invert scans/*.jpg --top 1',
        'lamina predict mine.lamina new.npy --json',
    )
)(predict)
app.command(epilog=epilog('lamina summary mnist.lamina', 'lamina summary mnist.lamina --json'))(summary)
app.command(epilog=epilog('lamina datasets', 'lamina datasets --json'))(datasets)
app.command(epilog=epilog('lamina version', 'lamina --version', 'lamina version --json'))(version)


def _print_version(asked: bool) -> None:
    if asked:
        print(f'lamina {__version__}')
        raise typer.Exit


@app.callback()
def lamina(
    _version: Annotated[
        bool, typer.Option('--version', callback=_print_version, is_eager=True, help='Print the version and exit.')
    ] = False,
) -> None:
    """Deep learning that trains at the hardware's speed: train, evaluate and use models from the command line."""


def main() -> None:
    """Run the command line on the arguments of this process."""
    try:
        app(prog_name='lamina')
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
