"""Parameters are validated before they are used."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parameters import in_frame, present, seconds, text, texts
from sagecell_tx.wire.messages import dump
from tests.http.asking import asking


def asked(**args: list[bytes]) -> IRequest:
    return asking(args=args).request


def test_the_last_of_several_values_counts() -> None:
    request = asked(code=[b"1", "é".encode()])
    assert texts(request, "code") == ["1", "é"]
    assert text(request, "code") == "é"
    assert text(request, "other", "none") == "none"
    assert texts(request, "other") == []


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(Problem) as refusal:
        text(asked(code=[b"\xff"]), "code")
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_encoding")


def test_a_parameter_without_a_value_is_there() -> None:
    assert present(asked(frame=[b""]), "frame")
    assert not present(asked(), "frame")


def test_seconds() -> None:
    for given_text, number in (
        (b"0", 0.0),
        (b"1.5", 1.5),
        (b"1e3", 1000.0),
        (b"inf", math.inf),
        (b"Infinity", math.inf),
        (b"1e999", math.inf),
        (b"-0", 0.0),
    ):
        assert seconds(asked(timeout=[given_text]), "timeout") == number
    assert seconds(asked(), "timeout") == 0
    assert seconds(asked(), "wait", 30.0) == 30


@pytest.mark.parametrize("value", [b"nan", b"-nan", b"-1", b"-inf", b"", b"soon", b"1,5", b"0x10"])
def test_what_is_no_time_is_refused(value: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        seconds(asked(timeout=[value]), "timeout")
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_timeout")


@given(st.recursive(st.text() | st.none(), st.lists, max_leaves=5))
def test_what_goes_into_a_frame_stays_in_its_string(value: object) -> None:
    page = in_frame(dump(value)).decode("ascii")
    script = page.removeprefix("<script>parent.postMessage('").removesuffix('\',"*");</script>')
    assert "<" not in script
    assert "\n" not in script
    # What JavaScript reads between the quotes: no quote but behind a backslash.
    read, rest = "", script
    while rest:
        assert rest[0] != "'"
        if rest.startswith("\\u"):
            read, rest = read + chr(int(rest[2:6], 16)), rest[6:]
        elif rest[0] == "\\":
            read, rest = read + rest[1], rest[2:]
        else:
            read, rest = read + rest[0], rest[1:]
    assert json.loads(read) == json.loads(dump(value))
