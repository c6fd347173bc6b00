"""Requests that wait for a kernel that is being restarted."""

from __future__ import annotations

from sagecell_tx.sessions.requests.held import MOST, HeldRequests
from tests.sessions.samples import code


def test_requests_wait_in_order_and_are_taken_once():
    held, requests = HeldRequests(10_000), [code("x", str(number)) for number in range(3)]
    assert all(map(held.put, requests))
    assert held.take() == requests
    assert held.take() == []


def test_bytes_and_number_are_bounded_and_room_is_made():
    sent = code("x" * 1000)
    held = HeldRequests(3 * sent.size)
    assert [held.put(sent) for _ in range(4)] == [True, True, True, False]
    held.take()
    assert held.put(sent)
    held = HeldRequests((MOST + 1) * sent.size)
    assert sum(held.put(sent) for _ in range(MOST + 1)) == MOST
