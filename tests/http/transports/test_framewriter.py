"""Frames are written as fast as a client reads them, and no longer than it can."""

from __future__ import annotations

import pytest
from attrs import define, field

from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.transports.dispatch import TEXT
from sagecell_tx.http.transports.framewriter import FrameWriter


@define
class Transport:
    """A WebSocket whose client stops to read after each frame."""

    can_send: bool = True
    sent: list[bytes] = field(factory=list)
    producer: PushProducer = field(init=False)

    def register_producer(self, producer: PushProducer) -> None:
        self.producer = producer

    def sendFrame(self, *, opcode: int, payload: bytes, fin: bool) -> None:  # noqa: N802
        assert (opcode, fin) == (TEXT, True)
        self.sent.append(payload)
        self.producer.pauseProducing()


@pytest.fixture
def transport():
    return Transport()


@pytest.fixture
def writer(transport):
    batches = [[b"a", b"b"], [b"c"]]

    def more():
        return ((TEXT, each, True) for each in batches.pop(0)) if batches else None

    return FrameWriter(transport, more)


def test_one_frame_after_another_as_the_client_reads(transport, writer):
    writer.begin()
    assert transport.sent == [b"a"]
    writer.run()
    assert transport.sent == [b"a"]
    transport.producer.resumeProducing()
    transport.producer.resumeProducing()
    assert transport.sent == [b"a", b"b", b"c"]


def test_nothing_is_written_after_a_close_frame(transport, writer):
    writer.begin()
    transport.can_send = False
    transport.producer.resumeProducing()
    assert transport.sent == [b"a"]


def test_nothing_is_written_after_the_end(transport, writer):
    writer.begin()
    writer.end()
    writer.run()
    assert transport.sent == [b"a"]
