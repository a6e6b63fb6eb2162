"""What a model is made of, as rows that can be read as text, HTML or JSON."""

import html
from dataclasses import asdict, dataclass
from typing import Any

import jax

from lamina.core import paths
from lamina.core.shapes import abstract_outputs, show
from lamina.core.structure import leaves
from lamina.layers.base import Layer, remembered, weights_of
from lamina.layers.scope import Scope
from lamina.layers.weight import Weight, abstract
from lamina.models.host_part import HostPart, compiled_part, host_part


@dataclass(frozen=True)
class Row:
    """One layer.

    Args:
        path: where it stands, `'encoder/dense_1'`.
        kind: its class.
        depth: how many layers it lies within.
        output: the shape of its output.
        parameters: the number of elements of its weights.
        frozen: how many of these are not trained.
        flops: floating-point operations for one example, forward, by XLA's count; None where a layer contains others.
    """

    path: str
    kind: str
    depth: int
    output: Any
    parameters: int
    frozen: int
    flops: int | None


@dataclass(frozen=True)
class Summary:
    """The rows of a model and their totals. `str()` gives a table, `.html()` another, `.json()` a plain dict."""

    name: str
    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    size_bytes: int
    flops: int

    @classmethod
    def of(cls, network: Layer, inputs: Any, name: str) -> 'Summary':
        """The summary of a network with these InputLayers."""
        whole, part = network, host_part(network, inputs)
        network, inputs = compiled_part(network, inputs)
        entries = leaves(inputs)
        shapes, dtypes = tuple(i.batch_shape for i in entries), tuple(i.dtype for i in entries)
        weights = weights_of(network, *shapes)
        flat: dict[str, Weight] = paths.flatten(weights)
        seen: dict[str, tuple[Layer, tuple, Any]] = {}
        variables = abstract(weights)

        def observed(values, *arrays):
            seen.clear()
            outputs: dict[str, tuple] = {}

            def observe(path: str, layer: Layer, given: tuple, result: Any) -> None:
                seen[path] = (layer, jax.tree.map(_abstract, given), jax.tree.map(_abstract, result))
                outputs[path] = (given, result)

            network.apply(values, *arrays, scope=Scope(observer=observe))
            return {path: result for path, (_, result) in outputs.items()}

        results = abstract_outputs(observed, variables, shapes, dtypes)
        prepared = {} if part is None else _prepared_rows(whole, part)
        rows = tuple(
            _row(path, seen[path], results[path], weights, flat) if path in seen else prepared[path]
            for path in _outermost_first([*prepared, *seen])
        )
        total = sum(w.size for w in flat.values())
        return cls(
            name=name,
            rows=rows,
            parameters=total,
            trainable=sum(w.size for w in flat.values() if w.trainable),
            size_bytes=sum(w.size * jax.numpy.dtype(w.dtype).itemsize for w in flat.values()),
            flops=sum(row.flops or 0 for row in rows),
        )

    def json(self) -> dict[str, Any]:
        """Plain numbers, strings and lists."""
        return asdict(self)

    def __str__(self) -> str:
        table = [('Layer', 'Output shape', 'Parameters', 'FLOPs')]
        for row in self.rows:
            name = '  ' * row.depth + row.path.rsplit(paths.SEPARATOR, 1)[-1]
            mark = '' if not row.frozen else ' (frozen)' if row.frozen == row.parameters else f' ({row.frozen:,} not trained)'
            table.append(
                (f'{name} ({row.kind})', _shown(row.output), f'{row.parameters:,}{mark}', '' if row.flops is None else f'{row.flops:,}')
            )
        widths = [max(len(line[i]) for line in table) for i in range(4)]
        lines = [
            '  '.join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in table
        ]
        rule = '─' * (sum(widths) + 6)
        return '\n'.join([f'Model {self.name!r}', lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:]), rule, self.totals()])

    def totals(self) -> str:
        """The last line of the table."""
        return (
            f'{self.parameters:,} parameters ({_bytes(self.size_bytes)}), {self.trainable:,} trained, '
            f'{self.parameters - self.trainable:,} not · {self.flops:,} FLOPs per example'
        )

    def html(self) -> str:
        """The table for notebooks."""
        head = ''.join(f'<th style="text-align:left">{h}</th>' for h in ('Layer', 'Kind', 'Output shape', 'Parameters', 'FLOPs'))
        body = ''.join(self._html_row(row) for row in self.rows)
        return f'<table><caption>{html.escape(self.name)}</caption><tr>{head}</tr>{body}</table><p>{html.escape(self.totals())}</p>'

    @staticmethod
    def _html_row(row: Row) -> str:
        flops = '' if row.flops is None else f'{row.flops:,}'
        cells = ''.join(f'<td>{html.escape(cell)}</td>' for cell in (row.kind, _shown(row.output), f'{row.parameters:,}', flops))
        return f'<tr><td style="text-align:left;padding-left:{row.depth}em">{html.escape(row.path)}</td>{cells}</tr>'


