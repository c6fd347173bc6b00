"""Captures of descriptors, with pipes within one process."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import pytest

from sagecell_tx.kernelside.output.captures import Capture, Captures


class Beneath:
    """A kernel's stream with a descriptor of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.latest_parent: dict[str, Any] = {}
        self.descriptor = os.open(os.devnull, os.O_WRONLY)

    def fileno(self) -> int:
        return self.descriptor

    def write(self, data: bytes) -> None:
        os.write(self.descriptor, data)

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.descriptor)


@pytest.fixture
def streams():
    streams = [Beneath("stdout"), Beneath("stderr")]
    yield streams
    for stream in streams:
        stream.close()


@pytest.fixture
def captures(streams):
    captures = [Capture(stream) for stream in streams]
    yield Captures(captures)
    for capture in captures:
        with suppress(OSError):
            os.close(capture.descriptor)


def read(captures: Captures) -> list[tuple[str, str]]:
    return [(capture.stream, capture.read()) for capture in captures]


def test_none_never_wait():
    assert not Captures().waiting()
    assert Captures().drop_ended() == []


def test_nothing_waits_before_anything_is_written(captures):
    assert not captures.waiting()
    assert read(captures) == [("stdout", ""), ("stderr", "")]


def test_either_is_noticed(captures, streams):
    for stream in streams:
        stream.write(b"text")
        assert captures.waiting()
        read(captures)
        assert not captures.waiting()


def test_half_a_character_waits_for_the_rest(captures, streams):
    streams[0].write("é".encode()[:1])
    assert read(captures)[0] == ("stdout", "")
    streams[0].write("é".encode()[1:])
    assert read(captures)[0] == ("stdout", "é")


def test_what_is_no_text_is_marked(captures, streams):
    streams[0].write(b"\xff!")
    assert read(captures)[0] == ("stdout", "\N{REPLACEMENT CHARACTER}!")


def test_whose_it_is_is_the_latest_request(captures, streams):
    streams[1].latest_parent = {"msg_id": "now"}
    assert [capture.parent for capture in captures] == [{}, {"msg_id": "now"}]


def test_one_that_ended_is_let_go(captures, streams):
    streams[0].close()
    assert captures.waiting()
    assert captures.drop_ended() == []  # it has not been read to its end
    first, second = captures
    read(captures)
    assert captures.drop_ended() == [first.descriptor]
    assert list(captures) == [second]
    assert not captures.waiting()
    streams[1].write(b"still heard")
    assert captures.waiting()


def test_one_that_a_cell_closed_has_ended(captures):
    first, _ = captures
    os.close(first.descriptor)
    assert captures.waiting()
    read(captures)
    assert captures.drop_ended() == [first.descriptor]
