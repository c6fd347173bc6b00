"""The web process's end of the bootstrap socket, and what a kernel may answer."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.hosts.forked.bootstrap import HostBootstrap
from tests.hosts.doubles import ProcessReactor, held


@define(eq=False)
class Ends:
    """Both ends, and the calls that the answers have caused."""

    reactor: ProcessReactor = field(factory=ProcessReactor)
    heard: list[str] = field(factory=list)
    ours: HostBootstrap = field(init=False)
    theirs: socket.socket = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ours, descriptor = HostBootstrap.open(
            reactor=self.reactor,
            directory=Path("/var/kernels/k-1"),
            key=b"abc",
            bound=lambda: self.heard.append("bound"),
            failed=self.heard.append,
            broken=lambda: self.heard.append("broken"),
        )
        self.theirs = socket.socket(fileno=descriptor)

    def say(self, word: bytes) -> None:
        self.theirs.send(word)
        self.reactor.hear()

    def close(self) -> None:
        self.ours.close()
        self.theirs.close()
        assert self.reactor.getReaders() == []


@pytest.fixture
def ends() -> Iterator[Ends]:
    before = held()
    ends = Ends()
    yield ends
    ends.close()
    assert held() == before


def test_a_kernel_hears_its_directory_and_key_at_once(ends):
    told = json.loads(ends.theirs.recv(1000))
    assert told == {"dir": "/var/kernels/k-1", "key": "abc"}
    assert ends.heard == []


def test_it_says_that_it_is_bound_and_nothing_more_is_heard(ends):
    ends.say(b"bound")
    assert ends.heard == ["bound"]
    assert ends.reactor.getReaders() == []
    with pytest.raises(BrokenPipeError):
        ends.theirs.send(b"bound")


@pytest.mark.parametrize(
    ("word", "why"),
    [
        (b"failed: MemoryError\nat \xc3\xbc\xff", "MemoryError\nat ü\ufffd"),
        (b"failed: ", "it does not say why"),
        (b"failed: " + b"x" * 10_000, "x" * 8184),
    ],
)
def test_it_says_why_it_cannot_start(ends, word, why):
    ends.say(word)
    assert ends.heard == [why]
    assert ends.ours.last_report() == ""
    assert ends.reactor.getReaders() == []


@pytest.mark.parametrize(
    ("word", "why"),
    [(b"failed: MemoryError", "MemoryError"), (b"bound", ""), (b"Failed", ""), (b"", "")],
)
def test_of_one_that_has_ended_only_a_report_counts(ends, word, why):
    if word:
        ends.theirs.send(word)
    assert ends.ours.last_report() == why
    assert ends.heard == []
    assert ends.reactor.getReaders() == []


@define(eq=False)
class ProgramEnds(Ends):
    """The same for a kernel that becomes a program of its own."""

    places: list[int | None] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.ours, descriptor = HostBootstrap.open(
            reactor=self.reactor,
            directory=Path("/var/kernels/k-1"),
            key=b"abc",
            bound=lambda: self.heard.append("bound"),
            failed=self.heard.append,
            broken=lambda: self.heard.append("broken"),
            placed=self.places.append,
            program={"argv": ["/bin/k"], "env": {}},
        )
        self.theirs = socket.socket(fileno=descriptor)

    def place(self, *descriptors: int) -> None:
        socket.send_fds(self.theirs, [b"place"], [*descriptors])
        self.reactor.hear()


@pytest.fixture
def program_ends() -> Iterator[ProgramEnds]:
    before = held()
    ends = ProgramEnds()
    yield ends
    ends.close()
    assert held() == before


def test_a_kernel_hears_its_program(program_ends):
    told = json.loads(program_ends.theirs.recv(1000))
    assert told["program"] == {"argv": ["/bin/k"], "env": {}}


def test_it_says_its_place_and_may_say_afterwards_why_it_cannot_start(program_ends):
    program_ends.place()
    assert program_ends.places == [None]
    program_ends.say(b"failed: no such file")
    assert program_ends.heard == ["no such file"]


def test_a_descriptor_comes_with_its_place(program_ends, tmp_path):
    place = os.open(tmp_path, os.O_PATH)
    program_ends.place(place)
    os.close(place)
    (received,) = program_ends.places
    assert os.path.samestat(os.fstat(received), tmp_path.stat())
    os.close(received)
    program_ends.theirs.close()
    program_ends.reactor.hear()
    assert program_ends.heard == []
    assert program_ends.reactor.getReaders() == []


def test_of_several_descriptors_one_is_taken(program_ends):
    null = os.open(os.devnull, os.O_RDONLY)
    program_ends.place(null, null, null)
    os.close(null)
    (received,) = program_ends.places
    os.close(received)


def test_a_second_place_is_the_last_word(program_ends):
    program_ends.place()
    program_ends.place()
    assert (program_ends.places, program_ends.heard) == ([None], ["broken"])


def test_no_descriptor_of_one_that_has_ended_is_kept(program_ends):
    null = os.open(os.devnull, os.O_RDONLY)
    for word in (b"place", b"place", b"failed: no such file"):
        socket.send_fds(program_ends.theirs, [word], [null])
    os.close(null)
    assert program_ends.ours.last_report() == ""  # a second place is the last word
    assert program_ends.places == []


def test_one_that_has_ended_may_have_said_its_place_before_why(program_ends):
    null = os.open(os.devnull, os.O_RDONLY)
    socket.send_fds(program_ends.theirs, [b"place"], [null])
    os.close(null)
    program_ends.theirs.send(b"failed: no such file")
    assert program_ends.ours.last_report() == "no such file"


@pytest.mark.parametrize("word", [b"bound", b"broken"])
def test_no_descriptor_comes_with_another_word(program_ends, word):
    null = os.open(os.devnull, os.O_RDONLY)
    socket.send_fds(program_ends.theirs, [word], [null])
    os.close(null)
    program_ends.reactor.hear()
    assert (program_ends.heard, program_ends.places) == ([word.decode()], [])


def test_a_forked_kernel_has_no_place_to_say(ends):
    null = os.open(os.devnull, os.O_RDONLY)
    socket.send_fds(ends.theirs, [b"place"], [null])
    os.close(null)
    ends.reactor.hear()
    assert ends.heard == ["broken"]


@given(st.binary(min_size=1).filter(lambda word: word != b"bound" and word[:8] != b"failed: "))
def test_any_other_word_is_the_last(word):
    ends = Ends()
    ends.say(word)
    assert ends.heard == ["broken"]
    ends.close()


@pytest.mark.parametrize("read", [True, False])
def test_an_end_without_a_word_is_told_by_others(ends, read):
    if read:
        ends.theirs.recv(1000)
    ends.theirs.close()
    ends.reactor.hear()
    assert ends.heard == []
    assert ends.reactor.getReaders() == []


def test_descriptors_that_a_kernel_sends_are_not_taken(ends):
    before = held()
    socket.send_fds(ends.theirs, [b"bound"], [0, 1, 2])
    ends.reactor.hear()
    assert ends.heard == ["bound"]
    assert len(held()) == len(before) - 1


def test_a_signal_without_a_word_is_none(ends):
    ends.ours.doRead()
    assert ends.heard == []
    ends.ours.close()
    ends.ours.close()
