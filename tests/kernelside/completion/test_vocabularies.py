"""Words of a language, completed and explained at a cursor."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.completion.answers import LONGEST, MOST
from sagecell_tx.kernelside.completion.vocabularies import Vocabulary

MANUAL = {"Factors": "Factors(n) returns a list.", "Long": "x" * (LONGEST + 1)}

SOME = Vocabulary(
    words=frozenset({"Factorial", "Factors", "Long"}), meaning=lambda word: MANUAL.get(word, "")
)


def at(text):
    """A program without its cursor, which is written as a bar; and the cursor's place."""
    before, _, after = text.partition("|")
    return before + after, len(before)


@pytest.mark.parametrize(
    ("text", "matches", "start"),
    [
        ("Fact|", ["Factorial", "Factors"], 0),
        ("x := Factors|", ["Factors"], 5),
        ("x := Fact|(3)", ["Factorial", "Factors"], 5),
        ("Facto := 3; Fact|", ["Facto", "Factorial", "Factors"], 12),
        ("gr\u00f6\u00dfe := 3; gr|", ["gr\u00f6\u00dfe"], 12),
        ("f(|", [], 2),
        ("3|", [], 1),
        ("|", [], 0),
        ("none|", [], 0),
    ],
)
def test_words_of_the_language_and_of_the_program(text, matches, start):
    code, place = at(text)
    assert SOME.complete(code, place) == {
        "status": "ok",
        "matches": matches,
        "cursor_start": start,
        "cursor_end": place,
        "metadata": {},
    }


def test_no_more_than_a_list_can_show():
    many = Vocabulary(words=[f"a{number}" for number in range(MOST + 10)], meaning=str)
    assert len(many.complete("a", 1)["matches"]) == MOST


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Factors|", "Factors"),
        ("Fac|tors", "Factors"),
        ("|Factors", "Factors"),
        ("Factors(|", "Factors"),
        ("Factors (12|)", "Factors"),
        ("Factors;|", ""),
        ("x|", ""),
        ("|", ""),
    ],
)
def test_what_the_manual_says(text, word):
    reply = SOME.explain(*at(text))
    assert reply["found"] is bool(word)
    assert reply["data"] == ({"text/plain": MANUAL[word]} if word else {})


def test_as_much_as_a_reply_may_have():
    assert len(SOME.explain("Long", 4)["data"]["text/plain"]) == LONGEST
