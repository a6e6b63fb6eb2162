"""Put pip into a virtual environment that was made without it, from the package index and with the standard library alone.

Debian and Ubuntu split ensurepip off into python3-venv. Where that package is missing, pip's own wheel is all that is needed: a
wheel is a zip file that Python can run. Its hash is checked against the one that the index states.
"""

import configparser
import hashlib
import html.parser
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

_CONFIGURATIONS = ('/etc/pip.conf', '~/.pip/pip.conf', '~/.config/pip/pip.conf')
_WHEEL = re.compile(r'/pip-(\d+(?:\.\d+)*)-py3-none-any\.whl$')


def index_url() -> str:
    """The package index that pip itself would use: from the environment, from its configuration files, or PyPI."""
    files = configparser.ConfigParser(interpolation=None)
    files.read([Path(name).expanduser() for name in _CONFIGURATIONS])
    chosen = os.environ.get('PIP_INDEX_URL') or files.get('global', 'index-url', fallback='https://pypi.org/simple')
    return chosen.rstrip('/') + '/'


class Links(html.parser.HTMLParser):
    """The links of a page of the index that any Python may follow (not those of withdrawn files)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the target of a link."""
        attributes = dict(attrs)
        if tag == 'a' and 'data-yanked' not in attributes and attributes.get('href'):
            self.found.append(str(attributes['href']))


def newest_wheel(page: str, base: str) -> tuple[str, str]:
    """The URL and the SHA-256 of the newest released pip on this page.

    Raises:
        SystemExit: the page lists none with a hash.
    """
    links = Links()
    links.feed(page)
    wheels = []
    for link in links.found:
        url, _, fragment = urllib.parse.urljoin(base, link).partition('#')
        match = _WHEEL.search(urllib.parse.urlsplit(url).path)
        if match and fragment.startswith('sha256='):
            wheels.append((tuple(int(part) for part in match[1].split('.')), url, fragment.removeprefix('sha256=')))
    if not wheels:
        sys.exit(f'{base} lists no wheel of pip with a hash.')
    return max(wheels)[1:]


def main() -> None:
    """Fetch pip's wheel, check it, and let it install itself into this environment."""
    base = index_url() + 'pip/'
    print(f'== Fetching pip from {base}', file=sys.stderr)
    try:
        with urllib.request.urlopen(urllib.request.Request(base, headers={'Accept': 'text/html'}), timeout=60) as answer:
            url, digest = newest_wheel(answer.read().decode(), answer.url)
        with urllib.request.urlopen(url, timeout=60) as answer:
            wheel = answer.read()
    except (OSError, urllib.error.URLError) as error:
        sys.exit(f'pip could not be fetched from {base}: {error}')
    if hashlib.sha256(wheel).hexdigest() != digest:
        sys.exit(f'{url} is not the file that the index describes.')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, urllib.parse.urlsplit(url).path.rpartition('/')[2])
        path.write_bytes(wheel)
        subprocess.run([sys.executable, f'{path}/pip', 'install', '--quiet', '--no-index', str(path)], check=True)


if __name__ == '__main__':
    main()
