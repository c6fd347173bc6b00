"""The pipe to the fork server."""

import itertools
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from sagecell_tx.hosts.forked.protocol import LINE, ForkServerProtocol, command, environment
from tests.hosts.doubles import ProcessReactor, held


def started():
    told: list[dict] = []
    ends: list[object] = []
    reactor = ProcessReactor()
    protocol = ForkServerProtocol(reactor, told.append, ends.append)
    protocol.spawn(["x"])
    return protocol, reactor.processes[0], told, ends


def test_commands_are_messages_of_json():
    protocol, process, _, _ = started()
    protocol.send_command(op="stop", id="a\nb")
    protocol.send_command(op="stop", id="ü")
    assert process.lines() == [{"op": "stop", "id": "a\nb"}, {"op": "stop", "id": "ü"}]
    process.end()


def test_nobody_commands_what_is_to_end_or_has_ended():
    for end in (lambda protocol, process: protocol.finish(), lambda _, process: process.end()):
        protocol, process, _, _ = started()
        end(protocol, process)
        descriptor = os.open(os.devnull, os.O_RDONLY)
        protocol.send_command([descriptor], op="start", id=1)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        assert process.lines() == []
        process.close()


def test_one_that_takes_no_commands_is_killed():
    protocol, process, _, _ = started()
    with capturedLogs() as events:
        while not process.signals:
            protocol.send_command(op="signal", id=1, signal="INT")
    assert process.signals == ["KILL"]
    assert "does not read" in events[-1]["log_format"]
    process.end(status=1)


def test_one_that_cannot_be_started_leaves_nothing():
    reactor = ProcessReactor()
    reactor.failing = True
    before = held()
    with pytest.raises(BlockingIOError):
        ForkServerProtocol(reactor, print, print).spawn(["x"])
    assert held() == before


@given(st.lists(st.integers(0, 40)))
def test_lines_arrive_whole_however_they_are_cut(cuts):
    protocol, process, told, _ = started()
    data = b'{"event":"one"}\n{"event":"two","id":"x"}\n'
    places = sorted({0, len(data), *cuts})
    for start, end in itertools.pairwise(places):
        protocol.outReceived(data[start:end])
    assert told == [{"event": "one"}, {"event": "two", "id": "x"}]
    process.end()


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[1]", b"\xff\xfe", b'{"a":NaN}', b"[" * 9999])
def test_a_line_that_makes_no_sense_is_dropped(line):
    protocol, process, told, _ = started()
    protocol.outReceived(line + b'\n{"event":"next"}\n')
    assert told == [{"event": "next"}]
    assert process.signals == []
    process.end()


def test_a_line_without_end_ends_the_fork_server():
    protocol, process, told, _ = started()
    for _ in range(LINE // 1000 + 2):
        protocol.outReceived(b"x" * 1000)
    assert process.signals == ["KILL"]
    assert told == []
    process.end()


def test_its_end_is_told_once_and_with_why():
    _, process, _, ends = started()
    process.end(status=3)
    assert len(ends) == 1
    assert "exit code 3" in str(ends[0].value)


def test_its_environment_has_no_secrets(monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    monkeypatch.setenv("LC_TIME", "C")
    names = environment()
    assert "DATABASE_PASSWORD" not in names
    assert names["LC_TIME"] == "C"
    assert "PATH" in names


def test_it_takes_no_module_from_where_it_is_started():
    argv = command(("numpy", "pandas"))
    assert argv[1:4] == ["-P", "-m", "sagecell_tx.kernelside.forkserver"]
    assert argv[4:] == ["--preload", "numpy,pandas"]
    assert "--preload" not in command(())


def test_plots_are_files_where_the_operator_wants_it():
    assert command((), picture_files=True)[4:] == ["--picture-files"]


def test_another_python_runs_the_same_program():
    assert command((), ("--sandbox", "none"), "/opt/sage/bin/python") == [
        *("/opt/sage/bin/python", "-P", "-m", "sagecell_tx.kernelside.forkserver"),
        *("--sandbox", "none"),
    ]


def test_another_python_finds_its_own_programs_first(monkeypatch):
    monkeypatch.setenv("PATH", "/srv/bin:/usr/bin")
    monkeypatch.setenv("VIRTUAL_ENV", "/srv")
    assert environment()["VIRTUAL_ENV"] == "/srv"
    assert environment()["PATH"] == "/srv/bin:/usr/bin"
    other = environment("/opt/sage/bin/python")
    assert other["VIRTUAL_ENV"] == "/opt/sage"
    assert other["PATH"] == "/opt/sage/bin:/srv/bin:/usr/bin"
