"""JSON lines over real pipes, in one process."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.pipes import BACKLOG, LINE, BadLine, ControlPipes


@define
class Ends:
    """The web process's ends."""

    pipes: ControlPipes
    commands: int
    events: int

    @classmethod
    def open(cls) -> Ends:
        read_commands, write_commands = os.pipe()
        read_events, write_events = os.pipe()
        return cls(ControlPipes(read_commands, write_events), write_commands, read_events)

    def close(self) -> None:
        self.pipes.close()
        os.close(self.events)
        if self.commands >= 0:
            os.close(self.commands)

    def hang_up(self) -> None:
        os.close(self.commands)
        self.commands = -1


@pytest.fixture
def ends():
    ends = Ends.open()
    yield ends
    ends.close()


class TestCommands:
    def test_nothing_yet(self, ends):
        assert ends.pipes.read() == []

    def test_the_end(self, ends):
        ends.hang_up()
        assert ends.pipes.read() is None

    def test_several_at_once_and_one_in_pieces(self, ends):
        os.write(ends.commands, b'{"op":1}\n\n{"op":2}\n{"o')
        assert ends.pipes.read() == [{"op": 1}, {"op": 2}]
        os.write(ends.commands, b'p":3}\n')
        assert ends.pipes.read() == [{"op": 3}]

    def test_what_came_before_the_end(self, ends):
        os.write(ends.commands, b'{"op":1}\n')
        ends.hang_up()
        assert ends.pipes.read() == [{"op": 1}]
        assert ends.pipes.read() is None

    @pytest.mark.parametrize("line", [b"no", b"[]", b"7", b"null", b"\xff", b"[" * 50_000])
    def test_no_command(self, ends, line):
        os.write(ends.commands, line + b"\n{}\n")
        first, second = ends.pipes.read()
        assert isinstance(first, BadLine)
        assert second == {}

    def test_a_line_too_long_is_one_mistake(self, ends):
        told: list[Any] = []
        for _ in range(5):
            os.write(ends.commands, b"x" * 60_000)
            told += ends.pipes.read()
        os.write(ends.commands, b"\n{}\n")
        told += ends.pipes.read()
        first, second = told
        assert str(first) == f"A line has at most {LINE} bytes."
        assert second == {}

    @given(
        commands=st.lists(st.dictionaries(st.text(), st.text() | st.integers(), max_size=3)),
        cuts=st.lists(st.integers(1, 40)),
    )
    def test_any_pieces_are_the_same_commands(self, commands, cuts):
        ends = Ends.open()
        try:
            data = b"".join(json.dumps(command).encode() + b"\n" for command in commands)
            told: list[Any] = []
            while data:
                cut = cuts.pop() if cuts else 1000
                os.write(ends.commands, data[:cut])
                data = data[cut:]
                told += ends.pipes.read() or ()
            assert told == commands
        finally:
            ends.close()


class TestEvents:
    def test_are_lines(self, ends):
        ends.pipes.tell(event="é", number=1)
        assert os.read(ends.events, 1000) == b'{"event":"\\u00e9","number":1}\n'
        assert not ends.pipes.backlogged

    def test_wait_for_a_reader(self, ends):
        count = 3000
        for number in range(count):
            ends.pipes.tell(event="x" * 50, number=number)
        assert ends.pipes.backlogged
        data = b""
        while data.count(b"\n") < count:
            data += os.read(ends.events, 65536)
            ends.pipes.write()
        assert [json.loads(line)["number"] for line in data.splitlines()] == list(range(count))
        assert not ends.pipes.backlogged

    def test_do_not_wait_without_bound(self, ends):
        while len(ends.pipes._unsent) < BACKLOG - 20_000:
            ends.pipes.tell(event="x" * 10_000)
        with pytest.raises(BrokenPipeError):
            ends.pipes.tell(event="x" * 20_000)


def test_the_ends_are_not_inherited(ends):
    assert not os.get_inheritable(ends.pipes.commands)
    assert not os.get_inheritable(ends.pipes.events)
