"""Compilation beside other work: XLA compiles in a thread while the host still prepares the data."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax


class Ahead:
    """A jitted function that may be compiled ahead for arguments of which only the shapes are known.

    Args:
        function: made by `jax.jit`.
    """

    def __init__(self, function: Any):
        self.function = function
        self._results: dict[Any, Callable[[], Any]] = {}

    def prepare(self, *arguments: Any) -> None:
        """Trace for such arguments, arrays or ShapeDtypeStructs, and begin to compile; returns before that is done."""
        key = _signature(arguments)
        if key not in self._results:
            self._results[key] = _in_thread(self.function.lower(*arguments).compile)

    def __call__(self, *arguments: Any) -> Any:
        result = self._results.get(_signature(arguments)) if self._results else None
        return self.function(*arguments) if result is None else result()(*arguments)


def _in_thread(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begin the work in a thread; what is returned waits for its end and gives its result, or raises its error."""
    executor = ThreadPoolExecutor(1, 'lamina-compilation')
    future = executor.submit(work)
    executor.shutdown(wait=False)
    return future.result


def _signature(arguments: tuple) -> Any:
    leaves, structure = jax.tree.flatten(arguments)
    return structure, tuple((tuple(getattr(a, 'shape', ())), str(getattr(a, 'dtype', type(a).__name__))) for a in leaves)
