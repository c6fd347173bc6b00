"""A kernel's program can find nothing about other kernels, at any level."""

from __future__ import annotations

import ast

import pytest

from tests.kernelside.confined import ALL, at_each
from tests.kernelside.driving import Cell
from tests.kernelside.sandbox import searching

pytestmark = [pytest.mark.integration, at_each(ALL)]


def found(cell: Cell, *others: Cell) -> dict[str, list[int]]:
    """Where a kernel finds its own key (0), and other kernels' data.

    Session ids never reach the fork server; tests/integration searches for those.
    """
    needles = [cell.key]
    for other in others:
        needles += [other.key, other.directory.name]
    told: dict[str, list[int]] = ast.literal_eval(cell.value(searching.program(needles)))
    return told


def test_a_kernel_forked_after_another_knows_nothing_of_it(server):
    first = server.start()
    first.run("marker = 1")
    second = server.start()
    assert found(second, first) == {"memory": [0], "proc": []}
    first.stop()
    third = server.start()
    assert found(third, first, second) == {"memory": [0], "proc": []}
    fourth = server.start()
    assert found(third, fourth) == {"memory": [0], "proc": []}
    for cell in (second, third, fourth):
        cell.stop()


def test_a_start_that_comes_to_nothing_is_not_known_either(server):
    directory = server.directory()
    (directory / "ipc").rmdir()
    lost = server.begin(directory)
    # A start that fails before there is a process of the kernel's own says nothing.
    assert lost.said()[:8] in (b"", b"failed: ")
    cell = server.start()
    told = ast.literal_eval(cell.value(searching.program([cell.key, lost.key, directory.name])))
    assert told == {"memory": [0], "proc": []}
    assert directory.name not in str(server.unread)
    cell.stop()


def test_a_program_has_no_way_to_the_web_process_and_no_directory_but_its_own(server):
    cell = server.start()
    code = """
import os, socket, stat
for name in map(int, os.listdir("/proc/self/fd")):
    try:
        mode = os.fstat(name).st_mode
    except OSError:
        continue
    if stat.S_ISDIR(mode):
        assert os.path.samestat(os.fstat(name), os.stat("."))
    if stat.S_ISSOCK(mode):
        with socket.socket(fileno=os.dup(name)) as found:
            assert found.type & 15 != socket.SOCK_SEQPACKET
"""
    assert cell.run(code).reply["status"] == "ok"
    cell.stop()
