"""One kernel completes for all clients, who do not notice that it is shared."""

from __future__ import annotations

import json
import uuid
from itertools import count

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import LifetimeLimits, Limits
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.completion.completer import (
    AT_ONCE,
    EACH,
    LONGEST,
    MOST,
    PATIENCE,
    Completer,
)
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.testing.stores import MemoryFileStore
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import Message

NOW = "2026-01-01T00:00:00+00:00"


class CompleterCase(SynchronousTestCase):
    limits = Limits(lifetime=LifetimeLimits(completer_idle_seconds=100.0))

    def setUp(self) -> None:
        self.clock = Clock()
        self.host = MemoryHost()
        ids = count(1)

        def new_id() -> str:
            return str(uuid.UUID(int=next(ids)))

        originator = Originator(new_id=new_id, now=lambda: NOW)
        self.fleet = Fleet(
            host=self.host,
            spec=PYTHON,
            files=MemoryFileStore(now=lambda: 0.0),
            starts=Starts(at_once=1000, each=1000, clock=self.clock),
            limits=self.limits,
            clock=self.clock,
            originator=originator,
        )
        self.environment = "python"
        self.completer = Completer(
            fleet=self.fleet,
            environment=lambda: self.environment,
            clock=self.clock,
            originator=originator,
        )
        self.answers: list[Message] = []

    @property
    def kernel(self) -> MemoryKernel:
        return self.host.latest

    def asked(
        self, kind: str = "complete_request", msg_id: str = "c1", **content: object
    ) -> Message:
        content = content or {"code": "pri", "cursor_pos": 3}
        header = {"msg_id": msg_id, "msg_type": kind}
        text = json.dumps({"header": header, "content": content})
        return textwire.parse(text.encode(), date=NOW)

    def ask(self, question: Message | None = None, mode: str = "") -> None:
        self.completer.ask(question or self.asked(), mode, self.answers.append)


