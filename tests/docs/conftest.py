"""What code in documents runs in: an empty folder, no network, and an MNIST file of a few images."""

import numpy as np
import pytest

import lamina


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """An empty current folder; `mnist.load_data()` finds 640 + 160 images of noise that is brighter where the digit says."""
    data = tmp_path / 'data'
    data.mkdir()
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (('train', 640), ('test', 160)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = rng.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 6] += 180
        arrays |= {f'x_{part}': images, f'y_{part}': labels}
    np.savez(data / 'mnist.npz', **arrays)
    folder = tmp_path / 'work'
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv('LAMINA_DATA', str(data))
    monkeypatch.setenv('LAMINA_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(lamina.config, 'compilation_cache', False)
    lamina.utils.set_random_seed(0)
    return folder
