"""Which kernelspecs there are follows from what the kernels' programs find."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sagecell_tx.http.jupyter.kernelspecs import OfferedSpecs
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.spec import PYTHON

from .asclient import BASH


def offered(environment: str) -> OfferedSpecs:
    return OfferedSpecs(environment=lambda: environment)


def test_python_is_always_there_and_the_default() -> None:
    for environment in ("python", "sage", ""):
        specs = offered(environment)
        assert specs.default is specs.named("python3")
        assert {specs.to_start(name) for name in ("", "python", "python3")} == {specs.default}
    assert [spec.name for spec in offered("python").all] == ["python3"]


def test_sage_where_kernels_have_it() -> None:
    specs = offered("sage")
    assert [spec.name for spec in specs.all] == ["python3", "sagemath"]
    # Kernels with Sage run Sage by themselves.
    assert specs.of_cells.name == "sagemath"
    assert specs.named("sagemath").program_language == ""
    assert specs.named("python3").program_language == "python"


def test_while_that_is_unknown_a_client_is_told_to_wait() -> None:
    with pytest.raises(Refused) as refused:
        offered("").named("sagemath")
    assert refused.value.code == "loading"


def test_installed_ones_come_after_the_servers_own() -> None:
    specs = OfferedSpecs(environment=lambda: "sage", installed=[BASH])
    assert [spec.name for spec in specs.all] == ["python3", "sagemath", "bash"]
    assert specs.default.name == "python3"
    assert specs.named("bash") is BASH
    # A cell's kernel is never one of them.
    assert specs.of_cells.name == "sagemath"


def test_those_of_the_server_are_all_forked_python() -> None:
    assert {spec.kind for spec in offered("sage").all} == {PYTHON}


def test_each_is_itself_alone() -> None:
    specs = OfferedSpecs(environment=lambda: "sage", installed=[BASH])
    assert len(set(specs.all)) == 3


@pytest.mark.parametrize("name", ["sagemath", "python", "PYTHON3", "../python3", "x" * 9000])
def test_another_name_is_not_found(name: str) -> None:
    with pytest.raises(Problem) as refused:
        offered("python").named(name)
    assert (refused.value.status, refused.value.code) == (404, "unknown_kernelspec")
    assert len(refused.value.message) < 200


def test_a_model_tells_nothing_of_the_machine() -> None:
    for spec in offered("sage").all:
        model = spec.model("/cells")
        assert model["name"] == spec.name
        assert (model["spec"]["argv"], model["spec"]["env"]) == ([], {})
        assert model["spec"]["language"] == spec.language
        logo = f"/cells/kernelspecs/{spec.name}/logo-svg.svg"
        assert model["resources"] == {"logo-svg": logo}
        assert (
            ElementTree.fromstring(spec.file("logo-svg.svg").content).tag
            == "{http://www.w3.org/2000/svg}svg"
        )
