"""The verbs as a whole: help, versions, and that the three ways to start are one."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lamina.version import __version__

VERBS = ('train', 'evaluate', 'predict', 'summary', 'datasets', 'version')


@pytest.mark.parametrize('verb', VERBS)
def test_help_has_examples_and_exit_codes(lamina, verb):
    result = lamina(verb, '--help')
    text = ' '.join(result.out.split())
    assert result.code == 0
    assert f'$ lamina {verb}' in text
    assert '130 stopped by Ctrl-C' in text
    assert '--json' in text


def test_help_lists_every_verb(lamina):
    text = lamina('--help').out
    assert all(re.search(rf'\b{verb}\b', text) for verb in VERBS)
    assert '$ lamina train mnist' in text


def test_no_arguments_show_the_help(lamina):
    result = lamina()
    assert 'evaluate' in result.out + result.err


@pytest.mark.parametrize('arguments', [('trian',), ('train',), ('train', 'digits', '--epochs', '0'), ('summary', 'a', '--colour')])
def test_wrong_usage_is_2(lamina, arguments):
    result = lamina(*arguments)
    assert result.code == 2
    assert result.out == ''


def test_version_in_three_forms(lamina):
    assert lamina('--version').out == f'lamina {__version__}\n'
    assert lamina('version').out.startswith(f'lamina {__version__}\n')
    document = lamina('version', '--json').document
    assert document['lamina'] == __version__
    assert document['python'] == platform.python_version()
    assert {'jax', 'numpy'} <= set(document)


def test_module_and_script_are_the_same():
    module = subprocess.run([sys.executable, '-m', 'lamina', '--version'], capture_output=True, text=True, check=True)
    assert module.stdout == f'lamina {__version__}\n'
    script = Path(sys.executable).with_name('lamina')
    if not script.exists():
        pytest.skip('the package is not installed with its script')
    installed = subprocess.run([script, '--version'], capture_output=True, text=True, check=True)
    assert installed.stdout == module.stdout
