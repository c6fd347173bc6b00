"""Receiving the kernel's listener: one valid descriptor, and nothing else."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagecell_tx.hosts.directories.workdir import SOCKETS, WorkDirs
from sagecell_tx.hosts.network import fdpassing as module
from sagecell_tx.hosts.network.fdpassing import ListenerReceiver, NoListener
from sagecell_tx.kernelside.sandbox.namespaces import network


@pytest.fixture
def directory() -> Iterator[Path]:
    # Short, since a socket's path below it is limited.
    base = Path(tempfile.mkdtemp(dir="/tmp"))
    yield WorkDirs(base, lambda: "0").make()
    shutil.rmtree(base)


@pytest.fixture
def receiver(directory):
    waiting = ListenerReceiver.below(directory)
    yield waiting
    waiting.close()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def send(directory, *descriptors, data=b"."):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(str(directory / SOCKETS / module.NAME))
        socket.send_fds(channel, [data], descriptors)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_both_sides_know_the_place():
    assert module.NAME == network.HANDOVER
    assert len(module.NAME) <= len("k-0")  # the paths that WorkDirs checks


def test_a_listener_is_taken_and_answers(receiver, directory, listener):
    send(directory, listener.fileno())
    with receiver.take() as taken:
        assert taken.getsockname() == listener.getsockname()
        assert not taken.getblocking()
        assert not taken.get_inheritable()
        with socket.create_connection(listener.getsockname()) as client:
            there, address = taken.accept()
            there.close()
            assert address == client.getsockname()


def test_when_it_is_closed_nobody_can_send_any_more(receiver, directory, listener):
    receiver.close()
    with pytest.raises(FileNotFoundError):
        send(directory, listener.fileno())
    assert list((directory / SOCKETS).iterdir()) == []


def test_a_new_one_takes_nothing_of_an_earlier_start(directory, listener):
    first = ListenerReceiver.below(directory)
    send(directory, listener.fileno())
    second = ListenerReceiver.below(directory)
    with pytest.raises(NoListener):
        second.take()
    first.close()
    second.close()


def test_only_the_first_to_send_is_heard(receiver, directory, listener):
    send(directory, listener.fileno())
    with socket.create_server(("127.0.0.1", 0)) as other:
        send(directory, other.fileno())
    with receiver.take() as taken:
        assert taken.getsockname() == listener.getsockname()


def udp():
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("127.0.0.1", 0))
    return found


def other_address():
    return socket.create_server(("127.0.0.2", 0))


def idle():
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    return found


def unix():
    found = socket.socket(socket.AF_UNIX)
    found.bind("")
    found.listen()
    return found


def version_6():
    # Such a socket can be made even where there is no IPv6.
    return socket.socket(socket.AF_INET6)


def file():
    return tempfile.TemporaryFile()


@pytest.mark.parametrize("make", [udp, other_address, idle, unix, version_6, file])
def test_something_else_is_refused_and_closed(receiver, directory, make):
    with make() as sent:
        send(directory, sent.fileno())
    before = descriptors()
    with pytest.raises(NoListener):
        receiver.take()
    assert descriptors() == before


@pytest.mark.parametrize("count", [0, 2, 3, 50])
def test_another_number_is_refused_and_closed(receiver, directory, listener, count):
    send(directory, *[listener.fileno()] * count)
    before = descriptors()
    with pytest.raises(NoListener, match="descriptors were received"):
        receiver.take()
    assert descriptors() == before


@pytest.mark.parametrize("data", [b"", b"x" * 100_000])
def test_the_bytes_with_it_do_not_matter(receiver, directory, listener, data):
    send(directory, listener.fileno(), data=data)
    receiver.take().close()


def test_when_nothing_has_come_it_does_not_wait(receiver):
    with pytest.raises(NoListener, match="nothing was received"):
        receiver.take()


def test_where_none_can_be_made_nothing_is_left_open(tmp_path):
    before = descriptors()
    with pytest.raises(OSError, match="No such file"):
        ListenerReceiver.below(tmp_path / "gone")
    assert descriptors() == before
