"""A kernel's connection through the proxy, byte by byte, in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent

from sagecell_tx.limits import NetworkLimits
from sagecell_tx.wire.proxywire import CONNECTED
from tests.hosts.network.networked import PUBLIC, World, logged

GET = b"GET http://allowed.example/path HTTP/1.1\r\nHost: allowed.example\r\n\r\n"


@pytest.fixture
def world():
    return World()


def test_a_tunnel_carries_both_ways(world):
    near = world.ask()
    assert near.pipe.said == b""
    far = world.answer()
    assert world.attempts() == [(PUBLIC, 443)]
    assert near.pipe.said == CONNECTED
    near.send(b"hello")
    far.send(b"world")
    assert (near.pipe.said, far.pipe.said) == (CONNECTED + b"world", b"hello")


def test_a_plain_request_is_passed_on_and_the_answer_is_as_it_comes(world):
    near = world.connect()
    near.send(GET)
    far = world.answer()
    assert world.attempts() == [(PUBLIC, 80)]
    assert far.pipe.said.startswith(b"GET /path HTTP/1.1\r\nhost: allowed.example\r\n")
    far.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert near.pipe.said == b"HTTP/1.1 204 No Content\r\n\r\n"


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=100)), max_size=20))
def test_a_tunnel_changes_nothing_whatever_the_order(parts):
    world = World()
    near = world.ask()
    far = world.answer()
    near.pipe.clear()
    for outward, data in parts:
        (near if outward else far).send(data)
    assert far.pipe.said == b"".join(data for outward, data in parts if outward)
    assert near.pipe.said == b"".join(data for outward, data in parts if not outward)
    near.lose()
    far.lose()
    assert world.quiet()


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_get_a_refusal_or_wait(data):
    world = World()
    near = world.connect()
    near.send(data)
    assert world.attempts() == []
    assert not near.pipe.said or near.status == 400
    near.lose()
    assert world.quiet()


def test_until_somebody_is_there_the_kernel_waits(world):
    near = world.connect()
    near.send(b"CONNECT allowed.example:443 HTTP/1.1\r\nHost: a\r\n\r\nearly ")
    assert near.pipe.producerState == "paused"
    near.send(b"bird")  # data that was read before the pause
    far = world.answer()
    assert near.pipe.producerState == "producing"
    assert far.pipe.said == b"early bird"


def test_each_side_is_the_others_producer(world):
    near = world.ask()
    far = world.answer()
    assert (near.pipe.producer, near.pipe.streaming) == (far.pipe, True)
    assert (far.pipe.producer, far.pipe.streaming) == (near.pipe, True)


@pytest.mark.parametrize("first", ["near", "far"])
def test_the_end_of_one_side_is_the_end_of_the_other_once_all_is_sent(world, first):
    near = world.ask()
    far = world.answer()
    one, other = (near, far) if first == "near" else (far, near)
    one.lose()
    # A transport that has a producer would never close.
    assert (other.pipe.producer, other.pipe.disconnecting) == (None, True)
    assert not other.pipe.aborting
    other.lose()
    assert world.quiet()


def test_what_cannot_be_sent_to_its_end_is_given_up(world):
    near = world.ask()
    far = world.answer()
    near.lose()
    world.reactor.advance(world.limits.idle_seconds)
    assert far.pipe.aborting
    far.lose()
    assert world.quiet()


def test_what_says_nothing_for_too_long_is_let_go(world):
    near = world.ask()
    far = world.answer()
    for speaker in (near, far):
        world.reactor.advance(world.limits.idle_seconds - 1)
        speaker.send(b".")
    world.reactor.advance(world.limits.idle_seconds - 1)
    assert not near.pipe.aborting
    world.reactor.advance(1)
    assert near.pipe.aborting
    assert far.pipe.aborting


def test_a_head_that_comes_in_drops_does_not_keep_a_connection(world):
    near = world.connect()
    for _ in range(int(world.limits.idle_seconds) - 1):
        near.send(b"G")
        world.reactor.advance(1)
    assert not near.pipe.aborting
    world.reactor.advance(1)
    assert near.pipe.aborting


def test_a_kernel_that_hangs_up_first_has_the_attempt_called_off(world):
    near = world.ask()
    near.lose()
    assert world.reactor.connectors[-1].stoppedConnecting
    assert near.pipe.said == b""
    assert world.quiet()


def test_a_second_request_ends_the_connection(world):
    near = world.connect()
    near.send(GET)
    far = world.answer()
    near.send(GET)
    assert near.pipe.said == b""
    assert near.pipe.aborting
    assert far.pipe.aborting


def test_a_second_request_before_the_first_is_on_its_way_calls_it_off(world):
    near = world.connect()
    near.send(GET)
    near.send(GET)
    assert near.status == 400
    assert world.reactor.connectors[-1].stoppedConnecting
    near.lose()
    assert world.quiet()


def test_after_a_refusal_nothing_is_heard(world):
    near = world.ask("refused.example:443")
    said = near.pipe.said
    near.send(b"CONNECT allowed.example:443 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (near.pipe.said, near.pipe.disconnecting) == (said, True)
    assert world.attempts() == []
    world.reactor.advance(world.limits.idle_seconds)
    assert near.pipe.aborting


def test_one_line_is_logged_for_a_connection_and_it_has_no_address_of_a_page(world):
    with capturedLogs() as events:
        near = world.connect()
        near.send(GET)
        far = world.answer()
        sent = len(far.pipe.said)
        world.reactor.advance(2)
        far.send(b"secret" * 10)
        far.lose()
        near.lose()
    assert logged(events, formatEvent) == [
        f"her-session: network: allowed.example:80, {sent} bytes out, 60 in, 2.0 s"
    ]


def test_a_refusal_is_logged_too():
    world = World()
    with capturedLogs() as events:
        world.ask("refused.example:443").lose()
        near = world.connect()
        near.send(b"\x16\x03\x01\r\n\r\n")
        near.lose()
        world.connect().lose()
    first, second = logged(events, formatEvent)
    assert first.startswith("her-session: network: refused.example:443 refused: refused.example is")
    assert second.startswith("her-session: network: a request refused: Not a request to a proxy")


@pytest.mark.parametrize("outward", [True, False])
def test_a_session_that_has_used_up_its_bytes_is_cut_off(outward):
    world = World(limits=NetworkLimits(traffic_bytes=1100))
    with capturedLogs() as events:
        near = world.ask()
        far = world.answer()
        speaker, hearer = (near, far) if outward else (far, near)
        hearer.pipe.clear()
        speaker.send(b"x" * 100)
        assert len(hearer.pipe.said) == 100
        for _ in range(3):
            speaker.send(b"x")
        assert len(hearer.pipe.said) == 100
        assert near.pipe.aborting
        assert far.pipe.aborting
        near.lose()
        far.lose()
    refusal, carried = logged(events, formatEvent)
    assert refusal.endswith("refused: the session has used up its bytes")
    assert "100" in carried
