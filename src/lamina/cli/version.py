"""`lamina version`: what to state in a bug report."""

import platform
from importlib import metadata

from lamina.cli.options import Json, Traceback
from lamina.cli.outcome import outcome
from lamina.version import __version__

_PACKAGES = ('jax', 'jaxlib', 'optax', 'numpy', 'safetensors')


def version(json: Json = False, traceback: Traceback = False) -> None:
    """Print the versions of Lamina, Python and the packages that compute."""
    with outcome(json=json, traceback=traceback) as result:
        result.document = {'lamina': __version__, 'python': platform.python_version()} | {
            name: metadata.version(name) for name in _PACKAGES
        }
        result.document['platform'] = platform.platform()
        for name, value in result.document.items():
            result.say(f'{name} {value}')
