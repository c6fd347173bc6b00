"""Long answers wait for their clients, within bounds."""

from __future__ import annotations

from typing import cast

from twisted.internet.address import IPv4Address
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher

from sagecell_tx.limits import Limits, RequestLimits
from tests.http.loopback import Connection, form, request
from tests.http.world import SiteTests

ALICE, BOB = (IPv4Address("TCP", f"198.51.100.{number}", 4000) for number in (1, 2))


class UnreadTests(SiteTests):
    limits = Limits(requests=RequestLimits(unread_answer_bytes=1_000_000))

    def begin(self, who: IPv4Address) -> Connection:
        """A client that does not read its answer of 360 kB."""
        connection = self.world.connect(peer=who)
        connection.server.clogged = True
        asked = form(code="print " + "\x01" * 60_000, accepted_tos="true")
        connection.send(request("POST", "/service", **asked))
        return connection

    def read(self, connection: Connection) -> str:
        """What the client gets when it reads after all."""
        connection.server.clogged = False
        connection.pump()
        stdout: str = connection.answer("POST").json["stdout"]
        return stdout

    def test_the_oldest_of_who_has_most_is_dropped(self) -> None:
        told: list[LogEvent] = []
        observer = cast(ILogObserver, told.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        hogs = [self.begin(ALICE) for _ in range(2)]
        assert not any(each.server.aborted for each in hogs)
        other = self.begin(BOB)
        assert [each.server.aborted for each in (*hogs, other)] == [True, False, False]
        [line] = [each for each in told if "was dropped" in str(each.get("log_format"))]
        assert (line["who"], line["most"]) == (ALICE.host, 1_000_000)
        hogs.append(self.begin(ALICE))
        assert [each.server.aborted for each in (*hogs, other)] == [True, True, False, False]
        for each in (hogs[-1], other):
            assert self.read(each) == "\x01" * 60_000 + "\n"

    def test_read_answers_do_not_count(self) -> None:
        for _ in range(4):
            assert self.read(self.begin(ALICE)) == "\x01" * 60_000 + "\n"
        waiting = [self.begin(ALICE) for _ in range(2)]
        waiting[0].hang_up()
        waiting.append(self.begin(ALICE))
        assert not any(each.server.aborted for each in waiting[1:])