class AnswerTests(CompleterCase):
    def test_a_question_and_its_answer(self) -> None:
        """contract: 3.2"""
        self.ask()
        found = {"status": "ok", "matches": ["print"], "cursor_start": 0, "cursor_end": 3}
        (request,) = self.kernel.sent
        self.kernel.finish(request, found)
        (answer,) = self.answers
        assert (answer.channel, answer.msg_type) == ("shell", "complete_reply")
        assert answer.parsed_content() == found
        assert answer.parent_id == "c1"

    def test_an_explanation(self) -> None:
        """contract: 3.2"""
        self.ask(self.asked("inspect_request", code="print", cursor_pos=5), "sage")
        found = {"status": "ok", "found": True, "data": {"text/plain": "prints"}, "metadata": {}}
        self.kernel.finish(self.kernel.sent[0], found)
        assert self.answers[0].msg_type == "inspect_reply"
        assert self.answers[0].parsed_content() == found

    def test_nobody_learns_its_id(self) -> None:
        self.ask()
        self.kernel.finish(self.kernel.sent[0], {"status": "ok", "matches": []})
        assert self.kernel.kernel_id.encode() not in textwire.encode(self.answers[0])

    def test_ids_of_two_clients_do_not_collide(self) -> None:
        self.ask(self.asked(msg_id="same"))
        self.ask(self.asked(msg_id="same"))
        for number, request in enumerate(list(self.kernel.sent)):
            self.kernel.finish(request, {"matches": [str(number)]})
        assert [each.parsed_content()["matches"] for each in self.answers] == [["0"], ["1"]]
        assert len(self.host.kernels) == 1

    def test_nothing_can_be_executed(self) -> None:
        for kind in ("execute_request", "comm_open", "history_request", "kernel_info_request"):
            assert not self.completer.accepts(self.asked(kind))
        assert self.host.kernels == []

    def test_other_languages_have_words(self) -> None:
        """contract: 3.2"""
        self.ask(self.asked(code="x = Symm", cursor_pos=8), "gap")
        content = self.answers[0].parsed_content()
        assert content["matches"] == ["SymmetricGroup"]
        assert (content["cursor_start"], content["cursor_end"]) == (4, 8)
        self.ask(self.asked("inspect_request", code="Order", cursor_pos=5), "gap")
        assert self.answers[1].parsed_content()["found"] is False
        for mode in ("html", "no such language", "r" * 10_000):
            self.ask(self.asked(code="<b", cursor_pos=2), mode)
            assert self.answers[-1].parsed_content()["matches"] == []
        assert self.host.kernels == []

    def test_languages_that_sage_speaks_are_the_kernels(self) -> None:
        self.environment = "sage"
        self.ask(self.asked(code="Symm", cursor_pos=4), "gap")
        (request,) = self.kernel.sent
        assert request.parsed_content() == {"code": "Symm", "cursor_pos": 4, "mode": "gap"}
        self.kernel.finish(request, {"matches": ["SymmetricGroup"], "cursor_start": 0})
        assert self.answers[0].parsed_content()["matches"] == ["SymmetricGroup"]
        self.ask(self.asked(code="dis", cursor_pos=3), "octave")
        assert self.answers[1].parsed_content()["matches"] == ["disp", "display"]

    def test_only_what_is_around_the_cursor_is_asked_about(self) -> None:
        code = "x = 1\n" * 100_000 + "pri"
        self.ask(self.asked(code=code, cursor_pos=len(code)))
        (request,) = self.kernel.sent
        sent = request.parsed_content()
        assert sent["code"].endswith("x = 1\npri")
        assert len(sent["code"]) == sent["cursor_pos"] < 5000
        found = {"matches": ["print"], "cursor_start": sent["cursor_pos"] - 3}
        self.kernel.finish(request, {**found, "cursor_end": sent["cursor_pos"]})
        told = self.answers[0].parsed_content()
        assert (told["cursor_start"], told["cursor_end"]) == (len(code) - 3, len(code))

    def test_the_kernel_is_asked_nothing_else(self) -> None:
        self.ask(self.asked("inspect_request", code="x", cursor_pos=1, detail_level=7, more=[[]]))
        sent = self.kernel.sent[0].parsed_content()
        assert sent == {"code": "x", "cursor_pos": 1, "detail_level": 0}

    def test_a_failure_is_an_answer_in_the_shape_of_one(self) -> None:
        self.ask()
        told = {"status": "error", "ename": "no_answer", "evalue": "It takes too long."}
        self.kernel.finish(self.kernel.sent[0], told)
        content = self.answers[0].parsed_content()
        assert content["evalue"] == "It takes too long."
        assert (content["matches"], content["cursor_start"]) == ([], 3)

    def test_what_a_kernel_answers_that_makes_no_sense(self) -> None:
        for _ in range(2):
            self.ask()
        long, wrong = self.kernel.sent
        self.kernel.finish(long, {"matches": ["x" * LONGEST]})
        reply = self.kernel.originate("sagecell.complete_reply", {}, wrong, channel="shell")
        self.kernel.deliver(attrs.evolve(reply, content=b"[]"))
        names = [each.parsed_content()["ename"] for each in self.answers]
        assert names == ["unexpected_reply", "unexpected_reply"]

    def test_what_a_kernel_answers_to_something_else(self) -> None:
        self.ask()
        request = self.kernel.sent[0]
        self.kernel.publish("inspect_reply", {}, request, channel="shell")
        assert self.answers[0].parsed_content()["ename"] == "unexpected_reply"
        self.kernel.finish(request)
        assert len(self.answers) == 1


