"""What a forked process keeps from the fork server."""

from __future__ import annotations

import ast
import os
import socket

import pytest

from sagecell_tx.kernelside.bootstrap import KernelBootstrap
from sagecell_tx.kernelside.forkserver import forking
from sagecell_tx.kernelside.forkserver.cgroups import NoGroups
from sagecell_tx.kernelside.forkserver.forking import ForkedProcess, Lifeline
from sagecell_tx.kernelside.sandbox.none import NoConfinement
from sagecell_tx.kernelside.startcommand import TRIAL

pytestmark = pytest.mark.integration


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_it_keeps_the_streams_its_bootstrap_and_the_lifeline():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    read_end, write_end = os.pipe()
    lifeline = Lifeline(read_end, write_end)
    asked = ForkedProcess(TRIAL, KernelBootstrap(theirs), lifeline)

    def become(forked: ForkedProcess) -> None:
        assert forked is asked
        theirs.send(repr(list(filter(is_open, range(1024)))).encode())
        theirs.send(b"cut" if lifeline.is_cut() else b"whole")
        theirs.recv(1)
        theirs.send(b"cut" if lifeline.is_cut() else b"whole")

    pid = forking.fork(NoConfinement(), NoGroups(), asked, None, become)
    with ours, theirs:
        kept = [0, 1, 2, theirs.fileno(), lifeline.fileno()]
        assert ast.literal_eval(ours.recv(1000).decode()) == sorted(kept)
        assert ours.recv(100) == b"whole"
        os.close(read_end)
        ours.send(b".")
        assert ours.recv(100) == b"cut"
        os.waitpid(pid, 0)
    lifeline.drop()
