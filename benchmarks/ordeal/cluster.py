"""What the ordeal is done to: web processes that share a socket, three machines, a controller, and a database."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from attrs import define, field

from benchmarks.ordeal.disks import SmallDisk, SmallPostgreSQL
from tests.integration.agents import AgentProcess, make_keys
from tests.integration.controllers import Controller
from tests.integration.daemons import Daemon
from tests.integration.netspaces import NetSpace
from tests.integration.servers import Server
from tests.integration.waiting import until
from tests.processtree import command_of

#: Machines of the cluster.
MACHINES = 3

#: Modules that fork servers have loaded; without them a plot takes seconds.
PRELOAD = ("numpy", "matplotlib.pyplot")

#: Kernels that are kept ready.
READY = 2

#: Megabytes of PostgreSQL's disk, of which a new database takes 40 and its log up to 80; of a machine's; and the
#: files on that.
DATABASE_DISK, MACHINE_DISK, MACHINE_FILES = 256, 32, 1000


@define(kw_only=True)
class Machine:
    """A machine of the cluster: its agent, its network and its disk, where there can be such."""

    agent: AgentProcess
    space: NetSpace | None
    disk: SmallDisk | None

    def lose_power(self) -> str:
        """Nothing on it runs any more, and nobody is told; returns how many kernels it had."""
        count = len(self.agent.kernels())
        if self.space is not None:
            self.space.cut()
        assert self.agent.process is not None
        process = psutil.Process(self.agent.process.pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.agent.process.wait()
        return f"it had {count} kernels"

    def boot(self) -> None:
        """Start it again; returns when it can start kernels."""
        if self.space is not None:
            self.space.join()
        self.agent.start()

    @property
    def engine(self) -> psutil.Process:
        """Its engine, which tells the controller of it."""
        assert self.agent.process is not None
        children = psutil.Process(self.agent.process.pid).children()
        (engine,) = [
            child
            for child in children
            if any(word.endswith("parallel.engine") for word in command_of(child))
        ]
        return engine


@define(kw_only=True)
class WholeCluster:
    """All of it. `web` is the web process that has the socket; `webs` are those that follow one another."""

    postgresql: SmallPostgreSQL
    database: str  # its URL
    controller: Controller
    machines: list[Machine]
    listener: socket.socket
    webs: list[Server]
    web: Server = field(init=False)
    drained: list[Server] = field(factory=list, init=False)  # which may still run

    def __attrs_post_init__(self) -> None:
        self.web = self.webs[0]

    @property
    def url(self) -> str:
        """Where visitors come to."""
        return self.web.url

    @property
    def daemons(self) -> list[Daemon]:
        """All services that have a log."""
        return [*self.webs, *(machine.agent for machine in self.machines)]

    def roll(self) -> None:
        """Start the other web process, which takes over; returns when it can start kernels."""
        old, new = self.web, self.webs[1 - self.webs.index(self.web)]
        new.takes_over = True
        new.launch()
        await_ready(new)
        self.web = new
        self.drained.append(old)

    def await_drained(self) -> str:
        """Wait until the web process that was taken over from has ended; returns its exit status."""
        old = self.drained.pop()
        assert old.process is not None
        status = old.process.wait(timeout=120)
        assert status == 0, f"exit status {status}"
        return f"exit status {status}"

    def kill_web(self) -> None:
        """Kill the web process."""
        self.web.stop(signal.SIGKILL)

    def start_web(self) -> None:
        """Start it again; returns when it can start kernels."""
        self.web.launch()
        await_ready(self.web)

    def stop(self) -> None:
        """Stop everything in order, as operators do; raises AssertionError for a bad exit status."""
        for daemon in self.daemons:
            stop_if_running(daemon)
        self.controller.end()
        self.postgresql.stop()


def await_ready(daemon: Daemon) -> None:
    """Wait until a service that was started says READY, after the notices of an earlier run."""
    while daemon.notice() != b"READY=1":
        assert daemon.process is not None
        assert daemon.process.poll() is None, daemon.log()[-2000:]


def stop_if_running(daemon: Daemon) -> None:
    """Stop a service in order."""
    if daemon.process is not None and daemon.process.poll() is None:
        status = daemon.stop()
        assert status == 0, f"exit status {status}"


@contextmanager
def whole_cluster(
    *, with_networks: bool, with_disks: bool, drain_seconds: float
) -> Iterator[WholeCluster]:
    """All of it, running. Leaving it ends and removes everything.

    Machines have networks of their own, and disks that can be filled, where that is possible.
    """
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="ord", dir="/tmp"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        postgresql = stack.enter_context(SmallPostgreSQL(DATABASE_DISK if with_disks else 0))
        spaces = [stack.enter_context(NetSpace()) for _ in range(MACHINES * with_networks)]
        fingerprint = make_keys(directory / "keys")
        controller = Controller(directory, ip=spaces[0].gateway if spaces else "127.0.0.1")
        stack.callback(controller.close)
        controller.start()
        own = f'[engine]\nconnection_file = "{controller.engine_file}"\naccount = "root"'
        machines = []
        for number in range(MACHINES):
            space = spaces[number] if spaces else None
            agent = AgentProcess(
                fingerprint,
                f"m{number}",
                own=own,
                host=space.address if space else "127.0.0.1",
                before=space.enter if space else (),
                preload=PRELOAD,
            )
            stack.callback(agent.__exit__)
            disk = None
            if with_disks:
                disk = SmallDisk(agent.directory / "var", MACHINE_DISK, files=MACHINE_FILES)
                stack.enter_context(disk)
            stack.callback(stop_if_running, agent)  # before its disk is taken away
            machines.append(Machine(agent=agent, space=space, disk=disk))
        with ThreadPoolExecutor(MACHINES) as threads:
            list(threads.map(lambda machine: machine.agent.start(), machines))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        database = postgresql.url(postgresql.create())
        webs: list[Server] = []
        for number in (1, 2):
            web = Server(
                node=number,
                beside=webs[0] if webs else None,
                listener=listener,
                cluster=f'keys = "{directory}/keys"\nhub = {json.dumps(str(controller.client_file))}',
                database=database,
                ready=READY,
                limits={
                    "lifetime.drain_seconds": drain_seconds,
                    "requests.connections_per_address": 0,
                },
            )
            stack.callback(web.__exit__)
            webs.append(web)
        webs[0].start()
        until(lambda: webs[0].log().count("an engine told its facts") == MACHINES)
        yield WholeCluster(
            postgresql=postgresql,
            database=database,
            controller=controller,
            machines=machines,
            listener=listener,
            webs=webs,
        )
