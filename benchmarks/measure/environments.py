"""One virtual environment a peer, built from its requirements and kept until they change."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from measure.places import ENVIRONMENTS, PEERS, REPOSITORY
from measure.processes import clean_environment

STAMP = 'built-from.json'


class EnvironmentFailed(Exception):
    """A peer's environment could not be built; the message holds the end of what the installer said."""


@dataclass(frozen=True)
class Environment:
    """A built environment: its name and its interpreter."""

    name: str
    python: Path

    def versions(self, packages: Iterable[str]) -> dict[str, str]:
        """The installed version of each package, and of Python."""
        script = (
            'import json, platform, sys; from importlib.metadata import version; '
            "print(json.dumps({'python': platform.python_version(), **{name: version(name) for name in sys.argv[1:]}}))"
        )
        command = [str(self.python), '-c', script, *packages]
        # In the environment's own folder: from the repository, `lamina` could be found without being installed.
        answer = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment(), cwd=self.python.parent)
        return json.loads(answer.stdout)


def requirement_lines(text: str) -> list[str]:
    """The requirements of a requirements text, in order, without comments and blank lines."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith('#')]


def fingerprint(text: str, repository: Path, python: str = sys.version) -> dict[str, str]:
    """What an environment is built from: a hash of its requirements and, where they hold `.`, one of this repository's source."""
    lines = requirement_lines(text)
    made_from = {'requirements': _hash([json.dumps(lines).encode(), python.encode()]), 'source': ''}
    if '.' in lines:
        files = [repository / 'pyproject.toml', *sorted((repository / 'src').rglob('*.py'))]
        made_from['source'] = _hash(part for file in files for part in (str(file.relative_to(repository)).encode(), file.read_bytes()))
    return made_from


def prepare(name: str, say: Callable[[str], None] = print) -> Environment:
    """The environment of this name, built where its requirements (or the source it installs) have changed.

    Raises:
        EnvironmentFailed: creating it or installing into it failed; the message ends with what the installer said.
    """
    text = (PEERS / name / 'requirements.txt').read_text(encoding='utf-8')
    folder = ENVIRONMENTS / name
    environment = Environment(name, folder / ('Scripts/python.exe' if sys.platform == 'win32' else 'bin/python'))
    wanted, found = fingerprint(text, REPOSITORY), _stamp(folder)
    if found == wanted:
        say(f'{name}: environment reused')
        return environment
    (folder / STAMP).unlink(missing_ok=True)
    log = ENVIRONMENTS / f'{name}.log'
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    log.write_text('', encoding='utf-8')
    if found.get('requirements') == wanted['requirements']:
        lines = ['.']
    else:
        say(f'{name}: building the environment')
        _call([sys.executable, '-m', 'venv', '--clear', str(folder)], log)
        lines = requirement_lines(text)
    # One call a line: what a line installs is settled before the next is resolved, so the order of the file is kept.
    for line in lines:
        say(f'{name}: pip install {line}')
        _call([str(environment.python), '-m', 'pip', 'install', '--no-input', '--progress-bar', 'off', line], log)
    (folder / STAMP).write_text(json.dumps(wanted), encoding='utf-8')
    return environment


def _stamp(folder: Path) -> dict[str, str]:
    try:
        return json.loads((folder / STAMP).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, 'little') + part)
    return digest.hexdigest()


def _call(command: list[str], log: Path) -> None:
    with log.open('a', encoding='utf-8') as stream:
        code = subprocess.call(command, stdout=stream, stderr=subprocess.STDOUT, env=clean_environment(), cwd=REPOSITORY)
    if code != 0:
        tail = '\n'.join(log.read_text(encoding='utf-8').splitlines()[-8:])
        raise EnvironmentFailed(f'{" ".join(command)} ended with code {code}; the whole log is {log}\n{tail}')
