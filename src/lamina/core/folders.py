"""Where files that are not the project's own are kept: the user's cache, and the folder of data already at hand."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The folder of everything that can be fetched or computed again; it may not exist yet.

    `LAMINA_CACHE` where it is set; else the platform's: `$XDG_CACHE_HOME/lamina` or `~/.cache/lamina`,
    `~/Library/Caches/lamina` on macOS, `%LOCALAPPDATA%\\lamina\\cache` on Windows.

    Returns:
        An absolute path.
    """
    if chosen := os.environ.get('LAMINA_CACHE'):
        return Path(chosen).expanduser().absolute()
    if sys.platform == 'win32':
        return Path(os.environ.get('LOCALAPPDATA') or Path.home() / 'AppData' / 'Local') / 'lamina' / 'cache'
    if sys.platform == 'darwin':
        return Path.home() / 'Library' / 'Caches' / 'lamina'
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache').absolute() / 'lamina'


def data_folder() -> Path | None:
    """The folder that `LAMINA_DATA` names, in which dataset files are looked for before anything is fetched; or None."""
    chosen = os.environ.get('LAMINA_DATA')
    return Path(chosen).expanduser().absolute() if chosen else None
