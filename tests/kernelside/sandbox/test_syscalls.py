"""What ``make syscalls`` makes of what strace says."""

from __future__ import annotations

from tests.kernelside.sandbox.syscalls import called, compared

SUMMARY = """\
syscall
----------------
read
clone3
newfstatat
----------------
total
"""


def test_the_names_in_a_summary():
    assert called(SUMMARY) == {"read", "clone3", "newfstatat"}
    assert called("") == set()


def test_what_was_called_is_beside_what_may_be():
    lists = compared(called(SUMMARY))
    assert lists["called, and allowed"] == ["newfstatat", "read"]
    assert lists["called, and not allowed"] == ["clone3"]
    assert "openat" in lists["allowed, and never called"]
    assert "read" not in lists["allowed, and never called"]
