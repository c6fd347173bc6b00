"""The corpus is complete, and a mistake in it is an error."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.languages import NAMES
from tests.sage.cells import Expected, Shown, chain, load

CELLS = load()


def write(corpus, text, subject="one"):
    (corpus / f"{subject}.toml").write_text(text, "utf-8")


def test_the_corpus():
    assert len(CELLS) >= 200
    assert sum(cell.chosen for cell in CELLS.values()) == 50
    assert {cell.language for cell in CELLS.values()} == {"sage", "python", *NAMES}
    assert not [name for name, cell in CELLS.items() if cell.updates and not cell.expected.controls]


def test_one_cell(tmp_path):
    write(
        tmp_path,
        """
        [drawn]
        code = "graphs.CycleGraph(3)"
        chosen = true
        shown = [{ picture = "png", size = [640, 480] }]
        """,
        "graphs",
    )
    (cell,) = load(tmp_path).values()
    assert (cell.name, cell.language, cell.chosen) == ("graphs/drawn", "sage", True)
    assert cell.expected == Expected(shown=[{"picture": "png", "size": [640, 480]}])
    assert cell.expected.shown == (Shown(picture="png", size=(640, 480)),)
    assert list(chain(cell, {})) == []


def test_cells_before_it(tmp_path):
    write(
        tmp_path,
        """
        a = { code = "n = 1" }
        b = { code = "n = n + 1", after = "a" }
        c = { code = "n", after = "b", result = "2" }
        """,
    )
    cells = load(tmp_path)
    assert [cell.name for cell in chain(cells["one/c"], cells)] == ["one/a", "one/b"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('a = { code = "1", outcome = "1" }', TypeError),
        ('a = { result = "1" }', TypeError),
        ('a = { code = "1", shown = [{ image = "png" }] }', TypeError),
        ('a = { code = "1", after = "b" }\nb = { code = "2" }', ValueError),
    ],
)
def test_mistakes(tmp_path, text, error):
    write(tmp_path, text)
    with pytest.raises(error):
        load(tmp_path)
