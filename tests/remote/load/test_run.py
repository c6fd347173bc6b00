"""A whole run at a server in memory: its progress, its report, and when it is cut."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from sagecell_tx.remote.load.models import ClassModel, Stage
from sagecell_tx.remote.load.report import report
from sagecell_tx.remote.load.run import LoadRun
from tests.remote.load.network import SERVER, VisitTests
from tests.remote.load.test_visits import GOOD, program

KEPT = program("save a.txt text", file=("a.txt", b"text"))


class RunTests(VisitTests):
    def load_run(self, programs: Any, *transports: str, seconds: float = 30) -> LoadRun:
        clock: Any = self.world.clock
        self.lines: list[str] = []
        return LoadRun(
            model=ClassModel(visitors=3, think=2),
            stage=Stage(clock=clock, random=Random(1), seconds=seconds, most=1000),
            visits=self.visits(programs, *transports),
            clock=clock,
            progress=self.lines.append,
        )

    def test_a_run_to_the_end(self) -> None:
        run = self.load_run(KEPT, "poll", "websocket")
        self.finish(run.run())
        assert run.results.are_good
        assert 25 <= run.seconds <= 40
        assert run.results.done > 10
        told = json.loads(json.dumps(run.fields))
        assert told["server"] == SERVER
        assert told["interrupted"] is False
        text = "\n".join(report(run))
        assert "a class of 3, each thinking for about 2 s" in text
        assert "failures: none" in text
        assert f"{run.results.kept['file']} files" in text
        assert "lost of these: none" in text

    def test_progress(self) -> None:
        self.finish(self.load_run(GOOD, "poll").run())
        assert any("s left, " in line and " done, 0 failed" in line for line in self.lines)
        assert self.lines[-1] == ""

    def test_failures_and_losses_are_told_by_kind(self) -> None:
        run = self.load_run(program("raise x"), "poll")
        self.results.lost["file", "404 unknown_file"] += 1
        self.finish(run.run())
        text = "\n".join(report(run))
        assert "arithmetic poll: wrong: Exception" in text
        assert "lost of these: 1" in text
        assert "file: 404 unknown_file" in text
        assert not run.results.are_good

    def test_what_a_server_says_does_no_harm_in_a_terminal(self) -> None:
        run = self.load_run(GOOD, "poll")
        self.results.went_wrong("arithmetic", "poll", "\x1b]52;c;evil\x07\n", "No\x1b[2J, sorry.")
        text = "\n".join(report(run))
        assert "\x1b" not in text
        assert ", sorry." in text

    def test_a_run_that_is_cut_ends_its_visits_and_looks_for_nothing(self) -> None:
        run = self.load_run(program("hang"), "websocket", seconds=1000)
        done = Deferred.fromCoroutine(run.run())
        for _ in range(20):
            self.network.flush()
            self.wait(0.5)
        assert run.visits.under_way > 0
        run.cut()
        self.successResultOf(done)
        self.network.flush()
        assert (run.visits.under_way, run.is_cut) == (0, True)
        assert "interrupted" in "\n".join(report(run))
        assert self.lines[-1] == ""
