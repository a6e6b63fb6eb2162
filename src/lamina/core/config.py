"""What holds for the whole process, set from the environment or by assignment to `lamina.config`."""

import os
from dataclasses import dataclass, field


def _enabled(variable: str) -> bool:
    return os.environ.get(variable, 'on').lower() not in ('off', '0', 'false', 'no')


@dataclass
class Config:
    """Settings of the process.

    Args:
        compilation_cache: whether compiled programs are kept in the user's cache folder; environment variable
            LAMINA_COMPILATION_CACHE (`off` to disable). Takes effect before the first call of fit, evaluate or predict.
    """

    compilation_cache: bool = field(default_factory=lambda: _enabled('LAMINA_COMPILATION_CACHE'))


config = Config()
