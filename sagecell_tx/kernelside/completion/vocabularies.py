"""Completion and inspection in languages of which only words are known, and what their manuals say."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from attrs import frozen

from sagecell_tx.kernelside.completion.answers import LONGEST, MATCH, MOST

_WORD = re.compile(r"[^\W\d]\w*")


@frozen(kw_only=True)
class Vocabulary:
    """The words of a language, and a function that returns what is known of one: plain text, or ""."""

    words: Collection[str]
    meaning: Callable[[str], str]

    def complete(self, code: str, place: int) -> dict[str, Any]:
        """The content of a complete_reply: of these words, and of those in the program."""
        word = _word_before(code, place)
        start = place - len(word)
        own = {each[0] for each in _WORD.finditer(code) if each.start() != start}
        found = sorted(
            each for each in {*self.words, *own} if each.startswith(word) and len(each) <= MATCH
        )
        matches = found[:MOST] if word else []
        places = {"cursor_start": start, "cursor_end": place}
        return {"status": "ok", "matches": matches, **places, "metadata": {}}

    def explain(self, code: str, place: int) -> dict[str, Any]:
        """The content of an inspect_reply about the word at the cursor, or that of the open call."""
        text = self.meaning(_word_at(code, place))
        data = {"text/plain": text[:LONGEST]} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}


def _word_before(code: str, place: int) -> str:
    """The part of a word that ends at the cursor."""
    found = [each for each in _WORD.finditer(code, 0, place) if each.end() == place]
    return found[0][0] if found else ""


def _word_at(code: str, place: int) -> str:
    """The word around the cursor, or the last one before a bracket that is open there; or ""."""
    last = ""
    for each in _WORD.finditer(code):
        if each.start() > place:
            break
        if each.end() >= place or code[each.end() : place].strip(" \t").startswith("("):
            last = each[0]
    return last
