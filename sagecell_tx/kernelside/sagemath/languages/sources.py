"""The text of programs in the languages of GP, Maxima and Singular: comments, statements, brackets."""

from __future__ import annotations

import re

_STRING = r'"(?:\\.|[^"\\])*"'
_BLOCK = r"/\*.*?\*/"

#: Comments, by language.
COMMENTS = {
    "gp": rf"{_BLOCK}|\\\\[^\n]*",
    "maxima": _BLOCK,
    "singular": rf"{_BLOCK}|//[^\n]*",
}

_PAIRS = {")": "(", "]": "[", "}": "{"}


def without_comments(text: str, language: str) -> str:
    """The text with a space for each comment. What looks like one in a string is none."""
    pattern = f"({_STRING})|{COMMENTS[language]}"
    return re.sub(pattern, lambda found: found[1] or " ", text, flags=re.DOTALL)


def left_open(code: str) -> str:
    """The last quote, comment or bracket that is never closed in code without comments; or ""."""
    code = _without_strings(code)
    if '"' in code:
        return '"'
    if "/*" in code:
        return "/*"
    opened: list[str] = []
    for character in code:
        if character in _PAIRS.values():
            opened.append(character)
        elif opened and opened[-1] == _PAIRS.get(character):
            opened.pop()
    return opened[-1] if opened else ""


def gp_statements(text: str) -> list[str]:
    """What GP reads at a time, each as one line.

    A statement is a line; or several if they are in braces, or end with a backslash or with "=".
    """
    statements: list[str] = []
    pending: list[str] = []
    for line in without_comments(text, "gp").split("\n"):
        line = line.strip()
        continues = line.endswith(("\\", "="))
        pending.append(line.removesuffix("\\"))
        code = _without_strings("".join(pending))
        if not continues and code.count("{") <= code.count("}"):
            statements.append(" ".join(pending).strip())
            pending = []
    statements.append(" ".join(pending).strip())
    return [statement for statement in statements if statement]


def _without_strings(code: str) -> str:
    return re.sub(_STRING, "", code, flags=re.DOTALL)
