"""An agent with a fork server and connections in memory: what web processes say may be hostile."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Any

import attrs
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.cluster.agent.agent import (
    FACTS,
    MOST_TENANTS,
    MOST_UNKNOWN,
    OFTEN,
    Agent,
)
from sagecell_tx.hosts.cluster.agent.connection import PATIENCE, AgentConnection
from sagecell_tx.hosts.cluster.agent.tenant import (
    MOST_INTERRUPTS,
    MOST_MESSAGES,
    MOST_SPARES,
    MOST_TOKENS,
)
from sagecell_tx.hosts.cluster.connections.identity import Identity
from sagecell_tx.hosts.cluster.connections.line import AGENTS_PATIENCE, BEAT, LONGEST_FIRST, encode
from sagecell_tx.hosts.cluster.facts import Facts
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.sandbox import Sandbox
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.kernelside.startcommand import TRIAL
from sagecell_tx.sessions.spec import KernelSpec
from tests.hosts.cluster.doubles import MemoryTransport
from tests.hosts.doubles import ProcessReactor, ThisThread

IDENTITY = Identity.new("agent")
LIMITS = attrs.asdict(TRIAL.limits)
BASH = InstalledSpec(
    kind=KernelSpec(name="bash", display_name="Bash", language="bash"),
    argv=["/bin/bash", "{connection_file}"],
)


class AgentDouble(Agent):
    """An agent that knows who is at the other end of a transport in memory."""

    def is_known(self, tls: Any) -> bool:
        return not getattr(tls, "is_stranger", False)


@attrs.define(eq=False)
class StrangersTransport(MemoryTransport):
    is_stranger: bool = True


def tokens(count: int = 3, first: int = 0) -> list[str]:
    return [f"{number:032x}" for number in range(first, first + count)]


class AgentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = ProcessReactor()
        self.root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root, True)
        numbers = itertools.count()
        sessions = itertools.count()
        self.agent = AgentDouble(
            reactor=self.reactor,
            threads=ThisThread(),
            launcher=ForkLauncher(
                reactor=self.reactor,
                removers=ThisThread(),
                directories=WorkDirs(self.root, lambda: f"{next(numbers):08x}"),
                preload=(),
                spare=False,
                patience=15.0,
                sandbox=Sandbox(level="auto", kernels=str(self.root)),
                try_level=lambda argv: ('{"sandbox": "account"}', ""),
            ),
            identity=IDENTITY,
            webs=("00" * 32,),
            machine="blue",
            interface="10.0.0.5",
            port=9475,
            address="blue.example.org",
            capacity=2,
            specs={"bash": BASH},
            new_session=lambda: f"session-{next(sessions)}",
            facts=self.root / "facts",
        )
        self.agent.startService()
        self.connections: list[AgentConnection] = []
        self.addCleanup(self.stop)

    def stop(self) -> None:
        stopped = self.agent.stopService() if self.agent.running else None
        self.hang_up()
        if stopped is not None:
            self.end_kernels()
            if not self.process.ended:
                self.process.end()
            self.successResultOf(stopped)
        for process in self.reactor.processes:
            process.close()
        assert [each for each in self.reactor.getDelayedCalls() if each.active()] == []

    def hang_up(self) -> None:
        """Let all connections that were closed see their end."""
        for connection in self.connections:
            transport: Any = connection.transport
            if transport is not None and transport.closed:
                connection.transport = None
                connection.connectionLost()

    def end_kernels(self) -> None:
        """Let the fork server end all that it was told to."""
        for line in self.process.lines():
            if line["op"] == "stop":
                self.process.say(event="exited", id=line["id"], signal=9)

    @property
    def process(self) -> Any:
        return self.reactor.processes[-1]

    def come_up(self) -> None:
        self.process.say(event="ready", pid=1, seconds=1.5, missing=[], features=["landlock"])

    def connect(self, transport: MemoryTransport | None = None) -> tuple[Any, MemoryTransport]:
        connection = self.agent.buildProtocol(None)
        self.connections.append(connection)
        transport = transport or MemoryTransport()
        connection.makeConnection(transport)
        connection.handshakeCompleted()
        return connection, transport

    def line(self) -> tuple[Any, MemoryTransport]:
        """A web process that has greeted."""
        connection, transport = self.connect()
        connection.dataReceived(encode(op="hello", protocol=1, version="0.1.0"))
        self.greeting, *self.statuses = transport.messages()
        return connection, transport

    def start(self, connection: Any, number: int = 1, **changed: object) -> None:
        message: dict[str, Any] = {
            "op": "start",
            "id": number,
            "key": "ab" * 32,
            "limits": LIMITS,
            "ahead": False,
            "spec": "",
            "tokens": tokens(first=100 * number),
        }
        connection.dataReceived(encode(**{**message, **changed}))

    def directories(self) -> list[Path]:
        return sorted(self.root.glob("k-*"))

    # --- facts

    def test_its_facts_are_written_for_its_own_account(self) -> None:
        path = self.root / "facts" / FACTS
        facts = Facts.parse(path.read_bytes())
        assert (facts.name, facts.host) == ("blue", "blue.example.org")
        assert facts.fingerprint == IDENTITY.fingerprint
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_its_facts_are_gone_with_it(self) -> None:
        self.stop()
        assert list((self.root / "facts").iterdir()) == []

    # --- greetings

    def test_a_greeting(self) -> None:
        self.come_up()
        self.line()
        assert self.greeting["event"] == "hello"
        assert (self.greeting["capacity"], self.greeting["specs"]) == (2, ["bash"])
        (status,) = self.statuses
        assert (status["event"], status["sandbox"], status["starting"]) == (
            "status",
            "account",
            False,
        )
        assert (status["features"], status["others"]) == (["landlock"], 0)

    def test_a_web_process_of_another_version_is_told_and_disconnected(self) -> None:
        for version in (0, 2, "1", None, True):
            connection, transport = self.connect()
            with capturedLogs() as events:
                connection.dataReceived(encode(op="hello", protocol=version))
            assert transport.messages()[0]["protocol"] == 1
            assert transport.closed == "lost"
            assert [each for each in events if "disconnected" in each["log_format"]]

    def test_a_stranger_is_not_even_read(self) -> None:
        transport = StrangersTransport()
        connection, _ = self.connect(transport)
        assert transport.closed == "aborted"
        connection.dataReceived(encode(op="hello", protocol=1))
        assert transport.written == b""

    def test_strangers_are_logged_now_and_then(self) -> None:
        def come() -> None:
            connection, _ = self.connect(StrangersTransport())
            connection.transport = None
            connection.connectionLost(Failure(ConnectionAbortedError("no certificate")))

        with capturedLogs() as events:
            for _ in range(3):
                come()
            self.reactor.advance(OFTEN)
            come()
        counts = [(each["count"], each["why"]) for each in events if "count" in each]
        assert counts == [(1, "no certificate"), (4, "no certificate")]

    def test_hostile_first_messages(self) -> None:
        for data in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\xff" * 50 + b"\n",
            b"x" * (LONGEST_FIRST + 1),
            encode(op="start", id=1),
            encode(op="stream", session="session-0"),
            encode(op="stream", session=None),
            encode(op="stream"),
            encode(),
        ):
            connection, transport = self.connect()
            connection.dataReceived(data)
            assert transport.closed == "aborted"
            assert transport.written == b""

    def test_who_says_nothing_is_disconnected(self) -> None:
        _, transport = self.connect()
        self.reactor.advance(PATIENCE)
        assert transport.closed == "aborted"

    def test_only_so_many_may_say_nothing_and_a_web_process_still_comes(self) -> None:
        silent = [self.connect()[1] for _ in range(MOST_UNKNOWN)]
        assert not any(transport.closed for transport in silent)
        _, transport = self.line()
        assert self.greeting["event"] == "hello"
        assert [each.closed for each in silent] == ["aborted"] + [""] * (MOST_UNKNOWN - 1)
        self.connect()  # in the place of the one that has said what it is
        assert [each.closed for each in silent[:2]] == ["aborted", ""]
        self.connect()
        assert [each.closed for each in silent[:3]] == ["aborted", "aborted", ""]
        assert not transport.closed

    # --- kernels

    def test_a_kernel_from_its_start_to_its_end(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.start(connection, 7, ahead=True)
        (line,) = self.process.lines()
        assert (line["op"], line["limits"], line["ahead"]) == ("start", LIMITS, True)
        kernel = self.process.kernel(line["id"])
        self.addCleanup(kernel.close)
        assert kernel.secrets()["key"] == "ab" * 32
        kernel.say(b"bound")
        assert transport.messages() == [{"event": "bound", "id": 7}]
        for op in ("up", "interrupt", "kill"):
            connection.dataReceived(encode(op=op, id=7))
        assert [each["op"] for each in self.process.lines()[1:]] == ["up", "signal", "stop"]
        self.process.say(event="near", id=line["id"], reason="cpu", seconds=60)
        self.process.say(event="exited", id=line["id"], signal=9, reason="memory")
        assert transport.messages() == [
            {"event": "near", "id": 7, "reason": "cpu", "seconds": 60},
            {"event": "ended", "id": 7, "status": None, "signal": 9, "reason": "memory"},
            {"event": "removed", "id": 7},
        ]
        assert self.directories() == []
        for op in ("up", "interrupt", "kill"):  # too late, and no error
            connection.dataReceived(encode(op=op, id=7))
        assert not transport.closed

    def test_a_kernel_that_cannot_start_says_why(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.start(connection)
        self.process.say(event="failed", id=1, message="Cannot fork")
        events = transport.messages()
        assert events[0] == {"event": "trouble", "id": 1, "trouble": "failed", "why": "Cannot fork"}
        assert [each["event"] for each in events[1:]] == ["ended", "removed"]

    def test_it_takes_no_more_than_it_can(self) -> None:
        self.come_up()
        first, transport = self.line()
        second, others = self.line()
        self.start(first, 1)
        self.start(second, 1)
        self.start(first, 2)
        assert transport.messages() == [{"event": "full", "id": 2}]
        self.reactor.advance(BEAT)
        (status,) = others.messages()
        assert status["others"] == 1
        self.process.say(event="exited", id=1, status=0)
        self.start(first, 3)
        assert self.agent.live == 2

    def test_a_kernelspec_that_it_does_not_have(self) -> None:
        connection, transport = self.line()
        self.start(connection, spec="gap")
        (event,) = transport.messages()
        assert event["event"] == "refused"

    def test_a_kernel_of_a_kernelspec(self) -> None:
        self.come_up()
        connection, _ = self.line()
        self.start(connection, spec="bash")
        kernel = self.process.kernel(1)
        self.addCleanup(kernel.close)
        assert kernel.secrets()["program"]["argv"] == BASH.argv

    def test_hostile_starts(self) -> None:
        hostile: list[dict[str, Any]] = [
            {"id": 0},
            {"id": "1"},
            {"id": True},
            {"id": None},
            {"id": 2**60},
            {"key": "x" * 64},
            {"key": "ab"},
            {"key": None},
            {"limits": {}},
            {"limits": {**LIMITS, "memory_bytes": -1}},
            {"limits": None},
            {"ahead": 1},
            {"spec": None},
            {"tokens": "x"},
            {"tokens": ["x"]},
            {"tokens": tokens(MOST_TOKENS + 1)},
            {"tokens": [*tokens(1), *tokens(1)]},
            {"op": "nonsense"},
        ]
        for changed in hostile:
            connection, transport = self.line()
            self.start(connection, **changed)
            assert transport.closed == "aborted", changed
            self.hang_up()
        assert self.process.lines() == []

    def test_two_kernels_of_one_number(self) -> None:
        connection, transport = self.line()
        self.start(connection)
        self.start(connection)
        assert transport.closed == "aborted"

    # --- what kernels use

    def test_it_tells_with_the_next_beat_what_each_of_a_web_processs_own_kernels_uses(self) -> None:
        self.come_up()
        connection, transport = self.line()
        other, _ = self.line()
        for number, web in ((7, connection), (8, other)):
            self.start(web, number)
        self.process.say(event="started", id=1, pid=os.getpid())
        self.process.say(event="started", id=2, pid=os.getpid())
        transport.messages()
        for _ in range(3):
            connection.dataReceived(encode(op="usages"))
        assert transport.messages() == []
        self.reactor.advance(BEAT)
        (told,) = [each for each in transport.messages() if each["event"] == "usages"]
        ((number, seconds, memory),) = told["kernels"]
        assert (number, told["more"]) == (7, False)
        assert seconds > 0
        assert memory > 1 << 20
        self.reactor.advance(BEAT)
        assert [each for each in transport.messages() if each["event"] == "usages"] == []

    def test_kernels_without_a_process_use_nothing_that_it_knows(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.start(connection)
        connection.dataReceived(encode(op="usages"))
        self.reactor.advance(BEAT)
        (told,) = [each for each in transport.messages() if each["event"] == "usages"]
        assert told == {"event": "usages", "kernels": [], "more": False}

    # --- the end of a line

    def test_a_silent_web_process_loses_its_kernels_and_no_other_does(self) -> None:
        self.come_up()
        silent, transport = self.line()
        other, others = self.line()
        self.start(silent, 1)
        self.start(other, 1)
        for _ in range(int(AGENTS_PATIENCE / BEAT)):
            assert not transport.closed
            other.dataReceived(encode(op="beat"))
            self.reactor.advance(BEAT)
        assert transport.closed == "aborted"
        assert not others.closed
        stopped = [line["id"] for line in self.process.lines() if line["op"] == "stop"]
        assert stopped == [1]
        assert self.agent.live == 2
        self.process.say(event="exited", id=1, signal=9)
        assert self.agent.live == 1
        assert len(self.directories()) == 1

    def test_a_web_process_that_does_not_read_loses_its_kernels(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.start(connection)
        transport.producer.pauseProducing()
        for _ in range(int(AGENTS_PATIENCE / BEAT)):
            assert not transport.closed
            connection.dataReceived(encode(op="beat"))
            self.reactor.advance(BEAT)
        assert transport.closed == "aborted"
        assert self.process.lines()[-1] == {"op": "stop", "id": 1}

    def test_a_web_process_that_says_too_much_leaves_the_fork_server_to_others(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.reactor.advance(BEAT)
        for _ in range(MOST_MESSAGES):
            connection.dataReceived(encode(op="up", id=1))
        connection.dataReceived(encode(op="beat"))
        assert [transport.closed] == [""]
        connection.dataReceived(encode(op="up", id=1))
        assert [transport.closed] == ["aborted"]

    def test_a_visitor_who_interrupts_without_end_closes_no_line(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.start(connection)
        for beats in (1, 2):
            for _ in range(2 * MOST_MESSAGES):
                connection.dataReceived(encode(op="interrupt", id=1))
            assert len(self.process.lines()) == 1 + beats * MOST_INTERRUPTS
            self.reactor.advance(BEAT)
        assert not transport.closed

    def test_only_so_many_lines(self) -> None:
        lines = [self.line() for _ in range(MOST_TENANTS)]
        connection, refused = self.connect()
        connection.dataReceived(encode(op="hello", protocol=1, version="0.1.0"))
        assert (refused.closed, refused.written) == ("aborted", b"")
        lines[0][0].connectionLost()
        lines[0][0].transport = None
        self.line()

    def test_a_web_process_that_is_gone_loses_its_kernels_at_once(self) -> None:
        self.come_up()
        connection, _ = self.line()
        self.start(connection)
        connection.connectionLost()
        connection.transport = None
        assert self.process.lines()[-1] == {"op": "stop", "id": 1}

    # --- streams

    def stream(self, session: object = None) -> tuple[Any, MemoryTransport]:
        connection, transport = self.connect()
        session = self.greeting["session"] if session is None else session
        connection.dataReceived(encode(op="stream", session=session))
        return connection, transport

    def bound(self, connection: Any) -> Any:
        """Start a kernel that has no sockets."""
        self.start(connection)
        kernel = self.process.kernel(1)
        self.addCleanup(kernel.close)
        return kernel

    def test_a_token_is_valid_once(self) -> None:
        self.come_up()
        line, _ = self.line()
        self.bound(line)
        first, transport = self.stream()
        first.dataReceived(encode(op="open", token=tokens(first=100)[0], port=1) + b"data")
        assert not transport.closed
        again, replayed = self.stream()
        again.dataReceived(encode(op="open", token=tokens(first=100)[0], port=1))
        assert replayed.closed == "aborted"

    def test_tokens_of_one_that_has_ended_are_not_valid(self) -> None:
        self.come_up()
        line, _ = self.line()
        self.bound(line)
        self.process.say(event="exited", id=1, status=0)
        stream, transport = self.stream()
        stream.dataReceived(encode(op="open", token=tokens(first=100)[0], port=1))
        assert transport.closed == "aborted"

    def test_hostile_streams(self) -> None:
        self.come_up()
        line, _ = self.line()
        self.bound(line)
        for message in (
            {"op": "open", "token": tokens(first=100)[1], "port": 6},
            {"op": "open", "token": tokens(first=100)[2], "port": True},
            {"op": "open", "token": "x", "port": 1},
            {"op": "open", "token": None, "port": 1},
            {"op": "start", "id": 1},
            {"op": "hello", "protocol": 1},
        ):
            stream, transport = self.stream()
            stream.dataReceived(encode(**message))
            assert transport.closed == "aborted", message
            self.hang_up()

    def test_more_tokens(self) -> None:
        self.come_up()
        line, transport = self.line()
        self.bound(line)
        line.dataReceived(encode(op="tokens", id=1, tokens=tokens(2)))
        stream, streamed = self.stream()
        stream.dataReceived(encode(op="open", token=tokens(2)[1], port=2))
        assert not streamed.closed
        line.dataReceived(encode(op="tokens", id=9, tokens=tokens(2, 900)))  # it has just ended
        assert not transport.closed

    def test_tokens_that_are_not_used_are_forgotten(self) -> None:
        self.come_up()
        line, transport = self.line()
        self.bound(line)
        for first in range(1000, 1000 + 10 * MOST_TOKENS, 8):
            line.dataReceived(encode(op="tokens", id=1, tokens=tokens(8, first)))
        assert not transport.closed
        latest = tokens(MOST_TOKENS, 1000 + 9 * MOST_TOKENS)
        before = tokens(1, 1000 + 9 * MOST_TOKENS - 1)
        for token, closed in ((latest[0], ""), (latest[-1], ""), (before[0], "aborted")):
            stream, streamed = self.stream()
            stream.dataReceived(encode(op="open", token=token, port=2))
            assert streamed.closed == closed

    def test_spare_streams_are_bounded_and_end_with_their_line(self) -> None:
        line, _ = self.line()
        streams = [self.stream()[1] for _ in range(MOST_SPARES)]
        assert not any(each.closed for each in streams)
        assert self.stream()[1].closed == "aborted"
        line.connectionLost()
        line.transport = None
        assert all(each.closed == "aborted" for each in streams)
        assert self.stream()[1].closed == "aborted"

    def test_a_stop_waits_for_the_kernels(self) -> None:
        self.come_up()
        connection, transport = self.line()
        self.start(connection)
        stopped = self.agent.stopService()
        assert transport.closed == "aborted"
        self.hang_up()
        assert self.process.lines()[-1]["op"] == "stop"
        self.assertNoResult(stopped)
        self.process.say(event="exited", id=1, signal=9)
        assert self.process.stdin_closed
        self.process.end()
        self.successResultOf(stopped)
        assert self.directories() == []

    def test_no_secret_is_in_the_environment_of_a_fork_server(self) -> None:
        self.line()
        told = json.dumps([self.process.argv, self.process.env])
        assert self.greeting["session"] not in told
        assert "PRIVATE" not in told
        assert os.environ.get("NOTIFY_SOCKET", "none") not in self.process.env.values()
