"""Long input is parsed in a thread, in the client's order, and no other client waits for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.http.serving.parsing import LONG, Inbox, OneThread, Parser
from tests.http.loopback import Connection, answers, form, request
from tests.http.sockjs.sockjsing import UPGRADE
from tests.http.talking import execute, frame, upgrade
from tests.http.world import SiteTests, World


@define
class Elsewhere:
    """An `Aside` whose work is done when the test says so."""

    asked: list[tuple[Callable[[], Any], Deferred[Any]]] = field(factory=list)

    def __call__(self, parse: Callable[[], Any]) -> Deferred[Any]:
        told: Deferred[Any] = Deferred()
        self.asked.append((parse, told))
        return told

    def work(self) -> None:
        """Do the work that was requested first."""
        parse, told = self.asked.pop(0)
        try:
            made = parse()
        except Exception:
            told.errback(Failure())
        else:
            told.callback(made)


class Pool:
    """A thread pool and its reactor: calls wait until the test makes them."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def callInThreadWithCallback(  # noqa: N802
        self, told: Callable[[bool, Any], None], call: Callable[[], Any]
    ) -> None:
        def called() -> None:
            try:
                made = call()
            except Exception:
                told(False, Failure())
            else:
                told(True, made)

        self.calls.append(called)

    def callFromThread(self, call: Callable[..., None], *args: Any) -> None:  # noqa: N802
        call(*args)


class OneThreadTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.pool = Pool()
        self.aside = OneThread(reactor=self.pool, threads=self.pool)
        self.made: list[int] = []

    def ask(self, number: int) -> Deferred[Any]:
        return self.aside(lambda: self.made.append(number) or number)  # type: ignore[func-returns-value]

    def test_one_at_a_time(self) -> None:
        first, second = self.ask(1), self.ask(2)
        assert len(self.pool.calls) == 1
        self.pool.calls.pop()()
        assert self.successResultOf(first) == 1
        self.assertNoResult(second)
        self.pool.calls.pop()()
        assert self.successResultOf(second) == 2

    def test_who_gives_up_takes_no_second_thread(self) -> None:
        first, second, third = self.ask(1), self.ask(2), self.ask(3)
        for given_up in (first, second):
            given_up.cancel()
            self.failureResultOf(given_up, CancelledError)
        assert len(self.pool.calls) == 1
        self.pool.calls.pop()()
        (last,) = self.pool.calls
        last()
        assert self.successResultOf(third) == 3
        assert self.made == [1, 3]

    def test_a_failure_is_told_and_the_next_one_has_its_turn(self) -> None:
        failed, second = self.aside(lambda: json.loads("{")), self.ask(2)
        self.pool.calls.pop()()
        self.failureResultOf(failed, ValueError)
        self.pool.calls.pop()()
        assert self.successResultOf(second) == 2


class ReadingTests(SynchronousTestCase):
    def test_what_is_short_is_read_at_once(self) -> None:
        elsewhere = Elsewhere()
        parser = Parser(elsewhere)
        assert self.successResultOf(parser.parse(LONG - 1, lambda: 1)) == 1
        failed = parser.parse(0, lambda: json.loads("{"))
        self.failureResultOf(failed, ValueError)
        assert elsewhere.asked == []

    def test_what_is_long_is_read_elsewhere(self) -> None:
        elsewhere = Elsewhere()
        read = Parser(elsewhere).parse(LONG, lambda: 1)
        self.assertNoResult(read)
        elsewhere.work()
        assert self.successResultOf(read) == 1


@given(st.lists(st.sampled_from(["short", "long", "bad", "long and bad", "work"]), max_size=30))
def test_whatever_comes_is_heeded_in_its_order(comes: list[str]) -> None:
    elsewhere = Elsewhere()
    held = [False]
    heeded: list[tuple[int, bool]] = []

    def hold(paused: bool) -> None:
        assert held[0] != paused
        held[0] = paused

    inbox = Inbox(parser=Parser(elsewhere), pause=lambda: hold(True), resume=lambda: hold(False))
    put: list[tuple[int, bool]] = []
    for number, what in enumerate(comes):
        if what == "work":
            if elsewhere.asked:
                elsewhere.work()
            continue
        good = "bad" not in what

        def parse(number: int = number, good: bool = good) -> int:
            if not good:
                raise ValueError(number)
            return number

        def refuse(_: Failure, number: int = number) -> None:
            heeded.append((number, False))

        put.append((number, good))
        size = LONG if "long" in what else 1
        inbox.put(size, parse, lambda number: heeded.append((number, True)), refuse)
        assert len(elsewhere.asked) <= 1
        assert held[0] == bool(elsewhere.asked)
    while elsewhere.asked:
        elsewhere.work()
    assert heeded == put
    assert not held[0]


