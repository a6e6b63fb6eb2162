"""Values as a model expects them: what its first layer says about full brightness, and data brought to it."""

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
        if not given > 0 or not np.isfinite(given):
            raise ConfigError('option --full-scale', repr(given), 'a number above 0', 'Write --full-scale 1 or --full-scale 255.')
        return given
    first = next(iter(model.layers), None) if isinstance(model.network, Chain) else None
    if isinstance(first, Rescaling) and first.scale > 0 and first.offset < 1:
        return (1 - first.offset) / first.scale
    notice('the model does not begin with a Rescaling layer: pixels go in as 0…255. Where it was trained on x / 255, add --full-scale 1')
    return 255.0


def rescaled(x: np.ndarray, model: Any, task: Task, given: float | None) -> np.ndarray:
    """A dataset's images on the scale that the model takes; rows of a table pass through, and so do images already on it."""
    if task.full_scale is None or (given is None and task.full_scale <= 1):
        return x
    factor = full_scale_of(model, given) / task.full_scale
    return x if abs(factor - 1) < 1e-4 else x.astype(np.float32) * np.float32(factor)
