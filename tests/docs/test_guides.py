"""The README and the guides are true: their code runs, what they show is what it prints, their links lead somewhere."""

import contextlib
import importlib
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
RUN = [ROOT / 'README.md', *sorted((ROOT / 'docs' / 'guide').glob('*.md'))]
PAGES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'CHANGELOG.md', *sorted((ROOT / 'docs').rglob('*.md'))]
API = sorted((ROOT / 'docs' / 'api').glob('*.md'))
FENCE = re.compile(r'(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
LINK = re.compile(r'(?<!!)\[[^\]]*\]\(([^)\s]+)\)')


class Block(NamedTuple):
    """A fenced block: its language, its text, the line it starts at, and the HTML comment right above it."""

    kind: str
    text: str
    line: int
    mark: str


def blocks(page: Path) -> list[Block]:
    content = page.read_text()
    return [Block(m['kind'], m['text'], content.count('\n', 0, m.start('text')), m['mark'] or '') for m in FENCE.finditer(content)]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize('page', RUN, ids=named)
def test_code_runs_and_prints_what_the_page_shows(page, workplace):
    namespace = {'__name__': f'page_{page.stem.replace("-", "_").lower()}'}
    printed = None
    for block in blocks(page):
        if block.mark == 'output':
            assert printed is not None, f'{named(page)}, line {block.line}: an output without code before it'
            assert _lines(block.text) == _lines(printed), f'{named(page)}, line {block.line}: shows another output than the code prints'
        if block.kind == 'python' and not block.mark.startswith('skip:'):
            # Empty lines before the code: a traceback then tells the line of the page.
            code = compile('\n' * block.line + block.text, str(page), 'exec')
            with contextlib.redirect_stdout(io.StringIO()) as stdout:
                exec(code, namespace)
            printed = stdout.getvalue()


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def test_pages_have_code_to_run():
    assert all(any(block.kind in ('python', 'sh') for block in blocks(page)) for page in RUN)


@pytest.mark.parametrize('page', RUN, ids=named)
def test_blocks_are_skipped_only_for_the_network(page):
    assert all('network' in block.mark for block in blocks(page) if block.mark.startswith('skip:'))


@pytest.mark.parametrize('page', PAGES, ids=named)
def test_links_lead_somewhere(page):
    text = FENCE.sub('', page.read_text())
    for link in LINK.findall(text):
        if link.startswith(('http://', 'https://', 'mailto:')):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f'{named(page)} links to {link}, which does not exist'
        if anchor:
            assert anchor in _anchors(target), f'{named(page)} links to {link}, but there is no such heading'


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r'^#+ (.*)$', FENCE.sub('', page.read_text()), re.MULTILINE)
    return {re.sub(r'[\s-]+', '-', re.sub(r'[^\w\s-]', '', heading).strip().lower()) for heading in headings}


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / 'mkdocs.yml').read_text()
    pages = {str(page.relative_to(ROOT / 'docs')) for page in (ROOT / 'docs').rglob('*.md')}
    assert pages == set(re.findall(r'[\w/-]+\.md', navigation))


def public_modules() -> list[str]:
    lamina = importlib.import_module('lamina')
    rooms = [name for name in lamina.__all__ if type(getattr(lamina, name)) is type(importlib)]
    return ['lamina', *(f'lamina.{room}' for room in rooms), 'lamina.optimizers.schedules', 'lamina.models.zoo']


def resolved(dotted: str) -> object:
    parts = dotted.split('.')
    for i in range(len(parts), 0, -1):
        with contextlib.suppress(ModuleNotFoundError):
            found = importlib.import_module('.'.join(parts[:i]))
            for part in parts[i:]:
                found = getattr(found, part)
            return found
    raise ModuleNotFoundError(dotted)


def _own_classes(module) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, type) and value.__module__ == module.__name__]


@pytest.mark.parametrize('name', public_modules())
def test_every_public_name_is_in_the_reference(name):
    text = '\n'.join(page.read_text() for page in API)
    documented = [resolved(dotted) for dotted in re.findall(r'^::: (\S+)$', text, re.MULTILINE)]
    module = importlib.import_module(name)
    for public in getattr(module, '__all__', None) or _own_classes(module):
        value = getattr(module, public)
        assert re.search(rf'\b{re.escape(public)}\b', text), f'{name}.{public} is on no page of docs/api'
        if callable(value):
            assert any(value is other for other in documented), f'{name}.{public} has no `::: {name}.{public}` in docs/api'


@pytest.mark.slow
def test_site_builds_without_a_warning(tmp_path):
    for package in ('mkdocs', 'material', 'mkdocstrings'):
        pytest.importorskip(package)
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--site-dir', str(tmp_path / 'site')]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'site' / 'guide' / 'first-network' / 'index.html').is_file()
    assert 'units' in (tmp_path / 'site' / 'api' / 'layers' / 'index.html').read_text()
