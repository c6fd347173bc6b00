"""Connections that are refused get an answer, once their request is there, and take nothing for long."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.connections.accepting import Verdict
from sagecell_tx.http.connections.refusing import (
    ANSWER,
    PATIENCE,
    RETRY,
    Refusals,
    RefusedConnection,
)
from sagecell_tx.http.connections.strict import ADDRESS, HEADERS, LINGER
from sagecell_tx.http.serving.requests import CellSite
from tests.http.loopback import form, request
from tests.http.world import SiteTests

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class RefusedConnectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.refusals = Refusals(clock=self.clock)
        self.refused, self.transport = self.open()

    def open(self) -> tuple[RefusedConnection, StringTransport]:
        refused, transport = self.refusals.connection(), StringTransport()
        refused.makeConnection(transport)
        return refused, transport

    def test_a_request_is_answered_once_at_the_end_of_its_head(self) -> None:
        self.refused.dataReceived(HEAD[:-1])
        assert self.transport.value() == b""
        self.refused.dataReceived(HEAD[-1:])
        assert self.transport.value() == ANSWER
        self.refused.dataReceived(b"its body, and another request " + HEAD)
        assert self.transport.value() == ANSWER

    @given(st.lists(st.integers(0, len(HEAD) - 1), max_size=8))
    def test_however_it_arrives(self, cuts: list[int]) -> None:
        refused, transport = self.open()
        places = [0, *sorted(cuts), len(HEAD)]
        for begin, end in pairwise(places):
            assert transport.value() == b""
            if begin < end:
                refused.dataReceived(HEAD[begin:end])
        assert transport.value() == ANSWER
        refused.hang_up()

    def test_a_client_that_stays_is_hung_up_on(self) -> None:
        self.refused.dataReceived(HEAD)
        self.clock.advance(LINGER)
        assert self.transport.disconnected

    def test_a_client_that_sends_no_request_is_answered_nevertheless(self) -> None:
        self.clock.advance(PATIENCE)
        assert self.transport.value() == ANSWER
        self.clock.advance(LINGER)
        assert self.transport.disconnected

    def test_a_head_without_end(self) -> None:
        self.refused.dataReceived(b"x" * (ADDRESS + HEADERS))
        assert self.transport.value() == b""
        self.refused.dataReceived(b"x")
        assert self.transport.value() == ANSWER
        assert not self.transport.disconnected

    def test_a_client_that_sends_on_and_on(self) -> None:
        self.refused.dataReceived(HEAD)
        for _ in range(8):
            assert not self.transport.disconnected
            self.refused.dataReceived(b"x" * ADDRESS)
        assert self.transport.disconnected

    def test_the_oldest_are_hung_up_on(self) -> None:
        others = [self.open()[1] for _ in range(2)]
        assert self.refusals.hang_up(2) == 2
        assert [self.transport.disconnected, *(each.disconnected for each in others)] == [
            True,
            True,
            False,
        ]
        assert self.refusals.hang_up(2) == 1
        assert self.refusals.hang_up(2) == 0

    def test_a_closed_one_leaves_nothing(self) -> None:
        self.refused.connectionLost()
        assert len(self.refusals) == 0
        assert self.clock.getDelayedCalls() == []


class SiteRefusalTests(SiteTests):
    def decide(self, verdict: Verdict) -> CellSite:
        """From now on, this becomes of all new connections."""
        site = cast(CellSite, self.world.site)
        site.on_accepted = lambda: verdict
        return site

    def test_requests_and_websockets_are_told_when_to_come_back(self) -> None:
        upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
        for sent in (
            request("GET", "/status.json"),
            request("POST", "/kernel", [*form()["headers"]], form()["body"]),
            request("GET", "/kernel/x/channels", upgrade),
        ):
            self.decide(Verdict.REFUSED)
            connection = self.world.connect()
            connection.send(sent)
            answer = connection.answer()
            assert (answer.status, answer.error) == (503, "too_many_descriptors")
            assert answer.headers["retry-after"] == str(RETRY)
            assert answer.headers["access-control-allow-origin"] == "*"
            assert json.loads(answer.body)["message"].startswith("This server has too many")
            self.wait(LINGER)
            connection.pump()
            assert connection.ear.lost
        assert self.world.host.kernels == []

    def test_one_that_is_closed_hears_nothing(self) -> None:
        assert self.decide(Verdict.CLOSED).buildProtocol(None) is None
