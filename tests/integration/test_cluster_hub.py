"""Kernels on machines that make themselves known: a server, agents, and a controller, and kills of each."""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest
from attrs import define

from tests.integration.agents import AgentProcess, make_keys
from tests.integration.controllers import Controller
from tests.integration.netspaces import NetSpace, why_not
from tests.integration.script import Client, text
from tests.integration.servers import Server, all_gone
from tests.integration.waiting import until
from tests.processtree import command_of

pytestmark = pytest.mark.integration

#: Machines in the cluster.
MACHINES = 3

#: Why the machines have no networks of their own; empty if they have.
WITHOUT = why_not()


@define
class Cluster:
    """A server, and the machines that a controller tells of."""

    server: Server
    controller: Controller
    agents: list[AgentProcess]
    spaces: list[NetSpace]  # of the agents; empty where there can be none

    def engines(self) -> list[psutil.Process]:
        """The engines of all agents that run."""
        return [child for agent in self.agents for child in children(agent, "parallel.engine")]

    def where(self) -> list[int]:
        """How many kernels each agent has."""
        return [len(agent.kernels()) for agent in self.agents]

    def registered(self) -> int:
        """How many engines have registered with controllers so far."""
        return self.controller.log().count("engine::Engine Connected")


def children(agent: AgentProcess, module: str) -> list[psutil.Process]:
    """The children of an agent that run a module of this name."""
    assert agent.process is not None
    return [
        child
        for child in psutil.Process(agent.process.pid).children()
        if any(word.endswith(module) for word in command_of(child))
    ]


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    """A server that finds three machines by itself, each in a network of its own where that is possible."""
    with ExitStack() as stack:
        spaces = [] if WITHOUT else [stack.enter_context(NetSpace()) for _ in range(MACHINES)]
        where: list[dict[str, Any]] = [
            {"host": space.address, "before": space.enter} for space in spaces
        ]
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub", dir="/tmp")))
        web = make_keys(directory / "keys")
        controller = Controller(directory, ip=spaces[0].gateway if spaces else "127.0.0.1")
        stack.callback(controller.close)
        controller.start()
        own = f'[engine]\nconnection_file = "{controller.engine_file}"\naccount = "root"'
        agents = [
            AgentProcess(web, f"m{number}", own=own, **how)
            for number, how in enumerate(where or [{}] * MACHINES)
        ]
        for agent in agents:
            stack.callback(agent.__exit__)
        with ThreadPoolExecutor(MACHINES) as threads:
            list(threads.map(AgentProcess.start, agents))
        settings = f'keys = "{directory}/keys"\nhub = "{controller.client_file}"'
        server = stack.enter_context(Server(cluster=settings))
        yield Cluster(server, controller, agents, spaces)


def test_sessions_are_placed_on_all_machines(running):
    with ExitStack() as stack:
        until(
            lambda: all(f"machine {a.name}: there" in running.server.log() for a in running.agents)
        )
        for _ in range(2 * MACHINES):
            client = stack.enter_context(Client(running.server.url, timeout="600"))
            assert text(client.run("print(6 * 7)")) == "42\n"
        counts = running.where()
        assert sum(counts) == 2 * MACHINES
        assert max(counts) - min(counts) <= 2
    until(lambda: sum(running.where()) == 0)


def test_no_session_notices_that_engines_are_killed(running):
    with Client(running.server.url, timeout="600") as client:
        client.run("kept = 6 * 7")
        before = running.registered()
        for engine in running.engines():
            engine.kill()
        until(lambda: running.registered() >= before + MACHINES)
        assert text(client.run("print(kept)")) == "42\n"


def test_no_session_notices_that_the_controller_is_killed(running):
    """The next one has other ports and keys. The children of the killed one still send heartbeats."""
    with Client(running.server.url, timeout="600") as client:
        client.run("kept = 6 * 7")
        running.controller.kill()
        until(lambda: "the controller does not answer" in running.server.log())
        assert text(client.run("print(kept)")) == "42\n"
        with Client(running.server.url) as another:  # machines stay known
            assert text(another.run("print(1)")) == "1\n"
        before = running.registered()
        told = running.server.log().count("an engine told its facts")
        running.controller.start()
        began = monotonic()
        until(lambda: running.registered() >= before + MACHINES)
        until(lambda: running.server.log().count("an engine told its facts") >= told + MACHINES)
        print(f"rejoined within {monotonic() - began:.1f} s")  # noqa: T201
        assert text(client.run("print(kept)")) == "42\n"


