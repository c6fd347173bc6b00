"""Machines that make themselves known through real controllers and engines of ipyparallel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import pytest
import zmq
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import provider

from sagecell_tx.assembly.parallel import hub
from sagecell_tx.hosts.cluster.facts import Facts, Machines
from sagecell_tx.hosts.parallel.hub import Hub
from sagecell_tx.hosts.parallel.supervisor import PROGRAM, EngineSupervisor
from tests.hosts.parallel.controllers import facts
from tests.integration.controllers import Controller

pytestmark = pytest.mark.integration

#: The longest time to wait for an event, in seconds.
PATIENCE = 60.0

#: The account of nobody, and of no group.
NOBODY = (65534, 65534)


def the_reactor() -> Any:
    from twisted.internet import reactor  # noqa: TID251 - a test that needs the real one

    return reactor


async def until(happened: Callable[[], bool], seconds: float = PATIENCE) -> float:
    """Wait for an event while the reactor runs; returns the seconds that it took."""
    began = monotonic()
    while not happened():
        assert monotonic() - began < seconds, f"not within {seconds} s: {happened}"
        moment: Deferred[None] = Deferred()
        the_reactor().callLater(0.02, moment.callback, None)
        await moment
    return monotonic() - began


class Cluster:
    """One server's view of its machines, and the supervisors of machines, in this process."""

    def __init__(self, controller: Controller, scratch: Path) -> None:
        self.controller = controller
        self.scratch = scratch
        self.machines = Machines()
        self.hub: Hub = hub(controller.client_file, the_reactor(), self.machines)
        self.supervisors: list[EngineSupervisor] = []

    @property
    def names(self) -> list[str]:
        return sorted(each.name for each in self.machines.known)

    def add(
        self,
        name: str,
        program: Sequence[str] = PROGRAM,
        account: tuple[int, int] | None = None,
        **changes: Any,
    ) -> None:
        """A machine of this name, whose engine runs `program`."""
        facts_file = self.scratch / f"{name}.json"
        facts_file.write_bytes(Facts(**facts(name, **changes)).dump())
        supervisor = EngineSupervisor(
            reactor=the_reactor(),
            threads=the_reactor().getThreadPool(),
            connection_file=self.controller.engine_file,
            facts_file=facts_file,
            directory=self.scratch / name,
            account=account,
            program=program,
        )
        self.supervisors.append(supervisor)
        supervisor.startService()

    def engines(self) -> set[int]:
        """The processes of all engines."""
        found = set()
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = (Path("/proc") / name / "environ").read_bytes()
                state = (Path("/proc") / name / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:  # it has ended meanwhile
                continue
            if f"HOME={self.scratch}/".encode() in words and state != "Z":
                found.add(int(name))
        return found

    async def stop(self) -> None:
        for supervisor in self.supervisors:
            await supervisor.stopService()
        if self.hub.running:
            self.hub.stopService()


@asynccontextmanager
async def cluster(*arguments: str, curve: bool = True) -> AsyncIterator[Cluster]:
    """A controller with a server that asks it."""
    # pytest's own directories cannot be entered from other accounts.
    with TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        scratch = Path(name) / "engines"
        scratch.mkdir(mode=0o711)
        controller = Controller(Path(name), *arguments, curve=curve)
        made = Cluster(controller, scratch)
        logged: list[str] = []

        @provider(ILogObserver)
        def observer(event: LogEvent) -> None:
            logged.append(formatEvent(event))

        globalLogPublisher.addObserver(observer)
        try:
            await deferToThread(controller.start)
            made.hub.startService()
            yield made
            await made.stop()
            assert made.engines() == set()
            assert [each for each in scratch.iterdir() if each.is_dir()] == []
        except AssertionError:
            print(controller.log(), "\n".join(logged))  # noqa: T201
            raise
        finally:
            globalLogPublisher.removeObserver(observer)
            await made.stop()
            controller.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run an engine under another account")
@ensureDeferred
async def test_an_engine_has_another_account_and_a_directory_of_its_own():
    async with cluster() as made:
        await until(lambda: made.controller.engine_file.exists())
        # In place of Python, which may be in somebody's home directory, a program that every account may run.
        script = 'read -r line; printf %s "$line" > $HOME/line; { id -u; id -G; } > $HOME/ids; read -r more'
        made.add("m1", program=("/bin/sh", "-c", script), account=NOBODY)
        await until(lambda: len(list(made.scratch.glob("*/ids"))) == 1)
        [ids] = made.scratch.glob("*/ids")
        await until(lambda: ids.read_text() == "65534\n65534\n")
        told = json.loads((ids.parent / "line").read_bytes())
        assert told["connection"] == made.controller.engine_file.read_text()
        assert made.controller.engine_file.stat().st_mode & 0o777 == 0o600


# --- the controller's death


async def rejoined(made: Cluster, count: int) -> float:
    """Wait until a new server knows so many machines; returns the seconds that it took."""
    later = Machines()
    another = hub(made.controller.client_file, the_reactor(), later)
    another.startService()
    took = await until(lambda: len(later.known) == count)
    another.stopService()
    return took


@ensureDeferred
async def test_a_controller_that_keeps_its_files_finds_its_engines_again():
    """They are connected to it again, and believe to be registered; the new one does not know them."""
    keys = zip(("IPP_CURVE_PUBLICKEY", "IPP_CURVE_SECRETKEY"), zmq.curve_keypair(), strict=True)
    async with cluster("--reuse") as made:
        await deferToThread(made.controller.end)
        made.controller.variables.update({name: key.decode() for name, key in keys})
        made.controller.client_file.unlink()
        made.controller.engine_file.unlink()
        await deferToThread(made.controller.start)
        file = made.controller.client_file.read_bytes()
        made.add("m1")
        await until(lambda: made.names == ["m1"])
        first = made.engines()
        await deferToThread(made.controller.end)
        await deferToThread(made.controller.start)
        assert made.controller.client_file.read_bytes() == file
        print(f"rejoined within {await rejoined(made, 1):.1f} s")  # noqa: T201
        assert first.isdisjoint(made.engines())
        assert made.names == ["m1"]


# --- attacks

#: What `parallel_client` attempts.
ATTEMPTS = ["apply", "balanced", "execute", "broadcast", "abort", "clear", "signal", "shutdown"]


def as_client(controller: Controller) -> bytes:
    """What a client needs, as one makes it who has the file for engines, and has found the other ports."""
    stolen = json.loads(controller.engine_file.read_bytes())
    found = json.loads(controller.client_file.read_bytes())
    ports = {key: value for key, value in found.items() if type(value) is int}
    return json.dumps({**stolen, **ports, "task_scheme": found["task_scheme"]}).encode()


async def attack(controller: Controller, marker: Path, *attempts: str) -> dict[str, str]:
    """What became of each attempt of a client of ipyparallel."""
    run = await deferToThread(
        subprocess.run,
        [sys.executable, "-m", "tests.integration.parallel_client", str(marker), *attempts],
        input=as_client(controller),
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(line.split() for line in run.stdout.decode().splitlines())


@ensureDeferred
async def test_a_client_with_an_engines_connection_file_runs_nothing_in_any_engine():
    async with cluster(curve=False) as made:  # all messages are signed
        marker = made.controller.profile / "marker"
        made.add("m1")
        await until(lambda: made.names == ["m1"])
        engines = made.engines()
        outcomes = await attack(made.controller, marker)
        assert outcomes == dict.fromkeys(ATTEMPTS, "Refused")
        assert not marker.exists()
        assert made.engines() == engines
        assert await rejoined(made, 1) < PATIENCE, "it still answers"


@ensureDeferred
async def test_an_engine_that_answers_with_a_pickle_runs_nothing_in_the_server():
    """It does in ipyparallel's own client."""
    async with cluster() as made:
        marker = made.controller.profile / "marker"
        here = f"import sys; sys.path.insert(0, {os.getcwd()!r}); "
        run = "import runpy; runpy.run_module('tests.integration.hostile_engine', run_name='__main__')"
        made.add("m1", program=(sys.executable, "-c", here + run, str(marker)))
        await until(lambda: made.names == ["m1"])
        await rejoined(made, 1)
        assert not marker.exists()
        await attack(made.controller, made.controller.profile / "another", "apply")
        assert marker.exists()


# --- the end of the agent


@ensureDeferred
async def test_an_engine_ends_with_the_process_that_started_it(tmp_path):
    async with cluster() as made:
        line = {
            "connection": made.controller.engine_file.read_text(),
            "facts": json.dumps(facts("m1")),
        }
        process = subprocess.Popen(
            PROGRAM, stdin=subprocess.PIPE, env={**os.environ, "IPYTHONDIR": str(tmp_path)}
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(line).encode() + b"\n")
        process.stdin.flush()
        await until(lambda: made.names == ["m1"])
        process.stdin.close()  # as the system does when that process is killed
        assert await deferToThread(process.wait) == 0
        await until(lambda: "unregister_engine" in made.controller.log())


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "no line"),
        (b"{}\n", "not a connection file"),
        (b"[]\n", "JSON object"),
        (b"{" * 100_000, "JSON"),
    ],
)
def test_an_engine_without_what_it_needs_says_so(line, why):
    run = subprocess.run(PROGRAM, input=line, stderr=subprocess.PIPE, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith(b"cannot run an engine: ")
    assert why.encode() in run.stderr
    assert b"Traceback" not in run.stderr
