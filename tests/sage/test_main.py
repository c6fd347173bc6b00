"""The command prints every difference, and says what was not run."""

from __future__ import annotations

from attrs import frozen

from tests.sage.__main__ import chosen, run_all
from tests.sage.cells import Cell, Expected
from tests.sage.outcomes import Outcome
from tests.sage.ways import Unable


@frozen
class Prepared:
    """A way whose outcomes are known, by the cells' code."""

    outcomes: dict[str, Outcome]

    def run(self, cell: Cell) -> list[Outcome]:
        if cell.code == "kernel()":
            raise AssertionError("503")
        if cell.code not in self.outcomes:
            raise Unable("is too long")
        return [self.outcomes[cell.code]]


def cell(name: str, code: str, result: str, *, program: str = "", after: str = "") -> Cell:
    return Cell(
        name=name, code=code, program=program, after=after, expected=Expected(result=result)
    )


ONE = cell("arithmetic/one", "1", "1")
TWO = cell("arithmetic/two", "1 + 1", "2")
LONG = cell("analysis/long", "integrate(...)", "1")
OTHER = cell("analysis/other", "octave('1')", "1", program="octave")
WAY = Prepared(
    {
        "1": Outcome(result="1"),
        "1 + 1": Outcome(result="3"),
        "octave('1')": Outcome(error="NotInstalled: Octave is not installed on this server."),
    }
)


def test_all_passed(capsys):
    assert run_all("alone", WAY, [ONE, LONG, OTHER, LONG])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("alone: 1 of 1 cells passed in ")
    assert printed[1:] == ["  2 not run: is too long", "  1 not run: octave is not installed"]


def test_a_difference(capsys):
    assert not run_all("linked", WAY, [ONE, TWO])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "arithmetic/two (linked)"
    assert [line.split() for line in printed[1:4]] == [["result"], ["expected", "2"], ["came", "3"]]
    assert printed[-1].startswith("linked: 1 of 2 cells passed in ")


def test_a_kernel_that_does_not_start(capsys):
    assert not run_all("alone", WAY, [cell("a/b", "kernel()", ""), ONE])
    printed = capsys.readouterr().out
    assert "AssertionError: 503" in printed
    assert "alone: 1 of 2 cells passed" in printed


def test_cells_by_name():
    after = cell("limits/last", "_ + 1", "2", after="arithmetic/one")
    cells = {each.name: each for each in (ONE, TWO, LONG, after)}
    assert chosen(cells, []) == [ONE, TWO, LONG, after]
    assert chosen(cells, ["limits/*"]) == [ONE, after]
    assert chosen(cells, ["arithmetic/*"]) == [ONE, TWO]
    assert chosen(cells, ["*/long", "*/one"]) == [ONE, LONG]