def test_a_message_whose_handling_takes_several_turns_is_waited_for():
    told: list[object] = []
    inbox = Inbox(
        parser=Parser(), pause=lambda: told.append("pause"), resume=lambda: told.append("resume")
    )
    slow: Deferred[None] = Deferred()

    def begin(_: None) -> Deferred[None]:
        told.append("begin")
        return slow

    inbox.put(3, lambda: None, begin, told.append)
    inbox.put(1, lambda: None, lambda _: told.append("next"), told.append)
    assert (told, inbox.size) == (["begin", "pause"], 4)
    slow.callback(None)
    assert (told, inbox.size) == (["begin", "pause", "resume", "next"], 0)


class ElsewhereTests(SiteTests):
    """A site that parses long input by an `Aside`."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.elsewhere = Elsewhere()
        self.world = World(limits=self.limits, client=self.folder, parser=Parser(self.elsewhere))
        self.logged: list[LogEvent] = []
        observer = cast(ILogObserver, self.logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    @override
    def tearDown(self) -> None:
        assert [e for e in self.logged if e["log_level"] >= LogLevel.error] == []

    def start(self) -> str:
        kernel_id: str = self.ask("POST", "/kernel", **form(timeout="600")).json["id"]
        return kernel_id

    def asking(self, path: str, body: bytes, *headers: tuple[str, str]) -> Connection:
        connection = self.world.connect()
        connection.send(request("POST", path, headers, body))
        return connection

    def ran(self) -> list[str]:
        """The programs that the kernel was asked to run, in order."""
        return [message.msg_id for message in self.world.host.latest.sent]

    def long(self, msg_id: str) -> bytes:
        return execute("print 1", msg_id, metadata={"padding": "x" * LONG})


class RequestTests(ElsewhereTests):
    def test_a_long_form(self) -> None:
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        body = b"interacts=&code=" + b"%41" * LONG
        connection = self.asking("/permalink", body, kind)
        assert connection.ear.heard == b""
        assert self.ask("POST", "/permalink", **form(code="2")).status == 200
        self.elsewhere.work()
        connection.pump()
        # Read, and then found to be too long for a permalink.
        assert connection.answer().error == "code_too_long"

    def test_who_hangs_up_meanwhile_is_not_answered(self) -> None:
        kind = ("Content-Type", "multipart/form-data; boundary=B")
        for path in ("/permalink", "/kernel", "/service"):
            connection = self.asking(path, b"x" * LONG, kind)
            connection.hang_up()
            ((_, told),) = self.elsewhere.asked
            assert told.called
            self.elsewhere.asked.clear()
        assert self.world.host.kernels == []

    def test_the_next_request_waits_for_its_turn(self) -> None:
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        first = request("POST", "/permalink", [kind], b"code=1&x=" + b"x" * LONG)
        connection = self.world.connect()
        connection.send(first + request("POST", "/permalink", [kind], b"code=2"))
        assert self.world.cells.permalinks == {}
        self.elsewhere.work()
        connection.pump()
        assert len(answers(connection.ear.heard)) == 2
        assert [each.code for each in self.world.cells.permalinks.values()] == ["1", "2"]

    def test_messages_in_a_request(self) -> None:
        path = f"/kernel/{self.start()}/messages"
        connection = self.asking(path, self.long("a"))
        assert self.ran() == []
        self.elsewhere.work()
        connection.pump()
        assert connection.answer().json["accepted"] == ["a"]
        connection = self.asking(path, b"[" + b"[]," * LONG + b"[]]")
        self.elsewhere.work()
        connection.pump()
        assert (connection.answer().status, connection.answer().error) == (400, "invalid_json")
        assert self.ran() == ["a"]

    def test_a_question_to_the_completer(self) -> None:
        connection = self.asking("/complete", b"[" * LONG)
        self.elsewhere.work()
        connection.pump()
        assert connection.answer().error == "invalid_json"


class SocketTests(ElsewhereTests):
    @override
    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start()
        self.connection = self.world.connect()
        self.connection.send(upgrade(self.kernel_id))

    def held(self) -> bool:
        return self.connection.server.held

    def test_what_follows_a_long_message_is_heeded_after_it(self) -> None:
        rest = [frame(1, execute("print 1", "b")), frame(1, self.long("c")), frame(1, b"{")]
        self.connection.send(b"".join([frame(1, self.long("a")), *rest]))
        assert self.held()
        assert self.ran() == []
        self.elsewhere.work()
        assert self.ran() == ["a", "b"]
        self.elsewhere.work()
        assert self.ran() == ["a", "b", "c"]
        assert not self.held()
        self.connection.pump()
        assert b"invalid_json" in self.connection.ear.heard

    def test_others_go_on(self) -> None:
        self.connection.send(frame(1, self.long("a")))
        other = self.world.connect()
        other.send(upgrade(self.kernel_id))
        other.send(frame(1, execute("print 1", "b")))
        assert self.ran() == ["b"]
        assert not other.server.held

    def test_who_says_goodbye_behind_it_is_heard(self) -> None:
        self.connection.send(frame(1, self.long("a")) + frame(8, b"\x03\xe8"))
        self.elsewhere.work()
        assert self.ran() == ["a"]
        self.wait(self.limits.lifetime.detached_seconds + 1)
        assert self.world.fleet.get(self.kernel_id) is None

    def test_who_hangs_up_behind_it_is_heard(self) -> None:
        self.connection.send(frame(1, self.long("a")))
        self.connection.hang_up()
        self.wait(self.limits.lifetime.detached_seconds + 1)
        self.elsewhere.work()
        assert self.ran() == ["a"]
        self.wait(self.limits.lifetime.detached_seconds + 1)
        assert self.world.fleet.get(self.kernel_id) is None

    def test_what_is_too_much_closes_the_socket(self) -> None:
        self.connection.send(
            frame(1, b'{"a":[' + b"[]," * LONG + b"[]]}") + frame(1, self.long("a"))
        )
        while self.elsewhere.asked:
            self.elsewhere.work()
        self.connection.pump()
        assert b"invalid_json" in self.connection.ear.heard
        assert self.ran() == []


class SockJSTests(ElsewhereTests):
    def test_on_a_websocket(self) -> None:
        kernel_id = self.start()
        for path, framed in (("/sockjs/0/a/websocket", True), ("/sockjs/websocket", False)):
            connection = self.world.connect()
            connection.send(request("GET", path, UPGRADE))
            before = len(self.ran())
            for message in (self.long(f"a{framed}"), execute("print 1", f"b{framed}")):
                text = f"{kernel_id}/channels,{message.decode()}"
                connection.send(frame(1, json.dumps([text]).encode() if framed else text.encode()))
            assert len(self.ran()) == before
            self.elsewhere.work()
            assert self.ran()[before:] == [f"a{framed}", f"b{framed}"]

    def test_in_a_request(self) -> None:
        kernel_id = self.start()
        assert self.ask("POST", "/sockjs/0/a/xhr", [], b"").body == b"o\n"
        text = f"{kernel_id}/channels,{self.long('a').decode()}"
        connection = self.asking("/sockjs/0/a/xhr_send", json.dumps([text]).encode())
        assert self.ran() == []
        self.elsewhere.work()
        connection.pump()
        assert connection.answer().status == 204
        assert self.ran() == ["a"]

    def test_what_is_too_much(self) -> None:
        assert self.ask("POST", "/sockjs/0/a/xhr", [], b"").body == b"o\n"
        connection = self.asking("/sockjs/0/a/xhr_send", b"[" + b'"",' * LONG + b'""]')
        self.elsewhere.work()
        connection.pump()
        assert (connection.answer().status, connection.answer().body) == (
            500,
            b"Broken JSON encoding.",
        )
