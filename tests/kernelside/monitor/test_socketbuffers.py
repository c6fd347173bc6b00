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

#: Fills sockets in its own network namespace: pairs with open and closed senders, TCP, UDP. Or makes
#: connections that nobody accepts, and sockets with filters.
FILLING = """
import ctypes, os, signal, socket, struct, sys
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
if kind == "pending":
    listener = socket.create_server(("127.0.0.1", 0), backlog=number)
    hoard.append(listener)
    for _ in range(number):
        client = socket.create_connection(listener.getsockname())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
if kind == "filtering":
    program = b"".join(struct.pack("HBBI", 0, 0, 0, each) for each in range(1000))
    program = ctypes.create_string_buffer(program + struct.pack("HBBI", 6, 0, 0, 0xffff))
    attached = struct.pack("HP", 1001, ctypes.addressof(program))
    for _ in range(number):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, 26, attached)
        hoard.append(one)
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
    assert 4 * buffers.ceiling < buffers.of(filled("closed", 4), 0) < 5 * buffers.ceiling


def test_connections_that_nobody_has_accepted(filled, buffers):
    """They were reset, so Linux lists them nowhere, and no descriptor stands for them."""
    assert buffers.of(filled("pending", 1000), 0) > 2000 * KIB


def test_filters_of_sockets(filled, buffers):
    assert buffers.of(filled("filtering", 100), 0) > 100 * 16 * KIB


def test_too_many_are_not_asked_about(filled, buffers):
    """A question about hundreds of thousands would take seconds."""
    pid = filled("pending", 1000)
    assert buffers.of(pid, 0, 100 * KIB) == buffers.of(pid, 0, 200 * KIB) > 2000 * KIB


def test_memory_that_linux_counts_for_the_whole_machine(filled, buffers):
    """What all TCP sockets hold has one limit: beyond it, those of the server itself send nothing."""
    pid, most = filled("tcp", 4), 1 << 40
    assert buffers.of(pid, 0, most) < most
    few = SocketBuffers(buffers.ceiling, buffers.of_tcp, machine=100 * KIB)
    assert few.of(pid, 0, most) > most
    assert few.of(filled("unix", 4), 0, most) < most


def test_the_most_that_a_tcp_socket_holds_is_not_what_others_do(buffers):
    with open("/proc/sys/net/ipv4/tcp_rmem") as sizes:
        assert buffers.of_tcp >= max(buffers.ceiling, int(sizes.read().split()[2]))


def test_a_few_are_not_asked_about(filled, buffers):
    pid = filled("unix", 1)
    assert buffers.of(pid, 2 * buffers.ceiling + 16 * KIB) == 0
    assert buffers.of(pid, 2 * buffers.ceiling - 1) > 0


def test_a_few_of_tcp_may_hold_more(filled):
    pid, buffers = filled("tcp", 1), SocketBuffers(100 * KIB, 1 << 24)
    assert buffers.of(pid, (3 << 24) + 16 * KIB) == 0
    assert buffers.of(pid, (3 << 24) - 1) > 100 * KIB


def test_a_network_that_is_everybodys_and_a_process_that_is_gone(buffers):
    assert buffers.of(os.getpid(), 0) == 0
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert buffers.of(gone.pid, 0) == 0


def test_this_process_stays_where_it_is(filled, buffers):
    before = os.stat("/proc/self/ns/net").st_ino
    assert buffers.of(filled("unix", 4), 0) > 0
    assert os.stat("/proc/self/ns/net").st_ino == before
