"""Commands stay in order, however much the socket takes, and no descriptor stays open."""

from __future__ import annotations

import errno
import itertools
import os
import socket
from collections.abc import Iterator

import pytest
from attrs import define, field

from sagecell_tx.hosts.forked.commandsocket import WAITING, CommandSocket
from tests.hosts.doubles import ProcessReactor, held


@define(eq=False)
class Ends:
    """A command socket and its reader; `overruns` counts the calls of `overrun`."""

    reactor: ProcessReactor = field(factory=ProcessReactor)
    overruns: list[None] = field(factory=list)
    ours: CommandSocket = field(init=False)
    theirs: socket.socket = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ours, self.theirs = CommandSocket.pair(
            self.reactor, lambda: self.overruns.append(None)
        )
        self.theirs.setblocking(False)

    def read(self) -> tuple[bytes, int]:
        """The next message, and the number of its descriptors."""
        data, descriptors, *_ = socket.recv_fds(self.theirs, 100, 10)
        for descriptor in descriptors:
            os.close(descriptor)
        return data, len(descriptors)

    def fill(self) -> int:
        """Send until some commands wait; returns how many were sent and how many wait."""
        for number in itertools.count(1):
            self.ours.send(b"%d" % number)
            if self.reactor.getWriters():
                return number
        raise AssertionError


@pytest.fixture
def ends() -> Iterator[Ends]:
    before = held()
    ends = Ends()
    yield ends
    ends.ours.close()
    ends.theirs.close()
    assert ends.reactor.getWriters() == []
    assert not any(call.active() for call in ends.reactor.getDelayedCalls())
    assert held() == before


def a_descriptor() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_a_command_is_a_message(ends):
    ends.ours.send(b"one")
    ends.ours.send(b"two")
    assert [ends.read(), ends.read()] == [(b"one", 0), (b"two", 0)]


def test_descriptors_go_along_and_are_closed(ends):
    descriptors = [a_descriptor(), a_descriptor()]
    ends.ours.send(b"start", descriptors)
    assert ends.read() == (b"start", 2)
    assert not any(map(is_open, descriptors))


def test_what_finds_no_room_waits_in_order(ends):
    last = ends.fill()
    descriptor = a_descriptor()
    ends.ours.send(b"start", [descriptor])
    assert is_open(descriptor)
    told = []
    while ends.reactor.getWriters():
        told.append(ends.read()[0])
        ends.reactor.hear()
    assert not is_open(descriptor)
    while told[-1] != b"start":
        told.append(ends.read()[0])
    assert told == [*(b"%d" % number for number in range(1, last + 1)), b"start"]


def test_what_waits_at_the_end_is_closed(ends):
    ends.fill()
    descriptor = a_descriptor()
    ends.ours.send(b"start", [descriptor])
    ends.ours.close()
    assert not is_open(descriptor)
    another = a_descriptor()
    ends.ours.send(b"start", [another])
    assert not is_open(another)


def test_when_too_many_wait_that_is_told_once(ends):
    descriptor = a_descriptor()
    last = ends.fill()
    ends.ours.send(b"start", [descriptor])
    for _ in range(last, last + WAITING + 10):
        ends.ours.send(b"more")
    assert len(ends.overruns) == 1
    assert not is_open(descriptor)


def test_when_nobody_reads_any_more_nothing_is_sent(ends):
    ends.theirs.close()
    descriptor = a_descriptor()
    ends.ours.send(b"start", [descriptor])
    assert not is_open(descriptor)
    assert ends.ours.fileno() == -1


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS])
def test_what_the_system_has_no_room_for_is_tried_again(number):
    class Short(socket.socket):
        failures = 2

        def sendmsg(self, *args):
            if self.failures:
                self.failures -= 1
                raise OSError(number, os.strerror(number))
            return super().sendmsg(*args)

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reactor = ProcessReactor()
    commands = CommandSocket(reactor, Short(fileno=ours.detach()), lambda: None)
    descriptor = a_descriptor()
    commands.send(b"start", [descriptor])
    commands.send(b"stop")
    for _ in range(2):
        assert is_open(descriptor)
        assert reactor.getWriters() == []
        reactor.advance(1)
    assert not is_open(descriptor)
    assert [theirs.recv(10), theirs.recv(10)] == [b"start", b"stop"]
    commands.close()
    theirs.close()
