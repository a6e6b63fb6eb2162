"""Initializers whose variance follows from the number of connections: variance scaling, its six named settings, and Fixup."""

import math
from typing import Any, ClassVar

from lamina.core.described import described, unregistered
from lamina.core.errors import ConfigError, ShapeError
from lamina.core.fields import Rule, one_of, real, setting, whole
from lamina.initializers.random import RandomInitializer, draw_normal, draw_truncated, draw_uniform, seed_setting

_TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal cut at ±2


def fans(shape: tuple[int, ...], input_axes: tuple[int, ...] | None = None, output_axes: tuple[int, ...] | None = None) -> tuple[int, int]:
    """The number of inputs and of outputs that a weight of this shape connects.

    The last two axes are inputs and outputs, and every axis before them (a convolution's window) multiplies both. A
    vector counts its length for both, a scalar 1.

    Args:
        shape: of the weight.
        input_axes: the axes that are inputs, where the rule above does not hold; both or none are given.
        output_axes: the axes that are outputs.

    Returns:
        `(fan_in, fan_out)`.

    >>> fans((784, 128)), fans((3, 3, 16, 32))
    ((784, 128), (144, 288))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _are_axes(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(axis, int) and not isinstance(axis, bool) for axis in value)


def _axes() -> Any:
    return setting(Rule(_are_axes, 'a tuple of axes', bad=('last', 1, (0.5,))), default=None)


class ScaledInitializer(RandomInitializer):
    """Values whose variance is `scale / n`, n counted in the weight's shape."""

    scale: Any
    mode: Any
    distribution: Any
    input_axes: tuple[int, ...] | None
    output_axes: tuple[int, ...] | None

    def validate(self) -> None:
        """Input and output axes come together."""
        if (self.input_axes is None) != (self.output_axes is None):
            got = f'input_axes={self.input_axes!r}, output_axes={self.output_axes!r}'
            raise ConfigError(self.label, got, 'both or none', 'Give input_axes and output_axes together.')

    def draw(self, rng, shape, dtype):
        """Values of variance `scale / n`."""
        self._check_axes(shape)
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        count = {'fan_in': fan_in, 'fan_out': fan_out, 'fan_avg': (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, count)
        if self.distribution == 'uniform':
            limit = math.sqrt(3 * variance)
            return draw_uniform(rng, shape, dtype, -limit, limit)
        if self.distribution == 'untruncated_normal':
            return draw_normal(rng, shape, dtype, 0.0, math.sqrt(variance))
        return draw_truncated(rng, shape, dtype, 0.0, math.sqrt(variance) / _TRUNCATED_STDDEV)

    def _check_axes(self, shape: tuple[int, ...]) -> None:
        named = (self.input_axes or ()) + (self.output_axes or ())
        if any(not -len(shape) <= a < len(shape) for a in named):
            expected = f'one that has the axes {named}'
            raise ShapeError(self.label, f'a weight of shape {shape}', expected, 'Change input_axes and output_axes.')


@described
class VarianceScaling(ScaledInitializer):
    """Values whose variance adapts to the shape, so that signals keep their size from layer to layer.

    Formula: variance `scale / n` with n the number of inputs, of outputs, or their mean. The truncated normal is widened
    so that it has this variance after the cut; the uniform lies within `±√(3 · scale / n)`.

    Args:
        scale: above 0; default 1.
        mode: `'fan_in'`, `'fan_out'` or `'fan_avg'`; default `'fan_in'`.
        distribution: `'truncated_normal'` (also `'normal'`), `'untruncated_normal'` or `'uniform'`; default the first.
        seed: a whole number of at least 0 gives the same values at every use; default None.
        input_axes: the axes of the weight that are inputs, where they are not the usual ones (see `fans`).
        output_axes: the axes of the weight that are outputs.

    Raises:
        ShapeError: the weight has no such axes.

    >>> import numpy as np
    >>> round(float(VarianceScaling(2.0, seed=1)(np.random.default_rng(0), (200, 300)).std()), 2)
    0.1
    """

    scale: float = setting(real(above=0, below=math.inf), default=1.0)
    mode: str = setting(one_of('fan_in', 'fan_out', 'fan_avg'), default='fan_in')
    distribution: str = setting(
        one_of('truncated_normal', 'untruncated_normal', 'uniform'),
        default='truncated_normal',
        convert=lambda v: 'truncated_normal' if v == 'normal' else v,
    )
    seed: int | None = seed_setting()
    input_axes: tuple[int, ...] | None = _axes()
    output_axes: tuple[int, ...] | None = _axes()


@unregistered
class _Preset(ScaledInitializer):
    seed: int | None = seed_setting()
    input_axes: tuple[int, ...] | None = _axes()
    output_axes: tuple[int, ...] | None = _axes()


@described
class GlorotUniform(_Preset):
    """Uniform within `±√(6 / (fan_in + fan_out))`: the default of dense and convolution kernels.

    Args: `seed`, `input_axes` and `output_axes`, as in `VarianceScaling`.

    Source: Glorot & Bengio, 2010.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = 'fan_avg'
    distribution: ClassVar[str] = 'uniform'


@described
class GlorotNormal(_Preset):
    """A truncated normal of variance `2 / (fan_in + fan_out)`.

    Args: `seed`, `input_axes` and `output_axes`, as in `VarianceScaling`.

    Source: Glorot & Bengio, 2010.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = 'fan_avg'
    distribution: ClassVar[str] = 'truncated_normal'


@described
class HeUniform(_Preset):
    """Uniform within `±√(6 / fan_in)`, made for rectifiers.

    Args: `seed`, `input_axes` and `output_axes`, as in `VarianceScaling`.

    Source: He et al., 2015.
    """

    scale: ClassVar[float] = 2.0
    mode: ClassVar[str] = 'fan_in'
    distribution: ClassVar[str] = 'uniform'


@described
class HeNormal(_Preset):
    """A truncated normal of variance `2 / fan_in`, made for rectifiers.

    Args: `seed`, `input_axes` and `output_axes`, as in `VarianceScaling`.

    Source: He et al., 2015.
    """

    scale: ClassVar[float] = 2.0
    mode: ClassVar[str] = 'fan_in'
    distribution: ClassVar[str] = 'truncated_normal'


@described
class LecunUniform(_Preset):
    """Uniform within `±√(3 / fan_in)`.

    Args: `seed`, `input_axes` and `output_axes`, as in `VarianceScaling`.

    Source: LeCun et al., 1998.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = 'fan_in'
    distribution: ClassVar[str] = 'uniform'


@described
class LecunNormal(_Preset):
    """A truncated normal of variance `1 / fan_in`, which `selu` needs.

    Args: `seed`, `input_axes` and `output_axes`, as in `VarianceScaling`.

    Source: LeCun et al., 1998; Klambauer et al., 2017.
    """

    scale: ClassVar[float] = 1.0
    mode: ClassVar[str] = 'fan_in'
    distribution: ClassVar[str] = 'truncated_normal'


@described
class Fixup(ScaledInitializer):
    """He's normal, made smaller the more residual blocks there are, so that very deep networks train without normalization.

    For the kernels of a residual block but its last, which starts at zero.

    Formula: a truncated normal of variance `2 / fan_in · branches ^ (-1 / (layers - 1))`.

    Args:
        branches: how many residual blocks the network has; default 1, which is `HeNormal`.
        layers: how many weight layers each block has, at least 2; default 2.
        seed, input_axes, output_axes: as in `VarianceScaling`.

    Source: Zhang, Dauphin & Ma, 2019, section 3.

    >>> import numpy as np
    >>> round(float(Fixup(100, seed=1)(np.random.default_rng(0), (200, 300)).std()), 3)
    0.01
    """

    mode: ClassVar[str] = 'fan_in'
    distribution: ClassVar[str] = 'truncated_normal'

    branches: int = setting(whole(1), default=1)
    layers: int = setting(whole(2), default=2)
    seed: int | None = seed_setting()
    input_axes: tuple[int, ...] | None = _axes()
    output_axes: tuple[int, ...] | None = _axes()

    @property
    def scale(self) -> float:
        """The variance times the number of inputs."""
        return 2.0 * self.branches ** (-1 / (self.layers - 1))
