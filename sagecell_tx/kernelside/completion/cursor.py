"""The context of the cursor: the word before it, its owner if it is an attribute, its call."""

from __future__ import annotations

import keyword
import tokenize
from collections.abc import Sequence
from io import StringIO
from tokenize import TokenInfo

from attrs import frozen

_BETWEEN = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")

_QUOTES = ("'", '"')


@frozen
class CursorContext:
    """The code before the cursor. `owner` and `callee` are expressions, empty for none.

    `is_attribute` tells that a dot comes before the word, `is_text` that the cursor is in a string
    or a comment, where there are no names.
    """

    word: str = ""
    owner: str = ""
    callee: str = ""
    is_attribute: bool = False
    is_text: bool = False

    @classmethod
    def at_end_of(cls, text: str) -> CursorContext:
        """The context of a cursor at the end of `text`."""
        tokens, in_string = _tokens(text)
        if in_string or _ends_in_text(text, tokens):
            return cls(is_text=True)
        tokens = [token for token in tokens if token.type not in _BETWEEN and token.string.strip()]
        word, end = "", len(tokens)
        lines = text.splitlines(keepends=True)
        if tokens and tokens[-1].type == tokenize.NAME and text.endswith(tokens[-1].string):
            word, end = tokens[-1].string, end - 1
        is_attribute = end > 0 and tokens[end - 1].string == "."
        owner = _source(lines, tokens, end - 1) if is_attribute else ""
        opening = _opening(tokens, end)
        callee = _source(lines, tokens, opening) if opening is not None else ""
        return cls(word, owner, callee, is_attribute)


def _tokens(text: str) -> tuple[list[TokenInfo], bool]:
    """The tokens before the end or the first error, and whether that is an unfinished string."""
    tokens: list[TokenInfo] = []
    # From Python 3.12 on, lone surrogates raise an error. "?" is not valid in a program, either.
    readable = text.encode(errors="replace").decode()
    try:
        # `extend` keeps the tokens that came before an error.
        tokens.extend(tokenize.generate_tokens(StringIO(readable).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        return tokens, "string" in str(error)
    return tokens, False


def _ends_in_text(text: str, tokens: Sequence[TokenInfo]) -> bool:
    """Whether the end is in a string or comment: its quote, or the comment, is the last token."""
    line = text.count("\n") + 1
    last = [token for token in tokens if token.start[0] == line and token.type not in _BETWEEN]
    if last and last[-1].type == tokenize.COMMENT:
        return True
    return any(token.type == tokenize.ERRORTOKEN and token.string[:1] in _QUOTES for token in last)


def _opening(tokens: Sequence[TokenInfo], end: int) -> int | None:
    """The index of the parenthesis that is open at `end`, if that is the innermost bracket."""
    depth = 0
    for index in range(end - 1, -1, -1):
        string = tokens[index].string
        if string in _CLOSING:
            depth += 1
        elif string in _OPENING:
            depth -= 1
            if depth < 0:
                return index if string == "(" else None
    return None


def _source(lines: Sequence[str], tokens: Sequence[TokenInfo], end: int) -> str:
    """The text of the attributes, calls and subscripts that end before the token `end`."""
    start = end
    while start > 0:
        before = _operand(tokens, start)
        if before is None:
            break
        start = before
        if start > 0 and tokens[start - 1].string == ".":
            start -= 1
        elif not (tokens[start].string in ("(", "[") and _continues(tokens, start)):
            break
    if start == end or tokens[start].string == ".":
        return ""
    (first, left), (last, right) = tokens[start].start, tokens[end - 1].end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])


def _operand(tokens: Sequence[TokenInfo], end: int) -> int | None:
    """The first token of the name, literal or bracket that ends before the token `end`."""
    last = tokens[end - 1]
    if last.type in (tokenize.NUMBER, tokenize.STRING) or _is_name(last):
        return end - 1
    if last.string not in _CLOSING:
        return None
    depth = 0
    for index in range(end - 1, -1, -1):
        if tokens[index].string in _CLOSING:
            depth += 1
        elif tokens[index].string in _OPENING:
            depth -= 1
            if depth == 0:
                return index
    return None


def _continues(tokens: Sequence[TokenInfo], bracket: int) -> bool:
    """Whether a bracket is a call or a subscript of what comes before it."""
    if bracket == 0:
        return False
    before = tokens[bracket - 1]
    return before.string in _CLOSING or before.type == tokenize.STRING or _is_name(before)


def _is_name(token: TokenInfo) -> bool:
    return token.type == tokenize.NAME and not keyword.iskeyword(token.string)
