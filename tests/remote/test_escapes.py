"""Of what a server sends, a terminal is told colours and little else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.remote.escapes import Harmless, one_line

BAR = "\r 50%|\x1b[31m##\x1b[0m|\x1b[A\x1b[2K\n\tö\b"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (BAR, BAR),
        ("\x1b]52;c;cm0gLXJm\x07a", "]52;c;cm0gLXJma"),  # writes to the clipboard
        ("\x1b]0;title\x1b\\a", "]0;title\\a"),
        ("\x1b[6na\x1b[c\x1b[>c", "[6na[c[>c"),  # is answered into the shell's input
        ('\x1bP$q"p\x1b\\', 'P$q"p\\'),
        ("\x9b6n\x9d52;\x07\x7f\x00", "6n52;"),
        ("\x1b[?1049h\x1b[2J\x1bc", "[?1049h[2Jc"),
        ("\x1b\x1b[31m", "\x1b[31m"),
    ],
)
def test_what_is_left(text: str, left: str) -> None:
    assert Harmless().feed(text) == left


@given(st.lists(st.text(st.sampled_from("\x1b[]31;mKHn\x07a"), max_size=4)))
def test_it_is_the_same_however_the_text_is_cut(pieces: list[str]) -> None:
    harmless, whole = Harmless(), Harmless().feed("".join(pieces) + "\n")
    assert "".join(map(harmless.feed, [*pieces, "\n"])) == whole


def test_a_sequence_without_end_is_not_waited_for() -> None:
    harmless = Harmless()
    assert len("".join(harmless.feed("\x1b[" + "1" * 50) for _ in range(10))) > 300


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("All is well: ö.", "All is well: ö."),
        ("a\n\x1b[2J\x9b\u202eb", "a\\n\\x1b[2J\\x9b\\u202eb"),
        ("x" * 3000, "x" * 1000 + "..."),
    ],
)
def test_sentences_are_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
