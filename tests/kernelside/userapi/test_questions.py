"""Programs that ask, in a real kernel, as clients with and without a stdin channel see them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("asked", "code"), [("input", "input('x? ')"), ("getpass", "import getpass; getpass.getpass()")]
)
def test_a_question_that_nobody_can_answer_fails_with_a_sentence(cell, asked, code):
    (error,) = cell.run(code).of("error")
    (sentence,) = error["traceback"]
    assert sentence.startswith(f"{asked}() got no answer: ")
    assert error["evalue"] == sentence


def test_a_program_can_go_on_without_an_answer(cell):
    assert cell.value("try: input()\nexcept Exception: x = 1\nx") == "1"
