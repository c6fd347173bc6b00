"""What agents report, which may be hostile."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.cluster.reports import (
    MOST_USAGES,
    Hello,
    MachineStatus,
    exit_of,
    usages_of,
)
from sagecell_tx.sessions.interfaces import Exit, Usage
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


def test_usages():
    told = {"kernels": [[7, 1.5, 100], [8, 0, 0]], "more": True}
    assert usages_of(told) == (
        {
            7: Usage(cpu_seconds=1.5, memory_bytes=100),
            8: Usage(cpu_seconds=0, memory_bytes=0),
        },
        False,
    )
    assert usages_of({"kernels": [], "more": False}) == ({}, True)


def test_hostile_usages():
    hostile: list[dict[str, Any]] = [
        {"more": None},
        {"kernels": {}},
        {"kernels": [[n, 0, 0] for n in range(MOST_USAGES + 1)]},
        {"kernels": [7]},
        {"kernels": [[7, 1.5]]},
        {"kernels": [["7", 1.5, 100]]},
        {"kernels": [[True, 1.5, 100]]},
        {"kernels": [[7, -1, 100]]},
        {"kernels": [[7, True, 100]]},
        {"kernels": [[7, 1, "much"]]},
        {"kernels": [[7, 2**54, 100]]},
        {"kernels": [[7, float("nan"), 100]]},
        {"kernels": [[7, 1, float("inf")]]},
    ]
    for changed in hostile:
        with pytest.raises(WireError):
            usages_of({"kernels": [], "more": False, **changed})


@given(
    st.dictionaries(
        st.sampled_from([*HELLO, *STATUS, "status", "signal", "reason", "kernels", "more"]),
        ANYTHING | st.lists(st.lists(ANYTHING | st.floats())),
    )
)
def test_arbitrary_reports_do_no_harm(message: dict[str, Any]):
    for parse in (Hello.parse, MachineStatus.parse, exit_of, usages_of):
        for base in ({}, HELLO, STATUS):
            try:
                parse({**base, **message})
            except WireError:
                continue
