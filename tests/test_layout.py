"""The rooms keep the rules, and the script that checks them finds violations."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from tests.layout import (
    EXCEPTIONS,
    MOST,
    ROOT,
    SHARED_NAMES,
    Room,
    children,
    circles,
    contracts,
    crowded,
    imports,
    repeated_names,
    rooms,
    without_contract,
)

SETTINGS = """
[importlinter]
root_packages =
    sagecell_tx

[importlinter:contract:store]
type = layers
containers = sagecell_tx.store
exhaustive = true
layers =
    files
    # A reason.
    database

[importlinter:contract:partly]
type = layers
containers = sagecell_tx.wire
layers =
    messages
"""


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("1\n2\n", encoding="utf-8")


def test_a_room_has_modules_and_lines(tmp_path):
    write(
        tmp_path,
        "sagecell_tx/__init__.py",
        "sagecell_tx/tap.py",
        "sagecell_tx/wire/__init__.py",
        "sagecell_tx/wire/v4.py",
        "sagecell_tx/wire/messages.py",
        "sagecell_tx/wire/notes.txt",
    )
    assert list(rooms(tmp_path)) == [
        Room("sagecell_tx", {"tap": 2}),
        Room("sagecell_tx/wire", {"messages": 2, "v4": 2}),
    ]
    assert Room("sagecell_tx/wire", {"messages": 2, "v4": 2}).lines == 4


@pytest.mark.parametrize(
    ("count", "exceptions", "expected"),
    [
        (MOST, {}, False),
        (MOST + 1, {}, True),
        (MOST + 1, {"a": "a reason"}, False),
        (MOST + 1, {"a/b": "a reason"}, True),
    ],
)
def test_too_many_modules(count, exceptions, expected):
    room = Room("a", {str(number): 1 for number in range(count)})
    assert crowded(room, exceptions) is expected


def test_what_is_directly_in_a_package(tmp_path):
    write(tmp_path, "__init__.py", "a.py", "b/__init__.py", "b/c.py", "data/d.txt")
    assert sorted(children(tmp_path)) == ["a", "b"]


def test_a_contract_counts_if_it_has_all_of_its_package():
    assert contracts(SETTINGS) == ["sagecell_tx.store"]


def test_a_package_without_a_contract(tmp_path):
    write(
        tmp_path,
        "sagecell_tx/__init__.py",
        "sagecell_tx/one/__init__.py",
        "sagecell_tx/one/alone.py",
        "sagecell_tx/two/__init__.py",
        "sagecell_tx/two/a.py",
        "sagecell_tx/two/b.py",
    )
    assert without_contract(tmp_path, ["sagecell_tx"]) == ["sagecell_tx.two"]
    assert without_contract(tmp_path, ["sagecell_tx", "sagecell_tx.two"]) == []


def test_classes_of_the_same_name(tmp_path):
    write(tmp_path, "sagecell_tx/__init__.py", "sagecell_tx/a.py", "sagecell_tx/b/c.py")
    assert repeated_names(tmp_path) == {}
    (tmp_path / "sagecell_tx/a.py").write_text("class Own: ...\nclass Line: ...\n")
    nested = "def make():\n    class Line: ...\n    class Line: ...\n"
    (tmp_path / "sagecell_tx/b/c.py").write_text(nested)
    assert repeated_names(tmp_path) == {"Line": ["sagecell_tx/a.py", "sagecell_tx/b/c.py"]}
    assert repeated_names(tmp_path, {"Line": "a reason"}) == {}


def graph_of(root: Path, sources: Mapping[str, str]) -> Mapping[str, set[str]]:
    """The imports of a package that has these sources, by path."""
    for name, source in {"__init__.py": "", **sources}.items():
        path = root / "sagecell_tx" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return {module: imported for module, imported in imports(root).items() if imported}


def test_a_module_imports_modules_of_the_package(tmp_path):
    sources = {
        "a.py": "import sagecell_tx.b.c\nimport os.path\nfrom attrs import define",
        "b/__init__.py": "from sagecell_tx.b.c import name",
        "b/c.py": "from sagecell_tx import a, name\nfrom . import d\nfrom .. import e\n",
        "b/d.py": "from sagecell_tx.b import *\nfrom .d import name",
        "e.py": "from sagecell_txt import a",
    }
    assert graph_of(tmp_path, sources) == {
        "sagecell_tx.a": {"sagecell_tx.b.c"},
        "sagecell_tx.b": {"sagecell_tx.b.c"},
        "sagecell_tx.b.c": {"sagecell_tx", "sagecell_tx.a", "sagecell_tx.b.d", "sagecell_tx.e"},
        "sagecell_tx.b.d": {"sagecell_tx.b"},
    }


@pytest.mark.parametrize(
    "source",
    [
        "from sagecell_tx.a import A",
        "if TYPE_CHECKING:\n    from sagecell_tx.a import A",
        "def f():\n    from sagecell_tx import a",
        "import sagecell_tx.a",
    ],
)
def test_two_modules_that_import_one_another(tmp_path, source):
    graph = graph_of(tmp_path, {"a.py": "from sagecell_tx.b import B", "b.py": source})
    assert list(map(sorted, map(set, circles(graph)))) == [["sagecell_tx.a", "sagecell_tx.b"]]


def test_a_circle_is_told_in_the_order_of_its_imports():
    (circle,) = circles({"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": set()})
    assert circle[0] == circle[-1]
    assert sorted(set(circle)) == ["a", "b", "c"]
    assert {("a", "b"), ("b", "c"), ("c", "a")} == set(pairwise(circle))


def test_each_circle_is_told():
    found = circles({"a": {"b", "c"}, "b": {"a"}, "c": {"a"}, "d": {"e"}, "e": {"d"}})
    assert sorted(map(sorted, map(set, found))) == [["a", "b"], ["a", "c"], ["d", "e"]]


def test_one_over_another_is_no_circle():
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_this_project_keeps_the_rules():
    assert [room.path for room in rooms(ROOT) if crowded(room)] == []
    settings = (ROOT / ".importlinter").read_text(encoding="utf-8")
    assert without_contract(ROOT, contracts(settings)) == []
    assert repeated_names(ROOT) == {}
    assert circles(imports(ROOT)) == []


def test_exceptions_are_of_rooms_that_there_are():
    assert EXCEPTIONS.keys() <= {room.path for room in rooms(ROOT)}


def test_shared_names_are_shared():
    assert SHARED_NAMES.keys() <= repeated_names(ROOT, {}).keys()
