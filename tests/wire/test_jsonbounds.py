"""The values in JSON are counted before it is parsed, and real messages are within the limits."""

from __future__ import annotations

import json
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.wire.jsonbounds import DEPTH, DIGITS, MARKS, excess, whole_number
from sagecell_tx.wire.messages import WireError, dump, parse_json

VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('a"\\[]{},:\n\ud800é')),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.sampled_from('a"\\[,')), inner),
)


def marks(value: object) -> int:
    """Strings, brackets and commas in the JSON text of a value."""
    match value:
        case str():
            return 1
        case dict():
            return 2 + sum(1 + marks(each) for each in value.values()) + max(0, len(value) - 1)
        case list():
            return 2 + sum(map(marks, value)) + max(0, len(value) - 1)
    return 0


@given(VALUES, st.booleans())
def test_what_is_counted(value: object, ascii_only: bool) -> None:
    text = json.dumps([value] * 2, ensure_ascii=ascii_only)
    count = marks([value] * 2)
    for each in (text, text.encode("utf-8", "surrogatepass")):
        assert excess(each, count) == ""
        # So much is detected by the count of brackets, commas and half the quotation marks.
        assert excess(each, count - 1) != ""


@given(st.binary() | st.lists(st.sampled_from([b'"', b"\\", b"[", b"]", b",", b"a"])).map(b"".join))
def test_arbitrary_bytes_do_no_harm(data: bytes) -> None:
    assert isinstance(excess(data, 5), str)


def test_as_much_as_there_may_be() -> None:
    zeros = b"[" + b"0," * (MARKS - 2) + b"0]"
    assert len(parse_json(zeros)) == MARKS - 1
    with pytest.raises(WireError, match="more than 100000 strings"):
        parse_json(zeros.replace(b"[", b"[0,"))
    deep = b"[" * DEPTH + b"]" * DEPTH
    assert parse_json(deep)
    with pytest.raises(WireError, match="more than 500 deep"):
        parse_json(b"[" + deep + b"]")
    assert parse_json(b"9" * DIGITS) == whole_number("9" * DIGITS)
    with pytest.raises(WireError, match="digits"):
        parse_json(b"9" * (DIGITS + 1))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "x = [" + "1, " * 1_000_000 + "]",
        'print("' + '\\"' * 500_000,
        "{}[]," * 500_000,
        "\\" * 1_000_001,
        "\n" * 1_000_000,
        "€😀" * 200_000,
    ],
)
def test_a_text_is_not_much_whatever_it_has_in_it(text: str) -> None:
    for said in (dump({"code": text}), json.dumps({"code": text}, ensure_ascii=False).encode()):
        assert parse_json(said) == {"code": text}


#: Four megabytes of what takes a parser long.
SIZE = 4 << 20
WORST = {
    "arrays": b"[" + b"[]," * (SIZE // 3) + b"[]]",
    "objects": b"[" + b"{}," * (SIZE // 3) + b"{}]",
    "numbers": b"[" + b"1," * (SIZE // 2) + b"1]",
    "strings": b"[" + b'"",' * (SIZE // 3) + b'""]',
    "names": b"{" + b",".join(b'"%d":1' % n for n in range(400_000)) + b"}",
    "strings without commas": b'""' * (SIZE // 2),
    "opened": b"[" * SIZE,
    "opened objects": b'{"a":' * (SIZE // 5),
    "closed": b"[" + b"]" * SIZE,
    "commas": b"[" + b"," * SIZE,
    "deep": b"[[" * 100_000 + b"]]" * 100_000,
    "after a long string": b'["' + b"a" * 1_000_000 + b'"' + b",[]" * (SIZE // 3) + b"]",
    "after escapes": b'["' + b'\\"' * 1_000_000 + b'"' + b",[]" * (SIZE // 3) + b"]",
    "digits": b"[" + b",".join([b"9" * 4300] * (SIZE // 4300)) + b"]",
}


def made(call: Any, *args: object) -> tuple[int, int]:
    """The cost of a call: how many functions it calls, and how many objects it creates."""
    calls = 0

    def counted(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before, blocks = sys.getprofile(), sys.getallocatedblocks()
    sys.setprofile(counted)
    try:
        call(*args)
    except WireError as error:
        return calls, sys.getallocatedblocks() - blocks + 0 * len(str(error))
    finally:
        sys.setprofile(before)
    raise AssertionError("it was parsed")


@pytest.mark.parametrize("name", WORST)
def test_what_is_too_much_is_refused_at_the_bound(name: str) -> None:
    calls, blocks = made(parse_json, WORST[name])
    assert calls <= 2 * MARKS + 100
    assert blocks <= 1000
