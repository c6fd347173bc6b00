"""A request has an excerpt around the cursor; its reply has positions in the whole program."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.completion.excerpts import AFTER, BEFORE, Excerpt


class ExcerptTests(SynchronousTestCase):
    def test_a_short_program_is_all_of_it(self) -> None:
        assert Excerpt.of("x = pri\ny", 7) == Excerpt("x = pri\ny", 7, 0)

    def test_a_long_one_begins_with_a_line(self) -> None:
        code = "first = 1\n" * 1000
        excerpt = Excerpt.of(code, 9005)
        assert excerpt.text.startswith("first = 1\n")
        assert BEFORE - 10 < excerpt.place <= BEFORE

    def test_a_line_that_is_cut_anywhere_else_begins_there(self) -> None:
        code = "x" * BEFORE + "\n" + "y" * BEFORE
        assert Excerpt.of(code, len(code)) == Excerpt("y" * BEFORE, BEFORE, BEFORE + 1)

    def test_one_line_of_a_megabyte(self) -> None:
        excerpt = Excerpt.of("(" * 1_000_000, 600_000)
        assert (len(excerpt.text), excerpt.place) == (BEFORE + AFTER, BEFORE)

    def test_an_answer_is_about_the_program(self) -> None:
        excerpt = Excerpt.of("\n" * 10_000 + "pri", 10_003)
        kind = {"start": excerpt.place - 3, "end": excerpt.place, "text": "print"}
        content = {
            "matches": ["print"],
            "cursor_start": excerpt.place - 3,
            "cursor_end": excerpt.place,
            "metadata": {"_jupyter_types_experimental": [kind, "none"], "more": 1},
        }
        assert excerpt.restored(content) == {
            "matches": ["print"],
            "cursor_start": 10_000,
            "cursor_end": 10_003,
            "metadata": {
                "_jupyter_types_experimental": [{"start": 10_000, "end": 10_003, "text": "print"}],
                "more": 1,
            },
        }

    def test_an_answer_that_makes_no_sense(self) -> None:
        contents: list[dict[str, Any]] = [
            {},
            {"cursor_start": "0", "metadata": 7},
            {"metadata": {"x": []}},
        ]
        for content in contents:
            assert Excerpt("", 0, 5).restored(content) == content

    @given(st.text(alphabet="a\n\U0001f600(", max_size=3 * BEFORE), st.floats(0, 1))
    def test_the_text_stands_where_it_is_said_to(self, code: str, where: float) -> None:
        place = int(where * len(code))
        excerpt = Excerpt.of(code, place)
        assert code[excerpt.start :].startswith(excerpt.text)
        assert excerpt.start + excerpt.place == place
        assert len(excerpt.text) <= BEFORE + AFTER
        assert excerpt.text[: excerpt.place] == code[excerpt.start : place]