class LifeTests(CompleterCase):
    def test_it_is_started_by_the_first_question_and_ends_when_idle(self) -> None:
        """contract: 3.2"""
        assert self.host.kernels == []
        self.ask()
        self.kernel.finish(self.kernel.sent[0])
        self.clock.advance(self.limits.lifetime.completer_idle_seconds - 1)
        assert len(self.host.alive) == 1
        self.clock.advance(1)
        assert self.host.alive == []
        self.ask()
        assert len(self.host.alive) == 1
        self.kernel.finish(self.kernel.sent[0])
        assert len(self.answers) == 2

    def test_questions_wait_for_its_start(self) -> None:
        self.host.prompt = False
        for _ in range(3):
            self.ask()
        self.kernel.come_up()
        assert len(self.host.kernels) == 1
        for request in list(self.kernel.sent):
            self.kernel.finish(request)
        assert len(self.answers) == 3

    def test_one_that_does_not_come_up(self) -> None:
        self.host.prompt = False
        self.ask()
        self.ask(self.asked("inspect_request", code="x", cursor_pos=1))
        self.kernel.fail()
        completion, explanation = [each.parsed_content() for each in self.answers]
        assert completion["ename"] == explanation["ename"] == "start_failed"
        assert (completion["matches"], completion["cursor_start"]) == ([], 3)
        assert explanation["found"] is False

    def test_one_that_dies(self) -> None:
        self.ask()
        self.kernel.end()
        assert self.answers[0].parsed_content()["ename"] == "completer_ended"
        self.ask()
        assert len(self.host.kernels) == 2

    def test_one_that_does_not_answer_is_replaced(self) -> None:
        self.ask()
        self.clock.advance(PATIENCE)
        assert self.answers[0].parsed_content()["ename"] == "no_answer"
        self.clock.advance(self.limits.lifetime.stop_grace_seconds)
        assert self.host.alive == []
        self.ask()
        assert len(self.host.alive) == 1

    def test_one_that_does_not_come_up_in_time(self) -> None:
        self.host.prompt = False
        self.ask()
        self.clock.advance(PATIENCE)
        assert len(self.answers) == 1
        self.kernel.come_up()
        self.ask()
        self.kernel.finish(self.kernel.sent[-1])
        assert len(self.answers) == 2

    def test_a_server_that_goes_down(self) -> None:
        self.ask()
        self.successResultOf(self.fleet.stopService())
        assert len(self.answers) == 1
        self.ask()
        assert self.answers[1].parsed_content()["ename"] == "start_failed"

    def test_questions_are_bounded(self) -> None:
        for _ in range(MOST + 1):
            self.ask()
        (refused,) = self.answers
        assert refused.parsed_content()["ename"] == "too_many_requests"

    def test_slow_questions_of_one_hold_nobody_else(self) -> None:
        for _ in range(32):
            self.completer.ask(self.asked(), "", self.answers.append, who="192.0.2.1")
        assert len(self.kernel.sent) == EACH
        others: list[Message] = []
        for number in range(2, 7):
            self.completer.ask(self.asked(), "", others.append, who=f"192.0.2.{number}")
        for request in self.kernel.sent[EACH:]:
            self.kernel.finish(request)
        assert (len(others), self.answers) == (5, [])
        self.kernel.finish(self.kernel.sent[0])
        assert len(self.kernel.sent) == EACH + 5 + 1

    def test_the_kernel_has_a_few_at_a_time(self) -> None:
        for _ in range(2 * AT_ONCE):
            self.ask()
        assert len(self.kernel.sent) == AT_ONCE
        for request in self.kernel.sent:
            self.kernel.finish(request)
        assert len(self.answers) == 2 * AT_ONCE

    def test_who_has_no_turn_is_told(self) -> None:
        for _ in range(EACH + 1):
            self.completer.ask(self.asked(), "", self.answers.append, who="192.0.2.1")
        self.clock.advance(PATIENCE - 1)
        self.kernel.finish(self.kernel.sent[0])
        self.clock.advance(1)
        assert len(self.answers) == EACH + 1

    def test_it_takes_no_visitors_place(self) -> None:
        self.ask()
        pools = self.fleet.admission.pools
        taken = {purpose.value: pool.taken for purpose, pool in pools.items()}
        assert taken == {"kernel": 0, "service": 0, "completer": 1, "check": 0}

    def test_nothing_is_left_of_it(self) -> None:
        self.ask()
        self.kernel.finish(self.kernel.sent[0])
        self.clock.advance(self.limits.lifetime.completer_idle_seconds)
        assert self.clock.getDelayedCalls() == []
        assert len(self.fleet) == 0


class ShortTests(CompleterCase):
    limits = Limits(lifetime=LifetimeLimits(completer_idle_seconds=2.0, unclaimed_seconds=60.0))

    def test_it_stays_no_longer_although_nothing_was_ever_run_in_it(self) -> None:
        self.ask()
        self.kernel.finish(self.kernel.sent[0])
        self.clock.advance(2)
        assert self.host.alive == []
