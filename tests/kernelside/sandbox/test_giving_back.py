"""A level releases what it gave a kernel, however the start ends."""

from __future__ import annotations

import os

import psutil
import pytest

from tests.accounts import accounts_option
from tests.kernelside.driving import Server

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.getuid() != 0, reason="only root has accounts to give"),
]


@pytest.fixture
def server(tmp_path):
    """Two accounts, so at most two kernels."""
    tmp_path.chmod(0o711)
    server = Server(tmp_path, sandbox="namespaces", accounts=accounts_option(2))
    yield server
    server.close()


def belongings(server: Server) -> tuple[int, int]:
    """Descriptors and child processes of the fork server."""
    process = psutil.Process(server.process.pid)
    return process.num_fds(), len(process.children())


def test_an_account_for_each_and_none_for_one_more(server):
    cells = [server.start() for _ in range(2)]
    assert server.begin().failed() == "Cannot fork: all accounts for kernels are in use"
    for cell in cells:
        cell.stop()
    again = [server.start() for _ in range(2)]
    assert [cell.value("6 * 7") for cell in again] == ["42", "42"]
    for cell in again:
        cell.stop()


def test_starts_that_come_to_nothing(server):
    cell = server.start()
    cell.stop()
    before = belongings(server)
    for _ in range(5):
        # The kernel cannot bind: there is a directory where its socket should be.
        directory = server.directory()
        (directory / "ipc" / "k-1").mkdir()
        assert server.begin(directory).ended()["status"] == 1
    cell = server.start()
    assert cell.value("6 * 7") == "42"
    cell.stop()
    assert belongings(server) == before
