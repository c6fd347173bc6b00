"""Programs that run other languages, replaced by shell scripts."""

from __future__ import annotations

import os

import pytest

from sagecell_tx.kernelside.languages import NAMES
from sagecell_tx.kernelside.languages.programs import LIMIT, Crashed, Language, NotInstalled
from tests.kernelside.driving import gone

TITLES = {
    "gap": "GAP",
    "gp": "PARI/GP",
    "maxima": "Maxima",
    "singular": "Singular",
}


def language(name):
    found = NAMES[name]
    assert isinstance(found, Language)
    return found


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a script into a directory that comes first in PATH."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def write(script, name="program"):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Language("Language", name, ("-x",), before="before;\n")

    return write


def test_the_text_is_read_and_what_is_printed_is_returned(install):
    installed = install('echo "$@"; cat')
    assert installed.eval("1 + 1;\nü") == "-x\nbefore;\n1 + 1;\nü"


def test_errors_are_part_of_it_and_spaces_that_draw_stay(install):
    installed = install("echo; echo '     2'; echo 'x = 3'; echo wrong >&2; echo; exit 1")
    assert installed.eval("") == "     2\nx = 3\nwrong"


def test_what_is_printed_is_text_whatever_it_is(install):
    assert install("printf '\\377a'").eval("") == "\ufffda"


def test_a_program_that_reads_nothing_keeps_nobody_waiting(install):
    assert install("echo done").eval("x" * 1_000_000) == "done"


def test_a_program_that_is_not_there_is_told_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, title in TITLES.items():
        with pytest.raises(NotInstalled) as caught:
            language(name).eval("1")
        assert str(caught.value) == f"{title} is not installed on this server."
        assert caught.value._render_traceback_() == [f"NotInstalled: {caught.value}"]


def test_what_never_ends_is_ended(install):
    said = install("exec yes").eval("")
    assert len(said) < LIMIT + 100
    assert said.endswith(f"[Language printed more than {LIMIT} bytes and was ended.]")


def test_an_interrupt_ends_the_program_and_what_it_started(install, tmp_path):
    """The program itself interrupts the kernel, which is this process.

    It does so while its output is being read, since it writes more than a pipe holds. Earlier,
    other threads of this process could take the signal; those of a kernel block it.
    """
    installed = install(
        f"sleep 600 & echo $! >{tmp_path}/child; echo $$ >{tmp_path}/own; "
        "head -c 200000 /dev/zero; kill -INT $PPID; wait"
    )
    with pytest.raises(KeyboardInterrupt):
        installed.eval("")
    for name in ("child", "own"):
        assert gone(int((tmp_path / name).read_text()))


def test_what_it_left_behind_is_gone(install, tmp_path):
    assert install(f"sleep 600 >/dev/null 2>&1 & echo $! >{tmp_path}/child").eval("") == ""
    assert gone(int((tmp_path / "child").read_text()))


def test_a_crash_is_no_result(install):
    with pytest.raises(Crashed) as caught:
        install("echo 42; kill -SEGV $$").eval("")
    assert str(caught.value) == "Language was ended by SIGSEGV.\n42"


def test_each_name_is_its_language_and_costs_nothing():
    """contract: 5.5"""
    languages = {name: value for name, value in NAMES.items() if isinstance(value, Language)}
    assert {name: language.title for name, language in languages.items()} == TITLES
    assert repr(NAMES["gp"]) == "<PARI/GP: eval(text) runs code>"
    assert NAMES.keys() - languages.keys() == {"html", "macaulay2", "octave", "r"}