def _prepared_rows(network: Layer, part: HostPart) -> dict[str, Row]:
    """The rows of what runs on the host, by path: its layers, and those around them of which nothing is compiled."""
    rows: dict[str, Row] = {}
    for step in part.steps:
        names = step.path.split(paths.SEPARATOR)
        layer = network
        for depth, name in enumerate(names):
            layer = layer.children().get(name, layer)
            flops = None if layer.children() else 0
            path = paths.SEPARATOR.join(names[: depth + 1])
            rows[path] = Row(path, type(layer).__name__, depth, tuple(step.shape), 0, 0, flops)
    return rows


def _row(path: str, seen: tuple[Layer, tuple, Any], outputs: Any, weights: Any, flat: dict[str, Weight]) -> Row:
    layer, given, _ = seen
    inside = path + paths.SEPARATOR
    own = [w for name, w in flat.items() if name.startswith(inside)]
    flops = None if layer.children() else _flops(layer, given, _subtree(weights, path))
    shapes = jax.tree.map(lambda a: a.shape, outputs)
    return Row(
        path=path,
        kind=type(layer).__name__,
        depth=path.count(paths.SEPARATOR),
        output=shapes,
        parameters=sum(w.size for w in own),
        frozen=sum(w.size for w in own if not w.trainable),
        flops=flops,
    )


def _flops(layer: Layer, inputs: tuple, weights: Any) -> int:
    one = tuple(jax.tree.map(lambda a: (1, *a.shape[1:]), inputs))
    dtypes = tuple(str(a.dtype) for a in inputs)
    return _counted(layer, one, dtypes, tuple(sorted((k, w.shape) for k, w in paths.flatten(abstract(weights)).items())))


@remembered
def _counted(layer: Layer, shapes: tuple, dtypes: tuple, weights: tuple) -> int:
    """XLA's count for one example, once for equal layers; nothing is compiled or run."""
    values = paths.nest({name: jax.ShapeDtypeStruct(shape, 'float32') for name, shape in weights})
    arrays = [jax.ShapeDtypeStruct(s, d) for s, d in zip(shapes, dtypes, strict=True)]
    analysis = jax.jit(lambda v, *x: layer.apply(v, *x, scope=Scope())).lower(values, *arrays).cost_analysis()
    return int((analysis or {}).get('flops', 0))


def _subtree(tree: Any, path: str) -> Any:
    for name in path.split(paths.SEPARATOR):
        tree = tree.get(name, {})
    return tree


def _outermost_first(found: list[str]) -> list[str]:
    """Layers report when they are done, inner ones first; a table shows the outer one above them."""
    ordered: list[str] = []
    for path in found:
        parents = [p for p in found if path.startswith(p + paths.SEPARATOR)]
        for name in (*sorted(parents, key=len), path):
            if name not in ordered:
                ordered.append(name)
    return ordered


def _abstract(value: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(value.shape, value.dtype)


def _shown(shapes: Any) -> str:
    if isinstance(shapes, tuple) and all(n is None or isinstance(n, int) for n in shapes):
        return show(shapes)
    entries = shapes.values() if isinstance(shapes, dict) else shapes
    return ', '.join(_shown(s) for s in entries)


def _bytes(count: float) -> str:
    for unit in ('bytes', 'KiB', 'MiB'):
        if count < 1024:
            return f'{count:.0f} {unit}' if unit == 'bytes' else f'{count:.1f} {unit}'
        count /= 1024
    return f'{count:.1f} GiB'
