"""Connections are counted by address, and those that wait longest are closed first."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress

from sagecell_tx.http.connections.limits import ConnectionLimits


@define(eq=False)
class Waiter:
    """A connection that waits."""

    name: str
    story: list[str] = field(factory=list)

    def hang_up(self) -> None:
        self.story.append(self.name)


def peer(host: str) -> IPv4Address:
    return IPv4Address("TCP", host, 1)


def host(address: IAddress) -> str:
    assert isinstance(address, IPv4Address)
    return "" if address.host == "127.0.0.1" else str(address.host)


def test_an_address_has_so_many_and_gets_one_again_when_one_has_ended() -> None:
    connections = ConnectionLimits(most=2, counted_as=host)
    first, second = (connections.enter(peer("192.0.2.1")) for _ in range(2))
    assert connections.enter(peer("192.0.2.1")) is None
    assert connections.enter(peer("192.0.2.2")) is not None
    assert len(connections) == 3
    assert first is not None
    first()
    assert connections.enter(peer("192.0.2.1")) is not None
    assert second is not None


def test_who_is_not_counted_has_as_many_as_it_likes() -> None:
    connections = ConnectionLimits(most=1, counted_as=host)
    left = [connections.enter(peer("127.0.0.1")) for _ in range(10)]
    assert len(connections) == 0
    for leave in left:
        assert leave is not None
        leave()
    assert len(connections) == 0


def test_with_0_there_is_no_limit() -> None:
    connections = ConnectionLimits(counted_as=host)
    assert all(connections.enter(peer("192.0.2.1")) for _ in range(100))
    assert len(connections) == 100


def test_nothing_is_kept_of_who_has_left() -> None:
    connections = ConnectionLimits(most=2, counted_as=host)
    for number in range(100):
        for leave in [connections.enter(peer(f"192.0.2.{number}")) for _ in range(3)]:
            if leave is not None:
                leave()
    assert len(connections) == 0
    assert not connections._by_name
    assert not connections._crowded


def test_those_that_have_waited_longest_are_hung_up_on_first() -> None:
    connections, story = ConnectionLimits(), list[str]()
    a, b, c, d = (Waiter(name, story) for name in "abcd")
    for waiter in (a, b, c, d):
        connections.mark_idle(waiter)
    connections.mark_active(b)
    connections.mark_active(b)
    connections.mark_idle(a)  # anew, so that it has waited for no time
    assert connections.hang_up(2) == 2
    assert story == ["c", "d"]
    assert connections.hang_up(0) == connections.hang_up(-1) == 0
    assert connections.hang_up(5) == 1
    assert story == ["c", "d", "a"]
    assert connections.hang_up(1) == 0


def test_requests_in_progress_are_counted() -> None:
    connections, story = ConnectionLimits(), list[str]()
    a, b, c = (Waiter(name, story) for name in "abc")
    for waiter in (a, b, c):
        connections.mark_idle(waiter)
        connections.mark_asking(waiter)
    connections.mark_active(a)
    assert connections.asking == 3
    connections.mark_idle(a)
    connections.forget(b)
    assert connections.asking == 1
    assert connections.hang_up(2) == 2
    assert connections.asking == 0
