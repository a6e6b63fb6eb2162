"""Compiled programs are kept on disk, so that the second run of a script does not compile what the first one did."""

import functools

import jax

from lamina.core.config import config
from lamina.core.folders import cache_folder

# JAX skips programs that compile faster than this by default (1 s); all of a small network's do.
_MINIMUM_COMPILE_SECONDS = 0.05


def use_compilation_cache() -> None:
    """Turn JAX's persistent compilation cache on, in the user's cache folder, unless it is switched off or already set."""
    if config.compilation_cache:
        _enable()


@functools.cache
def _enable() -> None:
    if getattr(jax.config, 'jax_compilation_cache_dir', None) is None:
        folder = cache_folder() / 'compiled'
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return  # A read-only home is no reason not to train.
        jax.config.update('jax_compilation_cache_dir', str(folder))
        jax.config.update('jax_persistent_cache_min_compile_time_secs', _MINIMUM_COMPILE_SECONDS)
