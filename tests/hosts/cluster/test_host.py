"""The host of kernels on other machines, with agents that the test plays."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.cluster.connections.line import BEAT, WEBS_PATIENCE, encode
from sagecell_tx.hosts.cluster.endings import CUT_OFF, LAST_REMOVAL, MOST_OVERDUE, REMOVAL
from sagecell_tx.hosts.cluster.facts import Facts, Machines
from sagecell_tx.hosts.cluster.host import ClusterHost
from sagecell_tx.hosts.cluster.lineconnection import MOST_BYTES, MOST_MESSAGES, LineConnection
from sagecell_tx.hosts.cluster.machine import FIRST_REST, SOUND
from sagecell_tx.hosts.cluster.measuring import PATIENCE
from sagecell_tx.hosts.cluster.placement import SHUNNED, SLOW
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.kernels.kernel import LOST, NOWHERE
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, HostService, StartFailed, Usage
from sagecell_tx.sessions.spec import PYTHON, KernelSpec
from tests.hosts.cluster.doubles import MemoryTransport
from tests.hosts.cluster.test_facts import FACTS
from tests.hosts.cluster.test_names import ResolverDouble
from tests.hosts.cluster.test_reports import HELLO, STATUS
from tests.hosts.doubles import Observed, ThisThread, own_message

BASH = InstalledSpec(
    kind=KernelSpec(name="bash", display_name="Bash", language="bash"),
    argv=["/bin/bash", "{connection_file}"],
)


@define(eq=False)
class AgentDouble:
    """One machine's agent: the connections to it, and what it was told on its line."""

    facts: Facts
    lines: list[Any] = field(factory=list)
    connecting: list[Deferred[Any]] = field(factory=list)
    streams: list[Any] = field(factory=list)
    transport: MemoryTransport = field(factory=MemoryTransport)

    def connect(self, factory: Any) -> Deferred[Any]:
        made: Deferred[Any] = Deferred()
        protocol = factory.buildProtocol(None)
        if isinstance(protocol, LineConnection):
            self.lines.append(protocol)
            self.connecting.append(made)
        else:
            self.streams.append(protocol)
        return made

    @property
    def line(self) -> Any:
        return self.lines[-1]

    def come(self) -> None:
        """Take the connection of the line."""
        self.transport = MemoryTransport()
        self.line.makeConnection(self.transport)
        self.line.handshakeCompleted()

    def greet(self, **status: object) -> None:
        """Take the connection, greet and report the status."""
        self.come()
        self.say(**HELLO)
        self.say(event="status", **{**STATUS, "others": 0, **status})

    def say(self, **message: object) -> None:
        self.line.dataReceived(encode(**message))

    def heard(self) -> list[dict[str, Any]]:
        """What it was told since the last call, without beats."""
        return [each for each in self.transport.messages() if each["op"] != "beat"]

    def hang_up(self) -> None:
        self.line.connectionLost(Failure(ConnectionResetError("gone")))


