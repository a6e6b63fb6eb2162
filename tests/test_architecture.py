"""The house rules that code can check: imports point down, nothing optional is imported early, files stay short, all is explained."""

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import lamina

SOURCE = Path(lamina.__file__).parent
MAX_LINES = 600
# Low to high; rooms on one level are listed together and may not depend on one another in a circle.
LEVELS = [
    {'core', 'version'},
    {'initializers', 'activations', 'regularizers', 'constraints', 'losses', 'metrics', 'optimizers', 'data', 'datasets', 'kernels'},
    {'layers'},
    {'training'},
    {'models'},
    {'external', 'health', 'explain', 'export'},
    {'kits'},
    {'serve'},
    {'studio'},
    {'cli'},
    {'__main__'},
]
FACADES = {'', 'callbacks', 'utils'}
# What `import lamina` may not bring in; rich and typer are dependencies of ours, which only some calls use.
NOT_AT_START = {'rich', 'typer', 'pandas', 'polars', 'sklearn', 'PIL', 'mlxtend', 'torch', 'keras', 'flax', 'equinox', 'matplotlib'}
OPTIONAL = NOT_AT_START | {'tensorflow', 'scipy', 'safetensors', 'datasets', 'h5py'}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    names = {}
    for path in sorted(SOURCE.rglob('*.py')):
        parts = path.relative_to(SOURCE.parent).with_suffix('').parts
        names['.'.join(parts[:-1] if parts[-1] == '__init__' else parts)] = path
    return names


MODULES = modules()


class Imports(ast.NodeVisitor):
    """The modules that a file imports, with whether at its top level; what only type checkers run is left out."""

    def __init__(self, source: str):
        self.found: list[tuple[str, bool]] = []
        self.depth = 0
        self.visit(ast.parse(source))

    def visit_Import(self, node):
        self.found += [(alias.name, self.depth == 0) for alias in node.names]

    def visit_ImportFrom(self, node):
        module = node.module or ''
        for alias in node.names:
            inner = f'{module}.{alias.name}'
            self.found.append((('.' * node.level) + (inner if inner in MODULES else module), self.depth == 0))

    def visit_If(self, node):
        if 'TYPE_CHECKING' in ast.dump(node.test):
            for statement in node.orelse:
                self.visit(statement)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node):
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef


IMPORTS = {name: Imports(path.read_text()).found for name, path in MODULES.items()}
OURS = {
    name: sorted({target for target, _ in found if target == 'lamina' or target.startswith('lamina.')}) for name, found in IMPORTS.items()
}


def room(module: str) -> str:
    """`lamina.layers.core` → `layers`; the package itself → ``."""
    return [*module.split('.'), ''][1]


def level(module: str) -> int:
    return next(i for i, rooms in enumerate(LEVELS) if room(module) in rooms)


def test_the_reader_of_imports_sees_what_it_should():
    source = """
import lamina.core.errors as e
from lamina import layers
from lamina.core import shapes, nothing
if TYPE_CHECKING:
    from lamina.models import Model
def late():
    from lamina.training import fit
    import torch
"""
    assert Imports(source).found == [
        ('lamina.core.errors', True),
        ('lamina.layers', True),
        ('lamina.core.shapes', True),
        ('lamina.core', True),
        ('lamina.training.fit', False),
        ('torch', False),
    ]


def test_every_module_belongs_to_a_room():
    known = set().union(*LEVELS) | FACADES
    assert {room(module) for module in MODULES} <= known


@pytest.mark.parametrize('module', [m for m in MODULES if room(m) not in FACADES])
def test_imports_point_down(module):
    for target in OURS[module]:
        assert room(target) not in FACADES, f'{module} imports {target}, which is for users'
        assert level(target) <= level(module), f'{module} imports {target}, which is above it'
        if level(target) == level(module) and level(module) >= level('lamina.external'):
            assert room(target) == room(module), f'{module} imports {target}, a neighbour'


def test_adapters_are_imported_by_the_face_and_the_command_line_only():
    importers = {room(m) for m, targets in OURS.items() if any(room(t) == 'external' for t in targets)}
    assert importers <= {'', 'external', 'cli'}
    assert {room(t) for m, targets in OURS.items() if room(m) == 'external' for t in targets} <= {
        *LEVELS[0],
        *LEVELS[1],
        'layers',
        'models',
        'external',
    }


