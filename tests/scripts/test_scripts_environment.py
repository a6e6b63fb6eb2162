"""What the scripts do where the machine has little: no suitable Python, no venv package, no pip."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / 'scripts'
pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='the scripts are for a POSIX shell')


def load(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shell(commands, folder, path):
    """Run commands after reading environment.sh, with nothing but `path` to find programs in."""
    script = f'. {SCRIPTS}/environment.sh; {commands}'
    environment = {'PATH': str(path), 'HOME': str(folder)}
    return subprocess.run(['/bin/sh', '-euc', script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def program(folder, name, lines):
    path = folder / name
    path.write_text('#!/bin/sh\n' + lines + '\n')
    path.chmod(0o755)


@pytest.mark.parametrize('script', ['scripts/demo', 'scripts/test', '.ci/run'])
def test_scripts_can_be_run(script):
    assert os.access(ROOT / script, os.X_OK)
    kind = 'bash' if script == '.ci/run' else 'sh'
    if shutil.which(kind):
        assert subprocess.run([kind, '-n', ROOT / script], capture_output=True, check=False).returncode == 0


def test_no_python_says_what_to_install(tmp_path):
    result = shell('make_environment', tmp_path, tmp_path)
    assert result.returncode == 1
    assert 'Python 3.11 or newer was not found' in result.stderr
    assert 'apt-get install python3' in result.stderr


def test_the_first_python_that_is_new_enough(tmp_path):
    program(tmp_path, 'python3', 'exit 1')
    program(tmp_path, 'python3.12', 'exit 0')
    program(tmp_path, 'python3.13', 'exit 0')
    assert shell('find_python', tmp_path, tmp_path).stdout == f'{tmp_path}/python3.12\n'


def test_a_python_that_can_make_no_environment(tmp_path):
    # It passes for new enough, and fails at everything else.
    program(tmp_path, 'python3', 'case "$2" in *version_info*) exit 0 ;; *) exit 1 ;; esac')
    result = shell('make_environment', tmp_path, f'{tmp_path}:/usr/bin:/bin')
    assert result.returncode == 1
    assert 'apt-get install python3-venv' in result.stderr


def test_packages_are_installed_only_when_something_changed(tmp_path):
    binaries = tmp_path / '.venv' / 'bin'
    binaries.mkdir(parents=True)
    program(binaries, 'python', f'echo "$*" >> {tmp_path}/calls')
    (tmp_path / 'pyproject.toml').write_text('one')

    def installs(extras):
        (tmp_path / 'calls').write_text('')
        assert shell(f'use_extras {extras}', tmp_path, '/usr/bin:/bin').returncode == 0
        return [line.rpartition(' ')[2] for line in (tmp_path / 'calls').read_text().splitlines() if 'install' in line]

    assert installs('digits,images') == ['.[digits,images]']
    assert installs('digits,images') == []
    assert installs('test') == ['.[test]']
    (tmp_path / 'pyproject.toml').write_text('two')
    assert installs('test') == ['.[test]']
    assert installs('test') == []


PAGE = """<!DOCTYPE html><html><body>
<a href="/files/pip-9.0.3-py2.py3-none-any.whl#sha256=aa">pip-9.0.3</a>
<a href="/files/pip-24.0-py3-none-any.whl#sha256=bb">pip-24.0</a>
<a href="https://other.example/pip-25.1.1-py3-none-any.whl#sha256=cc">pip-25.1.1</a>
<a href="/files/pip-25.2-py3-none-any.whl#sha256=dd" data-yanked="broken">pip-25.2</a>
<a href="/files/pip-25.3b1-py3-none-any.whl#sha256=ee">pip-25.3b1</a>
<a href="/files/pip-26.0-py3-none-any.whl">pip-26.0</a>
<a href="/files/pip-25.0.tar.gz#sha256=ff">pip-25.0</a>
</body></html>"""


def test_the_newest_wheel_with_a_hash():
    bootstrap = load('bootstrap_pip')
    assert bootstrap.newest_wheel(PAGE, 'https://index.example/simple/pip/') == ('https://other.example/pip-25.1.1-py3-none-any.whl', 'cc')
    relative = PAGE.replace('25.1.1', '3.0')
    assert bootstrap.newest_wheel(relative, 'https://index.example/simple/pip/') == (
        'https://index.example/files/pip-24.0-py3-none-any.whl',
        'bb',
    )


def test_an_index_without_pip():
    with pytest.raises(SystemExit, match='no wheel of pip with a hash'):
        load('bootstrap_pip').newest_wheel('<html></html>', 'https://index.example/simple/pip/')


def test_the_index_of_the_environment_comes_first(monkeypatch):
    bootstrap = load('bootstrap_pip')
    monkeypatch.setattr(bootstrap, '_CONFIGURATIONS', ())
    monkeypatch.delenv('PIP_INDEX_URL', raising=False)
    assert bootstrap.index_url() == 'https://pypi.org/simple/'
    monkeypatch.setenv('PIP_INDEX_URL', 'https://mirror.example/simple')
    assert bootstrap.index_url() == 'https://mirror.example/simple/'


def test_the_index_of_a_configuration_file(monkeypatch, tmp_path):
    bootstrap = load('bootstrap_pip')
    (tmp_path / 'pip.conf').write_text('[global]\nindex-url = https://house.example/simple/\n')
    monkeypatch.setattr(bootstrap, '_CONFIGURATIONS', (str(tmp_path / 'pip.conf'),))
    monkeypatch.delenv('PIP_INDEX_URL', raising=False)
    assert bootstrap.index_url() == 'https://house.example/simple/'
