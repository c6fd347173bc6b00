"""Cells in other languages, as a page wraps them, run by the programs that Sage talks to."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.kernelside.driving import gone

pytestmark = pytest.mark.sage

LOOPS = {
    "gap": "while true do od;",
    "gp": "while(1,)",
    "maxima": "while true do 1;",
    "singular": "while(1) {}",
}

#: Writes to a file of the kernel's directory.
WRITING = {
    "gap": 'PrintTo("told", "x");',
    "gp": 'write("told", "x");',
    "maxima": 'with_stdout("told", print("x"))$',
    "singular": 'write(":w told", "x");',
}


SIX = {"gap": "6*7;", "gp": "6*7", "maxima": "6*7;", "singular": "6*7;"}


def wrapped(language, text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'print({language}.eval("""{escaped}"""))'


def process(cell, language):
    return int(cell.value(f"{language}.pid()"))


@pytest.mark.parametrize(
    ("language", "text", "printed"),
    [
        ("gap", "6*7; # a comment\nFactorial(5)", "42\n120\n"),
        ("gap", "f := function(n)\n  return n^2;\nend;;\nf(5);", "25\n"),
        ("gap", 'for n in [1..3] do\n  Print(n, "@i\\n");\nod;', "1@i\n2@i\n3@i\n"),
        ("gap", "2^1000;", f"{2**1000}\n"),
        ("gap", "# only a comment", ""),
        ("gp", "f(n) = {\n  my(s = 0);\n  for(i = 1, n, s += i);\n  s\n};\nf(10)", "55\n"),
        ("gp", "a = 3; \\\\ a comment\na + 1\n/* another\none */ 5", "4\n5\n"),
        ("gp", 'print("really? "); 1', "really? \n1\n"),
        ("gp", "#vector(10^6, i, i)", "1000000\n"),
        ("gp", f's = "{"a" * 5000}";\n#s', "5000\n"),
        (
            "maxima",
            "f(x) := block([y],\n  y: x^2, /* a comment */\n  y + 1)$\nf(3); 6*7",
            "10\n42\n",
        ),
        ("maxima", "for i thru 2 do\n  print(i);", "1 \n2 \ndone\n"),
        ("maxima", "", ""),
        ("singular", "ring r = 0,(x,y),dp;\nideal i = x2-y, xy-1;\nstd(i)[1];", "y2-x\n"),
        (
            "singular",
            'proc f(int n)\n{\n  return(n^2); // a comment\n}\nf(5); "a > b"',
            "25\na > b\n",
        ),
    ],
)
def test_a_program_prints_its_values(cell, language, text, printed):
    result = cell.run(wrapped(language, text))
    assert result.reply["status"] == "ok", result.reply
    assert result.text() == printed


@pytest.mark.parametrize(
    ("language", "definition", "use"),
    [
        ("gap", "kept := 41;;", "kept + 1;"),
        ("gp", "kept = 41;", "kept + 1"),
        ("maxima", "kept: 41$", "% + 1;"),
        ("singular", "int kept = 41;", "kept + 1;"),
    ],
)
def test_variables_are_kept_for_later_cells_and_for_sage(cell, language, definition, use):
    assert cell.run(wrapped(language, definition)).text() == ""
    assert cell.run(wrapped(language, use)).text() == "42\n"
    assert cell.value(f"{language}.get('kept')") == "'41'"


@pytest.mark.parametrize(
    ("language", "text", "printed", "told"),
    [
        ("gap", "1;\n1/0;", "1\n", "Error, Rational operations: <divisor> must not be zero"),
        ("gap", "x := ;", "", "Syntax error: expression expected in line 1\nx := ;\n     ^"),
        ("maxima", "1;\n1/0;", "1\n", "expt: undefined: 0 to a negative exponent."),
        (
            "maxima",
            "1;\nf(;",
            "1\n",
            "incorrect syntax: Premature termination of input at ;. Line 2.",
        ),
        ("singular", "1;\nx;", "1\n", "`x` is undefined\nIt is in or before line 2: `x;`"),
        ("singular", '1;\nERROR("mine");', "1\n", "mine"),
        ("singular", "if (1) { 2;", "", "The program ends before a { is closed."),
        ("gp", "{ 1", "", 'The program ends before a "{" is closed.'),
    ],
)
def test_an_error_is_what_the_program_says_of_it(cell, language, text, printed, told):
    result = cell.run(wrapped(language, text))
    assert result.text() == printed
    assert result.of("error") == [
        {"ename": "LanguageError", "evalue": told, "traceback": [f"LanguageError: {told}"]}
    ]


def test_gp_goes_on_after_an_error(cell):
    text = cell.run(wrapped("gp", "1/0\n6*7")).text()
    assert "impossible inverse" in text
    assert text.endswith("\n42\n")


def test_nobody_waits_for_the_answer_to_a_question(cell):
    result = cell.run(wrapped("maxima", "integrate(1/(x^3 + b), x);"))
    assert result.reply["evalue"].startswith("Is b positive or negative? Tell Maxima before")
    assert cell.run(wrapped("maxima", "assume(b > 0)$ 6*7;")).text() == "42\n"


@pytest.mark.parametrize("language", LOOPS)
def test_an_endless_program_is_interrupted_and_keeps_its_variables(cell, language):
    cell.give_time()
    pid = process(cell, language)
    request = begun(cell, language, f"{WRITING[language]}\n{LOOPS[language]}")
    cell.signal("INT")
    assert cell.result(request).reply["ename"] == "KeyboardInterrupt"
    assert process(cell, language) == pid
    assert cell.run(wrapped(language, SIX[language])).text() == "42\n"


@pytest.mark.parametrize("language", LOOPS)
def test_what_sage_runs_in_it_is_interrupted_as_well(cell, language):
    cell.give_time()
    pid = process(cell, language)
    request = cell.execute(f"print('in', flush=True)\n{language}.eval({LOOPS[language]!r})")
    cell.until_printed("in\n")
    cell.signal("INT")
    assert cell.result(request).reply["ename"] == "KeyboardInterrupt"
    assert process(cell, language) == pid
    assert cell.value(f"{language}(6)*7") == "42"


@pytest.mark.parametrize("language", LOOPS)
def test_an_interrupt_just_before_a_program_runs_keeps_the_variables(cell, language):
    cell.give_time()
    pid = process(cell, language)
    cell.run(
        f"expect = {language}.expect\n"
        "def interrupted():\n"
        f"    {language}.expect = expect\n"
        "    raise KeyboardInterrupt\n"
        f"{language}.expect = interrupted"
    )
    assert cell.run(wrapped(language, SIX[language])).reply["ename"] == "KeyboardInterrupt"
    assert process(cell, language) == pid


def begun(cell, language, text):
    """Run a program that begins with one of `WRITING`; returns the request once it runs."""
    told = cell.work / "told"
    os.mkfifo(told)
    request = cell.execute(wrapped(language, text))
    assert told.read_text().strip() == "x"
    return request


def test_a_program_that_prints_without_end_is_stopped(cell):
    result = cell.run(wrapped("gp", 'while(1, print("x"))'))
    assert result.text().endswith("[GP printed more than 1048576 bytes and was stopped.]\n")
    assert cell.run(wrapped("gp", "6*7")).text() == "42\n"


def test_a_program_may_end_its_interpreter(cell):
    result = cell.run(wrapped("singular", "quit;"))
    assert result.reply["evalue"].startswith("Singular has ended")
    assert cell.run(wrapped("singular", "6*7;")).text() == "42\n"


def test_a_name_that_the_visitor_has_changed_is_theirs(cell):
    cell.run("class gp:\n    eval = staticmethod(len)")
    assert cell.run(wrapped("gp", "four")).text() == "4\n"


def test_a_kernels_programs_end_with_it(server):
    cell = server.start()
    pids = [process(cell, language) for language in LOOPS]
    begun(cell, "gap", f"{WRITING['gap']}\n{LOOPS['gap']}")
    os.kill(cell.pid, signal.SIGKILL)
    cell.exited()
    assert all(gone(pid) for pid in pids)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
