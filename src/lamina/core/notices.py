"""What a user should be told although nothing is wrong: one line on stderr, never a Python warning."""

import sys


def notice(text: str) -> None:
    """Print `lamina: text` on stderr, where it neither mixes with results nor turns into an error under `-W error`."""
    print(f'lamina: {text}', file=sys.stderr, flush=True)