def test_training_never_learns_what_a_model_or_a_layer_is():
    assert {room(t) for m, targets in OURS.items() if room(m) == 'training' for t in targets} <= {*LEVELS[0], *LEVELS[1], 'training'}


def circle(graph: dict[str, list[str]]) -> list[str]:
    """The modules of one import cycle, or nothing."""
    done: set[str] = set()

    def visit(name: str, above: list[str]) -> list[str]:
        if name in above:
            return [*above[above.index(name) :], name]
        if name in done:
            return []
        for target in graph.get(name, []):
            if target != name and (found := visit(target, [*above, name])):
                return found
        done.add(name)
        return []

    return next((found for name in graph if (found := visit(name, []))), [])


def test_circles_are_found():
    assert circle({'a': ['b'], 'b': ['c'], 'c': ['b']}) == ['b', 'c', 'b']
    assert circle({'a': ['b', 'c'], 'b': ['c'], 'c': []}) == []


def test_no_import_cycles():
    assert circle(OURS) == []


def test_rooms_do_not_depend_on_one_another_in_a_circle():
    rooms: dict[str, list[str]] = {}
    for module, targets in OURS.items():
        if room(module) not in FACADES:
            rooms.setdefault(room(module), []).extend(room(t) for t in targets if room(t) != room(module))
    assert circle(rooms) == []


@pytest.mark.parametrize('module', ['lamina.callbacks', 'lamina.utils'])
def test_facades_only_re_export(module):
    kinds = {type(node) for node in ast.parse(MODULES[module].read_text()).body}
    assert kinds <= {ast.Expr, ast.ImportFrom, ast.Assign}


def test_imports_are_absolute():
    assert [m for m, found in IMPORTS.items() if any(t.startswith('.') for t, _ in found)] == []


def test_no_file_is_too_long():
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_no_optional_package_is_imported_at_the_top_of_a_module():
    early = {
        (m, t)
        for m, found in IMPORTS.items()
        for t, top in found
        if top and t.split('.')[0] in OPTIONAL and not (room(m) == 'cli' and t.split('.')[0] in ('rich', 'typer'))
    }
    assert early == set()


def test_importing_lamina_imports_nothing_optional():
    code = 'import json, sys, lamina; lamina.external.as_layer; print(json.dumps(sorted(sys.modules)))'
    loaded = json.loads(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout)
    assert 'jax' in loaded
    assert sorted(set(loaded) & NOT_AT_START) == []


def test_no_assert_no_bare_except_no_unfinished_code():
    found = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ('Exception', 'BaseException'))
            )
            raised = isinstance(node, ast.Raise) and 'NotImplementedError' in ast.dump(node)
            if broad or raised or isinstance(node, ast.Assert):
                found.append((name, node.lineno))
    assert found == []


def public_things():
    """Every class and function that users reach as lamina.x or lamina.room.x, and the modules themselves."""
    things = {}
    for info in [None, *pkgutil.iter_modules(lamina.__path__, 'lamina.')]:
        module = lamina if info is None else importlib.import_module(info.name)
        things[module.__name__] = module
        for name in getattr(module, '__all__', []):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                things[f'{thing.__module__}.{thing.__qualname__}'] = thing
    return things


PUBLIC = public_things()


def test_every_room_lists_what_is_public():
    rooms = [m for n, m in PUBLIC.items() if inspect.ismodule(m) and n.count('.') == 1 and room(n) in {*LEVELS[1], 'layers', 'models', ''}]
    assert [m.__name__ for m in rooms if not hasattr(m, '__all__') and room(m.__name__) not in ('regularizers', 'constraints')] == []


@pytest.mark.parametrize('name', sorted(PUBLIC))
def test_everything_public_is_explained(name):
    thing = PUBLIC[name]
    doc = (thing.__dict__.get('__doc__') if inspect.isclass(thing) else thing.__doc__) or ''
    # A dataclass without a docstring gets its signature for one.
    assert len(doc.strip()) > 5, f'{name} has no docstring'
    assert not doc.startswith(f'{getattr(thing, "__name__", "")}('), f'{name} has only the signature that dataclasses write'
    if inspect.isclass(thing) and thing.__module__.startswith('lamina.'):
        for method, function in vars(thing).items():
            if inspect.isfunction(function) and not method.startswith('_'):
                assert inspect.getdoc(getattr(thing, method)), f'{name}.{method} has no docstring'
