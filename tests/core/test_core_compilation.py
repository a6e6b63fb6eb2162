"""Compiled programs are kept between processes unless that is switched off, and never change a bit of what is learned."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib
import numpy as np
import lamina
{setting}
x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
model = lamina.Sequential([lamina.layers.Dense(8, activation='relu', input_shape=(4,)), lamina.layers.Dropout(0.5), lamina.layers.Dense(1)])
model.compile('adam', 'mse')
model.fit(x, x.sum(1), epochs=2, verbose=0)
print(hashlib.sha256(b''.join(w.tobytes() for w in model.get_weights())).hexdigest())
"""


def run(folder, setting='', **environment):
    clean = {name: value for name, value in os.environ.items() if name != 'JAX_COMPILATION_CACHE_DIR'}
    clean |= {'LAMINA_CACHE': str(folder), 'JAX_PLATFORMS': 'cpu', **environment}
    command = [sys.executable, '-c', SCRIPT.format(setting=setting)]
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope='module')
def learned(tmp_path_factory):
    """What a process learns that keeps its programs, and the folder it keeps them in."""
    folder = tmp_path_factory.mktemp('cache')
    return run(folder), folder


def test_programs_are_kept_and_used_again(learned):
    digest, folder = learned
    kept = sorted((folder / 'compiled').rglob('*'))
    assert kept
    assert run(folder) == digest
    assert {path.name for path in kept} <= {path.name for path in (folder / 'compiled').rglob('*')}


@pytest.mark.slow
@pytest.mark.parametrize(
    ('setting', 'environment'), [('', {'LAMINA_COMPILATION_CACHE': 'off'}), ('lamina.config.compilation_cache = False', {})]
)
def test_it_can_be_switched_off_and_two_processes_learn_the_same_bits(learned, tmp_path, setting, environment):
    assert run(tmp_path, setting, **environment) == learned[0]
    assert not (tmp_path / 'compiled').exists()
