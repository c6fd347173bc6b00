"""Names of modules that could be imported, found without importing any."""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder

from sagecell_tx.kernelside.completion.analysis import KnownObject, attributes

_IMPORT = re.compile(r"\s*(?:import|from)\s+([\w\s.,]*)\Z")
_FROM = re.compile(r"\s*from\s+([\w.]+)\s+import\s+\(?([\w\s,]*)\Z")


def importable(line: str) -> list[str] | None:
    """The names that could end an import statement; None if `line` is not one.

    Dotted names are complete, as they are in the statement.
    """
    if found := _FROM.match(line):
        module = found[1]
        loaded = sys.modules.get(module)
        names = [] if loaded is None else attributes(KnownObject(loaded))
        return [*names, *_below(module.split("."))]
    if found := _IMPORT.match(line):
        *package, _ = found[1].rpartition(",")[2].strip().split(".")
        if not package:
            return [*sys.stdlib_module_names, *sys.builtin_module_names, *_names(None)]
        return [".".join([*package, name]) for name in _below(package)]
    return None


def _below(package: list[str]) -> list[str]:
    """The modules of a package."""
    places: Iterable[str] | None = None
    for name in package:
        # One level at a time: finding a submodule by its dotted name imports its parents.
        spec = PathFinder.find_spec(name, None if places is None else list(places))
        if spec is None or spec.submodule_search_locations is None:
            return []
        places = spec.submodule_search_locations
    return _names(places)


def _names(places: Iterable[str] | None) -> list[str]:
    return [module.name for module in pkgutil.iter_modules(places)]
