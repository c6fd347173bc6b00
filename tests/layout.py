"""``make layers``: prints the package's rooms, with modules and lines, and checks the rules.

A room is a folder of modules: twelve at most, unless it is in `EXCEPTIONS`. Each package
of more than one module has a contract in .importlinter, which import-linter checks. No two
modules define a class of the same name, unless the name is in `SHARED_NAMES`. There are no import
cycles, not even for types.
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

#: The maximum of modules in a room.
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
        """The lines of all its modules, without the rooms below it."""
        return sum(self.modules.values())


def rooms(root: Path) -> Iterator[Room]:
    """All rooms of the package in the project directory `root`, each before its subfolders."""
    for folder in sorted({path.parent for path in (root / "sagecell_tx").rglob("*.py")}):
        modules = {
            path.stem: len(path.read_text(encoding="utf-8").splitlines())
            for path in sorted(folder.glob("*.py"))
            if path.name != "__init__.py"
        }
        yield Room(str(folder.relative_to(root)), modules)


def crowded(room: Room, exceptions: Mapping[str, str] = EXCEPTIONS) -> bool:
    """Whether it has more than `MOST` modules and is not an exception."""
    return len(room.modules) > MOST and room.path not in exceptions


def children(package: Path) -> list[str]:
    """The modules and packages directly in a package."""
    found = [path.stem for path in package.glob("*.py") if path.name != "__init__.py"]
    return found + [path.parent.name for path in package.glob("*/__init__.py")]


def without_contract(root: Path, contracts: Iterable[str]) -> list[str]:
    """Packages, by dotted name, of more than one module and without a contract."""
    packages = {
        ".".join(path.parent.relative_to(root).parts): path.parent
        for path in (root / "sagecell_tx").rglob("__init__.py")
    }
    known = set(contracts)
    return sorted(
        name for name, path in packages.items() if len(children(path)) > 1 and name not in known
    )


def contracts(text: str) -> list[str]:
    """The packages for which import-linter's settings have an exhaustive contract."""
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
    """Class names that several modules define, with the paths of these modules."""
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

    Imports in functions and for types only count as well.
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
    """The dotted names that a module of `package` imports: modules, or names in them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Import cycles, each from a module back to itself; removing one import of each breaks all.

    The same modules may have further cycles: which are found depends on where the search begins.
    """
    left = {module: sorted(imported) for module, imported in sorted(graph.items())}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle = error.args[1][::-1]  # graphlib lists the imported module first
            found.append(circle)
            left[circle[0]].remove(circle[1])
        else:
            return found


def main() -> int:
    """Print the rooms; returns 1 if one of them breaks a rule."""
    told = list(rooms(ROOT))
    for room in told:
        sys.stdout.write(f"{room.path}: {len(room.modules)} modules, {room.lines} lines\n")
        modules = ", ".join(f"{name} {lines}" for name, lines in room.modules.items())
        sys.stdout.write(textwrap.indent(textwrap.fill(modules, 96), "    ") + "\n")
    for room in told:
        if crowded(room):
            sys.stdout.write(f"More than {MOST} modules in a room: {room.path}\n")
        elif crowded(room, {}):
            reason = EXCEPTIONS[room.path]
            sys.stdout.write(f"Exempt with more than {MOST}: {room.path}, since {reason}\n")
    settings = (ROOT / ".importlinter").read_text(encoding="utf-8")
    unordered = without_contract(ROOT, contracts(settings))
    for name in unordered:
        sys.stdout.write(f"Without a contract in .importlinter: {name}\n")
    repeated = repeated_names(ROOT)
    for name, paths in repeated.items():
        sys.stdout.write(f"Several classes have the name {name}: {', '.join(paths)}\n")
    circular = circles(imports(ROOT))
    for circle in circular:
        sys.stdout.write(f"Import cycle: {' -> '.join(circle)}\n")
    return 1 if unordered or repeated or circular or any(map(crowded, told)) else 0


if __name__ == "__main__":
    sys.exit(main())
