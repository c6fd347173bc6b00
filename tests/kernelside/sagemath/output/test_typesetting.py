"""Formulas that the page cannot typeset are shown in another way, never as their source."""

from __future__ import annotations

import re

import pytest

from tests.kernelside.sagemath.displays import value

pytestmark = [pytest.mark.sage, pytest.mark.integration]

UNKNOWN_TO_KATEX = (
    "Partition([3, 2, 1])",
    "Partitions(4).list()",
    "Tableau([[1, 2], [3]])",
    "StandardTableaux(3).list()",
    "SkewTableau([[None, 1], [2]])",
    "SemistandardTableau([[1, 1], [2]])",
    "SkewPartition([[2, 1], [1]])",
    "PartitionTuple([[2], [1]])",
    "TableauTuple([[[1, 2]], [[3]]])",
    "StandardSkewTableaux([[2, 1], [1]]).list()",
    "Core([2, 1], 4)",
    "AbelianGroup([2, 3])",
    "crystals.Letters(['A', 2])",
    "BinaryTree([None, []])",
    "OrderedTree([[], []])",
    "DyckWord([1, 0, 1, 0])",
    "DyckWords(3).list()",
    "PerfectMatching([(1, 2)])",
    "PlanePartition([[2, 1], [1]])",
    "Automaton([(0, 1, 0)])",
    "InteractiveLPProblem([[1, 1]], [2], [1, 1], ['a', 'b'])",
)


def test_no_source_is_shown(cell):
    for code in (*(f"show({each})" for each in UNKNOWN_TO_KATEX), "show(Tableau([[1]]), x)"):
        data = value(cell, code)
        assert re.match(r"<pre>|<img ", data["text/html"]), data
        assert "\\" not in re.sub(r'src="[^"]*"', "", data["text/html"])
        assert "text/latex" not in data


def test_pictures_and_art(cell):
    assert value(cell, "show(Partition([2, 1]))")["text/html"] == "<pre>┌┬┐\n├┼┘\n└┘</pre>"
    together = value(cell, "show(Partition([1]), x)")["text/html"]
    assert together == "<pre>┌┐\n└┘ x</pre>".replace("┌┐\n", "┌┐  \n")
    tableau = value(cell, "show(Tableau([[1, 2], [3]]))")["text/html"]
    assert tableau.startswith('<img alt="[[1, 2], [3]]" src="data:image/svg+xml,')


def test_all_other_formulas_are_typeset(cell):
    for code in ("x/2", "matrix(2, [1, 2, 3, 4])", "[x, x^2]", "'a$b'", "'text'", "QQ['t']"):
        assert "text/latex" in value(cell, f"show({code})"), code


def test_a_table_with_a_tableau_is_text(cell):
    assert value(cell, "table([[Tableau([[1, 2]])]])") == {"text/plain": "  [[1, 2]]"}


def test_words_about_latex_are_no_formula(cell):
    words = r"<pre>\begin{tabular}\cline{1-2}</pre>"
    assert value(cell, f"html(r'{words}')")["text/html"] == words


@pytest.mark.parametrize("code", ["latex(graphs.PetersenGraph())", "show(latex(Graph(2)))"])
def test_latex_of_a_graph_comes_without_a_warning_about_tex(cell, code):
    result = cell.run(code)
    assert result.reply["status"] == "ok"
    assert result.text() == result.text("stderr") == ""


def test_latex_of_a_graph_is_for_a_document(cell):
    assert "\\begin{tikzpicture}" in cell.value("latex(graphs.PetersenGraph())")
