"""Arguments and options that several verbs share, so that they mean the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option('--json', help='Print one JSON document on stdout; text for people goes to stderr.')]
Traceback = Annotated[bool, typer.Option('--traceback', help='Show where in the code an error was raised; also LAMINA_TRACEBACK=1.')]
Offline = Annotated[
    bool, typer.Option('--offline', help='Use no network; for mnist without its file, take the 5,000-image subset of the extra digits.')
]
BatchSize = Annotated[int, typer.Option('--batch-size', min=1, help='Examples computed at a time.')]
ModelFile = Annotated[Path, typer.Argument(metavar='MODEL', help='A .lamina file.', show_default=False)]
Dataset = Annotated[
    str,
    typer.Argument(
        metavar='DATASET',
        help='A name that `lamina datasets` lists, or an .npz file with the arrays x_train, y_train, x_test, y_test.',
        show_default=False,
    ),
]

EXIT_CODES = """Exit codes: 0 done · 2 wrong usage or setting · 3 bad data · 4 a package or download is missing · 5 model file refused ·
6 a file cannot be read or written · 130 stopped by Ctrl-C (1 is a fault in Lamina itself)"""


def epilog(*examples: str) -> str:
    """The end of a verb's help: examples, one a line, then the exit codes."""
    # Rich's help joins the lines of a paragraph, so each example is one of its own.
    return '\n\n'.join(['Examples:', *(f'$ {example}' for example in examples), EXIT_CODES.replace('\n', ' ')])
