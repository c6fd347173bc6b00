"""Commands and events over a real socket and a real pipe, in one process."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.forkserver.pipes import (
    BACKLOG,
    DESCRIPTORS,
    LINE,
    BadLine,
    ControlPipes,
)


@define
class Ends:
    """The web process's ends."""

    pipes: ControlPipes
    commands: socket.socket
    events: int

    @classmethod
    def open(cls) -> Ends:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        read_events, write_events = os.pipe()
        return cls(ControlPipes(theirs.detach(), write_events), ours, read_events)

    def close(self) -> None:
        self.pipes.close()
        os.close(self.events)
        self.commands.close()

    def read(self) -> dict[str, Any] | None:
        """The next command, which must have no descriptors."""
        command = self.pipes.read()
        if command is None:
            return None
        assert command.take_descriptor() is None
        return command.line


@pytest.fixture
def ends():
    ends = Ends.open()
    yield ends
    ends.close()


class TestCommands:
    def test_nothing_yet(self, ends):
        assert ends.read() is None

    def test_the_end(self, ends):
        ends.commands.close()
        with pytest.raises(EOFError):
            ends.pipes.read()

    def test_one_at_a_time(self, ends):
        for number in (1, 2):
            ends.commands.send(b'{"op":%d}' % number)
        assert [ends.read() for _ in range(3)] == [{"op": 1}, {"op": 2}, None]

    def test_what_came_before_the_end(self, ends):
        ends.commands.send(b'{"op":1}')
        ends.commands.close()
        assert ends.read() == {"op": 1}
        with pytest.raises(EOFError):
            ends.pipes.read()

    def test_an_end_that_has_not_read_its_answers(self, ends):
        # Linux reports a reset when the other end is closed with unread data.
        os.write(ends.pipes.commands, b"x")
        ends.commands.close()
        with pytest.raises(EOFError):
            ends.pipes.read()

    @pytest.mark.parametrize("line", [b"no", b"[]", b"7", b"null", b"\xff", b"[" * 50_000])
    def test_no_command(self, ends, line):
        ends.commands.send(line)
        ends.commands.send(b"{}")
        with pytest.raises(BadLine):
            ends.pipes.read()
        assert ends.read() == {}

    def test_a_long_one_is_refused_whole(self, ends):
        ends.commands.send(b"{" + b" " * (LINE - 2) + b"}")
        ends.commands.send(b"{" + b" " * (LINE - 1) + b"}")
        ends.commands.send(b"{}")
        assert ends.read() == {}
        with pytest.raises(BadLine, match=f"A command has at most {LINE} bytes."):
            ends.pipes.read()
        assert ends.read() == {}

    @given(st.lists(st.dictionaries(st.text(), st.text() | st.integers(), max_size=3), max_size=9))
    def test_any_come_as_they_were_sent(self, commands):
        ends = Ends.open()
        try:
            for command in commands:
                ends.commands.send(json.dumps(command).encode())
            assert [ends.read() for _ in commands] == commands
        finally:
            ends.close()


class TestDescriptors:
    def send(self, ends: Ends, data: bytes, count: int) -> None:
        """Send a command with so many descriptors of a file."""
        null = os.open(os.devnull, os.O_RDONLY)
        socket.send_fds(ends.commands, [data], [null] * count)
        os.close(null)

    def test_are_for_whoever_takes_them(self, ends):
        self.send(ends, b"{}", 2)
        command = ends.pipes.read()
        first = command.take_descriptor()
        assert not os.get_inheritable(first)
        (second,) = command._descriptors
        command.close()
        os.close(first)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(second)
        assert command.take_descriptor() is None

    @pytest.mark.parametrize(
        ("data", "count"), [(b"no", 1), (b"[]", 2), (b"{}", DESCRIPTORS + 1), (b" " * 70_000, 1)]
    )
    def test_are_closed_where_there_is_no_command(self, ends, data, count):
        before = os.listdir("/proc/self/fd")
        self.send(ends, data, count)
        with pytest.raises(BadLine):
            ends.pipes.read()
        assert os.listdir("/proc/self/fd") == before


class TestEvents:
    def test_are_lines(self, ends):
        ends.pipes.send_event(event="é", number=1)
        assert os.read(ends.events, 1000) == b'{"event":"\\u00e9","number":1}\n'
        assert not ends.pipes.backlogged

    def test_wait_for_a_reader(self, ends):
        count = 3000
        for number in range(count):
            ends.pipes.send_event(event="x" * 50, number=number)
        assert ends.pipes.backlogged
        data = b""
        while data.count(b"\n") < count:
            data += os.read(ends.events, 65536)
            ends.pipes.write()
        assert [json.loads(line)["number"] for line in data.splitlines()] == list(range(count))
        assert not ends.pipes.backlogged

    def test_do_not_wait_without_bound(self, ends):
        while len(ends.pipes._unsent) < BACKLOG - 20_000:
            ends.pipes.send_event(event="x" * 10_000)
        with pytest.raises(BrokenPipeError):
            ends.pipes.send_event(event="x" * 20_000)


def test_the_ends_are_not_inherited(ends):
    assert not os.get_inheritable(ends.pipes.commands)
    assert not os.get_inheritable(ends.pipes.events)