def test_users_of_a_killed_agent_are_told_and_a_new_one_is_found(running):
    first = running.agents[0]
    with ExitStack() as stack:
        clients = [
            stack.enter_context(Client(running.server.url, timeout="600"))
            for _ in range(2 * MACHINES)
        ]
        for client in clients:
            client.run("1")
        lost = len(first.kernels())
        assert lost > 0
        first.stop(signal.SIGKILL)
        reasons: Counter[str | None] = Counter()
        others = []
        for client in clients:
            # Those of other machines answer; of the killed one, the end arrives.
            with suppress(OSError):  # the server has told it already, and closed the connection
                client.execute("print('here')")
            said = client.until(
                lambda m: m["msg_type"] == "stream" or m["content"].get("reason") is not None
            )
            reason = said[-1]["content"].get("reason")
            reasons[reason] += 1
            if reason is None:
                others.append(client)
        assert reasons == {"lost": lost, None: len(clients) - lost}
    before = running.server.log().count(f"{first.name}: an engine told its facts")
    first.start()
    until(lambda: running.server.log().count(f"{first.name}: an engine told its facts") > before)
    with ExitStack() as stack:
        until(lambda: sum(running.where()) == 0)

        def placed() -> bool:
            """Whether another session is on the machine that was killed."""
            client = stack.enter_context(Client(running.server.url, timeout="600"))
            assert text(client.run("print(1)")) == "1\n"
            return bool(first.kernels())

        until(placed)


def test_kernels_of_a_killed_web_process_end_and_the_next_one_is_served(running: Cluster) -> None:
    until(lambda: sum(running.where()) == 0)
    with ExitStack() as stack:
        for _ in range(2 * MACHINES):
            client = Client(running.server.url, timeout="600")
            stack.callback(client.drop)
            client.run("import subprocess; subprocess.Popen(['sleep', '1000'])")
        assert all(running.where())
        kernels = [kernel for agent in running.agents for kernel in agent.kernels()]
        processes = kernels + [
            each for kernel in kernels for each in kernel.children(recursive=True)
        ]
        assert len(processes) >= 2 * len(kernels)
        assert running.server.stop(signal.SIGKILL) == -signal.SIGKILL
        began = monotonic()
        until(all_gone(processes))
        print(f"gone within {monotonic() - began:.1f} s")  # noqa: T201
    for agent in running.agents:
        agent.until_empty()
    running.server.start()
    with ExitStack() as stack:

        def on_all_machines() -> bool:
            """Whether another session, which works, makes each machine have one."""
            client = stack.enter_context(Client(running.server.url, timeout="600"))
            assert text(client.run("print(6 * 7)")) == "42\n"
            return all(running.where())

        until(on_all_machines)
    until(lambda: sum(running.where()) == 0)


@pytest.mark.skipif(bool(WITHOUT), reason=WITHOUT or "never")
def test_a_machine_whose_network_failed_is_found_again(running: Cluster) -> None:
    """The hub still believes that the engine is there, which in turn has heard nothing for too long."""
    agent, space = running.agents[1], running.spaces[1]

    def given_up() -> int:
        """How often its engines have ended as the hub did not answer: also in a test before."""
        return agent.log().count("the hub does not answer")

    def told() -> int:
        """How often its engines have told the facts."""
        return running.server.log().count(f"{agent.name}: an engine told its facts")

    until_cut, until_joined = given_up(), told()
    space.cut()
    until(lambda: given_up() > until_cut)
    with Client(running.server.url) as client:
        assert text(client.run("print(6 * 7)")) == "42\n"
    space.join()
    until(lambda: told() > until_joined)
    with ExitStack() as stack:

        def placed() -> bool:
            """Whether another session is on the machine that was away."""
            client = stack.enter_context(Client(running.server.url, timeout="600"))
            assert text(client.run("print(1)")) == "1\n"
            return bool(agent.kernels())

        until(placed)
