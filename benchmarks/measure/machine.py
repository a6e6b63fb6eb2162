"""What the numbers were measured on."""

import os
import platform
from pathlib import Path


def facts() -> dict[str, str | int | float]:
    """The machine's name, processor, cores this process may use, memory, load, system and Python."""
    return {
        'name': platform.node(),
        'processor': _processor(),
        'cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1,
        'memory_gib': round(_memory_bytes() / 2**30, 1),
        'load': round(os.getloadavg()[0], 2) if hasattr(os, 'getloadavg') else 0.0,
        'system': platform.platform(),
        'python': platform.python_version(),
    }


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_bytes() -> int:
    try:
        return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    except (AttributeError, OSError, ValueError):
        return 0
