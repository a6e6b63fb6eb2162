"""Several cells one above another, as one cell."""

from collections.abc import Mapping
from typing import Any

from lamina.core.described import described
from lamina.core.errors import ConfigError
from lamina.core.fields import setting
from lamina.core.shapes import Shape
from lamina.core.structure import leaves
from lamina.layers.base import Layer, weights_of
from lamina.layers.compose import numbered_names
from lamina.layers.weight import Weights


def require_cell(cell: Any, where: str) -> None:
    """Raise a ConfigError unless this is a cell: a layer that says how large its states are."""
    if not isinstance(cell, Layer):
        got, remedy = f'a {type(cell).__name__}', 'Write LSTMCell(…), or a class of your own that derives from lamina.Layer.'
        raise ConfigError(where, got, 'a cell: a layer with a state_size', remedy)
    sizes = leaves(getattr(cell, 'state_size', ()))
    if not sizes or not all(isinstance(n, int) and n > 0 for n in sizes):
        got = f'{type(cell).__name__}, a layer without a state_size'
        raise ConfigError(
            where, got, 'a cell: a layer with a state_size', 'Give the class state_size: a number, or a tuple, one for each state.'
        )


def output_size(cell: Any) -> int:
    """The length of a cell's output: what it says, or that of its first state."""
    size = getattr(cell, 'output_size', None)
    return leaves(cell.state_size)[0] if size is None else size


@described
class StackedRNNCells(Layer):
    """Cells one above another: the output of each is the input of the next.

    Args:
        cells: from the first to the last.

    Shapes:
        x: (batch, in), and the states of each cell in order → (batch, output size of the last cell), and the new states.

    Raises:
        ConfigError: there are no cells, or one of them is not a cell.

    Example:
        >>> import lamina
        >>> from lamina.layers import LSTMCell, RNN, StackedRNNCells
        >>> RNN(StackedRNNCells([LSTMCell(32), LSTMCell(16)])).output_shape((None, 10, 8))
        (None, 16)
    """

    cells: tuple[Layer, ...] = setting()

    def validate(self) -> None:
        where = f"{self.label}, setting 'cells'"
        if not isinstance(self.cells, tuple) or not self.cells:
            raise ConfigError(where, repr(self.cells), 'at least one cell', 'Write StackedRNNCells([LSTMCell(32), LSTMCell(16)]).')
        for cell in self.cells:
            require_cell(cell, where)
        self.children()

    @property
    def state_size(self) -> tuple:
        """The state sizes of each cell."""
        return tuple(cell.state_size for cell in self.cells)  # type: ignore[attr-defined]

    @property
    def output_size(self) -> int:
        """The length of the last cell's output."""
        return output_size(self.cells[-1])

    def children(self) -> dict[str, Layer]:
        return dict(zip(numbered_names(self.cells), self.cells, strict=True))

    def with_children(self, children: Mapping[str, Layer]) -> 'StackedRNNCells':
        return self.replace(cells=tuple(children[name] for name in self.children()))

    def weights(self, shape: Shape, *states: Shape) -> Weights:
        weights = {}
        for name, cell in self.children().items():
            weights[name] = weights_of(cell, shape)
            shape = (shape[0], output_size(cell))
        return {name: declared for name, declared in weights.items() if declared}

    def split(self, states: tuple) -> list[tuple]:
        """The states of each cell, from those of all cells in one row."""
        parts, first = [], 0
        for cell in self.cells:
            count = len(leaves(cell.state_size))  # type: ignore[attr-defined]
            parts.append(states[first : first + count])
            first += count
        return parts

    def apply(self, variables, x, *states, scope):
        after = []
        for (name, cell), own in zip(self.children().items(), self.split(states), strict=True):
            x, *new = scope.call(cell, name, variables, x, *own)
            after += new
        return x, *after
