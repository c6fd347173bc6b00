"""Text with escape sequences of terminals, as tracebacks have it.

Source: ECMA-48, section 5.4; the sequences with a text are xterm's.
"""

from __future__ import annotations

import re

#: Escape sequences: those of colours and cursors, those with a text, and those of two characters.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


def plain(text: str) -> str:
    """The text without escape sequences."""
    return _ESCAPES.sub("", text)
