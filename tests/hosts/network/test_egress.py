"""A kernel's outlet: what it refuses, how it finds hosts, and what it releases."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as TimedOut
from twisted.logger import capturedLogs, formatEvent

from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.network.egress import CONNECTION, REFUSALS, TAKEN
from sagecell_tx.hosts.network.fdpassing import NoListener
from sagecell_tx.limits import NetworkLimits
from tests.hosts.network.networked import OTHER, PRIVATE, PUBLIC, World, logged
from tests.hosts.network.test_fdpassing import send


@pytest.fixture
def world():
    return World()


# --- allowed destinations


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("other.example:443", "other.example is not among the hosts that programs here may reach."),
        (f"{PUBLIC}:443", f"{PUBLIC} is not among the hosts that programs here may reach."),
        (
            "allowed.example:22",
            "Programs here may reach no port of allowed.example but 80 and 443.",
        ),
    ],
)
def test_what_is_not_listed_is_refused_before_it_is_looked_up(world, target, sentence):
    near = world.ask(target)
    assert (near.status, near.sentence) == (403, sentence)
    # Clients show only the first line of an answer to CONNECT.
    assert sentence in near.pipe.said.decode().splitlines()[0]
    assert near.pipe.disconnecting
    assert (world.names.asked, world.attempts()) == ([], [])


def test_a_name_that_leads_inside_is_refused_though_it_is_listed(world):
    world.names.known["evil.wide.example"] = [PRIVATE, "127.0.0.1"]
    near = world.ask("evil.wide.example:443")
    assert near.status == 403
    assert near.sentence == "evil.wide.example has no public address."
    assert world.attempts() == []


def test_a_name_is_looked_up_once_so_it_cannot_change_its_mind(world):
    world.names.known["evil.wide.example"] = [PRIVATE, OTHER, PUBLIC]
    world.ask("evil.wide.example:443")
    world.names.known["evil.wide.example"] = [PRIVATE]
    world.fail(Refused())
    assert world.attempts() == [(OTHER, 443), (PUBLIC, 443)]
    assert world.names.asked == ["evil.wide.example"]


def test_a_name_that_is_unknown(world):
    near = world.ask("unknown.wide.example:443")
    assert near.status == 502
    assert near.sentence.startswith("unknown.wide.example cannot be found: ")


def test_a_host_that_refuses(world):
    near = world.ask()
    world.fail(Refused(111))
    assert near.status == 502
    assert near.sentence.startswith("allowed.example cannot be reached: Connection was refused")


def test_a_host_that_does_not_answer(world):
    near = world.ask()
    world.fail(TimedOut())
    assert (near.status, near.sentence) == (504, "allowed.example does not answer.")


def test_each_address_has_its_share_of_the_time(world):
    world.names.known["allowed.example"] = [OTHER, PUBLIC]
    near = world.ask()
    assert [client[3] for client in world.reactor.tcpClients] == [5.0]
    world.fail(TimedOut())
    world.answer()
    assert near.status == 200


@pytest.mark.parametrize("slow", [True, False])
def test_finding_and_connecting_have_an_end(world, slow):
    if slow:
        world.names.slow["allowed.example"] = Deferred()
    near = world.ask()
    world.reactor.advance(world.limits.connect_seconds)
    assert near.status == 504
    assert near.sentence == "allowed.example could not be reached within 10 seconds."
    near.lose()
    assert world.quiet()


# --- limits


def test_a_session_has_so_many_connections_at_a_time():
    world = World(limits=NetworkLimits(connections=2))
    first, second, third = (world.ask() for _ in range(3))
    assert (third.status, third.sentence) == (503, "A session may have 2 connections at a time.")
    far = world.answer(0)
    first.lose()
    assert world.ask().status == 503  # its far side is still open
    far.lose()
    assert world.ask().pipe.said == b""
    assert second.pipe.said == b""


def test_a_lookup_that_nobody_waits_for_counts_until_it_is_over():
    world = World(limits=NetworkLimits(connections=1))
    slow = world.names.slow["slow.wide.example"] = Deferred()
    world.ask("slow.wide.example:443").lose()
    assert world.ask().status == 503
    slow.callback([PUBLIC])
    assert world.ask().pipe.said == b""
    assert world.attempts() == [(PUBLIC, 443)]


def test_a_connection_costs_something_even_if_it_carries_nothing():
    world = World(limits=NetworkLimits(traffic_bytes=2 * CONNECTION))
    for _ in range(2):
        near = world.ask()
        world.answer().lose()
        near.lose()
    near = world.ask()
    assert (near.status, near.sentence) == (403, "This session has used up its 2000 bytes.")


def test_connections_are_taken_as_slowly_as_is_good_for_others(world, directory):
    port = listening(world, directory)
    for _ in range(TAKEN):
        assert not port.paused
        world.ask("refused.example:443").lose()
    assert port.paused
    world.reactor.advance(1)
    assert not port.paused
    world.outlet.close()
    assert world.quiet()


def test_connections_that_ask_for_nothing_are_taken_to_a_number(directory):
    world = World(limits=NetworkLimits(connections=2))
    port = listening(world, directory)
    idle = [world.connect() for _ in range(4)]
    assert port.paused
    world.reactor.advance(1)
    assert port.paused
    idle[0].lose()
    assert not port.paused
    world.outlet.close()


def test_refusals_do_not_fill_the_log(world):
    with capturedLogs() as events:
        for _ in range(REFUSALS + 5):
            world.ask("refused.example:443").lose()
    lines = logged(events, formatEvent)
    assert len(lines) == REFUSALS + 1
    assert lines[-1] == "her-session: network: further refusals are not logged"


# --- listening and closing


@pytest.fixture
def directory():
    # Short, since a socket's path below it is limited.
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    yield WorkDirs(base, lambda: "0").make()
    shutil.rmtree(base)


def listening(world, directory):
    """The port of an outlet that has received its listener."""
    world.outlet = world.network.outlet(directory, lambda: "her-session")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        send(directory, listener.fileno())
        world.outlet.take_listener()
    return world.reactor.ports[-1]


def test_it_listens_on_what_the_kernel_has_sent_and_waits_for_no_more(world, directory):
    listening(world, directory)
    assert len(world.reactor.ports) == 1
    assert list((directory / "ipc").iterdir()) == []
    world.outlet.take_listener()
    assert len(world.reactor.ports) == 1
    world.outlet.close()


def test_without_a_listener_there_is_none(world, directory):
    outlet = world.network.outlet(directory, lambda: "her-session")
    with pytest.raises(NoListener):
        outlet.take_listener()
    assert list((directory / "ipc").iterdir()) == []
    assert world.reactor.ports == []
    outlet.close()


def test_a_listener_that_the_server_has_no_descriptor_for_is_none(world, directory):
    world.reactor.exhausted = True
    with pytest.raises(NoListener, match="Too many open files"):
        listening(world, directory)
    assert list((directory / "ipc").iterdir()) == []
    world.outlet.close()


def test_closing_gives_everything_back(world, directory):
    port = listening(world, directory)
    idle, asking, carrying = world.connect(), world.ask(), world.ask()
    far = world.answer()
    world.outlet.close()
    world.outlet.close()
    assert port.stopped
    for near in (idle, asking, carrying):
        assert near.pipe.aborting
        near.lose()
    assert far.pipe.aborting
    far.lose()
    assert world.reactor.connectors[0].stoppedConnecting
    assert world.quiet()


def test_closing_before_anything_has_come_removes_the_socket(world, directory):
    outlet = world.network.outlet(directory, lambda: "her-session")
    assert [path.name for path in (directory / "ipc").iterdir()] == ["net"]
    outlet.close()
    assert list((directory / "ipc").iterdir()) == []
