"""The kernel's end of the bootstrap socket."""

from __future__ import annotations

import json
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.kernelside.bootstrap import KernelBootstrap, KernelProgram, Secrets


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    bootstrap = KernelBootstrap.take(theirs.detach())
    with ours:
        yield ours, bootstrap
    bootstrap.close()


def forked(bootstrap: KernelBootstrap) -> str:
    """The result in another process."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answers = [bootstrap.receive(), bootstrap.receive()]
            os.write(tell, f"{answers[0] == answers[1]} {answers[0].key!r}".encode())
            bootstrap.send_bound()
        except BaseException as error:
            os.write(tell, type(error).__name__.encode())
        os._exit(0)
    os.close(tell)
    os.waitpid(pid, 0)
    with open(told, "rb") as file:
        return file.read().decode()


def test_the_process_that_forks_cannot_read_it(ends):
    ours, bootstrap = ends
    ours.send(b'{"dir": "/k", "key": "abc"}')
    with pytest.raises(RuntimeError, match="must not read"):
        bootstrap.receive()
    assert forked(bootstrap) == "True b'abc'"
    assert ours.recv(100) == b"bound"


def test_why_it_cannot_start_is_sent_in_one_message(ends):
    ours, bootstrap = ends
    bootstrap.send_failed("Traceback: ü")
    assert ours.recv(8192) == b"failed: Traceback: \xc3\xbc"
    bootstrap.send_failed("x" * 10_000 + "MemoryError")
    report = ours.recv(8192)
    assert (report[:10], report[-11:], len(report)) == (b"failed: xx", b"MemoryError", 4104)
    ours.close()
    with pytest.raises(BrokenPipeError):
        bootstrap.send_failed("nobody")


def test_nobody_waits_for_what_was_not_said(ends):
    _, bootstrap = ends
    assert forked(bootstrap) == "BlockingIOError"


def test_what_is_no_socket_is_closed():
    descriptor = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(ValueError, match="needs the descriptor of a socket"):
        KernelBootstrap.take(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    with pytest.raises(ValueError, match="needs the descriptor of a socket"):
        KernelBootstrap.take(None)


def test_a_key_is_not_shown():
    secrets = Secrets.parse(b'{"dir": "/k", "key": "abc"}')
    assert secrets == Secrets(directory="/k", key=b"abc")
    assert "abc" not in repr(secrets)


@given(st.binary() | st.recursive(st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_bytes_are_refused_in_a_sentence_that_does_not_repeat_them(message):
    data = message if isinstance(message, bytes) else message.encode()
    with pytest.raises(
        ValueError,
        match=r"^(The bootstrap message|The kernel's directory) must be an? [aJ][a-zA-Z ]+\.$",
    ):
        Secrets.parse(data)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dir": "a"}, "absolute path"),
        ({"dir": "/\0"}, "absolute path"),
        ({"dir": 5}, "absolute path"),
        ({"dir": None}, "absolute path"),
        ({"key": ""}, "key"),
        ({"key": 5}, "key"),
        ({"key": "ü"}, "key"),
    ],
)
def test_anything_else_is_told(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        Secrets.parse(json.dumps({"dir": "/k", "key": "abc", **change}).encode())


PROGRAM = {"argv": ["/bin/bash", "{connection_file}"], "env": {"PS1": "$"}}


def with_program(**change: object) -> Secrets:
    message = {"dir": "/k", "key": "abc", "program": {**PROGRAM, **change}}
    return Secrets.parse(json.dumps(message).encode())


def test_a_program_is_told_as_well():
    program = with_program().program
    assert program == KernelProgram(argv=("/bin/bash", "{connection_file}"), env={"PS1": "$"})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"argv": []}, "arguments"),
        ({"argv": "/bin/bash"}, "arguments"),
        ({"argv": ["/bin/bash", 5]}, "arguments"),
        ({"argv": ["/bin/bash", "a\0b"]}, "arguments"),
        ({"argv": ["bash"]}, "absolute path"),
        ({"env": []}, "variables"),
        ({"env": {"A": 5}}, "variables"),
        ({"env": {"A": "\0"}}, "variables"),
        ({"env": {"": "x"}}, "names"),
        ({"env": {"A=B": "x"}}, "names"),
    ],
)
def test_a_program_that_cannot_be_run_is_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        with_program(**change)


@pytest.mark.parametrize("program", [None, [], "bash", {}])
def test_what_is_no_program_is_refused(program):
    with pytest.raises(ValueError, match="program must be"):
        Secrets.parse(json.dumps({"dir": "/k", "key": "abc", "program": program}).encode())


def test_where_its_sockets_will_be_is_said_with_a_descriptor(ends, tmp_path):
    ours, bootstrap = ends
    bootstrap.send_place(None)
    assert socket.recv_fds(ours, 100, 1)[:2] == (b"place", [])
    place = os.open(tmp_path, os.O_PATH)
    bootstrap.send_place(place)
    word, (received,), _, _ = socket.recv_fds(ours, 100, 1)
    assert word == b"place"
    assert os.path.samestat(os.fstat(received), tmp_path.stat())
    os.close(place)
    os.close(received)
    bootstrap.send_failed("afterwards")
    assert ours.recv(100) == b"failed: afterwards"
