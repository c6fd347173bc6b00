"""Formulas in pages that load MathJax, of any version, and in pages without it."""

from __future__ import annotations

import pytest

from tests.browser.author import Author

pytestmark = pytest.mark.browser

#: How a page loads each version, and the elements that it makes of a formula. All files are
#: local: MathJax 4 would load its fonts from another server.
MATHJAX = {
    "2": (
        "<script>MathJax = {tex2jax: {inlineMath: [['\\\\(', '\\\\)']]}, skipStartupTypeset: false,"
        " menuSettings: {zoom: 'None'}}</script>"
        '<script src="/npm/mathjax2/MathJax.js?config=TeX-AMS_SVG"></script>',
        ".MathJax_SVG svg",
    ),
    "3": ('<script src="/npm/mathjax/es5/tex-svg.js"></script>', "mjx-container svg"),
    # As in PreTeXt: MathJax processes only marked parts of its pages.
    "4": (
        "<script>MathJax = {loader: {paths: {fonts: '/npm/@mathjax'}},"
        " options: {ignoreHtmlClass: 'tex2jax_ignore|ignore-math',"
        " processHtmlClass: 'process-math'}};</script>"
        '<script async src="/npm/mathjax4/tex-svg.js"></script>',
        "mjx-container svg",
    ),
}

PROGRAM = (
    "<script type='text/x-sage'>\n"
    "from IPython.display import HTML, Latex\n"
    "display(HTML(r'<p class=\"html\">so \\(x^2\\) it is</p>'))\n"
    "display(Latex(r'$$\\frac{a}{b}$$'))\n"
    "display(Latex(r'\\alpha'))\n"
    "print(r'\\(plain\\)')\n"
    "</script>"
)


def shows(author: Author, selector: str, count: int) -> bool:
    """Whether there are `count` such elements."""
    return len(author.reader.all(selector)) == count


@pytest.mark.parametrize("version", MATHJAX)
def test_formulas_are_set_by_the_pages_own(author, version):
    """contract: 6.3"""
    head, formula = MATHJAX[version]
    author.open(
        head
        + author.script
        + "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true})</script>",
        "<div class='ignore-math'><p class='process-math' id='own'>\\(y^3\\)</p>"
        f"<div id='a'>{PROGRAM}</div></div>",
    )
    reader = author.reader
    author.until_over("#a")
    reader.until(lambda: shows(author, f"#own {formula}", 1))
    reader.until(lambda: shows(author, f"#a .html {formula}", 1))
    reader.until(lambda: shows(author, f"#a .sagecell_latex {formula}", 2))
    assert reader.javascript("return MathJax.version").startswith(version)
    # Neither the program nor its printed text is treated as a formula.
    assert shows(author, f"#a {formula}", 3)
    assert reader.text("#a .sagecell_stdout").strip() == "\\(plain\\)"
    assert "print(r'\\(plain\\)')" in reader.text("#a .sagecell_editor")
    assert reader.all("#a .katex") == []


@pytest.mark.parametrize("version", MATHJAX)
def test_a_page_that_is_set_again_leaves_programs_alone(author, version):
    """Books do so when a section is opened; contract: 6.3."""
    head, formula = MATHJAX[version]
    author.open(
        head + author.script + "<script>sagecell.makeSagecell({inputLocation: '#a'})</script>",
        "<p id='own'>\\(y^3\\)</p><div id='a'><script type='text/code'>z = r'\\(z\\)'</script></div>",
    )
    reader = author.reader
    reader.until(lambda: reader.all("#a .cm-content"))
    reader.until(lambda: shows(author, f"#own {formula}", 1))
    reader.javascript("document.querySelector('#own').textContent = '\\\\(w\\\\)'")
    reader.browser.execute_async_script(
        "const done = arguments[0]; const {Hub} = MathJax;"
        "if (Hub) Hub.Queue(['Typeset', Hub], () => done());"
        "else MathJax.typesetPromise().then(done)"
    )
    assert shows(author, formula, 1)
    assert reader.text("#a .cm-content") == "z = r'\\(z\\)'"


def test_a_page_without_one_has_katex(author):
    """contract: 6.3"""
    author.open(
        author.script
        + "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true})</script>",
        f"<p id='own'>\\(y^3\\)</p><div id='a'>{PROGRAM}</div>",
    )
    reader = author.reader
    author.until_over("#a")
    reader.until(lambda: shows(author, "#a .html .katex-html", 1))
    reader.until(lambda: shows(author, "#a .sagecell_latex .katex-html", 2))
    assert reader.javascript("return typeof MathJax") == "undefined"
    # The script does not change elements outside of cells.
    assert reader.text("#own") == "\\(y^3\\)"
