"""Text of a server, which is not trusted, for a terminal.

Some escape sequences write to the clipboard, or are answered by the terminal, as if the answer had been
typed. Programs need colours, and bars of progress a few movements.

Source: ECMA-48, section 5.4.
"""

from __future__ import annotations

import re

from attrs import define, field

#: Colours; moves within the text; erasing a line.
_ALLOWED = r"\x1b\[[0-9;:]{0,64}[mKABCDEFG]"

#: What is left out: control characters, and what begins another sequence.
_HARMFUL = re.compile(rf"({_ALLOWED})|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]")

#: The beginning of an allowed sequence, at the end of a text.
_BEGUN = re.compile(r"\x1b(?:\[[0-9;:]{0,64})?\Z")

#: Characters of a sentence.
_LONGEST = 1000


@define
class Harmless:
    """One stream of text, in pieces that end anywhere."""

    _begun: str = field(default="", init=False)

    def feed(self, text: str) -> str:
        """The next piece without escape sequences that do more than colour and erase text."""
        text, self._begun = self._begun + text, ""
        begun = _BEGUN.search(text, max(0, len(text) - 66))
        if begun:
            text, self._begun = text[: begun.start()], begun[0]
        return _HARMFUL.sub(lambda match: match[1] or "", text)


def one_line(text: str) -> str:
    """A sentence as one short line, in which characters that are not visible are escaped."""
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in shown
    )
