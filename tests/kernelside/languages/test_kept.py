"""Programs that are kept for later cells, replaced by one in Python."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from sagecell_tx.kernelside.languages import NAMES, installed, kept
from sagecell_tx.kernelside.languages.kept import KeptLanguage, without_echo
from sagecell_tx.kernelside.languages.programs import LIMIT, LanguageError, NotInstalled
from tests.kernelside.driving import gone

TITLES = {"macaulay2": "Macaulay2", "octave": "Octave", "r": "R"}

#: Runs cells in Python, and goes on after an interrupt.
LOOP = f"""#!{sys.executable}
import os, sys
names = globals()
while True:
    try:
        line = sys.stdin.readline()
        word, _, rest = line.strip().partition(" ")
        if word == "run":
            exec(compile(open(rest).read(), rest, "exec"), names)
        elif not line:
            break
        else:
            print(rest.replace(" ", ""))
        sys.stdout.flush()
    except KeyboardInterrupt:
        pass
"""

#: The same, but it does not obey.
STUBBORN = LOOP.replace(
    "import os, sys", "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)"
)


#: How long a program may really take to obey.
GRACE = kept.GRACE


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a script into a directory that comes first in PATH. It may take long to obey."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(kept, "GRACE", 60.0)
    installed = []

    def write(script=LOOP):
        path = tmp_path / "program"
        path.write_text(script)
        path.chmod(0o755)
        language = KeptLanguage(
            title="Language",
            program="program",
            arguments=(),
            running="run {}",
            marking="mark {} {}",
        )
        installed.append(language)
        return language

    yield write
    for language in installed:
        language.close()


def process(language):
    """The pid of its process."""
    return int(language.eval("import os; print(os.getpid())"))


def test_what_is_defined_is_known_later(install):
    language = install()
    assert language.eval("kept = 41; print('\u00fc')") == "\u00fc"
    assert language.eval("print(kept + 1)") == "42"


def test_errors_are_part_of_what_is_printed(install):
    assert install().eval("import sys; print('wrong', file=sys.stderr)") == "wrong"


def test_what_is_printed_is_text_whatever_it_is(install):
    assert install().eval("sys.stdout.buffer.write(b'\\xffa'); print()") == "\ufffda"


def test_a_place_in_the_program_is_not_one_of_a_file(install):
    assert install().eval("print(rest, 'line 1')") == "cell line 1"


def test_an_interrupt_stops_the_program_and_keeps_its_variables(install):
    language = install()
    pid = process(language)
    with pytest.raises(KeyboardInterrupt):
        language.eval(f"os.kill({os.getpid()}, 2)\nwhile True: pass")
    assert process(language) == pid


def test_a_program_that_begins_only_after_the_interrupt_is_stopped(install):
    """The interpreter may still wait for its command when the interrupt comes."""
    language = install()
    pid = process(language)
    with pytest.raises(KeyboardInterrupt):
        language.eval(
            "import signal\n"
            "def obey(*_): signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"signal.signal(signal.SIGINT, obey); os.kill({os.getpid()}, 2)\n"
            "while True: pass"
        )
    assert process(language) == pid


def test_late_answers_to_an_interrupt_are_none_of_the_next_program(install):
    language = install()
    with pytest.raises(KeyboardInterrupt):
        # It stops only after half a second, when it was asked twice whether it has.
        language.eval(
            f"import time\nos.kill({os.getpid()}, 2)\n"
            "try:\n    while True: pass\nexcept KeyboardInterrupt: time.sleep(0.5)"
        )
    assert language.eval("print('next')") == "next"


def test_a_program_that_does_not_stop_is_ended(install, capsys, monkeypatch):
    language = install(STUBBORN)
    monkeypatch.setattr(kept, "GRACE", GRACE)
    pid = process(language)
    with pytest.raises(KeyboardInterrupt):
        language.eval(f"os.kill({os.getpid()}, 2)\nwhile True: signal.pause()")
    assert gone(pid)
    assert capsys.readouterr().err == (
        "Language did not stop and was ended: its variables are lost.\n"
    )
    assert language.eval("print('again')") == "again"


def test_the_end_of_the_process_is_told_and_the_next_run_starts_another(install, capsys):
    language = install()
    with pytest.raises(LanguageError, match="Language has ended; the next cell starts it again"):
        language.eval("print('bye'); raise SystemExit")
    assert capsys.readouterr().out == "bye\n"
    assert language.eval("print('again')") == "again"


def test_a_process_that_was_killed_between_two_runs_is_started_again(install):
    language = install()
    pid = process(language)
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert language.eval("print('again')") == "again"


def test_what_prints_without_end_is_stopped(install):
    said = install().eval("while True: print('y' * 1000)")
    assert len(said) < LIMIT + 100
    assert said.endswith(f"[Language printed more than {LIMIT} bytes and was stopped.]")


def test_a_program_that_is_not_there_is_told_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, title in TITLES.items():
        language = NAMES[name]
        assert isinstance(language, KeptLanguage)
        assert repr(language) == f"<{title}: eval(text) runs code>"
        with pytest.raises(NotInstalled) as caught:
            language.eval("1")
        assert str(caught.value) == f"{title} is not installed on this server."
        assert caught.value._render_traceback_() == [f"NotInstalled: {caught.value}"]


def test_r_draws_where_it_is_seen():
    language = NAMES["r"]
    assert isinstance(language, KeptLanguage)
    assert language.environment == {"R_DEFAULT_DEVICE": "png"}


@pytest.mark.parametrize(
    ("text", "printed", "said"),
    [
        ("a\n\nb", "a\n\n1\n\nb\n2", "1\n\n2"),
        ("a\nb", "a\na\nb\nb", "a\nb"),
        ("a", "a\ncell:1: wrong\nstdio:5:1:(3): --backtrace--", "cell:1: wrong"),
        ("a", "", ""),
        ("", "\n1", "1"),
    ],
)
def test_lines_that_a_program_repeats_are_not_shown(text, printed, said):
    assert without_echo(text, printed).strip("\n") == said


def test_it_makes_no_objects():
    with pytest.raises(LanguageError, match=r"Octave only runs programs here: use eval\(text\)\."):
        NAMES["octave"](2)  # type: ignore[operator]


def test_what_can_run_is_known_without_running_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed() == ["html"]
    for program in ("R", "gp"):
        (tmp_path / program).touch(0o755)
    assert installed() == ["gp", "html", "r"]
