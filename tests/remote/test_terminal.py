"""What a person sees of a run."""

from __future__ import annotations

import io
from typing import Any

from typing_extensions import override

from sagecell_tx.remote.terminal import Terminal

COLOURED = {"output_type": "error", "traceback": ["\x1b[31mE\x1b[0m", "b"]}


class Screen(io.StringIO):
    """A stream that is a terminal."""

    @override
    def isatty(self) -> bool:
        return True


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


def test_output_goes_where_it_belongs() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out=out, err=err)
    for output in (
        stream("a\n"),
        stream("b\n", "stderr"),
        shown(**{"text/plain": "1", "text/html": "<b>1</b>"}),
        shown(**{"image/png": "xx"}),
        COLOURED,
        {"output_type": "other"},
        {"output_type": "stream", "name": "stdout", "text": 5},
    ):
        terminal.output(output)
    terminal.say("Done.")
    assert out.getvalue() == "a\n1\n[image/png]\n"
    assert err.getvalue() == "b\nE\nb\nsagecell-tx: Done.\n"


def test_a_line_that_has_not_ended() -> None:
    out = io.StringIO()
    terminal = Terminal(out=out, err=io.StringIO())
    terminal.output(stream("a"))
    terminal.output(shown(**{"text/plain": "1"}))
    terminal.output(stream("b"))
    terminal.say("Done.")
    assert out.getvalue() == "a\n1\nb\n"


def test_colours_are_for_terminals() -> None:
    screen = Screen()
    Terminal(out=io.StringIO(), err=screen).output(COLOURED)
    assert screen.getvalue() == "\x1b[31mE\x1b[0m\nb\n"


def test_progress_is_erased_before_output() -> None:
    screen = Screen()
    terminal = Terminal(out=io.StringIO(), err=screen)
    terminal.progress("[running, 1 s]")
    terminal.progress("[running, 2 s]")
    terminal.output(stream("a"))
    terminal.progress("[running, 3 s]")  # would be in the line of the output
    terminal.output(stream("\n"))
    terminal.progress("")
    assert screen.getvalue() == "\r\x1b[K[running, 1 s]\r\x1b[K[running, 2 s]\r\x1b[K"


def test_progress_is_for_terminals_and_not_when_quiet() -> None:
    for err, is_quiet in ((io.StringIO(), False), (Screen(), True)):
        terminal = Terminal(out=io.StringIO(), err=err, is_quiet=is_quiet)
        terminal.progress("[running, 1 s]")
        assert err.getvalue() == ""


def test_characters_that_an_encoding_lacks() -> None:
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="ascii", newline="")
    terminal = Terminal(out=out, err=io.StringIO())
    terminal.output(stream("ä\ud800"))
    assert written.getvalue() == b"\\xe4\\ud800"


CLIPBOARD = "\x1b]52;c;cm0=\x07"


def test_a_terminal_is_told_no_escape_sequences_but_colours() -> None:
    out, err = Screen(), Screen()
    terminal = Terminal(out=out, err=err)
    for output in (
        stream(f"a{CLIPBOARD}\x1b["),
        stream("31mb\n"),
        stream(f"{CLIPBOARD}\n", "stderr"),
        shown(**{"text/plain": f"1{CLIPBOARD}"}),
        shown(**{f"image/{CLIPBOARD}": "xx"}),
        {"output_type": "error", "traceback": [CLIPBOARD]},
    ):
        terminal.output(output)
    terminal.say(CLIPBOARD)
    terminal.progress(CLIPBOARD)
    terminal.progress("")
    assert "\x1b]" not in out.getvalue() + err.getvalue()
    assert "a]52;c;cm0=\x1b[31mb" in out.getvalue()


def test_what_is_no_terminal_gets_the_output_of_a_program_as_it_is() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out=out, err=err)
    terminal.output(stream(f"a{CLIPBOARD}\n"))
    terminal.say(f"a{CLIPBOARD}\nb")
    assert out.getvalue() == f"a{CLIPBOARD}\n"
    assert err.getvalue() == "sagecell-tx: a\\x1b]52;c;cm0=\\x07\\nb\n"
