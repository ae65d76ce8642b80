"""The rooms of the hub, read from the code: the floors of pyproject.toml, the folders, and who imports whom.

A room is a file or a folder of hub/. A floor is a layer of the import contract. An inner room is a folder of
a room.
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
class Room:
    """A room; `imports` holds the names of rooms of the hub, and of inner rooms beside an inner room."""

    name: str
    path: Path
    caption: str
    imports: tuple[str, ...]
    inner: tuple[Room, ...] = ()

    def inner_rows(self, most: int) -> list[tuple[Room, ...]]:
        """Return the inner rooms in rows of about one length, with at most `most` in a row."""
        rows = -(-len(self.inner) // max(1, most))
        each = -(-len(self.inner) // max(1, rows))
        return [self.inner[row * each : (row + 1) * each] for row in range(rows)]

    @property
    def files(self) -> list[Path]:
        return sorted(self.path.rglob("*.py")) if self.path.is_dir() else [self.path]


@cache
def floors(hub: Path = HUB) -> tuple[tuple[Room, ...], ...]:
    """Return the rooms of each floor of the package `hub`, the highest floor first."""
    names = _layers(hub)
    paths = {name: _path(hub, name) for floor in names for name in floor}
    graph = {name: frozenset(_imported(path, hub, hub)) for name, path in paths.items()}
    return tuple(tuple(_room(paths[name], hub, graph) for name in floor) for floor in names)


def _layers(hub: Path) -> list[list[str]]:
    tools = tomllib.loads((hub.parent / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    contracts = (one for one in tools["importlinter"]["contracts"] if one["type"] == "layers")
    (contract,) = (one for one in contracts if hub.name in one["containers"])
    return [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]


def _path(hub: Path, name: str) -> Path:
    return hub / name if (hub / name).is_dir() else hub / f"{name}.py"


def _room(path: Path, hub: Path, graph: Graph) -> Room:
    imports = _as_on_floors(nearest(graph, path.stem), graph)
    return Room(path.stem, path, _caption(path), imports, tuple(_inner(path, hub, graph)))


def _inner(room: Path, hub: Path, graph: Graph) -> Iterator[Room]:
    """Yield the rooms inside, an importer before what it imports."""
    folders = [one for one in sorted(room.iterdir()) if any(one.rglob("*.py"))] if room.is_dir() else []
    names = {folder.name for folder in folders}
    beside = {folder.name: frozenset(_imported(folder, room, hub)) & names for folder in folders}
    for folder in sorted(folders, key=lambda one: -len(_reached(beside, one.name))):
        below = frozenset(_imported(folder, hub, hub)) - {room.name}
        seen = nearest({**graph, "": below}, "")
        imports = (*sorted(nearest(beside, folder.name)), *_as_on_floors(seen, graph))
        yield Room(folder.name, folder, _caption(folder), imports)


def _as_on_floors(names: frozenset[str], graph: Graph) -> tuple[str, ...]:
    return tuple(name for name in graph if name in names)


def _imported(room: Path, container: Path, hub: Path) -> Iterator[str]:
    """Yield the names of the files and folders in `container` from which `room` imports, without `room`."""
    for file in sorted(room.rglob("*.py")) if room.is_dir() else [room]:
        for target in _targets(file, hub):
            if target.is_relative_to(container) and not target.is_relative_to(room):
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
    """Return the file of a module, or of the module that has such a member."""
    path = hub.joinpath(*parts)
    if parts and not path.is_dir():
        path = path.with_suffix(".py")
        return path if path.exists() else _file(hub, parts[:-1])
    return path / "__init__.py"


def nearest(graph: Graph, name: str) -> frozenset[str]:
    """Return what `name` imports, without what another import of these imports as well.

    Rooms that import each other, directly or not, are all kept.
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
