"""A program at the pace of its reader: nothing is read before it is asked for."""

from __future__ import annotations

from sagecell_tx.http.execute.outputs import Stream
from sagecell_tx.http.execute.run import ProgramRun
from sagecell_tx.http.execute.submission import Submission
from sagecell_tx.limits import Limits, MessageLimits
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from tests.http.world import SiteTests


class ProgramRunTests(SiteTests):
    limits = Limits(messages=MessageLimits(message_log_bytes=10_000, stalled_seconds=5))

    def setUp(self) -> None:
        super().setUp()
        self.world.host.answering = False
        opening = self.world.fleet.open(Visitor(purpose=Purpose.SERVICE), timeout=0)
        self.session = self.successResultOf(opening)
        self.news = 0
        self.running = ProgramRun(
            session=self.session,
            clock=self.world.clock,
            originator=self.world.fleet.originator,
            submission=Submission(
                code="1", language="", files={}, seconds=30, idempotency_key="", accepted_tos=False
            ),
            limit=1_000_000,
            on_news=self.note,
        )
        self.running.begin()
        self.kernel = self.world.host.latest
        (self.program,) = self.kernel.sent

    def note(self) -> None:
        self.news += 1

    def tearDown(self) -> None:
        self.running.leave()
        self.running.leave()  # harmless
        assert len(self.world.fleet) == 0
        assert self.world.clock.getDelayedCalls() == []

    def fill(self) -> None:
        """Publish until the kernel has to wait."""
        while not self.kernel.paused:
            self.kernel.stream("x" * 1000, self.program)

    def test_a_kernel_waits_for_its_reader(self) -> None:
        self.fill()
        assert self.news > 0
        while self.running.read():
            pass
        assert not self.kernel.paused

    def test_the_last_output_and_the_end_come_together(self) -> None:
        self.kernel.stream("a", self.program)
        self.kernel.finish(self.program, {"status": "ok"})
        states = [self.running.is_over]
        assert self.running.read() == [Stream(name="stdout", text="a")]
        assert [*states, self.running.is_over] == [False, True]
        assert self.running.read() == []
        assert self.running.summary()["status"] == "ok"

    def test_a_reader_that_stalls(self) -> None:
        self.fill()
        self.wait(5)
        self.kernel.forget_last_words()
        assert self.running.is_over
        assert self.running.summary()["status"] == "dead"

    def test_messages_of_others_are_none_of_its_output(self) -> None:
        self.kernel.stream("a")
        self.kernel.stream("b", self.kernel.publish("status", {"execution_state": "busy"}))
        assert self.running.read() == []

    def test_an_error_that_was_not_published(self) -> None:
        self.kernel.finish(self.program, {"status": "error", "ename": "E", "evalue": "v"})
        self.running.read()
        summary = self.running.summary()
        assert summary["status"] == "error"
        assert summary["error"] == {
            "name": "E",
            "message": "v",
            "traceback": "E: v",
            "traceback_ansi": "E: v",
        }

    def test_files_of_a_program_that_died(self) -> None:
        content = {"name": "a", "size": 1, "mtime": 0.0, "offset": 0, "last": True}
        self.kernel.publish("sagecell_file", content, self.program, buffers=(b"1",))
        self.kernel.end()
        self.running.read()
        assert self.running.is_over
        assert self.running.file_names == ["a"]
