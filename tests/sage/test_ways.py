"""Cells are sent as pages send them."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.languages import NAMES
from tests.sage.cells import Cell, Expected
from tests.sage.plainclient import PlainSage
from tests.sage.ways import Plain, Service, Unable, wrapped


def cell(code, **more):
    return Cell(name="one/cell", code=code, expected=Expected(**more.pop("expected", {})), **more)


def test_sage_and_python_are_sent_as_they_are():
    assert wrapped(cell("2^3")) == "2^3"
    assert wrapped(cell("2**3", language="python")) == "2**3"


@pytest.mark.parametrize("language", sorted(NAMES))
def test_the_object_of_a_language_gets_the_program(language):
    program = 'a = "\\n";\nb = \'"""\';'
    sent: list[str] = []
    objects = type("Objects", (), {"eval": staticmethod(sent.append)})
    names = {language: sent.append if language == "html" else objects, "print": lambda _: None}
    exec(wrapped(cell(program, language=language)), names)
    (text,) = sent
    assert program in text


def test_cells_that_a_way_cannot_run():
    service = Service("http://localhost:9")
    with pytest.raises(Unable):
        service.run(cell("n", after="one/before"))
    with pytest.raises(Unable):
        service.run(cell("n", language="python", expected={"result": "2"}))
    with pytest.raises(Unable):
        Plain(sage=PlainSage("python"), cells={}).run(
            cell("f()", expected={"controls": {"n": "slider"}})
        )
