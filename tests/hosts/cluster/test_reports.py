"""What agents report, which may be hostile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.cluster.reports import Hello, MachineStatus, exit_of
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.wire.messages import WireError

HELLO: dict[str, Any] = {
    "event": "hello",
    "protocol": 1,
    "version": "0.1.0",
    "capacity": 64,
    "session": "s",
    "specs": ["bash"],
}
STATUS: dict[str, Any] = {
    "sandbox": "namespaces",
    "environment": "python",
    "languages": ["python"],
    "versions": {"python": "3.11"},
    "starting": False,
    "features": ["landlock"],
    "unbounded": [],
    "others": 3,
    "memory": 1 << 30,
    "load": 0.5,
}

ANYTHING = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())


def test_a_greeting():
    hello = Hello.parse(HELLO)
    assert (hello.capacity, hello.session, hello.specs) == (64, "s", frozenset({"bash"}))


def test_hostile_greetings():
    for changed in (
        {"protocol": 2},
        {"protocol": True},
        {"version": 7},
        {"version": "x" * 41},
        {"capacity": -1},
        {"capacity": 10**9},
        {"capacity": True},
        {"session": None},
        {"session": "x" * 129},
        {"specs": "bash"},
        {"specs": [7]},
        {"specs": ["x"] * 101},
    ):
        with pytest.raises(WireError):
            Hello.parse({**HELLO, **changed})


def test_a_status():
    status = MachineStatus.parse(STATUS)
    assert (status.sandbox, status.starting, status.others) == ("namespaces", False, 3)
    assert status.versions == {"python": "3.11"}


def test_hostile_statuses():
    hostile: list[dict[str, Any]] = [
        {"sandbox": None},
        {"languages": {}},
        {"versions": []},
        {"versions": {str(n): "" for n in range(101)}},
        {"others": -1},
        {"memory": "much"},
        {"load": None},
        {"load": -1},
        {"load": True},
    ]
    for changed in hostile:
        with pytest.raises(WireError):
            MachineStatus.parse({**STATUS, **changed})
    assert MachineStatus.parse({**STATUS, "starting": None}).starting


def test_ends():
    assert exit_of({"status": 1, "signal": None, "reason": None}) == Exit(status=1)
    assert exit_of({"signal": 9, "reason": "memory"}) == Exit(signal=9, reason="memory")
    hostile: list[dict[str, Any]] = [
        {"status": "0"},
        {"signal": True},
        {"reason": 7},
        {"reason": "x" * 41},
    ]
    for changed in hostile:
        with pytest.raises(WireError):
            exit_of(changed)


@given(st.dictionaries(st.sampled_from([*HELLO, *STATUS, "status", "signal", "reason"]), ANYTHING))
def test_arbitrary_reports_do_no_harm(message: dict[str, Any]):
    for parse in (Hello.parse, MachineStatus.parse, exit_of):
        for base in ({}, HELLO, STATUS):
            try:
                parse({**base, **message})
            except WireError:
                continue
