"""systemd is told on a datagram socket, wherever that is, and its absence harms nobody."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import cast

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher

from sagecell_tx.process.systemd import Notifier


def listen(address: str) -> socket.socket:
    """A socket as systemd has it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(address)
    listener.setblocking(False)
    return listener


@pytest.fixture
def log() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []
    observer = cast(ILogObserver, events.append)
    globalLogPublisher.addObserver(observer)
    yield events
    globalLogPublisher.removeObserver(observer)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """A path that is short enough for a socket, whatever pytest's directory is."""
    here = os.open(tmp_path, os.O_RDONLY)
    yield f"/proc/self/fd/{here}/notify"
    os.close(here)


def test_a_socket_at_a_path(path: str) -> None:
    with closing(listen(path)) as systemd:
        notifier = Notifier(path)
        notifier.ready()
        assert systemd.recv(100) == b"READY=1"
        notifier.status("draining")
        assert systemd.recv(100) == b"STATUS=draining"
        notifier.stopping()
        assert systemd.recv(100) == b"STOPPING=1"


def test_a_socket_in_the_abstract_namespace() -> None:
    name = f"sagecell-tx-test-{secrets.token_hex(8)}"
    with closing(listen(f"\0{name}")) as systemd:
        Notifier(f"@{name}").ready()
        assert systemd.recv(100) == b"READY=1"


def test_the_environment_says_where() -> None:
    assert Notifier.from_environment({"NOTIFY_SOCKET": "/run/x"}) == Notifier("/run/x")
    assert Notifier.from_environment({}) == Notifier("")


def test_without_systemd_nothing_is_sent(log: list[LogEvent]) -> None:
    Notifier("").ready()
    Notifier("").stopping()
    assert log == []


def test_a_socket_that_is_gone_is_logged(path: str, log: list[LogEvent]) -> None:
    Notifier(path).ready()
    (event,) = log
    assert event["log_failure"].check(OSError)


def test_an_address_that_can_be_none_is_logged(log: list[LogEvent]) -> None:
    for address in ("/" + "x" * 200, "/run/\0/notify", "/run/\udcff"):
        Notifier(address).ready()
    assert len(log) == 3


def test_a_socket_that_is_full_keeps_nobody_waiting(path: str, log: list[LogEvent]) -> None:
    with closing(listen(path)):
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sender:
            sender.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    sender.sendto(b"x", path)
        Notifier(path).ready()
        (event,) = log
        assert event["log_failure"].check(BlockingIOError)
