"""The environment of plain kernels, and the choice of one. That of Sage is tested in sagemath/."""

from __future__ import annotations

import multiprocessing
import platform
import random
import sys

import pytest

from sagecell_tx.kernelside import languages
from sagecell_tx.kernelside.environment import Environment, PythonEnvironment
from sagecell_tx.kernelside.forkserver import environments
from sagecell_tx.kernelside.kernel.interrupts import PythonSigint
from sagecell_tx.kernelside.kernel.shell import CellShell
from sagecell_tx.kernelside.sandbox.levels import own_environment


@pytest.fixture
def environment() -> Environment:
    return PythonEnvironment()


def test_it_is_what_a_python_without_sage_has():
    assert not environments.has_sage()
    assert environments.of_this_python().name == "python"


@pytest.mark.parametrize("found", [["sage"], ["sage", "sage.all"]])
def test_only_the_whole_of_sage_is_sage(tmp_path, monkeypatch, found):
    for name in found:
        path = tmp_path / name.replace(".", "/")
        path.mkdir()
        (path / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert environments.has_sage() == ("sage.all" in found)
    finally:
        sys.modules.pop("sage", None)  # looking for a submodule imports its package


def test_a_cell_is_python(environment):
    assert environment.shell_class is CellShell
    assert isinstance(environment.sigint, PythonSigint)


def test_programs_find_the_languages(environment):
    assert environment.names() == languages.NAMES


def test_its_languages_are_those_whose_programs_are_installed(environment, tmp_path, monkeypatch):
    (tmp_path / "gp").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sorted(environment.languages()) == ["gp", "html", "python"]
    assert environment.versions == {"python": platform.python_version()}


def test_it_needs_nothing_beside_the_process(environment):
    assert list(environment.directories) == list(environment.helpers) == []
    environment.settle()
    environment.close()
    environment.close()


def test_each_fork_has_its_own_chance(environment, tmp_path, monkeypatch):
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    place = own_environment(str(tmp_path), {})
    of_sympy = random.Random()  # sympy has one, too
    monkeypatch.setitem(sys.modules, "sympy.core.random", of_sympy)
    drawn = set()
    for _ in range(3):
        random.seed(1)
        of_sympy.seed(2)
        numpy.random.seed(1)
        environment.own(place)
        drawn |= {random.random(), of_sympy.random(), numpy.random.rand()}
    assert len(drawn) == 9


def test_each_fork_has_its_own_key_for_processes(environment, tmp_path):
    process = multiprocessing.current_process()
    before = process.authkey
    try:
        environment.own(own_environment(str(tmp_path), {}))
        assert process.authkey != before
    finally:
        process.authkey = before