class ClusterHostTests(SynchronousTestCase):
    required = "auto"

    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()
        self.root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.agents: dict[str, AgentDouble] = {}
        self.machines = Machines()
        self.places: list[int] = []
        self.most: dict[str, int] = {}  # the most kernels of a machine, by its name
        tokens = itertools.count()
        self.host = ClusterHost(
            reactor=self.reactor,
            threads=ThisThread(),
            zmq=ZmqSocketFactory(self.reactor),
            directories=WorkDirs(self.root, lambda: "00000000"),
            machines=self.machines,
            connect=self.connect_to,
            resolver=ResolverDouble(),
            required=self.required,
            max_kernels=lambda name: self.most.get(name, 64),
            limits=Limits(),
            spec=PYTHON,
            new_key=lambda: "ab" * 32,
            new_token=lambda: f"{next(tokens):032x}",
            originate=own_message,
            on_places=self.places.append,
        )
        self.host.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        if self.host.running:
            self.successResultOf(self.host.stopService())
        assert not self.host.resolver.is_started  # type: ignore[attr-defined]
        assert [each for each in self.reactor.getDelayedCalls() if each.active()] == []

    def connect_to(self, facts: Facts) -> Any:
        agent = self.agents.setdefault(facts.name, AgentDouble(facts))
        agent.facts = facts
        return agent.connect

    def join(self, name: str = "blue", **status: object) -> AgentDouble:
        """A machine whose agent has greeted."""
        self.machines.joined(evolve(FACTS, name=name))
        self.agents[name].greet(**status)
        self.agents[name].heard()
        return self.agents[name]

    def start(self) -> tuple[Observed, Deferred[Any]]:
        observer = Observed()
        ready = self.host.start(PYTHON, observer)
        self.addCleanup(ready.addErrback, lambda _: None)
        return observer, ready

    # --- machines

    def test_a_machine_is_greeted_and_comes_up(self) -> None:
        up = self.host.when_up()
        self.machines.joined(FACTS)
        agent = self.agents["blue"]
        agent.come()
        (hello,) = agent.heard()
        assert (hello["op"], hello["protocol"]) == ("hello", 1)
        agent.say(**HELLO)
        self.assertNoResult(up)
        agent.say(event="status", **{**STATUS, "others": 0})
        self.successResultOf(up)
        assert self.places[-1] == 64

    def test_its_status(self) -> None:
        service: HostService = self.host
        assert service.status.starting
        self.join("blue")
        self.join(
            "green",
            sandbox="account",
            languages=["python", "r"],
            features=["seccomp"],
            unbounded=["pipes"],
            versions={"python": "3.12"},
        )
        status = service.status
        assert (status.sandbox, status.starting) == ("account", False)
        assert (status.languages, status.features) == (("python",), ())
        assert (status.unbounded, status.versions) == (("pipes",), {})

    def test_what_an_operator_sees_of_the_machines(self) -> None:
        self.join("blue")
        self.join("green", starting=True)
        self.machines.joined(evolve(FACTS, name="red"))
        self.start()
        seen = {each.name: each for each in self.host.seen_machines()}
        assert {name: each.state for name, each in seen.items()} == {
            "blue": "up",
            "green": "starting",
            "red": "connecting",
        }
        assert (seen["blue"].kernels, seen["blue"].load) == (1, 0.5)
        assert seen["blue"].memory_available_bytes == 1 << 30
        assert (seen["red"].load, seen["red"].memory_available_bytes) == (None, None)

    def test_a_machine_of_another_version(self) -> None:
        with capturedLogs() as events:
            self.machines.joined(evolve(FACTS, protocol=2))
        assert self.agents == {}
        assert [each for each in events if "version" in each["log_format"]]

    def test_an_agent_of_another_version_is_tried_again_later(self) -> None:
        self.machines.joined(FACTS)
        agent = self.agents["blue"]
        agent.come()
        with capturedLogs() as events:
            agent.say(**{**HELLO, "protocol": 2})
        assert agent.transport.closed == "aborted"
        assert [each for each in events if "install the same" in str(each.get("why"))]
        agent.hang_up()
        self.reactor.advance(FIRST_REST)
        assert len(agent.lines) == 2

    def test_hostile_agents_are_disconnected(self) -> None:
        for data in (
            b"x" * 70_000,
            b"\xff\n",
            encode(event="nonsense"),
            encode(event="ended", id=7),
            encode(event="bound", id=True),
            encode(event="status"),
        ):
            agent = self.join()
            agent.line.dataReceived(data)
            assert agent.transport.closed == "aborted"
            agent.hang_up()
            self.reactor.advance(FIRST_REST)

    def test_an_agent_that_does_not_read_is_left(self) -> None:
        agent = self.join()
        agent.transport.producer.pauseProducing()
        self.beat(agent, WEBS_PATIENCE - BEAT)
        agent.transport.producer.resumeProducing()
        agent.transport.producer.pauseProducing()
        self.beat(agent, WEBS_PATIENCE - BEAT)
        assert [agent.transport.closed] == [""]
        with capturedLogs() as events:
            self.beat(agent, BEAT)
        assert [agent.transport.closed] == ["aborted"]
        assert [each for each in events if "does not read" in str(each.get("why"))]

    def test_an_agent_that_says_too_much_is_left(self) -> None:
        agent = self.join()
        beats = encode(event="beat", more="x" * 10_000) * 10
        for _ in range(MOST_BYTES // len(beats) - 1):
            agent.line.dataReceived(beats)
        self.reactor.advance(BEAT)
        for _ in range(MOST_BYTES // len(beats)):
            agent.line.dataReceived(beats)
        assert [agent.transport.closed] == [""]
        agent.line.dataReceived(beats)
        assert [agent.transport.closed] == ["aborted"]

    def test_an_agent_that_says_little_too_often_is_left(self) -> None:
        agent = self.join()
        self.reactor.advance(BEAT)
        agent.line.dataReceived(encode(event="beat") * MOST_MESSAGES)
        self.reactor.advance(BEAT)
        agent.line.dataReceived(encode(event="beat") * MOST_MESSAGES)
        assert [agent.transport.closed] == [""]
        with capturedLogs() as events:
            agent.line.dataReceived(encode(event="beat"))
        assert [agent.transport.closed] == ["aborted"]
        assert [each for each in events if "messages between" in str(each.get("why"))]

    def test_a_machine_that_is_weak_to_and_fro_fills_no_log(self) -> None:
        agent = self.join()
        with capturedLogs() as events:
            for number in range(100):
                for sandbox in ("none", f"x{number}"):
                    agent.say(event="status", **{**STATUS, "others": 0, "sandbox": sandbox})
        assert len([each for each in events if "log_format" in each]) <= 2

    def test_a_machine_that_comes_and_goes_is_tried_again_after_longer_and_longer_rests(
        self,
    ) -> None:
        agent = self.join()
        for attempt in range(3):
            agent.hang_up()
            self.reactor.advance(FIRST_REST * 2**attempt - 0.01)
            assert len(agent.lines) == attempt + 1
            self.reactor.advance(0.01)
            assert len(agent.lines) == attempt + 2
            agent.greet()
        self.beat(agent, SOUND)
        with capturedLogs() as events:
            agent.hang_up()
        assert [each for each in events if each.get("why") == "gone"]
        self.reactor.advance(FIRST_REST)
        assert len(agent.lines) == 5

    def test_no_connection_is_tried_again_after_longer_and_longer_rests(self) -> None:
        self.machines.joined(FACTS)
        agent = self.agents["blue"]
        for attempt in range(5):
            agent.connecting[-1].errback(ConnectionRefusedError("refused"))
            rest = FIRST_REST * 2**attempt
            self.reactor.advance(rest - 0.01)
            assert len(agent.lines) == attempt + 1
            self.reactor.advance(0.01)
            assert len(agent.lines) == attempt + 2

    def test_a_handshake_that_never_ends_is_given_up(self) -> None:
        self.machines.joined(FACTS)
        agent = self.agents["blue"]
        agent.line.makeConnection(agent.transport)
        self.reactor.advance(WEBS_PATIENCE)
        assert agent.transport.closed == "aborted"
        self.reactor.advance(FIRST_REST)
        assert len(agent.lines) == 2

    def test_a_machine_that_left_keeps_its_line_and_is_not_tried_again(self) -> None:
        agent = self.join()
        self.machines.left("blue")
        self.start()
        assert [each["op"] for each in agent.heard()] == ["start"]
        agent.hang_up()
        self.reactor.advance(100)
        assert len(agent.lines) == 1
        self.machines.joined(FACTS)
        assert len(agent.lines) == 2

    def test_places_are_those_that_others_leave(self) -> None:
        self.join("blue", others=60)
        green = self.join("green")
        assert self.places[-1] == 4 + 64
        green.hang_up()
        assert self.places[-1] == 4

    def claim(self, name: str, capacity: int) -> AgentDouble:
        """A machine whose agent says that it takes so many kernels."""
        self.machines.joined(evolve(FACTS, name=name))
        agent = self.agents[name]
        agent.come()
        agent.say(**{**HELLO, "capacity": capacity})
        agent.say(event="status", **{**STATUS, "others": 0})
        agent.heard()
        return agent

    def test_a_machine_that_claims_much_attracts_no_more_kernels_than_others(self) -> None:
        honest = self.join("blue")
        with capturedLogs() as events:
            hostile = self.claim("evil", 100_000)
        assert [each for each in events if "64 at most" in str(each.get("why"))]
        assert self.places[-1] == 2 * 64
        for _ in range(40):
            self.start()
        assert (len(honest.heard()), len(hostile.heard())) == (20, 20)

    def test_the_settings_bound_each_machine(self) -> None:
        self.most["small"] = 3
        small, large = self.claim("small", 10), self.claim("large", 5)
        with capturedLogs():
            for _ in range(10):
                self.start()
        assert (len(small.heard()), len(large.heard())) == (3, 5)
        assert self.places[-1] == 8

    # --- kernels

    def test_a_start_and_an_end(self) -> None:
        agent = self.join()
        observer, ready = self.start()
        (start,) = agent.heard()
        assert (start["op"], start["id"], start["key"]) == ("start", 1, "ab" * 32)
        assert (start["ahead"], start["spec"]) == (False, "")
        assert len(start["tokens"]) > 4
        agent.say(event="trouble", id=1, trouble="start", why="MemoryError")
        agent.say(event="failed", id=1)
        assert agent.heard() == [{"op": "kill", "id": 1}]
        agent.say(event="near", id=1, reason="cpu", seconds=60)
        agent.say(event="ended", id=1, status=None, signal=9, reason=None)
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == []
        agent.say(event="removed", id=1)
        assert observer.exits == [Exit(signal=9)]
        assert observer.near == [("cpu", 60)]
        assert self.host.machines.known == (FACTS,)

    def test_its_sockets_are_streams_with_tokens(self) -> None:
        agent = self.join()
        self.start()
        (start,) = agent.heard()
        transports = []
        for stream in agent.streams[:4]:
            transports.append(MemoryTransport())
            stream.makeConnection(transports[-1])
            stream.handshakeCompleted()
        agent.say(event="bound", id=1)
        opened = [transport.messages()[1:] for transport in transports]
        ports = {each[0]["port"]: each[0]["token"] for each in opened if each}
        assert set(ports) == {1, 2, 3}
        assert list(ports.values()) == start["tokens"][:3]

    def test_cancelling_a_start(self) -> None:
        agent = self.join()
        observer, ready = self.start()
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        assert agent.heard()[-1] == {"op": "kill", "id": 1}
        agent.say(event="ended", id=1, status=None, signal=9, reason=None)
        agent.say(event="removed", id=1)
        assert observer.exits == [Exit(signal=9)]

    def test_a_start_waits_for_a_machine(self) -> None:
        self.start()
        agent = self.join()
        observer, ready = self.start()
        assert agent.heard()[-1]["id"] == 2
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        assert observer.exits == []

    def test_one_that_waits_may_be_cancelled(self) -> None:
        observer, ready = self.start()
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        assert observer.exits == [Exit()]
        assert self.join().heard() == []

    def test_a_machine_that_is_full_lets_another_start_it(self) -> None:
        blue, green = self.join("blue"), self.join("green")
        observer, ready = self.start()
        for first, second in ((blue, green), (green, blue)):
            if first.heard():
                first.say(event="full", id=1)
                assert [each["op"] for each in second.heard()] == ["start"]
                second.say(event="full", id=1)
        with capturedLogs():
            self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit()]

    def test_a_machine_where_kernels_cannot_start_does_not_get_them_all(self) -> None:
        blue, green = self.join("blue"), self.join("green")
        agents = {"blue": blue, "green": green}
        number = 0

        def starts(count: int) -> list[str]:
            """Where so many kernels are started; those on blue end at once."""
            nonlocal number
            placed = []
            for _ in range(count):
                self.start()
                number += 1
                (name,) = (name for name, agent in agents.items() if agent.heard())
                placed.append(name)
                if name == "blue":
                    blue.say(event="bound", id=number)
                    blue.say(event="ended", id=number, status=None, signal=None, reason=None)
                    blue.say(event="removed", id=number)
            return placed

        for _ in range(2):
            assert starts(4).count("blue") == 1
            for _ in range(int(SHUNNED / BEAT)):
                for agent in (green, blue):
                    agent.say(event="beat")
                self.reactor.advance(BEAT)

    def test_a_machine_that_takes_too_long_to_start_one_comes_last(self) -> None:
        blue, green = self.join("blue", others=0), self.join("green", others=20)

        def start() -> Deferred[Any]:
            ready = self.start()[1]
            ready.addErrback(lambda failure: failure.trap(CancelledError))
            return ready

        start().cancel()  # at once, as a visitor may
        hangs = start()
        assert [each["op"] for each in blue.heard()] == ["start", "kill", "start"]
        for _ in range(int(SLOW / BEAT)):
            blue.say(event="beat")
            green.say(event="beat")
            self.reactor.advance(BEAT)
        hangs.cancel()
        blue.heard()
        start()
        assert (blue.heard(), len(green.heard())) == ([], 1)

    def test_a_kernelspec_that_fails_does_not_keep_others_away(self) -> None:
        blue, green = self.join("blue", others=0), self.join("green", others=20)

        def start_bash() -> Deferred[Any]:
            ready = self.host.start_installed(BASH, Observed())
            ready.addErrback(lambda failure: failure.trap(CancelledError, StartFailed))
            return ready

        def placed() -> tuple[list[str], ...]:
            told = [
                [each for each in agent.heard() if each["op"] == "start"] for agent in (blue, green)
            ]
            return tuple([each["spec"] for each in starts] for starts in told)

        start_bash()
        blue.say(event="ended", id=1, status=1, signal=None, reason=None)
        assert placed() == (["bash"], [])
        start_bash()
        self.start()
        assert placed() == ([""], ["bash"])
        # What every machine has tells of the machine.
        blue.say(event="ended", id=3, status=1, signal=None, reason=None)
        start_bash()
        self.start()
        assert placed() == ([], ["bash", ""])

    def test_kernels_are_spread(self) -> None:
        agents = [self.join(name) for name in ("blue", "green", "red")]
        for _ in range(7):
            self.start()
        assert sorted(len(agent.heard()) for agent in agents) == [2, 2, 3]

    def test_a_kernelspec_runs_where_it_is_installed(self) -> None:
        self.join("blue")
        self.machines.joined(evolve(FACTS, name="green"))
        green = self.agents["green"]
        green.come()
        green.say(**{**HELLO, "specs": []})
        green.say(event="status", **{**STATUS, "others": 0})
        self.agents["blue"].heard()
        for _ in range(3):
            self.host.start_installed(BASH, Observed()).addErrback(lambda _: None)
        assert [each["spec"] for each in self.agents["blue"].heard()] == ["bash"] * 3

    def join_without_specs(self, name: str) -> AgentDouble:
        self.machines.joined(evolve(FACTS, name=name))
        agent = self.agents[name]
        agent.come()
        agent.say(**{**HELLO, "specs": []})
        agent.say(event="status", **{**STATUS, "others": 0})
        agent.heard()
        return agent

    def test_a_kernelspec_that_no_machine_has_is_refused_at_once_with_a_sentence(self) -> None:
        agent = self.join_without_specs("green")
        observer = Observed()
        with capturedLogs() as events:
            ready = self.host.start_installed(BASH, observer)
            failure = self.failureResultOf(ready, StartFailed)
        assert "None of the machines" in str(failure.value)
        assert observer.exits == [Exit(reason=NOWHERE)]
        assert [each for each in events if "kernelspec 'bash'" in str(each.get("why"))]
        assert agent.heard() == []

    def test_a_kernelspec_waits_while_no_machine_is_there(self) -> None:
        observer = Observed()
        ready = self.host.start_installed(BASH, observer)
        self.assertNoResult(ready)
        ready.addErrback(lambda _: None)
        self.machines.joined(FACTS)
        agent = self.agents["blue"]
        agent.greet()
        assert [each["spec"] for each in agent.heard() if each["op"] == "start"] == ["bash"]

    def test_one_that_is_lost_with_the_last_machine_of_its_kernelspec(self) -> None:
        blue = self.join("blue")
        self.join_without_specs("green")
        observer = Observed()
        ready = self.host.start_installed(BASH, observer)
        assert [each["op"] for each in blue.heard()] == ["start"]
        blue.hang_up()
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit(reason=NOWHERE)]

    def test_it_begins_nothing_of_a_kind_that_it_does_not_have(self) -> None:
        with pytest.raises(ValueError, match="not of bash"):
            self.host.start(BASH.kind, Observed())

    # --- what they use

    def start_as(self, kernel_id: str) -> None:
        self.host.start(PYTHON, Observed(kernel_id)).addErrback(lambda _: None)

    def test_what_kernels_use_is_asked_of_all_machines(self) -> None:
        blue, green = self.join("blue"), self.join("green")
        self.machines.joined(evolve(FACTS, name="red"))  # which is not there
        for kernel_id in ("one", "two"):
            self.start_as(kernel_id)
        numbers = {
            name: agent.heard()[0]["id"] for name, agent in (("blue", blue), ("green", green))
        }
        usages = self.host.usages()
        assert [blue.heard(), green.heard()] == [[{"op": "usages"}]] * 2
        blue.say(event="usages", kernels=[[numbers["blue"], 1.5, 100]], more=False)
        self.assertNoResult(usages)
        green.say(event="usages", kernels=[], more=True)
        green.say(event="usages", kernels=[[numbers["green"], 2, 200]], more=False)
        found = self.successResultOf(usages)
        names = {1: "one", 2: "two"}
        assert found == {
            names[numbers["blue"]]: Usage(cpu_seconds=1.5, memory_bytes=100),
            names[numbers["green"]]: Usage(cpu_seconds=2, memory_bytes=200),
        }

    def test_a_hostile_machine_tells_only_what_its_own_kernels_use(self) -> None:
        blue, green = self.join("blue"), self.join("green")
        for kernel_id in ("one", "two"):
            self.start_as(kernel_id)
        usages = self.host.usages()
        (mine,) = (each["id"] for each in blue.heard() if each["op"] == "start")
        lies = [[number, 10**9, 10**12] for number in range(500)]
        blue.say(event="usages", kernels=lies, more=False)
        green.say(event="usages", kernels=[], more=False)
        found = self.successResultOf(usages)
        assert list(found) == [{1: "one", 2: "two"}[mine]]

    def test_a_machine_that_does_not_tell_is_waited_for_shortly(self) -> None:
        agent = self.join()
        self.start_as("one")
        usages = self.host.usages()
        again = self.host.usages()
        assert [each["op"] for each in agent.heard()] == ["start", "usages"]
        agent.say(event="usages", kernels=[[1, 1, 100]], more=True)
        self.beat(agent, PATIENCE - BEAT)
        self.assertNoResult(usages)
        self.beat(agent, BEAT)
        found = {"one": Usage(cpu_seconds=1, memory_bytes=100)}
        assert (self.successResultOf(usages), self.successResultOf(again)) == (found, found)
        agent.say(event="usages", kernels=[[1, 2, 100]], more=False)  # too late
        later = self.host.usages()
        agent.say(event="usages", kernels=[], more=False)
        assert self.successResultOf(later) == {}

    def test_a_machine_that_is_lost_tells_no_more(self) -> None:
        agent = self.join()
        self.start_as("one")
        usages = self.host.usages()
        agent.hang_up()
        assert self.successResultOf(usages) == {}
        assert self.successResultOf(self.host.usages()) == {}

    def test_nonsense_about_usages_ends_the_line(self) -> None:
        agent = self.join()
        agent.say(event="usages", kernels=[[1, -1, 0]], more=False)
        assert agent.transport.closed == "aborted"

    # --- losses

    def bound(self, agent: AgentDouble) -> tuple[Observed, Deferred[Any]]:
        observer, ready = self.start()
        start = agent.heard()[-1]
        agent.say(event="bound", id=start["id"])
        return observer, ready

    def test_a_machine_that_is_gone_loses_its_kernels_at_once(self) -> None:
        agent = self.join()
        observer, ready = self.bound(agent)
        agent.hang_up()
        assert observer.exits == [Exit(reason=LOST)]
        self.failureResultOf(ready, StartFailed)
        assert self.host.status.starting
        self.assertNoResult(self.host.when_up())
        assert self.places[-1] == 0

    def beat(self, agent: AgentDouble, seconds: float) -> None:
        """Let time pass in which the agent does nothing but beat."""
        for _ in range(int(seconds / BEAT)):
            agent.say(event="beat")
            self.reactor.advance(BEAT)

    def test_a_machine_that_ends_no_kernel_keeps_no_session(self) -> None:
        agent = self.join()
        observer, ready = self.bound(agent)
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        self.beat(agent, REMOVAL - BEAT)
        assert observer.exits == []
        self.beat(agent, BEAT)
        assert observer.exits == [Exit(reason=LOST)]
        (machine,) = self.host.seen_machines()
        assert machine.kernels == 1  # it may be running there
        agent.say(event="ended", id=1, status=0, signal=None, reason=None)
        agent.say(event="removed", id=1)
        (machine,) = self.host.seen_machines()
        assert machine.kernels == 0
        assert observer.exits == [Exit(reason=LOST)]

    def test_a_machine_that_removes_nothing_keeps_no_session(self) -> None:
        agent = self.join()
        observer, ready = self.bound(agent)
        agent.say(event="ended", id=1, status=0, signal=None, reason=None)
        self.failureResultOf(ready, StartFailed)
        self.beat(agent, REMOVAL)
        assert observer.exits == [Exit(status=0)]

    def test_a_server_that_stops_waits_shortly_for_a_machine_that_ends_no_kernel(self) -> None:
        agent = self.join()
        observers = []
        for _ in range(MOST_OVERDUE):
            observer, ready = self.bound(agent)
            ready.cancel()
            self.failureResultOf(ready, CancelledError)
            observers.append(observer)
        self.host.hurry()
        late, ready = self.bound(agent)
        ready.cancel()
        self.failureResultOf(ready, CancelledError)
        self.beat(agent, LAST_REMOVAL)
        assert all(each.exits == [Exit(reason=LOST)] for each in [*observers, late])
        assert not agent.transport.closed

    def test_a_machine_that_ends_no_kernels_at_all_is_left(self) -> None:
        agent = self.join()
        observers = []
        for _ in range(MOST_OVERDUE):
            observer, ready = self.bound(agent)
            ready.cancel()
            self.failureResultOf(ready, CancelledError)
            observers.append(observer)
        with capturedLogs() as events:
            self.beat(agent, REMOVAL)
        assert agent.transport.closed == "aborted"
        assert [each for each in events if "does not end" in str(each.get("why"))]
        assert all(each.exits == [Exit(reason=LOST)] for each in observers)

    def up(self, agent: AgentDouble) -> tuple[Observed, list[Any]]:
        """A kernel whose three streams are open, and these."""
        streams = agent.streams[:3]
        for stream in streams:
            stream.makeConnection(MemoryTransport())
            stream.handshakeCompleted()
        observer, ready = self.bound(agent)
        ready.addErrback(lambda failure: failure.trap(StartFailed))
        for stream in streams:
            stream._stream.read()  # as a relay does when ZMQ has connected to it
        return observer, streams

    def test_a_kernel_that_has_lost_a_connection_and_lives_is_ended(self) -> None:
        agent = self.join()
        observer, streams = self.up(agent)
        streams[0].connectionLost(Failure(TimeoutError("no answer to probes")))
        self.beat(agent, CUT_OFF - BEAT)
        assert (agent.heard(), observer.exits) == ([], [])
        with capturedLogs() as events:
            self.beat(agent, BEAT)
        assert agent.heard() == [{"op": "kill", "id": 1}]
        assert [each for each in events if "a connection to kernel" in each["log_format"]]
        agent.say(event="ended", id=1, status=None, signal=9, reason=None)
        agent.say(event="removed", id=1)
        assert observer.exits == [Exit(reason=LOST)]
        assert not agent.transport.closed
        (machine,) = self.host.seen_machines()
        assert machine.kernels == 0

    def test_a_kernel_that_ends_loses_its_connections_first(self) -> None:
        agent = self.join()
        observer, streams = self.up(agent)
        for stream in streams:
            stream.connectionLost(Failure(ConnectionDone()))
        agent.say(event="ended", id=1, status=1, signal=None, reason=None)
        self.beat(agent, CUT_OFF)
        agent.say(event="removed", id=1)
        assert observer.exits == [Exit(status=1)]
        assert agent.heard() == []

    def test_a_silent_one_loses_them_after_a_while(self) -> None:
        agent = self.join()
        observer, ready = self.bound(agent)
        self.reactor.pump([BEAT] * (int(WEBS_PATIENCE / BEAT) - 1))
        assert observer.exits == []
        agent.say(event="beat")
        self.reactor.pump([BEAT] * (int(WEBS_PATIENCE / BEAT) - 1))
        assert observer.exits == []
        self.reactor.advance(BEAT)
        assert observer.exits == [Exit(reason=LOST)]
        assert agent.transport.closed == "aborted"
        self.failureResultOf(ready, StartFailed)

    def test_what_was_not_bound_is_started_elsewhere_once(self) -> None:
        blue = self.join("blue")
        observer, ready = self.start()
        green = self.join("green")
        blue.hang_up()
        assert [each["op"] for each in green.heard()] == ["start"]
        assert observer.exits == []
        green.hang_up()
        assert observer.exits == [Exit(reason=LOST)]
        self.failureResultOf(ready, StartFailed)

    def test_one_that_has_ended_is_removed_with_its_machine(self) -> None:
        agent = self.join()
        observer, ready = self.start()
        agent.say(event="ended", id=1, status=0, signal=None, reason=None)
        self.failureResultOf(ready, StartFailed)
        agent.hang_up()
        assert observer.exits == [Exit(status=0)]

    def test_a_stop_leaves_nothing(self) -> None:
        agent = self.join()
        observer, ready = self.bound(agent)
        self.successResultOf(self.host.stopService())
        assert agent.transport.closed == "aborted"
        assert observer.exits == [Exit(reason=LOST)]
        self.failureResultOf(ready, StartFailed)


class RequiredLevelTests(ClusterHostTests):
    """The same where a level is required, which all machines have."""

    required = "account"

    def test_a_weaker_machine_gets_no_kernels(self) -> None:
        with capturedLogs() as events:
            self.join(sandbox="none")
        assert self.host.status.starting
        assert self.host.status.sandbox == "account"
        assert [each for each in events if "asks for 'account'" in str(each.get("why"))]
