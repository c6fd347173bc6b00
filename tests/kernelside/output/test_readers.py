"""Readers connect, get what they have subscribed to, and disconnect in various ways."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator

import pytest

from sagecell_tx.kernelside.output.readers import READERS, GaveUp, Readers, TopicMessage
from sagecell_tx.kernelside.output.zmtp import HELLO, encode
from tests.kernelside.output.test_zmtp import GREETING, READY, frame


class ReadersWorld:
    """A listening socket, and the publisher's side of it."""

    def __init__(self) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind("")
        self.listening.listen()
        self.address = self.listening.getsockname()
        self.poller = select.poll()
        self.giving_up = False
        self.readers = Readers(self.listening, self.poller, lambda: self.giving_up)
        self.peers: list[socket.socket] = []

    def peer(self, said: bytes = GREETING + READY) -> socket.socket:
        """A connection that sends this."""
        peer = socket.socket(socket.AF_UNIX)
        self.peers.append(peer)
        peer.connect(self.address)
        peer.sendall(said)
        return peer

    def subscribed(self, *topics: bytes) -> socket.socket:
        """A connection that has subscribed to these, and has read HELLO."""
        peer = self.peer(GREETING + READY + b"".join(frame(b"\1" + topic) for topic in topics))
        assert self.attend() == [*topics]
        assert peer.recv(len(HELLO)) == HELLO
        return peer

    def attend(self) -> list[bytes]:
        """Attend until nothing is ready; returns the new subscriptions."""
        new: list[bytes] = []
        while ready := dict(self.poller.poll(0)):
            new += [topic for _, topic in self.readers.attend(ready)]
        return new

    def send(self, *words: bytes) -> None:
        self.readers.send([TopicMessage(word, encode([word])) for word in words])

    def close(self) -> None:
        self.readers.close()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def place() -> Iterator[ReadersWorld]:
    place = ReadersWorld()
    yield place
    place.close()


def test_each_hears_what_it_has_subscribed_to(place):
    everything, some, nothing = place.subscribed(b""), place.subscribed(b"a", b"b"), place.peer()
    place.attend()
    place.send(b"apple", b"pear", b"berry")
    assert everything.recv(1000) == b"\0\5apple\0\4pear\0\5berry"
    assert some.recv(1000) == b"\0\5apple\0\5berry"
    assert nothing.recv(1000) == HELLO


def test_one_after_another(place):
    for number in range(2 * READERS):
        peer = place.subscribed(b"")
        place.send(str(number).encode())
        assert peer.recv(1000)[2:] == str(number).encode()
        peer.close()
        place.attend()


def test_there_are_only_so_many_at_a_time(place):
    present = [place.subscribed(b"") for _ in range(READERS)]
    late = place.peer()
    assert place.attend() == []
    place.send(b"on")
    assert [peer.recv(100) for peer in present] == [b"\0\2on"] * READERS
    with pytest.raises(ConnectionResetError):  # what it had said was not read
        late.recv(100)


def test_who_says_what_no_subscriber_says_is_let_go(place):
    hostile, other = place.peer(b"GET / HTTP/1.1\r\n" * 10), place.subscribed(b"")
    place.send(b"on")
    assert other.recv(100) == b"\0\2on"
    received = b""
    while data := hostile.recv(100):
        received += data
    assert received == HELLO


def test_who_is_gone_is_not_written_to(place):
    gone, other = place.subscribed(b""), place.subscribed(b"")
    gone.close()
    place.send(b"on")
    place.send(b"and on")
    assert other.recv(100) == b"\0\2on\0\6and on"


def test_a_slow_reader_is_waited_for_and_hears_everything(place):
    peer = place.subscribed(b"")
    word, heard = b"x" * (8 << 20), bytearray()

    def read() -> None:
        while len(heard) < len(word) + 9:
            heard.extend(peer.recv(100_000))

    reader = threading.Thread(target=read)
    reader.start()
    place.send(word)
    reader.join()
    assert bytes(heard) == encode([word])


def test_one_who_reads_nothing_is_given_up_when_it_is_time(place):
    place.subscribed(b"")
    place.giving_up = True
    with pytest.raises(GaveUp):
        place.send(b"x" * (8 << 20))


def test_what_was_sent_can_be_read_after_the_end(place):
    peer = place.subscribed(b"")
    place.send(b"last", b"words")
    place.readers.close()
    assert peer.recv(1000) == b"\0\4last\0\5words"
    assert peer.recv(1000) == b""


def test_a_listening_socket_that_was_taken_away_is_left_alone(place):
    peer = place.subscribed(b"")
    place.listening.shutdown(socket.SHUT_RDWR)
    assert place.attend() == []
    place.send(b"on")
    assert peer.recv(100) == b"\0\2on"
