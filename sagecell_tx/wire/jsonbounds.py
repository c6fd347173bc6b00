"""Limits on the number of values in JSON text, checked before it is parsed.

A parser's time and memory depend on the values that it builds, not on the text's length: four
megabytes of ``[],`` are 1.4 million lists and take a second. So the values are counted first, in
linear and short time, and text with too many is not parsed.
"""

from __future__ import annotations

from itertools import accumulate

#: Most strings, brackets and commas in a text. Every number and literal is between two of these.
MARKS = 100_000

#: The same for a header, which every message has and every listener is sent.
HEADER_MARKS = 4096

#: The same for the content of a request that the server itself parses, which blocks the reactor: a
#: program, a position in it and a few names. A client may send a thousand of them at once.
QUESTION_MARKS = 4096

#: The nesting depth of arrays and objects.
DEPTH = 500

#: Digits in an integer: reading and writing them takes quadratic time.
DIGITS = 500

#: A text of so many bytes exceeds none of the limits above.
SHORT = min(DEPTH, DIGITS)

#: Everything but brackets and commas, which count outside strings.
_OTHERS = bytes(set(range(256)) - set(b"[]{},"))

#: How much each bracket changes the nesting depth.
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def excess(text: bytes | str, marks: int = MARKS) -> str:
    """A sentence that says which limit `text` exceeds; empty when it may be parsed.

    The contents of strings do not count: programs are full of brackets.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    opened = data.count(b"[") + data.count(b"{")
    if opened <= DEPTH and 2 * opened + data.count(b",") + data.count(b'"') // 2 <= marks:
        return ""
    # Split at quotation marks, the pieces are outside and inside strings by turns. With more
    # strings than allowed, the rest stays in one piece.
    pieces = _without_escapes(data).split(b'"', 2 * marks + 2)
    outside = b"".join(pieces[::2]).translate(None, _OTHERS)
    if len(pieces) // 2 + len(outside) > marks:
        return f"The JSON has more than {marks} strings, brackets and commas."
    steps = map(_STEPS.__getitem__, outside.translate(None, b","))
    if max(accumulate(steps), default=0) > DEPTH:
        return f"The JSON is nested more than {DEPTH} deep."
    return ""


def marks_in(data: bytes) -> int:
    """The number of strings, brackets and commas in JSON text that is valid and has not many."""
    pieces = _without_escapes(data).split(b'"')
    return len(pieces) // 2 + len(b"".join(pieces[::2]).translate(None, _OTHERS))


def _without_escapes(data: bytes) -> bytes:
    """`data` without escaped backslashes and quotation marks."""
    if b"\\" not in data:
        return data
    return data.replace(b"\\\\", b"").replace(b'\\"', b"")


def whole_number(digits: str) -> int:
    """The integer that `digits` spell; raises ValueError if they are more than `DIGITS`."""
    if len(digits) > DIGITS:
        raise ValueError(f"a whole number has more than {DIGITS} digits")
    return int(digits)
