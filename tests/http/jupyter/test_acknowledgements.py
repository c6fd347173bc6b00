"""Pings with numbers: when they are sent, and what their answers acknowledge."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from sagecell_tx.http.jupyter.acknowledgements import (
    ACKNOWLEDGED_BYTES,
    ACKNOWLEDGED_SECONDS,
    Acknowledgements,
)


class Client:
    """A client that answers nothing by itself."""

    def __init__(self, *, resumable: bool = True, begin: int = 0) -> None:
        self.clock = Clock()
        self.pings: list[bytes] = []
        self.acknowledged: list[int] = []
        self.lost = 0
        self.acknowledgements = Acknowledgements(
            clock=self.clock,
            seconds=25,
            misses=3,
            resumable=resumable,
            send=self.pings.append,
            acknowledge=self.acknowledged.append,
            lost=self.lose,
        )
        self.acknowledgements.begin(begin)

    def lose(self) -> None:
        self.lost += 1


def test_messages_that_follow_one_another_soon_have_one_ping():
    client = Client()
    for number in range(1, 6):
        client.acknowledgements.wrote(number, 100)
        client.clock.advance(ACKNOWLEDGED_SECONDS / 10)
    assert client.pings == []
    client.clock.advance(ACKNOWLEDGED_SECONDS)
    assert client.pings == [b"5"]
    client.acknowledgements.answered(b"5")
    assert client.acknowledged == [5]
    client.clock.advance(1)
    assert client.pings == [b"5"]
    client.acknowledgements.wrote(6, 100)
    client.clock.advance(ACKNOWLEDGED_SECONDS)
    assert client.pings == [b"5", b"6"]


def test_many_bytes_have_a_ping_at_once_and_no_other_one_later():
    client = Client()
    client.acknowledgements.wrote(1, ACKNOWLEDGED_BYTES - 1)
    client.acknowledgements.wrote(2, 1)
    assert client.pings == [b"2"]
    client.acknowledgements.wrote(3, ACKNOWLEDGED_BYTES)
    assert client.pings == [b"2", b"3"]
    client.clock.advance(1)
    assert client.pings == [b"2", b"3"]


def test_a_client_that_returns_continues_with_its_number():
    client = Client(begin=7)
    client.acknowledgements.wrote(7, 0)
    client.clock.advance(1)
    assert client.pings == []
    client.acknowledgements.answered(b"7")
    assert client.acknowledged == [7]


@pytest.mark.parametrize("payload", [b"", b"-1", b"1 ", b"x", b"2", b"9" * 16, b"\xff"])
def test_pongs_to_no_ping_acknowledge_nothing(payload: bytes):
    client = Client()
    client.acknowledgements.wrote(2, 100)  # not yet in a ping
    client.acknowledgements.answered(payload)
    assert client.acknowledged == []


def test_three_unanswered_pings_in_a_row_are_a_lost_client():
    client = Client()
    client.clock.pump([25] * 2)
    client.acknowledgements.answered(b"0")
    client.clock.pump([25] * 3)
    assert client.lost == 0
    client.clock.advance(25)
    assert client.lost == 1
    client.clock.advance(1000)
    assert client.lost == 1
    assert client.clock.getDelayedCalls() == []


def test_a_pong_that_is_none_of_ours_does_not_keep_a_client():
    client = Client()
    for _ in range(4):
        client.clock.advance(25)
        client.acknowledgements.answered(b"1")
    assert client.lost == 1


def test_a_client_that_cannot_return_is_only_watched():
    client = Client(resumable=False)
    client.acknowledgements.wrote(5, 2 * ACKNOWLEDGED_BYTES)
    client.clock.advance(1)
    assert client.pings == []
    client.clock.advance(24)
    assert client.pings == [b"0"]
    client.acknowledgements.answered(b"0")
    assert client.acknowledged == []


def test_nothing_is_left_on_the_clock():
    client = Client()
    client.acknowledgements.wrote(1, 1)
    client.acknowledgements.stop()
    client.acknowledgements.stop()
    assert client.clock.getDelayedCalls() == []
