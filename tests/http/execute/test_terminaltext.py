"""Escape sequences are removed, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.execute.terminaltext import plain


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;241mgrey\x1b[39m [1]", "grey [1]"),
        ("a\x1b[2K\x1b[1Gb", "ab"),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1bMup", "up"),
        ("\x1b", "\x1b"),
        ("[31m", "[31m"),
    ],
)
def test_what_is_left(text: str, left: str) -> None:
    assert plain(text) == left


@given(st.text(st.characters(exclude_characters="\x1b")))
def test_text_without_any_is_left_as_it_is(text: str) -> None:
    assert plain(text) == text
