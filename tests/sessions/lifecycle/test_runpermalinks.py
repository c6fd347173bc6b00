"""A run that asks for a permalink gets it among its output, and waits for nothing."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.interfaces import (
    Exit,
    Permalink,
    PermalinkRefused,
    StoreFull,
    StoreUnavailable,
)
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.runpermalinks import (
    COUNTED,
    MSG_TYPE,
    PATIENCE,
    WAITING,
    RunPermalinks,
)
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, STDIN, Message, dump
from tests.sessions.bridgeworld import BridgeWorld
from tests.sessions.samples import request, said
from tests.sessions.slowstore import SlowRunPermalinkStore

ASKED = {"sagecell": {"permalink": True}}


def run(code: object = "1+1", msg_id: str = "r1", **metadata: Any) -> Message:
    """An execute_request that asks for a permalink."""
    message = request(msg_id, content={"code": code})
    return attrs.evolve(message, metadata=dump({**ASKED, **metadata}))


class Told(list[tuple[str, dict[str, Any], bytes]]):
    """What was published."""

    def __call__(self, msg_type: str, content: dict[str, Any], parent_header: bytes) -> None:
        self.append((msg_type, content, parent_header))

    @property
    def latest(self) -> dict[str, Any]:
        return self[-1][1]


class RunPermalinksTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.store = SlowRunPermalinkStore()
        self.told = Told()
        self.counted = 0
        self.permalinks = RunPermalinks(
            clock=self.clock,
            store=self.store,
            client="one",
            count=self.count,
            limits=RequestLimits(code_characters=100),
            baseurl="/cells",
        )

    def count(self, number: int) -> None:
        self.counted += number

    def begin(self, message: Message) -> None:
        self.permalinks.begin(message, self.told)

    def stored(self, message: Message) -> Permalink:
        """The program that is stored for a message."""
        before = len(self.store.saves)
        self.begin(message)
        ((permalink, client),) = self.store.saves[before:]
        assert client == "one"
        return permalink

    def refusal(self, message: Message) -> str:
        """The code of the refusal of a message whose program is not stored."""
        before = len(self.store.saves)
        self.begin(message)
        assert len(self.store.saves) == before
        assert set(self.told.latest) == {"error", "message"}
        assert self.told.latest["message"].endswith(".")
        return str(self.told.latest["error"])

    def test_its_id_and_address_are_told_to_the_request(self) -> None:
        asked = run()
        self.begin(asked)
        assert self.told == []
        self.store.answers[0].callback("abc")
        assert self.told == [(MSG_TYPE, {"id": "abc", "address": "/cells/?q=abc"}, asked.header)]
        assert self.counted == 1
        assert self.clock.getDelayedCalls() == []

    def test_the_program_that_is_stored(self) -> None:
        assert self.stored(run("1+1")) == Permalink(code="1+1")
        assert self.stored(run("1+1", language="gap")).language == "gap"
        assert self.stored(run("", language="g" * 1000)) == Permalink(code="", language="g" * 32)
        told = {"permalink": True, "code": "plot(1)", "interacts": '[{"n": 3}]'}
        assert self.stored(
            run('print(r.eval("""plot(1)"""))', language="r", sagecell=told)
        ) == Permalink(code="plot(1)", language="r", interacts='[{"n": 3}]')

    def test_who_does_not_ask_gets_none(self) -> None:
        for metadata in (
            b"{}",
            b'{"sagecell":{"permalink":false}}',
            b'{"sagecell":{"permalink":1}}',
            b'{"language":"permalink"}',
        ):
            self.begin(attrs.evolve(run(), metadata=metadata))
        self.begin(attrs.evolve(request("r2", "complete_request"), metadata=dump(ASKED)))
        assert (self.store.saves, self.told, self.counted) == ([], [], 0)

    def test_strange_requests_ask_for_something_or_nothing(self) -> None:
        strange: tuple[Any, ...] = (None, 7, ["1"], {"code": 1}, {"interacts": []})
        for value in strange:
            wish = {**value, "permalink": True} if isinstance(value, dict) else value
            self.begin(run(value, language=value, sagecell=wish, x={"permalink": True}))
        for permalink, _ in self.store.saves:
            assert permalink in (Permalink(code=""), Permalink(code="1+1"))

    def test_programs_that_are_too_long(self) -> None:
        assert self.stored(run("x" * 100)).code == "x" * 100
        assert self.stored(run("\U0001f40d" * 100)).code == "\U0001f40d" * 100
        assert self.refusal(run("x" * 101)) == "code_too_long"
        assert self.refusal(run("x" * 1_000_000)) == "code_too_long"
        interacts = {"permalink": True, "interacts": "x" * 101}
        assert self.refusal(run(sagecell=interacts)) == "code_too_long"
        assert self.refusal(run(sagecell=ASKED["sagecell"], x="x" * 1_000_000)) == "code_too_long"

    def test_long_programs_count_as_several(self) -> None:
        self.permalinks.limits = RequestLimits()
        self.begin(run("x" * (COUNTED - 1000)))
        assert self.counted == 1
        self.begin(run("x" * 4 * COUNTED))
        assert self.counted == 6

    def test_content_that_takes_long_to_parse(self) -> None:
        content = b'{"code":"1","x":[' + b"[]," * 5000 + b"1]}"
        assert self.refusal(attrs.evolve(run(), content=content)) == "invalid_json"

    def test_a_limit_that_is_exceeded_is_told_before_anything_is_parsed(self) -> None:
        def refuse(number: int) -> None:
            raise PermalinkRefused("too_many_permalinks_for_address", "Too many.")

        self.permalinks.count = refuse
        broken = attrs.evolve(run(), content=b"not JSON")
        assert self.refusal(broken) == "too_many_permalinks_for_address"

    def test_without_a_store(self) -> None:
        self.permalinks.store = None
        assert self.refusal(run()) == "permalinks_off"
        assert self.counted == 0

    def test_few_wait_at_a_time(self) -> None:
        for number in range(WAITING):
            self.begin(run(str(number)))
        assert self.refusal(run("more")) == "store_unavailable"
        self.store.answers[0].callback("abc")
        assert self.stored(run("more")).code == "more"

    def test_failures_of_the_database(self) -> None:
        for error, code in (
            (StoreUnavailable("The database is away."), "store_unavailable"),
            (StoreFull("The disk is full."), "store_full"),
        ):
            self.begin(run())
            self.store.answers[-1].errback(error)
            assert self.told.latest == {"error": code, "message": str(error)}

    def test_a_database_that_does_not_answer(self) -> None:
        self.begin(run())
        settled = self.permalinks.settle()
        self.clock.advance(PATIENCE)
        assert self.told.latest["error"] == "store_unavailable"
        self.successResultOf(settled)
        assert self.clock.getDelayedCalls() == []

    def test_while_the_session_lives_the_store_has_its_time(self) -> None:
        self.begin(run())
        self.clock.advance(10 * PATIENCE)
        assert self.told == []
        self.store.answers[0].callback("abc")
        assert self.told.latest["id"] == "abc"

    def test_a_mistake_of_a_store_is_logged(self) -> None:
        self.begin(run())
        self.store.answers[0].errback(ZeroDivisionError())
        assert self.told == []
        self.successResultOf(self.permalinks.settle())
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_answers_that_come_at_once(self) -> None:
        class Prompt(SlowRunPermalinkStore):
            def save(self, permalink: Permalink, client: str) -> Deferred[str]:
                return succeed("abc")

        self.permalinks.store = Prompt()
        for number in range(2 * WAITING):
            self.begin(run(msg_id=str(number)))
            assert self.told.latest["id"] == "abc"


class SessionWithPermalinksTests(SynchronousTestCase):
    """Permalinks beside the messages between a client and its kernel."""

    def setUp(self) -> None:
        self.world = BridgeWorld()
        self.listener: MemoryListener = self.world.listen()
        self.asked = run("print(1)")

    def test_the_kernel_is_sent_the_program_before_it_is_stored(self) -> None:
        self.listener.attachment.send(self.asked)
        assert self.world.kernel.sent == [self.asked]
        self.world.kernel.stream("1", self.asked)
        self.world.kernel.finish(self.asked)
        assert self.listener.kinds == ["stream", "execute_reply", "status"]
        self.world.permalinks.answers[0].callback("abc")
        permalink = self.listener.received[-1]
        assert (permalink.msg_type, permalink.parent_id) == (MSG_TYPE, self.asked.msg_id)
        assert json.loads(permalink.content) == {"id": "abc", "address": "/?q=abc"}

    def test_it_is_being_stored_when_the_kernel_gets_it(self) -> None:
        sent_before: list[list[Message]] = []
        kernel = self.world.kernel

        class Watching(SlowRunPermalinkStore):
            def save(self, permalink: Permalink, client: str) -> Deferred[str]:
                sent_before.append(list(kernel.sent))
                return super().save(permalink, client)

        self.world.bridge.permalinks.store = Watching()
        self.listener.attachment.send(self.asked)
        assert sent_before == [[]]

    def test_the_end_of_a_session_waits_for_its_permalinks(self) -> None:
        self.listener.attachment.send(self.asked)
        self.world.kernel_ended(Exit(status=0))
        assert not self.world.activity.over.called
        self.world.permalinks.answers[0].callback("abc")
        assert self.listener.kinds == [MSG_TYPE]
        assert self.world.activity.over.called

    def test_the_end_of_a_session_does_not_wait_for_a_database_that_is_away(self) -> None:
        self.listener.attachment.send(self.asked)
        self.world.kernel_ended(Exit(status=0))
        self.world.clock.advance(PATIENCE)
        assert self.listener.kinds == [MSG_TYPE]
        assert self.world.activity.over.called

    def test_a_program_cannot_pretend_to_have_one(self) -> None:
        self.listener.attachment.send(self.asked)
        for channel in (IOPUB, SHELL, STDIN, CONTROL):
            forged = said(MSG_TYPE, {"id": "abc"}, self.asked, channel=channel)
            self.world.message_received(forged)
        assert self.listener.kinds == []

    def test_a_request_that_is_refused_is_not_stored(self) -> None:
        self.listener.attachment.send(self.asked)
        with pytest.raises(Undeliverable):
            self.listener.attachment.send(self.asked)
        assert len(self.world.permalinks.saves) == 1


@given(metadata=st.binary(), content=st.binary())
def test_hostile_bytes(metadata: bytes, content: bytes) -> None:
    told = Told()
    permalinks = RunPermalinks(clock=Clock(), store=SlowRunPermalinkStore())
    hostile = attrs.evolve(run(), metadata=metadata + b'"permalink":true', content=content)
    permalinks.begin(hostile, told)
    assert [content["error"] for _, content, _ in told] in (["invalid_json"], ["invalid_message"])
