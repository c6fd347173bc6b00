"""Whole evaluations at a server in memory, over each transport."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from sagecell_tx.limits import AdmissionLimits, Limits
from sagecell_tx.remote.load.outcomes import Failed, Outcome
from sagecell_tx.remote.load.programs import LoadProgram, Make
from sagecell_tx.remote.load.visits import TRANSPORTS, Visits, ask
from tests.remote.load.network import VisitTests


def program(code: str, text: str = "", **fields: object) -> dict[str, tuple[int, Make]]:
    """A kind of programs, which have to print `text`."""

    def is_right(outcome: Outcome) -> bool:
        return outcome.text == text and not outcome.error

    def make(random: Random) -> LoadProgram:
        return LoadProgram(code=code, is_right=is_right, **fields)  # type: ignore[arg-type]

    return {"arithmetic": (1, make)}


GOOD = program("print a\nprint b", "a\nb\n")


class EvaluationTests(VisitTests):
    def failures(self, visits: Visits) -> list[str]:
        """The kinds of failures of one evaluation."""
        self.finish(visits.evaluate({}))
        return [kind for _, _, kind in self.results.failures]

    def test_over_each_transport(self) -> None:
        for transport in TRANSPORTS:
            visits = self.visits(GOOD, transport)
            self.finish(visits.evaluate({}))
            assert self.results.failures == {}
            assert visits.under_way == 0
        rows = {(row.program, row.transport): row.done for row in self.results.rows}
        assert {("arithmetic", transport) for transport in TRANSPORTS} <= set(rows)
        assert rows["(start)", "sockjs"] == 1
        assert ("(start)", "service") not in rows
        assert self.results.done == len(TRANSPORTS)

    def test_nothing_is_left_behind(self) -> None:
        for transport in TRANSPORTS:
            self.finish(self.visits(GOOD, transport).evaluate({}))
        self.wait(60)
        self.network.flush()
        assert self.world.host.alive == []
        assert len(self.world.fleet) == 0

    def test_output_that_is_not_what_the_program_must_give(self) -> None:
        for transport in TRANSPORTS:
            self.finish(self.visits(program("print b", "a\n"), transport).evaluate({}))
        assert {kind for _, _, kind in self.results.failures} == {"wrong: not what it must give"}
        assert self.results.failed == len(TRANSPORTS)
        assert self.results.done == 0

    def test_a_program_that_fails(self) -> None:
        assert self.failures(self.visits(program("raise x"), "poll")) == ["wrong: Exception"]

    def test_a_kernel_that_dies(self) -> None:
        for transport in TRANSPORTS:
            self.finish(self.visits(program("exit 1"), transport).evaluate({}))
        assert {(transport, kind) for _, transport, kind in self.results.failures} == {
            ("service", "no reply: crashed"),
            *((transport, "the session ended: crashed") for transport in TRANSPORTS[:3]),
        }

    def test_a_program_that_does_not_end(self) -> None:
        for transport in TRANSPORTS[:3]:
            self.finish(self.visits(program("hang"), transport).evaluate({}))
        assert {kind for _, _, kind in self.results.failures} == {"not done in 60 s"}
        assert self.results.failed == 3

    def test_a_server_that_is_not_there(self) -> None:
        self.network.is_down = True
        for transport in TRANSPORTS:
            self.finish(self.visits(GOOD, transport).evaluate({}))
        kinds = {(name, kind) for name, _, kind in self.results.failures}
        assert ("arithmetic", "no connection") in kinds
        assert {kind for _, kind in kinds} == {"no connection"}

    def test_a_connection_that_breaks(self) -> None:
        visits = self.visits(program("hang"), "websocket")
        done = Deferred.fromCoroutine(visits.evaluate({}))
        self.network.flush()
        for connection in self.network.connections:
            connection.server.abortConnection()
        self.network.flush()
        self.successResultOf(done)
        ((_, _, kind),) = self.results.failures
        assert kind.startswith("the socket was closed")

    def test_who_asks_after_the_end_learns_why(self) -> None:
        for transport in ("websocket", "sockjs"):
            failed = self.late(self.visits(GOOD, transport), transport)
            assert failed.kind == "the session ended: stopped"

    def late(self, visits: Visits, transport: str) -> Failed:
        """How a request fails whose session has ended meanwhile, and the connection was closed."""
        failures: list[Failed] = []

        async def ask_late() -> None:
            started = await self.requests.post("/kernel", {"timeout": "600"})
            channel = visits.channel(transport, started["id"], self.requests)
            await channel.open()
            await ask(channel, "first", "execute_request", {"code": "print a"})
            await self.requests.delete(f"/kernel/{started['id']}")
            clock: Any = self.world.clock
            await deferLater(clock, 20, lambda: None)
            with pytest.raises(Failed) as failed:
                await ask(channel, "late", "execute_request", {"code": "print a"})
            failures.append(failed.value)

        self.finish(ask_late())
        return failures.pop()

    def test_headers_are_sent_with_every_request(self) -> None:
        visits = self.visits(program("print a", "a\n"), *TRANSPORTS)
        for _ in range(8):
            self.finish(visits.evaluate({"X-Forwarded-For": "198.18.0.1"}))
        assert self.results.failures == {}
        assert {
            name
            for pool in self.world.fleet.admission.pools.values()
            for budget in pool.budgets.by_scope.values()
            for name in budget.buckets._missing
        } >= {"198.18.0.1"}


class FullTests(VisitTests):
    limits = Limits(admission=AdmissionLimits(kernels=1, queue_length=0))

    def test_a_refusal_is_told_by_its_word(self) -> None:
        self.ask("POST", "/kernel", body=b"")
        self.finish(self.visits(GOOD, "websocket").evaluate({}))
        assert list(self.results.failures) == [("arithmetic", "websocket", "429 too_many_kernels")]
        assert self.results.told["429 too_many_kernels"].endswith(".")


class KeptTests(VisitTests):
    def test_files_and_permalinks_are_found_again(self) -> None:
        kept = program("save a.txt text", file=("a.txt", b"text"))
        for transport in TRANSPORTS:
            visits = self.visits(kept, transport)
            for _ in range(10):
                self.finish(visits.evaluate({}))
        assert self.results.failures == {}
        assert self.results.kept["file"] == 10 * len(TRANSPORTS)
        assert self.results.kept["permalink"] > 3
        self.finish(self.kept.check())
        assert self.results.lost == {}

    def test_what_is_lost_is_counted_by_kind(self) -> None:
        self.kept.file("00000000-0000-0000-0000-000000000001", "a.txt", b"text")
        self.kept.permalink("nothing", "code")
        self.finish(self.kept.check())
        assert self.results.lost == {
            ("file", "404 unknown_file"): 1,
            ("permalink", "404"): 1,
        }

    def test_what_is_something_else(self) -> None:
        self.finish(
            self.visits(program("save a.txt text", file=("a.txt", b"other")), "poll").evaluate({})
        )
        self.finish(self.kept.check())
        assert self.results.lost == {("file", "something else is there"): 1}

    def test_a_server_that_comes_back_has_lost_nothing(self) -> None:
        kept = program("save a.txt text", file=("a.txt", b"text"))
        self.finish(self.visits(kept, "poll").evaluate({}))
        self.network.is_down = True
        self.world.clock.callLater(5, lambda: setattr(self.network, "is_down", False))
        self.finish(self.kept.check())
        assert self.results.lost == {}

    def test_one_that_does_not_come_back_has(self) -> None:
        kept = program("save a.txt text", file=("a.txt", b"text"))
        self.finish(self.visits(kept, "poll").evaluate({}))
        self.network.is_down = True
        self.finish(self.kept.check())
        assert self.results.lost[("file", "no connection")] == 1
