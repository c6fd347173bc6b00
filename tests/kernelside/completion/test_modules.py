"""Modules that could be imported are found without importing them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sagecell_tx.kernelside.completion.modules import importable


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that must not be imported."""
    inner = tmp_path / "trap_package" / "inner"
    inner.mkdir(parents=True)
    for directory in (inner.parent, inner):
        (directory / "__init__.py").write_text("raise SystemExit")
    (inner / "leaf.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    return "trap_package"


def test_packages_and_what_is_in_them(package: str) -> None:
    assert {"trap_package", "json", "sys"} <= set(importable("import tr") or [])
    assert importable("import os, trap_package.") == ["trap_package.inner"]
    assert importable("from trap_package.inner.") == ["trap_package.inner.leaf"]
    assert importable("from trap_package.inner import ") == ["leaf"]
    assert importable("from trap_package import (a, in") == ["inner"]
    assert package not in sys.modules


def test_names_in_a_module_that_is_loaded() -> None:
    assert "path" in (importable("from os import pa") or [])
    assert importable("from os import path, ") is not None


def test_what_is_not_there() -> None:
    for line in ("import no.such.", "from no.such import ", "import ..", "import a..b."):
        assert importable(line) == []


def test_what_is_no_import() -> None:
    for line in ("", "x = import_me", "importer", "import a; b", "from a import b as c(", "from"):
        assert importable(line) is None


def test_thousands_of_anything() -> None:
    for part in ("a.", "a,", " ", "a ", "."):
        importable("import " + part * 2000 + "!")
        importable("from " + part * 2000 + " import " + part * 2000 + "!")
