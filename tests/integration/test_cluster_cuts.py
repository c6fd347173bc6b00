"""Machines whose network fails, as network namespaces with an agent in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from time import monotonic

import pytest

from tests.integration.agents import RunningCluster, cluster
from tests.integration.netspaces import NetSpace, why_not
from tests.integration.script import Client, ends, text
from tests.integration.servers import all_gone
from tests.integration.waiting import pause, until

pytestmark = pytest.mark.integration

#: Seconds of a cut, and of the longest one that does no harm.
SHORT, HARMLESS = 1.5, 2.0


@pytest.fixture(scope="module")
def spaces() -> Iterator[list[NetSpace]]:
    """Three machines."""
    if reason := why_not():
        pytest.skip(reason)
    with NetSpace() as first, NetSpace() as second, NetSpace() as third:
        yield [first, second, third]


@pytest.fixture(scope="module")
def three(spaces: list[NetSpace]) -> Iterator[RunningCluster]:
    """A server with these machines."""
    with cluster(spaces=spaces) as running:
        until(lambda: all(f"machine m{n}: there" in running.server.log() for n in range(3)))
        yield running


def outcome(client: Client) -> str:
    """Why a client's session has ended; "here" if it goes on."""
    msg_id = ""
    with suppress(
        OSError
    ):  # the server has closed the connection, and what it said before is still read
        msg_id = client.execute("1")
    for message in client.receive_all():
        if ends(message, msg_id):
            return "here"
        if message["content"].get("execution_state") == "dead":
            return str(message["content"]["reason"])
    return "closed"


def test_sessions_are_spread_and_a_cut_of_one_machine_is_told_to_its_users(
    three: RunningCluster, spaces: list[NetSpace]
) -> None:
    clients = [Client(three.server.url, timeout="600") for _ in range(9)]
    for client in clients:
        client.run("1")
    counts = [len(agent.kernels()) for agent in three.agents]
    assert sum(counts) == 9
    assert max(counts) - min(counts) <= 2
    kernels = three.agents[0].kernels()
    spaces[0].cut()
    try:
        until(all_gone(kernels))  # the agent ends them by itself
        until(lambda: f"machine m0: lost, with {counts[0]} kernels" in three.server.log())
        outcomes = Counter(outcome(client) for client in clients)
        assert outcomes == {"lost": counts[0], "here": 9 - counts[0]}
    finally:
        spaces[0].join()
    until(lambda: three.server.log().count("machine m0: there") == 2)
    for client in clients:
        client.close()
    for agent in three.agents:
        agent.until_empty()


def cut_all(spaces: list[NetSpace]) -> float:
    """Cut all machines off for a short time; returns the seconds that it took."""
    began = monotonic()
    for space in spaces:
        space.cut()
    pause(SHORT)
    for space in spaces:
        space.join()
    return monotonic() - began


def test_a_short_cut_loses_nothing(three: RunningCluster, spaces: list[NetSpace]) -> None:
    code = "import time\nfor i in range(60):\n    print(i, flush=True)\n    time.sleep(0.05)"
    while True:
        lost = three.server.log().count(": lost, with")
        clients = [Client(three.server.url, timeout="600") for _ in range(3)]
        begun = [(client, client.execute(code)) for client in clients]
        before = [client.until(lambda said: said["msg_type"] == "stream") for client in clients]
        if cut_all(spaces) < HARMLESS:
            break
        # This machine was so busy that kernels may be lost: another attempt, when that is over.
        for client in clients:
            outcome(client)
            client.close()
        for agent in three.agents:
            agent.until_empty()
    for (client, msg_id), got in zip(begun, before, strict=True):
        got += client.until(partial(ends, msg_id=msg_id))
        assert text(got) == "".join(f"{i}\n" for i in range(60))
        client.close()
    assert three.server.log().count(": lost, with") == lost
