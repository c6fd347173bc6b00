"""``make layers``: the package's rooms, with modules and lines, and whether each keeps the rules.

A room is a folder with modules side by side: twelve at most, or it is in `EXCEPTIONS`. Each package
of more than one module has a contract in .importlinter, which import-linter checks by itself. No two
modules define a class of the same name, or the name is in `SHARED_NAMES`. No modules import one another
in a circle, not even for their types.
"""

from __future__ import annotations

import ast
import configparser
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parent.parent

#: How many modules may stand side by side.
MOST = 12

#: Rooms that may have more modules, by path, and why.
EXCEPTIONS: Mapping[str, str] = {}

#: Names of classes that several modules may define, and why.
SHARED_NAMES: Mapping[str, str] = {}


@frozen
class Room:
    """A folder, by its path, and the lines of each of its modules by name."""

    path: str
    modules: Mapping[str, int]

    @property
    def lines(self) -> int:
        """Of all its modules, without the rooms below it."""
        return sum(self.modules.values())


def rooms(root: Path) -> Iterator[Room]:
    """All rooms of the package below a project's directory, each before those below it."""
    for folder in sorted({path.parent for path in (root / "sagecell_tx").rglob("*.py")}):
        modules = {
            path.stem: len(path.read_text(encoding="utf-8").splitlines())
            for path in sorted(folder.glob("*.py"))
            if path.name != "__init__.py"
        }
        yield Room(str(folder.relative_to(root)), modules)


def crowded(room: Room, exceptions: Mapping[str, str] = EXCEPTIONS) -> bool:
    """Whether it has more modules than it may."""
    return len(room.modules) > MOST and room.path not in exceptions


def children(package: Path) -> list[str]:
    """The modules and packages directly in a package."""
    found = [path.stem for path in package.glob("*.py") if path.name != "__init__.py"]
    return found + [path.parent.name for path in package.glob("*/__init__.py")]


def without_contract(root: Path, contracts: Iterable[str]) -> list[str]:
    """Packages, by dotted name, that have an order within and no contract that says it."""
    packages = {
        ".".join(path.parent.relative_to(root).parts): path.parent
        for path in (root / "sagecell_tx").rglob("__init__.py")
    }
    known = set(contracts)
    return sorted(
        name for name, path in packages.items() if len(children(path)) > 1 and name not in known
    )


def contracts(text: str) -> list[str]:
    """The packages that import-linter's settings have a contract for, each with all it has."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return [
        container
        for section in parser.values()
        if section.get("exhaustive") == "true"
        for container in section.get("containers", "").split()
    ]


def repeated_names(
    root: Path, exceptions: Mapping[str, str] = SHARED_NAMES
) -> Mapping[str, Sequence[str]]:
    """The modules, by path, that define a class of the same name as another one, by that name."""
    modules = defaultdict(list)
    for path in sorted((root / "sagecell_tx").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name in {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}:
            modules[name].append(str(path.relative_to(root)))
    return {
        name: paths
        for name, paths in sorted(modules.items())
        if len(paths) > 1 and name not in exceptions
    }


def imports(root: Path) -> Mapping[str, set[str]]:
    """The modules of the package that each of them imports, by dotted names.

    It makes no difference whether that is at the top, in a function or for types alone.
    """
    paths = {}
    for path in (root / "sagecell_tx").rglob("*.py"):
        parts = path.relative_to(root).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph = {}
    for module, path in sorted(paths.items()):
        package = ".".join(path.parent.relative_to(root).parts)
        names = _imported_names(ast.parse(path.read_text(encoding="utf-8")), package)
        found = {name if name in paths else name.rpartition(".")[0] for name in names}
        graph[module] = (found & paths.keys()) - {module}
    return graph


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    """What a module of `package` imports: other modules, or names in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Circles of imports, each from a module to itself again; without a link of each, there is none.

    There may be more in the same modules: what is found depends on where the search begins.
    """
    left = {module: sorted(imported) for module, imported in sorted(graph.items())}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]  # graphlib says what is needed before what needs it
            found.append(circle)
            left[circle[0]].remove(circle[1])
        else:
            return found


def main() -> int:
    """Print the rooms; 1 when one of them breaks a rule."""
    told = list(rooms(ROOT))
    for room in told:
        sys.stdout.write(f"{room.path}: {len(room.modules)} modules, {room.lines} lines\n")
        modules = ", ".join(f"{name} {lines}" for name, lines in room.modules.items())
        sys.stdout.write(textwrap.indent(textwrap.fill(modules, 96), "    ") + "\n")
    for room in told:
        if crowded(room):
            sys.stdout.write(f"More than {MOST} modules side by side: {room.path}\n")
        elif crowded(room, {}):
            reason = EXCEPTIONS[room.path]
            sys.stdout.write(f"Let be with more than {MOST}: {room.path}, since {reason}\n")
    settings = (ROOT / ".importlinter").read_text(encoding="utf-8")
    unordered = without_contract(ROOT, contracts(settings))
    for name in unordered:
        sys.stdout.write(f"Without a contract in .importlinter: {name}\n")
    repeated = repeated_names(ROOT)
    for name, paths in repeated.items():
        sys.stdout.write(f"Several classes are called {name}: {', '.join(paths)}\n")
    circular = circles(imports(ROOT))
    for circle in circular:
        sys.stdout.write(f"Imports in a circle: {' -> '.join(circle)}\n")
    return 1 if unordered or repeated or circular or any(map(crowded, told)) else 0


if __name__ == "__main__":
    sys.exit(main())
