"""Values as a model expects them: what its first layer says about full brightness, and pixels brought to it."""

import math
from typing import Any

import numpy as np

from lamina.cli.data import Task
from lamina.core.errors import ConfigError
from lamina.core.notices import notice
from lamina.layers import Chain, Rescaling


def full_scale_of(model: Any, given: float | None = None) -> float:
    """What the model takes for full brightness.

    A model that begins with `Rescaling(1 / 255)`, as those of `lamina train` do, takes bytes; one that begins with `Rescaling(1 / 16)`
    takes 0 to 16. Where no such layer comes first the file does not tell, and bytes are passed on as they are.

    Args:
        model: that was loaded.
        given: a value from the user, which counts more.

    Raises:
        ConfigError: the given value is not above 0.
    """
    if given is not None:
        return _checked(given)
    told = _told(model)
    if told is None:
        _warn()
    return told or 255.0


def rescaled(x: np.ndarray, model: Any, task: Task, given: float | None) -> np.ndarray:
    """A dataset's images for this model: as they are, as `lamina train` takes them, or brought to the full scale that was given.

    Args:
        x: the examples; rows of a table pass through.
        model: it is told aloud where it does not begin with a Rescaling layer and the images are not within 0 to 1.
        task: what full brightness is in x.
        given: what it is to become, or None.

    Raises:
        ConfigError: the given value is not above 0.
    """
    if task.full_scale is None:
        return x
    if given is None:
        if task.full_scale > 1 and _told(model) is None:
            _warn()
        return x
    return x.astype(np.float32) * np.float32(_checked(given) / task.full_scale)


def _told(model: Any) -> float | None:
    """The value that the first layer takes to 1."""
    first = next(iter(model.layers), None) if isinstance(model.network, Chain) else None
    if isinstance(first, Rescaling) and first.scale > 0 and first.offset < 1:
        return (1 - first.offset) / first.scale
    return None


def _checked(given: float) -> float:
    if not 0 < given < math.inf:
        raise ConfigError('option --full-scale', repr(given), 'a number above 0', 'Write --full-scale 1 or --full-scale 255.')
    return given


def _warn() -> None:
    notice('the model does not begin with a Rescaling layer: pixels go in as they are. Where it was trained on x / 255, add --full-scale 1')
