"""The lines between keeper and workers: what is said arrives, and what makes no sense is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.wire.messages import WireError
from sagecell_tx.workers.protocol import (
    LONGEST,
    LONGEST_NAME,
    STATES,
    Again,
    AliveAnswer,
    AliveQuestion,
    Ask,
    Denied,
    Drain,
    Granted,
    Leave,
    Moved,
    Release,
    State,
    Wanted,
    parse_answer,
    parse_request,
)

numbers = st.integers(0, 2**53)
seconds = st.floats(0, 2**53)
names = st.text(max_size=LONGEST_NAME)
visitors = st.builds(
    Visitor,
    purpose=st.sampled_from(Purpose),
    address=names,
    site=names,
    cell_session=names,
    key=names,
)
requests = st.one_of(
    st.builds(Ask, numbers, visitors, seconds),
    st.builds(Again, numbers, numbers),
    st.builds(Leave, numbers),
    st.builds(Release, numbers),
    st.builds(State, st.sampled_from(STATES)),
    st.builds(AliveAnswer, numbers),
)
positions = st.builds(
    lambda position, seconds: Position(position=position, seconds=seconds),
    numbers,
    st.none() | numbers,
)
answers = st.one_of(
    st.builds(Granted, numbers),
    st.builds(Denied, numbers, st.text(max_size=100), st.text(max_size=1000), seconds),
    st.builds(Moved, numbers, positions),
    st.builds(Wanted, numbers),
    st.builds(Drain),
    st.builds(AliveQuestion, numbers),
)


@given(requests)
def test_what_a_worker_says_arrives(request: Any) -> None:
    line = request.line()
    assert b"\n" not in line
    assert len(line) <= LONGEST
    assert parse_request(line) == request


@given(answers)
def test_what_the_keeper_says_arrives(answer: Any) -> None:
    line = answer.line()
    assert b"\n" not in line
    assert len(line) <= LONGEST
    assert parse_answer(line) == answer


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_anything_else_is_refused(line: bytes) -> None:
    for parse in (parse_request, parse_answer):
        with pytest.raises(WireError):
            parse(line)


VISITOR = {"purpose": "kernel", "address": "", "site": "", "cell_session": "", "key": ""}


@pytest.mark.parametrize(
    "line",
    [
        {"ask": -1, "patience": 1, "visitor": VISITOR},
        {"ask": 2**53 + 1, "patience": 1, "visitor": VISITOR},
        {"ask": True, "patience": 1, "visitor": VISITOR},
        {"ask": 1, "patience": -1, "visitor": VISITOR},
        {"ask": 1, "patience": 1e300, "visitor": VISITOR},
        {"ask": 1, "patience": True, "visitor": VISITOR},
        {"ask": 1, "patience": "1", "visitor": VISITOR},
        {"ask": 1, "patience": 1, "visitor": {}},
        {"ask": 1, "patience": 1, "visitor": {**VISITOR, "purpose": "anything"}},
        {"ask": 1, "patience": 1, "visitor": {**VISITOR, "purpose": ["kernel"]}},
        {"ask": 1, "patience": 1, "visitor": {**VISITOR, "site": 5}},
        {"ask": 1, "patience": 1, "visitor": {**VISITOR, "key": "k" * (LONGEST_NAME + 1)}},
        {"again": 1},
        {"again": 1, "as": -1},
        {"leave": "1"},
        {"release": None},
        {"state": "asleep"},
        {"pong": -1},
        {"granted": 1},
        {"drain": True},
    ],
)
def test_a_worker_cannot_say_this(line: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_request(json.dumps(line).encode())


@pytest.mark.parametrize(
    "line",
    [
        {"granted": -1},
        {"refused": 1, "code": "x", "message": "y"},
        {"refused": 1, "code": "x" * 101, "message": "y", "retry_after": 1},
        {"refused": 1, "code": "x", "message": "y" * 1001, "retry_after": 1},
        {"refused": 1, "code": "x", "message": "y", "retry_after": -1},
        {"position": 1, "at": -1, "seconds": None},
        {"position": 1, "at": 1, "seconds": -1},
        {"wanted": -1},
        {"drain": False},
        {"ping": -1},
        {"release": 1},
    ],
)
def test_a_keeper_cannot_say_this(line: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        parse_answer(json.dumps(line).encode())


def test_infinity_is_no_time() -> None:
    with pytest.raises(WireError):
        parse_request(b'{"ask":1,"patience":Infinity,"visitor":%s}' % json.dumps(VISITOR).encode())


def test_a_long_name_is_told_apart_by_its_digest() -> None:
    """A page may call itself what it likes; its line is as short as any."""
    asked = [
        parse_request(Ask(1, Visitor(site="\U0001f600" * 10_000 + end), 1.0).line())
        for end in ("a", "a", "b")
    ]
    sites = [each.visitor.site for each in asked if isinstance(each, Ask)]
    assert sites[0] == sites[1] != sites[2]
    assert all(len(site) <= LONGEST_NAME for site in sites)
    odd = parse_request(Ask(1, Visitor(cell_session="\ud800" * 1000), 1.0).line())
    assert isinstance(odd, Ask)


def test_a_refusal_is_the_same_for_the_client() -> None:
    denied = Denied(1, "too_many_kernels", "This server is full.", 7.0)
    assert (denied.refused.code, denied.refused.message) == ("too_many_kernels", denied.message)
    assert denied.refused.retry_after == 7
    assert Denied.of(1, denied.refused) == denied
