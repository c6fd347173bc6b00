"""Octave, R and Macaulay2 as they are installed, in a kernel under `namespaces`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import psutil
import pytest

from tests.kernelside.confined import Kind, confined
from tests.kernelside.driving import Cell, Server, gone

pytestmark = pytest.mark.integration

PROGRAMS = {"macaulay2": "M2", "octave": "octave-cli", "r": "R"}


def each(values):
    """A parameter for each language that is installed here; the others are skipped."""
    return [
        pytest.param(
            language,
            *(value if isinstance(value, tuple) else (value,)),
            id=language,
            marks=pytest.mark.skipif(
                shutil.which(PROGRAMS[language]) is None,
                reason=f"{PROGRAMS[language]} is not installed here",
            ),
        )
        for language, value in values.items()
    ]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with confined(Kind("namespaces", os.getuid() == 0)) as server:
        yield server


@pytest.fixture
def cell(server: Server) -> Iterator[Cell]:
    cell = server.start()
    yield cell
    cell.stop()


def run(cell, language, text):
    """Run a program as a page does."""
    return cell.run(f"print({language}.eval({text!r}))")


@pytest.mark.parametrize(
    ("language", "definition", "use", "printed"),
    each(
        {
            "macaulay2": ("f = x -> x^2;\nkept = 41;", "print(kept + 1); print f 5", "42\n25\n"),
            "octave": (
                "kept = 41;\nfunction y = f (x)\n  y = x^2;\nend",
                "disp (kept + 1)\nf (5)",
                "42\nans = 25\n",
            ),
            "r": ("kept <- 41\nf <- function(x) {\n  x^2\n}", "kept + 1\nf(5)", "[1] 42\n[1] 25\n"),
        }
    ),
)
def test_definitions_are_kept_for_later_cells(cell, language, definition, use, printed):
    assert run(cell, language, definition).text().strip() == ""
    assert run(cell, language, use).text() == printed


@pytest.mark.parametrize(
    ("language", "text", "said"),
    each(
        {
            "macaulay2": ("print 1\n1/0", "division by zero"),
            "octave": ("disp (1)\nno_such_name", "error: 'no_such_name' undefined"),
            "r": ("print(1)\nno_such_name", "Error: object 'no_such_name' not found"),
        }
    ),
)
def test_an_error_is_told_after_what_was_printed(cell, language, text, said):
    printed = run(cell, language, text).text()
    assert "1" in printed.splitlines()[0]
    assert said in printed
    assert "/tmp" not in printed


@pytest.mark.parametrize(
    ("language", "text", "said"),
    each(
        {
            "octave": ("x = input ('x')", "error: input: a program here cannot ask"),
            "r": ("readline('x')", '[1] ""'),
        }
    ),
)
def test_nobody_can_be_asked(cell, language, text, said):
    assert said in run(cell, language, text).text()


@pytest.mark.parametrize(
    ("language", "text"),
    each({"macaulay2": "(1 + ", "octave": "a = [1 2", "r": "a <- ("}),
)
def test_an_unfinished_program_is_an_error(cell, language, text):
    assert "error" in run(cell, language, text).text().lower()


@pytest.mark.parametrize(
    ("language", "text"),
    each(
        {
            "octave": (
                'set (0, "defaultfigurevisible", "off"); plot (1:10); '
                'print ("-dpng", "octave.png"); close ("all");'
            ),
            "r": "options(bitmapType='cairo')\nplot(1:10)\ngraphics.off()",
        }
    ),
)
def test_a_plot_is_a_picture(cell, language, text):
    if language == "octave" and None in map(shutil.which, ("gnuplot", "gs")):
        pytest.skip("gnuplot and Ghostscript, which Octave draws with, are not both installed here")
    result = run(cell, language, text)
    (data,) = (content["data"] for content in result.of("display_data"))
    (file,) = (each for each in result.messages if each["msg_type"] == "sagecell_file")
    assert data["text/image-filename"].startswith(f"{file['content']['name']}?")
    assert bytes(file["buffers"][0]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("language", "definition", "loop", "use"),
    each(
        {
            "macaulay2": ("kept = 41;", "print 0; flush stdio; while true do 1", "print(kept + 1)"),
            "octave": ("kept = 41;", "while true\nend", "disp (kept + 1)"),
            "r": ("kept <- 41", "while(TRUE) {}", "cat(kept + 1, '\\n')"),
        }
    ),
)
def test_an_interrupt_stops_a_program_and_keeps_its_variables(
    cell, language, definition, loop, use
):
    cell.give_time()
    run(cell, language, definition)
    request = cell.execute(f"print('started', flush=True)\n{language}.eval({loop!r})")
    cell.until_printed("started\n")
    cell.signal("INT")
    assert cell.result(request).reply["ename"] == "KeyboardInterrupt"
    assert run(cell, language, use).text().strip() == "42"


@pytest.mark.parametrize("language", each(dict.fromkeys(PROGRAMS, ())))
def test_the_program_ends_with_the_kernel(server, language):
    cell = server.start()
    run(cell, language, "1")
    processes = [each.pid for each in psutil.Process(cell.pid).children(recursive=True)]
    assert processes
    cell.stop()
    assert all(gone(pid) for pid in processes)
