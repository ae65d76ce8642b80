"""The packages of the hub, read from the code: layers of pyproject.toml, folders, and imports between these.

A package is a file or a folder directly in hub/. A layer is a layer of the import contract. An inner package
is a folder in a package.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HUB = Path(__file__).parents[1] / "hub"

Graph = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Package:
    """A package. `imports` has names of packages; for an inner package also of other inner packages."""

    name: str
    path: Path
    caption: str
    imports: tuple[str, ...]
    inner: tuple[Package, ...] = ()

    def inner_rows(self, most: int) -> list[tuple[Package, ...]]:
        """Return the inner packages in rows of about one length, with at most `most` in a row."""
        rows = -(-len(self.inner) // max(1, most))
        each = -(-len(self.inner) // max(1, rows))
        return [self.inner[row * each : (row + 1) * each] for row in range(rows)]

    @property
    def files(self) -> list[Path]:
        return sorted(self.path.rglob("*.py")) if self.path.is_dir() else [self.path]


@cache
def layers(hub: Path = HUB) -> tuple[tuple[Package, ...], ...]:
    """Return the packages of each layer of the package `hub`, the highest layer first."""
    names = _names_of_layers(hub)
    paths = {name: _path(hub, name) for layer in names for name in layer}
    graph = {name: frozenset(_imported(path, hub, hub)) for name, path in paths.items()}
    return tuple(tuple(_package(paths[name], hub, graph) for name in layer) for layer in names)


def _names_of_layers(hub: Path) -> list[list[str]]:
    tools = tomllib.loads((hub.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = (one for one in tools["importlinter"]["contracts"] if one["type"] == "layers")
    (contract,) = (one for one in contracts if hub.name in one["containers"])
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def _path(hub: Path, name: str) -> Path:
    return hub / name if (hub / name).is_dir() else hub / f"{name}.py"


def _package(path: Path, hub: Path, graph: Graph) -> Package:
    imports = _in_order_of_layers(nearest(graph, path.stem), graph)
    return Package(path.stem, path, _caption(path), imports, tuple(_inner(path, hub, graph)))


def _inner(package: Path, hub: Path, graph: Graph) -> Iterator[Package]:
    """Yield the inner packages, each before the packages that it imports."""
    folders = [one for one in sorted(package.iterdir()) if any(one.rglob("*.py"))] if package.is_dir() else []
    names = {folder.name for folder in folders}
    beside = {folder.name: frozenset(_imported(folder, package, hub)) & names for folder in folders}
    for folder in sorted(folders, key=lambda one: -len(_reached(beside, one.name))):
        below = frozenset(_imported(folder, hub, hub)) - {package.name}
        seen = nearest({**graph, "": below}, "")
        imports = (*sorted(nearest(beside, folder.name)), *_in_order_of_layers(seen, graph))
        yield Package(folder.name, folder, _caption(folder), imports)


def _in_order_of_layers(names: frozenset[str], graph: Graph) -> tuple[str, ...]:
    return tuple(name for name in graph if name in names)


def _imported(package: Path, container: Path, hub: Path) -> Iterator[str]:
    """Yield the names of other files and folders in `container` from which `package` imports."""
    for file in sorted(package.rglob("*.py")) if package.is_dir() else [package]:
        for target in _targets(file, hub):
            if target.is_relative_to(container) and not target.is_relative_to(package):
                yield Path(target.relative_to(container).parts[0]).stem


def _targets(file: Path, hub: Path) -> Iterator[Path]:
    """Yield the files of the hub that a file imports."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case ast.Import(names=names):
                modules = [name.name for name in names]
            case ast.ImportFrom(module=str() as module, names=names, level=0):
                modules = [f"{module}.{name.name}" for name in names]
            case _:
                continue
        for module in modules:
            first, *parts = module.split(".")
            if first == hub.name:
                yield _file(hub, parts)


def _file(hub: Path, parts: list[str]) -> Path:
    """Return the file of a module, or the file of the module that has this member."""
    path = hub.joinpath(*parts)
    if parts and not path.is_dir():
        path = path.with_suffix(".py")
        return path if path.exists() else _file(hub, parts[:-1])
    return path / "__init__.py"


def nearest(graph: Graph, name: str) -> frozenset[str]:
    """Return the imports of `name`, without those that another import of `name` imports too.

    Packages in an import cycle are all kept.
    """
    direct = graph[name]
    implied = {
        far
        for near in direct
        if name not in _reached(graph, near)
        for far in _reached(graph, near)
        if near not in _reached(graph, far)
    }
    return direct - implied


def _reached(graph: Graph, name: str) -> frozenset[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = graph.get(waiting.pop(), frozenset()) - found
        found |= new
        waiting += new
    return frozenset(found)


def _caption(path: Path) -> str:
    """Return the first clause of the docstring."""
    file = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(file.read_bytes())) if file.exists() else None
    first = " ".join((text or "").split("\n\n")[0].split())
    for end in (". ", "; "):
        first = first.partition(end)[0]
    return first.rstrip(".")
