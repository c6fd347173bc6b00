"""Queries and forms: round trips, comparison with other parsers, and arbitrary bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, quote_from_bytes, unquote_to_bytes, urlencode

import pytest
import requests
from hypothesis import event, given
from hypothesis import strategies as st

from sagecell_tx.wire import formwire
from sagecell_tx.wire.formwire import (
    FIELDS,
    MULTIPART,
    PART_HEADER_LINES,
    PART_HEADERS,
    URLENCODED,
    FormTooLarge,
)
from sagecell_tx.wire.messages import WireError

KIND = f"{MULTIPART}; boundary=B"

PAIRS = st.lists(st.tuples(st.binary(), st.binary()), max_size=20)

#: Pieces of which forms are made, and what looks like them.
SHARDS = st.sampled_from(
    [
        *(
            b"--B",
            b"--B--",
            b"\r\n",
            b"\r",
            b"\n",
            b"--",
            b"B",
            b"%",
            b"%4",
            b"%41",
            b"&",
            b"=",
            b";",
        ),
        *(
            b"Content-Disposition: form-data",
            b'; name="a"',
            b"; name=",
            b'"',
            b"\\",
            b":",
            b" ",
            b"\0",
        ),
        *(
            b"Content-Type: multipart/mixed; boundary=B",
            b"Content-Length: 1",
            b"\xff",
            "€".encode(),
        ),
        b"Content-Transfer-Encoding: base64",
    ]
)
HOSTILE = st.lists(SHARDS | st.binary(max_size=8), max_size=40).map(b"".join)


def collected(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    made: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        made.setdefault(name, []).append(value)
    return made


# --- urlencoded


@given(PAIRS)
def test_what_goes_into_a_query_comes_out(pairs: list[tuple[bytes, bytes]]) -> None:
    assert formwire.urlencoded(urlencode(pairs).encode("ascii")) == collected(pairs)


@given(st.text(st.characters(codec="ascii"), max_size=200))
def test_another_implementation_agrees(text: str) -> None:
    # A name without "=" is a field to them.
    named = [field for field in text.split("&") if "=" in field]
    theirs = parse_qs("&".join(named), keep_blank_values=True, encoding="latin-1", separator="&")
    ours = formwire.urlencoded(text.encode("ascii"))
    assert ours == {
        name.encode("latin-1"): [value.encode("latin-1") for value in values]
        for name, values in theirs.items()
    }


@pytest.mark.parametrize("cut", range(4))
def test_a_long_value_is_unquoted_whole(cut: int) -> None:
    value = b"x" * (64 * 1024 - cut) + "€%".encode() * 100_000
    quoted = quote_from_bytes(value).encode("ascii")
    assert formwire.urlencoded(b"code=" + quoted) == {b"code": [value]}


@given(st.lists(SHARDS | st.binary(max_size=4)).map(b"".join))
def test_the_standard_library_unquotes_as_well(text: bytes) -> None:
    value = text.replace(b"&", b"")
    assert formwire.urlencoded(b"a=" + value) == {
        b"a": [unquote_to_bytes(value.replace(b"+", b" "))]
    }


def test_what_is_no_escape_stays() -> None:
    assert formwire.urlencoded(b"a=5%3&b=%zz%&c=%4") == {
        b"a": [b"5%3"],
        b"b": [b"%zz%"],
        b"c": [b"%4"],
    }


def test_what_separates() -> None:
    assert formwire.urlencoded(b"c=a=1;print(a)&;=2&&d") == {b"c": [b"a=1;print(a)"], b";": [b"2"]}
    assert formwire.urlencoded(b"") == {}


# --- multipart


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=300)), max_size=9))
def test_what_a_client_puts_into_a_form_comes_out(pairs: list[tuple[str, bytes]]) -> None:
    try:
        names = [name.encode("utf-8") for name, _ in pairs]
    except UnicodeEncodeError:
        return  # a form has no lone surrogates
    if any(set(name) & set('\0\r\n"%\\') or not name.isprintable() for name, _ in pairs):
        return  # each client quotes these in its own way
    if not pairs:
        return
    files = [(name, (None, value)) for name, value in pairs]
    sent = requests.Request("POST", "http://cells.example/", files=files).prepare()
    assert isinstance(sent.body, bytes)
    fields = formwire.parse(b"", sent.headers["Content-Type"], sent.body)
    values = [value for _, value in pairs]
    assert fields == collected(list(zip(names, values, strict=True)))


@given(
    HOSTILE, HOSTILE, st.sampled_from([URLENCODED, KIND, MULTIPART, f'{MULTIPART}; boundary="B"'])
)
def test_arbitrary_bytes_do_no_harm(query: bytes, body: bytes, kind: str) -> None:
    try:
        fields = formwire.parse(query, kind, body)
    except WireError as error:
        event(error.code)
        return
    size = sum(len(name) + sum(map(len, values)) for name, values in fields.items())
    assert size <= len(query) + len(body)


@given(st.text(max_size=60))
def test_arbitrary_types_do_no_harm(kind: str) -> None:
    for content_type in (kind, f"{MULTIPART};{kind}", f"{KIND};{kind}"):
        with suppress(WireError):
            assert formwire.parse(b"a=1", content_type, b"--B--\r\n") == {b"a": [b"1"]}


# --- bounds


def part(*headers: bytes, value: bytes = b"1") -> bytes:
    lines = [b"--B", b'Content-Disposition: form-data; name="a"', *headers, b"", value, b""]
    return b"\r\n".join(lines)


END = b"--B--\r\n"


def test_as_much_as_a_form_may_have() -> None:
    assert formwire.urlencoded(b"&".join([b"a=1"] * FIELDS)) == {b"a": [b"1"] * FIELDS}
    assert formwire.multipart(part() * FIELDS + END, KIND) == {b"a": [b"1"] * FIELDS}
    disposition = len(b"Content-Disposition") + len(b'form-data; name="a"')
    long = b"X: " + b"x" * (PART_HEADERS - disposition - 1)
    assert formwire.multipart(part(long) + END, KIND) == {b"a": [b"1"]}
    with pytest.raises(FormTooLarge):
        formwire.multipart(part(long + b"x") + END, KIND)


def steps(call: Callable[..., object], *args: object) -> int:
    """How many functions were called, Python's and C's, until `call` returned or refused."""
    count = 0

    def counted(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        with suppress(WireError):
            call(*args)
    finally:
        sys.setprofile(before)
    return count


#: Forms that grow with a number; what each exceeds, it exceeds at once.
WORST: dict[str, Callable[[int], tuple[str, bytes]]] = {
    "separators": lambda n: (URLENCODED, b"&" * n),
    "fields": lambda n: (URLENCODED, b"a=1&" * n),
    "escapes": lambda n: (URLENCODED, b"a=" + b"%41" * n),
    "no escapes": lambda n: (URLENCODED, b"a=" + b"%" * n),
    "equals signs": lambda n: (URLENCODED, b"=" * n),
    "parts": lambda n: (KIND, part() * n + END),
    "a header of parameters": lambda n: (KIND, part(b"X: y" + b';a="' * n) + END),
    "a disposition of parameters": lambda n: (
        KIND,
        b"--B\r\nContent-Disposition: form-data; " + b';a="' * n + b"\r\n\r\n1\r\n" + END,
    ),
    "headers": lambda n: (KIND, part(*[b"X: y"] * n) + END),
    "a header in many lines": lambda n: (KIND, part(b"X: y" + b"\r\n z" * n) + END),
    "parts in parts": lambda n: (
        KIND,
        b"--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" * n,
    ),
    "mails in mails": lambda n: (KIND, part(b"Content-Type: message/rfc822", value=END) * n),
    "lines of dashes": lambda n: (KIND, part(value=b"--\r\n" * n) + END),
    "almost boundaries": lambda n: (KIND, part(value=b"\r\n--" * n) + END),
    "boundaries with something behind": lambda n: (KIND, part(value=b"\r\n--Bx" * n) + END),
    "no end": lambda n: (KIND, part(value=b"x" * n)),
    "no beginning": lambda n: (KIND, b"\r\n" * n),
    "base64": lambda n: (KIND, part(b"Content-Transfer-Encoding: base64", value=b"====" * n) + END),
}


@pytest.mark.parametrize("name", WORST)
def test_work_stops_at_the_bound(name: str) -> None:
    """Bounded by fields, parts and their headers, and by pieces of 64 KiB that are unquoted."""
    few, many = (steps(formwire.parse, b"", *WORST[name](n)) for n in (2_000, 200_000))
    pieces = 200_000 * 4 // (64 * 1024) + 1
    assert many <= few + 20 * pieces, (few, many)
    assert few <= 20 * FIELDS * PART_HEADER_LINES


# --- secrets


@pytest.mark.parametrize(
    ("address", "logged"),
    [
        (b"/api/kernels", b"/api/kernels"),
        (b"/api/kernels?token=hush", b"/api/kernels?token=..."),
        (b"/?a=1&token=hush&b=2&token=hush", b"/?a=...&token=...&b=...&token=..."),
        (b"/?%74ok%65n=hush", b"/?..."),
        (b"/?c=print(1)&lang=sage", b"/?c=...&lang=sage"),
        (b"/?c=print(1)#print(2)", b"/?c=..."),
        (b"/?token=a=b=c", b"/?token=..."),
        (b"/?print(1)", b"/?..."),
        (b"/?hush", b"/?..."),
        (b"/?", b"/?"),
        (b"/?a=&&b", b"/?a=...&&..."),
        (b"/?lang=print(1)", b"/?lang=..."),
        (b"/?lang=" + b"x" * 41, b"/?lang=..."),
        (b"/kernel/1/messages?after=7&wait=20&v", b"/kernel/1/messages?after=7&wait=20&v"),
        # As Jupyter's pages have it in the address of their login.
        (b"/login?next=%2Flab%3Ftoken%3Dhush&a=1", b"/login?next=...&a=..."),
        (b"/?a" + b"&b=hush" * FIELDS + b"&c=hush&d=hush", b"/?..." + b"&b=..." * FIELDS),
        # What need not be escaped is not, so that an id is known as one.
        (b"/kernel/%37%34ff2342%2Dbd63/%2F%61%5A%7e", b"/kernel/74ff2342-bd63/%2FaZ%7e"),
    ],
)
def test_a_log_has_no_more_of_an_address_than_it_needs(address: bytes, logged: bytes) -> None:
    assert formwire.for_log(address) == logged


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_token_that_is_read_is_not_logged(before: bytes, after: bytes) -> None:
    address = b"/?" + before + b"&%74oken=hush-hush&" + after
    assert b"hush-hush" not in formwire.for_log(address)
