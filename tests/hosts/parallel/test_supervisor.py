"""Engines that start and end, in memory."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from sagecell_tx.hosts.cluster.facts import Facts
from sagecell_tx.hosts.parallel.protocol import FILE_LIMIT
from sagecell_tx.hosts.parallel.supervisor import (
    LONGEST_WAIT,
    LOOK,
    PATIENCE,
    SOUND,
    EngineSupervisor,
    launched_file,
)
from tests.hosts.doubles import ThisThread
from tests.hosts.parallel.controllers import facts

FACTS = Facts(**facts("m1"))


@define(eq=False)
class MemoryEngine:
    """The engine's process."""

    protocol: Any
    how: dict[str, Any]
    pid: int | None = 4_000_000  # above any real one
    told: bytes = b""
    signals: list[str] = field(factory=list)

    def write(self, data: bytes) -> None:
        self.told += data

    def signalProcess(self, name: str) -> None:  # noqa: N802
        self.signals.append(name)

    def end(self, status: int = 0) -> None:
        self.pid = None
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(exitCode=status)
        self.protocol.processEnded(Failure(reason))


class EngineReactor(MemoryReactorClock):
    """A reactor in memory that starts engines in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.engines: list[MemoryEngine] = []
        self.failing = False

    def spawnProcess(self, protocol, executable, args, **how):  # noqa: N802
        if self.failing:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        engine = MemoryEngine(protocol, how)
        self.engines.append(engine)
        protocol.makeConnection(engine)

    def callFromThread(self, function, *args, **kwargs):  # noqa: N802
        function(*args, **kwargs)


class Machine:
    """A compute machine: the connection file is there once the test writes it."""

    def __init__(self, scratch: Path) -> None:
        self.reactor = EngineReactor()
        self.directory = scratch / "engine"
        self.file = scratch / "ipcontroller-engine.json"
        self.facts_file = scratch / "facts.json"
        self.facts_file.write_bytes(FACTS.dump())
        self.supervisor = EngineSupervisor(
            reactor=self.reactor,
            threads=ThisThread(),
            connection_file=self.file,
            facts_file=self.facts_file,
            directory=self.directory,
        )

    @property
    def engines(self) -> list[MemoryEngine]:
        return self.reactor.engines

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / LOOK) + 1):
            self.reactor.advance(LOOK)


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    made.file.write_text('{"key": "1"}')
    made.supervisor.startService()
    yield made
    if made.supervisor.running:
        stopping = made.supervisor.stopService()
        for engine in made.engines:
            if engine.pid is not None:
                engine.end()
        assert stopping.called
    assert not made.reactor.getDelayedCalls()
    assert not made.directory.exists()


def test_the_engine_is_told_the_connection_file_and_the_facts(machine):
    [engine] = machine.engines
    told = json.loads(engine.told)
    assert told["connection"] == '{"key": "1"}'
    assert Facts.parse(told["facts"]) == FACTS
    assert engine.told.endswith(b"\n")


def test_the_engine_has_a_directory_of_its_own_and_none_of_the_servers_variables(
    machine, monkeypatch
):
    monkeypatch.setenv("SECRET", "1")
    machine.engines[0].end()
    machine.pass_time(LONGEST_WAIT)
    engine = machine.engines[1]
    directory = machine.directory
    assert engine.how["path"] == engine.how["env"]["HOME"] == str(directory)
    assert engine.how["env"]["IPYTHONDIR"] == str(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert "SECRET" not in engine.how["env"]
    assert (engine.how["uid"], engine.how["gid"]) == (None, None)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run an engine under another account")
def test_the_engine_has_another_account(tmp_path):
    machine = Machine(tmp_path)
    machine.supervisor.account = (65534, 65533)
    machine.file.write_text("{}")
    machine.supervisor.startService()
    [engine] = machine.engines
    assert (engine.how["uid"], engine.how["gid"]) == (65534, 65533)
    directory = machine.directory
    assert (directory.stat().st_uid, directory.stat().st_gid) == (65534, 65533)
    stopping = machine.supervisor.stopService()
    engine.end()
    assert stopping.called


def test_an_engine_that_ends_is_started_again(machine):
    machine.pass_time(SOUND)
    with capturedLogs() as log:
        machine.engines[0].end(1)
        machine.pass_time(0)
    assert len(machine.engines) == 2
    assert "the engine ended" in str(log)


def test_one_that_ends_at_once_is_started_less_and_less(machine):
    for _ in range(300):
        if machine.engines[-1].pid is not None:
            machine.engines[-1].end(1)
        machine.reactor.advance(LOOK)
    assert 50 <= len(machine.engines) <= 80
    machine.pass_time(LONGEST_WAIT)
    assert machine.engines[-1].pid is not None


def test_another_connection_file_replaces_the_engine(machine):
    machine.pass_time(5)
    machine.file.write_text('{"key": "2"}')
    machine.pass_time(0)
    assert machine.engines[0].signals == ["TERM"]
    machine.pass_time(1)
    assert machine.engines[0].signals == ["TERM"], "asked once"
    machine.engines[0].end()
    machine.pass_time(0)
    assert json.loads(machine.engines[1].told)["connection"] == '{"key": "2"}'
    machine.pass_time(100)
    assert len(machine.engines) == 2


def test_other_facts_replace_the_engine(machine):
    machine.facts_file.write_bytes(Facts(**facts("m1", port=7002)).dump())
    machine.pass_time(0)
    machine.engines[0].end()
    machine.pass_time(0)
    assert Facts.parse(json.loads(machine.engines[1].told)["facts"]).port == 7002


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_nothing_is_started_without_facts(tmp_path, content):
    machine = Machine(tmp_path)
    machine.file.write_text("{}")
    machine.facts_file.unlink()
    if content is not None:
        machine.facts_file.write_bytes(content)
    with capturedLogs() as log:
        machine.supervisor.startService()
        machine.pass_time(10)
    assert machine.engines == []
    assert len(log) == 1
    assert "facts.json: " in str(log)
    machine.supervisor.stopService()


def test_what_a_killed_agent_left_is_removed(tmp_path):
    machine = Machine(tmp_path)
    machine.directory.mkdir()
    (machine.directory / "left").write_text("")
    machine.supervisor.startService()
    assert list(machine.directory.iterdir()) == []
    machine.supervisor.stopService()


def test_an_engine_that_does_not_end_is_killed(machine):
    machine.file.write_text('{"key": "2"}')
    machine.pass_time(PATIENCE + 1)
    assert machine.engines[0].signals == ["TERM", "KILL"]


def test_the_connection_file_may_be_missing_and_come_later(tmp_path):
    machine = Machine(tmp_path)
    with capturedLogs() as log:
        machine.supervisor.startService()
        machine.pass_time(60)
    assert machine.engines == []
    assert len(log) == 1, "said once"
    assert "ipcontroller-engine.json: No such file or directory" in str(log)
    machine.file.write_text("{}")
    machine.pass_time(0)
    assert len(machine.engines) == 1
    machine.engines[0].end()
    machine.supervisor.stopService()


def test_an_engine_runs_on_while_the_file_is_missing(machine):
    machine.file.unlink()
    machine.pass_time(60)
    assert machine.engines[0].signals == []


@pytest.mark.parametrize("content", ["", "[]", "{", "x" * (FILE_LIMIT + 1)])
def test_a_file_that_is_not_a_connection_file_starts_nothing(tmp_path, content):
    machine = Machine(tmp_path)
    machine.file.write_text(content)
    with capturedLogs() as log:
        machine.supervisor.startService()
        machine.pass_time(10)
    assert machine.engines == []
    assert len(log) == 1
    machine.supervisor.stopService()


def test_a_process_that_cannot_be_started_is_tried_again(tmp_path):
    machine = Machine(tmp_path)
    machine.file.write_text("{}")
    machine.reactor.failing = True
    with capturedLogs() as log:
        machine.supervisor.startService()
        machine.pass_time(60)
    assert len(log) == 1
    assert os.strerror(errno.EAGAIN) in str(log)
    machine.reactor.failing = False
    machine.pass_time(LONGEST_WAIT)
    assert len(machine.engines) == 1
    machine.engines[0].end()
    machine.supervisor.stopService()


def test_what_the_engine_says_is_logged_line_by_line(machine):
    with capturedLogs() as log:
        machine.engines[0].protocol.errReceived(b"one\n\xfftwo\n" + b"x" * 10_000)
    assert [len(each["line"]) for each in log] == [3, 4, 2000]


def test_stopping_waits_for_the_engine(machine):
    stopping = machine.supervisor.stopService()
    assert machine.engines[0].signals == ["TERM"]
    assert not stopping.called
    machine.pass_time(60)
    assert machine.engines[0].signals == ["TERM", "KILL"]
    machine.engines[0].end(9)
    assert stopping.called
    assert len(machine.engines) == 1


# --- where launchers leave the file


@pytest.mark.parametrize(
    ("variables", "file"),
    [
        ({}, None),
        ({"IPP_CLUSTER_ID": "c"}, None),
        ({"IPP_PROFILE_DIR": ""}, None),
        ({"IPP_PROFILE_DIR": "/p"}, "/p/security/ipcontroller-engine.json"),
        (
            {"IPP_PROFILE_DIR": "/p", "IPP_CLUSTER_ID": ""},
            "/p/security/ipcontroller-engine.json",
        ),
        (
            {"IPP_PROFILE_DIR": "/p", "IPP_CLUSTER_ID": "c"},
            "/p/security/ipcontroller-c-engine.json",
        ),
    ],
)
def test_the_file_of_a_launcher(variables, file):
    assert launched_file(variables) == (file and Path(file))
