"""What each kind of Sage's values is displayed as."""

from __future__ import annotations

import pytest

from tests.kernelside.sagemath.displays import displayed, early_files, picture, value

pytestmark = [pytest.mark.sage, pytest.mark.integration]

PNG, GIF = b"\x89PNG", b"GIF8"


def test_text(cell):
    for code, shown in {
        "5": "5",
        "1/3": "1/3",
        "matrix(2, [1, 2, 3, 4])": "[1 2]\n[3 4]",
        "integrate(x^2, x)": "1/3*x^3",
        "[QQ, x]": "[Rational Field, x]",
        "ascii_art(x/2)": "x\n-\n2",
        "unicode_art(matrix(2, [1, 2, 3, 4]))": "⎛1 2⎞\n⎝3 4⎠",
        "'words'": "'words'",
        "import numpy; numpy.eye(1)": "array([[1.]])",
        "latex(x/2)": r"\frac{1}{2} \, x",
    }.items():
        assert value(cell, code) == {"text/plain": shown}


def test_typeset_values(cell):
    for code in ("show(matrix(2, [1, 2, 3, 4]))", "view(matrix(2, [1, 2, 3, 4]), tightpage=True)"):
        data = value(cell, code)
        assert r"\begin{array}{rr}" in data["text/html"]
        assert data["text/latex"].startswith(r"$\displaystyle \left(\begin{array}{rr}")
        assert data["text/plain"] == "[1 2]\n[3 4]"
    together = value(cell, "pretty_print(x^2, ' and ', 3)")
    assert "x^{2}" in together["text/latex"]
    assert r"\verb| |" in together["text/latex"]


def test_display_chooses_the_text(cell):
    for choice, shown in {
        "ascii_art": "x\n-\n2",
        "unicode_art": "x\n─\n2",
        "plain": "1/2*x",
    }.items():
        assert value(cell, f"%display {choice}\nx/2") == {"text/plain": shown}
    typeset = value(cell, "%display latex\nx/2")
    assert typeset["text/html"] == r"<html>\(\displaystyle \frac{1}{2} \, x\)</html>"
    assert value(cell, "%display default\nx/2") == {"text/plain": "1/2*x"}


def test_html_and_tables(cell):
    assert value(cell, "html('<b>x</b>')") == {"text/html": "<b>x</b>", "text/plain": "<b>x</b>"}
    table = value(cell, "table([[1, 2], [3, 4]])")
    assert "<table" in table["text/html"]
    assert table["text/plain"] == "  1   2\n  3   4"


def test_plots_and_graphs_are_pictures_and_files(cell):
    """contract: 4.10, 4.11, 4.19"""
    for code in (
        "plot(sin(x), (x, 0, 3))",
        "show(plot(x))",
        "circle((0, 0), 1).show()",
        "graphics_array([plot(x), plot(x)])",
        "graphs.PetersenGraph()",
        "posets.BooleanLattice(2)",
        "show(graphs.CompleteGraph(4))",
    ):
        data = value(cell, code)
        name = data["text/image-filename"]
        assert picture(data).startswith(PNG)
        assert (cell.work / name).read_bytes() == picture(data)
        assert data["text/plain"]
        # Clients take the first that they can show, and the picture itself needs no request.
        assert next(iter(data)) == "image/png"


def test_a_file_is_there_before_the_display_that_names_it(cell):
    """contract: 4.10"""
    result = cell.run("plot(x)")
    (content,) = result.of("execute_result")
    assert early_files(result) == {content["data"]["text/image-filename"]}


def test_files_of_the_program_are_listed(cell):
    """contract: 4.19"""
    result = cell.run("plot(x).save('mine.png')\nplot(x)")
    assert result.reply["payload"] == [{"source": "sagecell", "new_files": ["mine.png"]}]


def test_matplotlibs_plots_have_names_as_well(cell):
    """contract: 4.10, 5.4"""
    data = value(cell, "import matplotlib.pyplot as plt; _ = plt.plot([1, 2]); plt.show()")
    assert list(cell.work.glob("*.png")) == [cell.work / data["text/image-filename"]]
    assert picture(data).startswith(PNG)


def test_large_graphs_are_not_drawn(cell):
    data = value(cell, "graphs.CompleteGraph(30)")
    assert set(data) == {"text/plain"}


def test_vector_graphics_where_they_are_preferred(cell):
    data = value(cell, "%display graphics vector\nplot(x)")
    assert "<svg" in data["image/svg+xml"]
    assert set(data) == {"image/svg+xml", "text/image-filename", "text/plain"}
    assert (cell.work / data["text/image-filename"]).suffix == ".svg"


def test_values_that_are_not_sages(cell):
    data = value(cell, "import sympy; sympy.Symbol('x')/2")
    assert data["text/latex"] == r"$\displaystyle \frac{x}{2}$"
    data = value(cell, "from IPython.display import HTML; HTML('<i>x</i>')")
    assert data["text/html"] == "<i>x</i>"


def test_pdf_is_a_file(cell):
    """contract: 4.14"""
    data = value(
        cell,
        "from sage.repl.rich_output import get_display_manager as manager\n"
        "from sage.repl.rich_output.output_catalog import OutputImagePdf\n"
        "class Drawing(SageObject):\n"
        "    def _rich_repr_(self, display_manager):\n"
        "        if OutputImagePdf in display_manager.supported_output():\n"
        "            return OutputImagePdf(b'%PDF-')\n"
        "    def _repr_(self):\n"
        "        return 'a drawing'\n"
        "Drawing()",
    )
    name = data["application/x-file"]
    assert data == {"application/x-file": name, "text/plain": "a drawing"}
    assert (cell.work / name).read_bytes() == b"%PDF-"


def test_only_outputs_that_the_page_shows(cell):
    code = "[each.__name__ for each in get_display_manager().supported_output()]"
    names = cell.value(f"from sage.repl.rich_output import get_display_manager\n{code}")
    assert "OutputSceneThreejs" in names
    for name in ("Video", "Dvi", "Jmol", "Canvas3d", "Wavefront"):
        assert name not in names


def test_displays_in_a_loop(cell):
    shown = displayed(cell, "for k in range(3):\n    show(plot(x^k)); print(k)")
    assert len({each["text/image-filename"] for each in shown}) == 3
