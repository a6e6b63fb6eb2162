"""The cores of a CPU as devices of their own, for work that XLA runs on one core however many there are: loops over time."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

MOST_DEVICES = 8
# With fewer rows a device has less to do than the others have to wait for.
LEAST_ROWS = 4
_ROWS = 'rows'
_mesh: ContextVar[Mesh | None] = ContextVar('mesh of rows', default=None)


@functools.cache
def prepare() -> None:
    """Make every core a device, where that can still be done: before anything was computed, and unless it was decided elsewhere.

    Programs that do not ask for it go on using all cores from one device.
    """
    decided = (
        'xla_force_host_platform_device_count' in os.environ.get('XLA_FLAGS', '') or getattr(jax.config, 'jax_num_cpu_devices', -1) != -1
    )
    cores = min(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1, MOST_DEVICES)
    if not decided and cores > 1:
        with contextlib.suppress(RuntimeError):  # JAX was used before: one device it is
            jax.config.update('jax_num_cpu_devices', cores)


def mesh_of_rows(rows: int) -> Mesh | None:
    """The devices that share so many rows equally, or None where one does them all."""
    prepare()
    devices = jax.local_devices()
    if devices[0].platform != 'cpu':
        return None
    count = max((n for n in range(1, len(devices) + 1) if rows % n == 0 and rows >= n * LEAST_ROWS), default=1)
    return Mesh(np.array(devices[:count]), (_ROWS,)) if count > 1 else None


@contextlib.contextmanager
def sharing(mesh: Mesh | None) -> Iterator[None]:
    """While a program is traced: which devices share the rows of its batches."""
    token = _mesh.set(mesh)
    try:
        yield
    finally:
        _mesh.reset(token)


def by_rows(function: Callable[..., Any], inputs: tuple[int | None, ...], outputs: tuple[int, ...]) -> Callable[..., Any]:
    """The function, each device computing it on its own rows where devices share them.

    Args:
        inputs: for each argument the axis of the batch, None for one that all devices have whole.
        outputs: the axis of the batch of each result.
    """
    mesh = _mesh.get()
    if mesh is None:
        return function
    specs = [
        tuple(PartitionSpec() if axis is None else PartitionSpec(*(None,) * axis, _ROWS) for axis in axes) for axes in (inputs, outputs)
    ]
    shared = jax.shard_map(function, mesh=mesh, in_specs=specs[0], out_specs=specs[1], check_vma=False)

    def divided(*arguments: Any) -> Any:
        sizes = [a.shape[axis] for a, axis in zip(arguments, inputs, strict=True) if axis is not None and a is not None]
        return function(*arguments) if any(size % mesh.size for size in sizes) else shared(*arguments)

    return divided


def shared(tree: Any) -> Any:
    """Arrays of a batch, (rows, …), divided among the devices that share rows; inside a program."""
    mesh = _mesh.get()
    if mesh is None:
        return tree
    return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, NamedSharding(mesh, PartitionSpec(_ROWS))), tree)


def on_all(tree: Any, mesh: Mesh | None) -> Any:
    """Arrays with a copy on each of these devices; on the default device where there are none to share."""
    return jax.device_put(tree) if mesh is None else jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def on_one(tree: Any) -> Any:
    """The arrays as they are on the first of their devices."""
    several = any(len(a.devices()) > 1 for a in jax.tree.leaves(tree) if isinstance(a, jax.Array))
    return jax.tree.map(_on_one, tree) if several else tree


def _on_one(array: Any) -> Any:
    return array.addressable_data(0) if array.is_fully_replicated else jax.device_put(np.asarray(array))
