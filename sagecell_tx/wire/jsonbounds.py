"""How much JSON text has in it, known before anything is made of it.

A parser's work and memory go by what it makes, not by the text's length: four megabytes of ``[],``
are 1.4 million lists and a second of work. So what there is to make is counted first, in time that
is linear and short, and text with too much in it is not parsed at all.
"""

from __future__ import annotations

from itertools import accumulate

#: Strings, brackets and commas in a text that is parsed. A number or a name is between two of them.
MARKS = 100_000

#: As many in a header, which every message has and every listener is sent again.
HEADER_MARKS = 4096

#: As many in the content of what is looked into while everybody waits: these are a program, a place
#: in it and a few names. One request may bring a thousand.
QUESTION_MARKS = 4096

#: Arrays and objects within one another.
DEPTH = 500

#: Digits in a whole number: reading and writing them takes the square of their number.
DIGITS = 500

#: Everything but the marks that stand outside strings.
_OTHERS = bytes(set(range(256)) - set(b"[]{},"))

#: How much deeper one is after a bracket.
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def excess(text: bytes | str, marks: int = MARKS) -> str:
    """A sentence that says what `text` has too much of; empty when it may be parsed.

    Of what is within strings, nothing counts: programs are full of brackets.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    opened = data.count(b"[") + data.count(b"{")
    if opened <= DEPTH and 2 * opened + data.count(b",") + data.count(b'"') // 2 <= marks:
        return ""
    # Between quotation marks, what is outside a string and what is inside take turns. Of more
    # strings than there may be, the rest stays in one piece.
    pieces = _without_escapes(data).split(b'"', 2 * marks + 2)
    outside = b"".join(pieces[::2]).translate(None, _OTHERS)
    if len(pieces) // 2 + len(outside) > marks:
        return f"The JSON has more than {marks} strings, brackets and commas."
    steps = map(_STEPS.__getitem__, outside.translate(None, b","))
    if max(accumulate(steps), default=0) > DEPTH:
        return f"The JSON is nested more than {DEPTH} deep."
    return ""


def _without_escapes(data: bytes) -> bytes:
    """`data` without backslashes and quotation marks that are escaped."""
    if b"\\" not in data:
        return data
    return data.replace(b"\\\\", b"").replace(b'\\"', b"")


def whole_number(digits: str) -> int:
    """The number that is written so; raises ValueError when it is too long to be read."""
    if len(digits) > DIGITS:
        raise ValueError(f"a whole number has more than {DIGITS} digits")
    return int(digits)
