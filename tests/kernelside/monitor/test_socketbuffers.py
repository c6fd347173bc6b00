"""The bytes in sockets of another network namespace, as Linux reports them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from sagecell_tx.kernelside.monitor.socketbuffers import SocketBuffers

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.getuid() != 0, reason="takes root to enter another network"),
]

KIB = 1 << 10

#: Fills sockets in its own network namespace: pairs with open and closed senders, TCP, UDP.
FILLING = """
import os, signal, socket, struct, sys
from sagecell_tx.kernelside.system import linux
from sagecell_tx.kernelside.sandbox.namespaces import network
linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNET)
network.raise_loopback()
kind, number = sys.argv[1], int(sys.argv[2])
hoard = []
def fill(sender):
    sender.setblocking(False)
    try:
        while sender.send(bytes(1000)):
            pass
    except OSError:
        pass
if kind == "udp":
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(100):
        sender.sendto(bytes(1000), receiver.getsockname())
    hoard += [receiver, sender]
for _ in range(number):
    if kind == "netlink":
        asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        asking.bind((0, 0))
        refused = struct.pack("=IHHII", 3016, 0x7f0, 5, 1, 0) + bytes(3000)
        for _ in range(1000):
            try:
                asking.send(refused)
            except OSError:
                break
        hoard.append(asking)
        continue
    if kind == "tcp":
        listener = socket.create_server(("127.0.0.1", 0))
        sender, receiver = socket.create_connection(listener.getsockname()), listener
    elif kind in ("unix", "closed"):
        sender, receiver = socket.socketpair()
    else:
        break
    fill(sender)
    hoard.append(receiver)
    if kind == "closed":
        sender.close()
    else:
        hoard.append(sender)
os.write(1, b".")
signal.pause()
"""


@pytest.fixture
def filled():
    """Starts a program that fills so many sockets of a kind; returns its pid."""
    started = []

    def start(kind: str, number: int = 1) -> int:
        argv = [sys.executable, "-P", "-c", FILLING, kind, str(number)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.read(1) == b"."
        return process.pid

    yield start
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def buffers() -> SocketBuffers:
    return SocketBuffers.of_this_system()


def test_an_empty_network(filled, buffers):
    assert buffers.of(filled("unix", 0), 0) == 0


@pytest.mark.parametrize("kind", ["unix", "tcp", "netlink"])
def test_what_was_sent_and_not_read(filled, buffers, kind):
    one, four = (buffers.of(filled(kind, number), 0) for number in (1, 4))
    assert one > 100 * KIB
    assert 3 * one < four < 5 * one


def test_datagrams(filled, buffers):
    assert buffers.of(filled("udp"), 0) > 90_000


def test_a_sender_that_is_closed_stands_for_the_most(filled, buffers):
    assert buffers.of(filled("closed", 4), 0) == 4 * buffers.ceiling


def test_a_few_are_not_asked_about(filled, buffers):
    pid = filled("unix", 1)
    assert buffers.of(pid, 2 * buffers.ceiling) == 0
    assert buffers.of(pid, 2 * buffers.ceiling - 1) > 0


def test_a_network_that_is_everybodys_and_a_process_that_is_gone(buffers):
    assert buffers.of(os.getpid(), 0) == 0
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert buffers.of(gone.pid, 0) == 0


def test_this_process_stays_where_it_is(filled, buffers):
    before = os.stat("/proc/self/ns/net").st_ino
    assert buffers.of(filled("unix", 4), 0) > 0
    assert os.stat("/proc/self/ns/net").st_ino == before
